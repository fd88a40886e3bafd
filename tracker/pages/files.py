"""Files of tickets under addresses that carry their right: no cookie counts here, and nothing of it is a page."""

from flask import Blueprint, Response, request

from tracker import attachments
from tracker.viewer import admits

blueprint = Blueprint("files", __name__)
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"


@blueprint.get("/f/<key>/<stamp>/<name>")
@admits("link")
def file(key: str, stamp: str, name: str) -> Response:
    """One file, or the small picture of it; asked for again each time, so that it can be taken back."""
    found = attachments.open(key, stamp)
    is_thumb = name == attachments.THUMB and found.thumb is not None
    content = found.thumb if is_thumb and found.thumb else found.content
    response = Response(content, mimetype=found.type)
    if found.type == "text/plain":
        response.headers["Content-Type"] = "text/plain; charset=utf-8"
    suffix = attachments.SUFFIXES[found.type]
    response.headers["Content-Disposition"] = f'attachment; filename="{found.kind}-{found.key[:6]}.{suffix}"'
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    response.set_etag(found.key + ("t" if is_thumb else ""))
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    return response
