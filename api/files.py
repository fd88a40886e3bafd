"""Files: sent first, then named by the words they go with."""

from typing import Any

from flask import Response, request

from api.answers import shown
from api.spec import PREFIX, fails, gives, needs
from api.strict import Blueprint
from tracker import attachments, limits, viewer
from tracker.errors import Invalid
from tracker.models import File
from tracker.viewer import admits

blueprint = Blueprint("files_api", __name__, url_prefix=f"{PREFIX}/files", description="Files")
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        }
    },
}


@blueprint.route("", methods=["POST"], tags=["Files"])
@admits("anyone")
@Blueprint.doc(requestBody=BODY)
@needs(optional=True)
@gives(201, "File", "Kept for two hours, until words name it.")
@fails(401, 403, 413, 415, 422)
def upload() -> Response:
    """Send a file

    A picture (JPEG, PNG, WebP: drawn anew, nothing hidden in it stays), a PDF, a plain text or a recording, at most
    5 MB. Name its `file` in `files` of an opening, an update or a reply; who sees those words sees it.
    """
    viewer.current()
    limits.hit("uploads", viewer.spender())
    sent = request.files.get("file")
    if sent is None:
        raise Invalid(fields={"file": "Send it as the part `file` of multipart/form-data."})
    return shown(_waiting(attachments.keep(sent.read(), sent.filename or "")), status=201)


def _waiting(one: File) -> dict[str, Any]:
    return {"file": one.key, "kind": one.kind, "type": one.type, "size": one.size, "name": one.name}
