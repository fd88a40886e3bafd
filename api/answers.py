"""What goes out: JSON with its caching and CORS headers, and every error in the one shape."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Response, g, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from tracker import viewer
from tracker.errors import Malformed, NotFound, TooLarge, TooSoon, TrackerError, Unavailable
from tracker.permissions import Viewer

View = TypeVar("View", bound=Callable[..., Any])
VARY = "Authorization, Cookie, Origin"
REALM = 'Bearer realm="Nameplate"'
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
CODES = {405: "method_not_allowed", 415: "unsupported_media_type"}
WORDS = {
    405: "This address does not take that method.",
    415: "Send the body as application/json.",
}
KNOWN: dict[int, type[TrackerError]] = {404: NotFound, 413: TooLarge, 429: TooSoon, 503: Unavailable}


def shared(view: View) -> View:
    """Mark a read that pages of other sites may do too: they are nobody here, whatever cookies come along."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> Any:
        g.is_shared = True
        return view(*args, **kwargs)

    return shown  # type: ignore[return-value]


def reader() -> Viewer:
    """Return who reads. For a page of another site cookies count for nothing (THREATS: CORS)."""
    foreign = viewer.is_foreign() and not viewer.has_bearer()
    g.reader = viewer.anyone() if foreign else viewer.current()
    found: Viewer = g.reader
    return found


def shown(value: Any, *, audience: str = "staff", status: int = 200) -> Response:
    """Answer with JSON. What anybody may read is kept by caches that ask first; the rest is kept by none."""
    response = jsonify(value)
    response.status_code = status
    if audience == "public" and _is_nobody(g.get("reader")):
        response.headers["Cache-Control"] = "no-cache"
        response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
        response.make_conditional(request)
    else:
        response.headers["Cache-Control"] = "private, no-store"
    return response


def dress(response: Response) -> Response:
    """Say for every answer of this door what it depends on, and whether other sites may read it."""
    if request.path.startswith("/api/"):
        response.headers["Vary"] = VARY
        if g.get("is_shared") and not viewer.has_bearer() and _is_nobody(g.get("reader")):
            response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def tell(error: TrackerError | HTTPException) -> Response | Answer:
    """Answer an error: {"error": {code, message, fields, …}} (CONTRACTS: Writes)."""
    if isinstance(error, TrackerError):
        return _told(error)
    return error.get_response() if error.code is not None and error.code < 400 else _told_by_werkzeug(error)


def _told_by_werkzeug(error: HTTPException) -> Response:
    status = error.code or 500
    if status in KNOWN:
        return _told(KNOWN[status](), error)
    family = Malformed() if status < 500 else TrackerError()
    return _body(status, CODES.get(status, family.code), WORDS.get(status, family.message), {}, _kept(error))


def _told(error: TrackerError, source: HTTPException | None = None) -> Response:
    headers = _kept(source)
    if error.facts.get("retry_after"):
        headers["Retry-After"] = str(error.facts["retry_after"])
    if error.status == 401:
        headers["WWW-Authenticate"] = REALM
    return _body(error.status, error.code, error.message, {"fields": error.fields, **error.facts}, headers)


def _body(status: int, code: str, message: str, facts: dict[str, Any], headers: dict[str, str]) -> Response:
    response = jsonify({"error": {"code": code, "message": message, "fields": {}, **facts}})
    response.status_code = status
    response.headers.update(headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _kept(error: HTTPException | None) -> dict[str, str]:
    headers = error.get_headers() if error else []
    return {name: value for name, value in headers if name in KEPT_HEADERS}


def _is_nobody(who: Viewer | None) -> bool:
    return who is None or (who.person is None and not who.tickets and who.scopes is None)
