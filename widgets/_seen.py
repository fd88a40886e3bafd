"""Where embeds are seen: scripts of ours tell, pictures are counted where they are drawn; only hosts are kept."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from tracker import copies, settings, sightings
from tracker.viewer import admits

blueprint = Blueprint("seen", __name__)


@blueprint.post("/e/<eid>/seen")
@admits("anyone", from_any_site=True)
def seen(eid: str) -> Response:
    """Count one view; a frame of ours says on which site it stands (`on`), a page is known by its Origin."""
    ours = _host(settings.current().origin)
    host = _host(_page())
    if host == ours:
        host = request.args.get("on", ours)
    if host != ours:
        sightings.note(eid, host, sightings.SCRIPT)
    # Pages that isolate themselves from other origins would complain of an answer that does not say so.
    open_to_all = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(status=204, headers=open_to_all)


def picture(eid: str) -> None:
    """Count a picture that is shown on a page of another site; copies that caches of others hold are not seen here."""
    ours, counter = _host(settings.current().origin), sightings.counter()

    def count(page: str, views: int) -> None:
        host = _host(page)
        if host != ours:
            counter.note(eid, host, sightings.IMAGE, views)

    terms = copies.terms(request.environ)
    terms.seen = count
    if not terms.for_copies:
        count(_page(), 1)


def _page() -> str:
    origin = request.headers.get("Origin", "")
    return origin if origin and origin != "null" else request.headers.get("Referer", "")


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
