"""Pictures of people, under the fingerprint of their bytes: they never change, so they may be kept for ever."""

from flask import Blueprint, Response

from tracker import store
from tracker.errors import NotFound
from tracker.models import Face
from tracker.viewer import admits

blueprint = Blueprint("faces", __name__)


@blueprint.get("/faces/<digest>.webp")
@admits("anyone")
def face(digest: str) -> Response:
    """One picture, re-encoded by us."""
    found = store.session().get(Face, digest)
    if found is None:
        raise NotFound()
    response = Response(found.webp, mimetype="image/webp")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
