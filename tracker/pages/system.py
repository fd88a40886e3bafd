"""Pages about the house itself: is it up, can it serve, what would have been mailed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, send_from_directory

from tracker import deliveries, limits, mailbox, richtext, settings, store
from tracker.viewer import admits

blueprint = Blueprint("system", __name__)
LATE_AFTER = timedelta(minutes=5)
SCHEMA_IN_WORDS = {
    "current": "at head",
    "older": "not at head: run flask tracker init",
    "newer": "of a later version, which this one serves too",
}


@blueprint.get("/healthz")
@admits("anyone")
def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "up"}


@blueprint.get("/readyz")
@admits("anyone")
def readyz() -> tuple[dict[str, Any], int]:
    """It can serve pages: the database answers and is migrated. Late mail and an absent Redis are told beside."""
    checks: dict[str, Any] = {"ready": False}
    try:
        schema = store.schema()
        checks |= {"ready": schema != "older", "migrations": SCHEMA_IN_WORDS[schema]}
        checks["outbox"] = "unknown" if schema == "older" else _outbox()
        checks["database"] = "answers"
    except Exception as error:  # whatever it is, the answer is "not ready", with its name
        current_app.logger.warning("not ready: %s", store.reason(error))
        checks |= {"ready": False, "database": f"does not answer: {type(error).__name__}"}
    checks["limits"] = limits.where()
    return checks, 200 if checks["ready"] else 503


@blueprint.get("/dev/mailbox")
@admits("anyone")
def show_mailbox() -> tuple[str, int, dict[str, str]]:
    """Outgoing mail, in development only, when no SMTP server is set."""
    chosen = settings.current()
    if chosen.mode != "development" or chosen.smtp_url:
        abort(404)
    mails = [
        {
            "number": number,
            "to": str(mail["To"]),
            "sender": str(mail["From"]),
            "subject": str(mail["Subject"]),
            "at": mail["Date"].datetime,
            "body_html": richtext.render(_plain(mail)[: richtext.LONGEST_SOURCE]),
        }
        for number, mail in mailbox.newest()
    ]
    return render_template("mailbox.html", mails=mails), 200, {"Cache-Control": "no-store"}


@blueprint.get("/favicon.ico")
@admits("anyone")
def favicon() -> Response:
    """The icon, for those who ask without looking."""
    return send_from_directory(Path(settings.STATIC), "icon.svg", mimetype="image/svg+xml", max_age=86400)


def _outbox() -> str:
    since = deliveries.oldest_waiting()
    return "moving" if since is None or store.now() - since < LATE_AFTER else f"late since {since:%Y-%m-%d %H:%M} UTC"


def _plain(mail: Any) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""
