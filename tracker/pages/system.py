"""Pages about the house itself: is it up, can it serve, what would have been mailed."""

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, render_template, send_from_directory

from tracker import health, mailbox, richtext, settings
from tracker.viewer import admits, current

blueprint = Blueprint("system", __name__)


@blueprint.get("/healthz")
@admits("anyone")
def healthz() -> dict[str, str]:
    """The process is up."""
    return {"status": "up"}


@blueprint.get("/readyz")
@admits("anyone")
def readyz() -> tuple[dict[str, Any], int]:
    """It can serve pages, or not: 503."""
    told = health.ready()
    return told, 200 if told["ready"] else 503


@blueprint.get("/metrics")
@admits("measure")
def metrics() -> Response:
    """Figures as Prometheus reads them, for an admin's token that may read."""
    lines = [
        f"# HELP {one.name} {one.says}\n# TYPE {one.name} gauge\n{one.name} {float(one.value)}\n"
        for one in health.gauges(by=current())
    ]
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response("".join(lines), content_type=kind, headers={"Cache-Control": "private, no-store"})


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


def _plain(mail: Any) -> str:
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""
