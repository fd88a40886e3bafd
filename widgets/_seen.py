"""Where embeds are seen: scripts of ours tell, pictures are counted where they are drawn; only hosts are kept."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from tracker import settings, sightings
from tracker.viewer import admits

blueprint = Blueprint("seen", __name__)


@blueprint.post("/e/<eid>/seen")
@admits("anyone", from_any_site=True)
def seen(eid: str) -> Response:
    """Count one view; a frame of ours says on which site it stands (`on`), a page is known by its Origin."""
    ours = _host(settings.current().origin)
    host = _asking()
    if host == ours:
        host = request.args.get("on", ours)
    if host != ours:
        sightings.note(eid, host, sightings.SCRIPT)
    return Response(status=204, headers={"Access-Control-Allow-Origin": "*"})


def picture(eid: str) -> None:
    """Count a picture that was drawn for a page of another site; copies that caches hold are not seen here."""
    host = _asking()
    if host != _host(settings.current().origin):
        sightings.note(eid, host, sightings.IMAGE)


def _asking() -> str:
    origin = request.headers.get("Origin", "")
    return _host(origin if origin and origin != "null" else request.headers.get("Referer", ""))


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
