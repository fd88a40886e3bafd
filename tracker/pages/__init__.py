"""DOOR: HTML for the public, customers and agents; here the rules that hold for every page."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from flask import Flask, Response, redirect, render_template, request, session
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from tracker import copies, disclosure, limits, settings, viewer
from tracker.errors import PersonalData, TooLarge, TooSoon, TrackerError, Unauthorized, Unavailable
from tracker.pages import (
    access,
    answers,
    care,
    desk_settings,
    faces,
    figures,
    files,
    following,
    hooks,
    lists,
    opening,
    system,
    tickets,
    uploads,
    workspace,
    workspace_board,
    workspace_compose,
    workspace_profile,
    workspace_ticket,
)

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
OPEN_SCRIPTS = ("/static/embed/", "/static/js/")
"""Other sites' pages import the widgets' parts; a frame of ours in a sandbox is no origin, and imports its own."""
UNLIMITED = ("/healthz", "/readyz", "/static/")
LONGEST_FORM = 64 * 1024
WORKSHOPS = (workspace, workspace_ticket, workspace_compose, workspace_board, workspace_profile, desk_settings)
WORKSPACE = "/workspace/"
"""Who comes here without a session is sent to sign in, and then back."""
UPLOADS = re.compile(r"/(new|t/[^/]+/say/[^/]+|workspace/(new|profile/face|t/[^/]+/(say/[^/]+|preview))|api/v1/files)")
"""Whose forms may carry files."""


def init_app(app: Flask) -> None:
    """Register the pages, their errors, and the rules before and after every request."""
    for module in (
        system,
        lists,
        tickets,
        opening,
        following,
        hooks,
        answers,
        access,
        care,
        faces,
        files,
        figures,
        *WORKSHOPS,
    ):
        app.register_blueprint(module.blueprint)
    app.before_request(_guard)
    app.after_request(_dress)
    app.context_processor(_frame)


def tell(error: TrackerError | HTTPException) -> Any:
    """Answer an error with a page; the composition root calls this for what no other door answers."""
    return _told(error) if isinstance(error, TrackerError) else _told_by_werkzeug(error)


def show_error(error: TrackerError) -> tuple[str, int, dict[str, str]]:
    """Return the plain-words page of an error."""
    if isinstance(error, Unavailable):
        viewer.ask_no_more()
    headers = {"Cache-Control": "no-store"}
    retry = getattr(error, "retry_after", None)
    if retry:
        headers["Retry-After"] = str(retry)
    words = error.message if error.message != error.default else ""
    return _error_page(error.status, words, error.fields, retry), error.status, headers


def _error_page(code: int, words: str = "", fields: Mapping[str, str] | None = None, retry_s: int | None = None) -> str:
    told = {"words": words, "fields": fields or {}, "retry_s": retry_s, "back": _sent_from(), "again": not _is_sent()}
    return render_template("error.html", code=code, **told)


def _sent_from() -> str:
    """Return where the form stood that was sent, on our own pages only; "" for who just opened an address."""
    ours = re.fullmatch(rf"https?://{re.escape(request.host)}(/|/[^/\\].*)", request.referrer or "")
    return ours[1] if ours and _is_sent() else ""


def _is_sent() -> bool:
    return request.method not in ("GET", "HEAD")


def _guard() -> None:
    if not request.path.startswith(UNLIMITED) and not copies.terms(request.environ).is_renewal:
        limits.hit("requests", _asker())
    carries_files = request.mimetype == "multipart/form-data" and UPLOADS.fullmatch(request.path)
    if not carries_files:
        request.max_content_length = LONGEST_FORM
        if (request.content_length or 0) > LONGEST_FORM:
            raise TooLarge()
    viewer.require_host()
    viewer.require_same_origin()


def _asker() -> str:
    """Return on whose account a request counts: a network, or, at the workspace, where offices share one, a person."""
    if request.path.startswith(WORKSPACE):
        with suppress(Unauthorized):  # a wrong token is told so by the page; until then it counts like anybody's
            if person := viewer.current().person:
                return f"person {person.id}"
    return viewer.network()


def _dress(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", CSP)
    if "Cache-Control" not in response.headers:  # whoever looks at the session has the answer vary by cookie
        response.headers["Cache-Control"] = _kept_by_caches()
    if request.endpoint == "static":
        copies.terms(request.environ).may_be_copied = True
    if request.path.startswith(OPEN_SCRIPTS):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if settings.current().https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    return response


def _kept_by_caches() -> str:
    """Let those keep a page who ask first, and nobody one that knows its reader."""
    return "private, no-store" if session.accessed and session else "no-cache"


def _frame() -> dict[str, Any]:
    try:
        who = viewer.current()
        me = disclosure.person_ref(who.person) if who.person else None
    except (TrackerError, SQLAlchemyError):  # an error page must not need what has just failed
        who, me = viewer.anyone(), None
    return {"me": me, "path": request.path, "has_tickets": bool(who.tickets), "demo": settings.current().demo}


def _told(error: TrackerError) -> Any:
    if isinstance(error, PersonalData):
        return _ask_about(error)
    if isinstance(error, Unauthorized) and request.method == "GET" and request.path.startswith(WORKSPACE):
        session["wanted"] = request.full_path.rstrip("?")
        return redirect("/signin", 303)
    return show_error(error)


def _ask_about(error: PersonalData) -> tuple[str, int, dict[str, str]]:
    """Show what was found in a form's words, and send the form again with what its author decides."""
    decided = ("personal", "personal_reason", uploads.UPLOADED)
    kept = [(name, text) for name, text in request.form.items(multi=True) if name not in decided]
    kept.append((uploads.UPLOADED, uploads.kept()))
    page = render_template("personal.html", findings=error.facts["findings"], kept=kept, action=request.path)
    return page, error.status, {"Cache-Control": "no-store"}


def _told_by_werkzeug(error: HTTPException) -> Any:
    if error.code is not None and error.code < 400:
        return error
    known: dict[int, TrackerError] = {413: TooLarge(), 429: TooSoon()}
    if error.code in known:
        return show_error(known[error.code])
    headers = [(name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")]
    return _error_page(error.code or 500), error.code or 500, headers
