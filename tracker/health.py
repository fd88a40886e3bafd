"""How the house is: whether it can serve, whether its news is late, and the figures that a watching machine reads."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from flask import current_app
from sqlalchemy import func, select

from tracker import arrivals, deliveries, limits, permissions, store
from tracker.models import Delivery, Ticket
from tracker.permissions import Viewer

LATE_AFTER = timedelta(minutes=5)
SCHEMA_IN_WORDS = {
    "current": "at head",
    "older": "not at head: run flask tracker init",
    "newer": "of a later version, which this one serves too",
}


class Gauge(NamedTuple):
    """One figure: its name, what it says, and its value now."""

    name: str
    says: str
    value: float


def ready() -> dict[str, Any]:
    """Say whether pages can be served: the database answers and is migrated. The rest is told beside (0123)."""
    told: dict[str, Any] = {"ready": False}
    try:
        schema = store.schema()
        told |= {"ready": schema != "older", "migrations": SCHEMA_IN_WORDS[schema]}
        told["outbox"] = "unknown" if schema == "older" else _outbox()
        told["database"] = "answers"
    except Exception as error:  # whatever it is, the answer is "not ready", with its name
        current_app.logger.warning("not ready: %s", store.reason(error))
        told |= {"ready": False, "database": f"does not answer: {type(error).__name__}"}
    return told | {"limits": limits.where()}


def late_by() -> timedelta:
    """Return for how long the worker's oldest work waits: news to be attempted, a missed promise to be recorded."""
    now = store.now()
    missed = select(func.min(Ticket.due_at)).where(Ticket.overdue.is_(False), Ticket.due_at <= now)
    since = min((at for at in (deliveries.oldest_waiting(), store.session().scalar(missed)) if at), default=now)
    return now - since


def gauges(*, by: Viewer) -> list[Gauge]:
    """Return what a watching machine should know; of the sockets, those of this process."""
    permissions.require(by, "measure")
    return [Gauge(f"nameplate_{name}", says, value) for name, says, value in _gauges()]


def _gauges() -> Iterator[tuple[str, str, float]]:
    open_now = select(func.count()).where(Ticket.is_open)
    yield "tickets_open", "Tickets that wait for a word or a solution.", _count(open_now)
    overdue = select(func.count()).where(Ticket.overdue.is_(True))
    yield "promises_overdue", "Tickets whose promised word is late.", _count(overdue)
    for state in ("waiting", "dead"):
        those = select(func.count()).where(Delivery.state == state)
        yield f"deliveries_{state}", f"Pieces of news to one address that are {state}.", _count(those)
    yield "outbox_late_seconds", "How long the outbox worker's oldest work waits.", late_by().total_seconds()
    yield "mails_in_dead", "Mails that could not be taken.", arrivals.totals().get("dead", 0)
    yield "redis_away", "1 while Redis is set but does not answer.", "away" in limits.where()
    yield "live_sockets", "Open live sockets of the process that answers.", current_app.extensions["tracker_sockets"]()


def _count(query: Any) -> int:
    return store.session().scalar(query) or 0


def _outbox() -> str:
    late = late_by()
    return f"late since {store.now() - late:%Y-%m-%d %H:%M} UTC" if late > LATE_AFTER else "moving"
