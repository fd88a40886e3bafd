"""Pages about the house itself: is it up, can it serve, what would have been mailed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, send_from_directory

from tracker import deliveries, limits, mailbox, richtext, settings, store
from tracker.viewer import admits

blueprint = Blueprint("system", __name__)
STUCK_AFTER = timedelta(minutes=5)


@blueprint.get("/healthz")
@admits("anyone")
def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "up"}


@blueprint.get("/readyz")
@admits("anyone")
def readyz() -> tuple[dict[str, Any], int]:
    """It can serve: the database answers, migrations are at head, the outbox is not stuck."""
    checks: dict[str, Any] = {}
    try:
        checks["migrations"] = "at head" if store.is_migrated() else "not at head: run flask tracker init"
        checks["outbox"] = _outbox() if store.is_migrated() else "unknown"
        checks["database"] = "answers"
    except Exception as error:  # whatever it is, the answer is "not ready", with its name
        current_app.logger.warning("not ready: %s", error)
        checks["database"] = f"does not answer: {type(error).__name__}"
    checks["limits"] = limits.where()
    ready = checks["database"] == "answers" and checks["migrations"] == "at head" and checks["outbox"] == "moving"
    return {"ready": ready, **checks}, 200 if ready else 503


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
    return "moving" if since is None or store.now() - since < STUCK_AFTER else f"stuck since {since:%Y-%m-%d %H:%M} UTC"


def _plain(mail: Any) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""
