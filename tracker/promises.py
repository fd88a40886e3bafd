"""COMMANDS of promises: move one, record those kept and missed, remind of those due soon; the times to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tracker import clock, desks, outbox, permissions, speech, store, timeline
from tracker.errors import Conflict, Invalid
from tracker.kinds import _standing
from tracker.models import Event, Promise, Ticket
from tracker.permissions import Viewer

FARTHEST = timedelta(days=366)
REMIND_BEFORE = timedelta(hours=1)
ROUND = 200
"""How many tickets one round of due work looks at."""

WORKING_DAYS = 3


@dataclass(frozen=True)
class Choice:
    """A time for the next word that one key picks. `works`: the desk opens on that day."""

    key: str
    at: datetime
    works: bool


def choices(now: datetime, hours: clock.Hours) -> list[Choice]:
    """Return what keys 1 to 3 promise: today 17:00, tomorrow 12:00, in 3 working days, on the desk's clock; none past.

    A key always means the same; one whose time has passed, or that a desk without hours can't keep, is left out.
    """
    zone = ZoneInfo(hours.zone)
    today = now.astimezone(zone).date()
    found = [("1", datetime.combine(today, time(17), zone))]
    found += [("2", datetime.combine(today + timedelta(days=1), time(12), zone))]
    if any(hours.weekly):
        found += [("3", clock.in_working_days(now, WORKING_DAYS, hours))]
    return [
        Choice(key, at.astimezone(UTC), hours.is_working_day(at.astimezone(zone).date()))
        for key, at in found
        if at > now
    ]


def move(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Move the standing promise to another time; only before it is due, and with a reason."""
    promise = _standing.current(ticket)
    if promise is None:
        raise Conflict("No promise stands here that could be moved.")
    if promise.state == "missed":
        raise Conflict("This promise is already overdue. Write a word instead; it sets a new one.")
    check_due("due_at", loaded["due_at"])
    facts = {**loaded, "was_due_at": promise.due_at}
    return timeline.append(ticket, "promise_moved", facts, by=permissions.actor(by, ticket, "promise_moved"))


def check_due(field: str, due_at: datetime) -> None:
    """Raise Invalid unless a promised time lies in the coming year."""
    now = store.now()
    if due_at <= now:
        raise Invalid(fields={field: "Choose a time that is still to come."})
    if due_at > now + FARTHEST:
        raise Invalid(fields={field: "Choose a time within a year."})


def keep(ticket: Ticket, before: Promise | None, word: Event) -> None:
    """Record a promise as kept when this public word came before it was due."""
    if before is not None and before.state == "kept" and before.ended_seq == word.seq:
        early = before.due_at - word.at
        facts = {"due_at": before.due_at, "early_s": int(early.total_seconds())}
        timeline.append(ticket, "promise_kept", facts, by=timeline.SYSTEM)


def bring_forward(ticket: Ticket) -> None:
    """After a customer's reply: a check-in farther away than the desk's first answer moves to that time."""
    promise = _standing.current(ticket)
    due = desks.first_answer_due(ticket.desk, store.now())
    if promise is not None and promise.state == "standing" and due < promise.due_at:
        facts = {"due_at": due, "was_due_at": promise.due_at, "reason": speech.WORDS["en"]["because_replied"]}
        timeline.append(ticket, "promise_moved", facts, by=timeline.SYSTEM)


def record_if_missed(ticket: Ticket) -> Event | None:
    """Record the standing promise as missed, at the time it was due, if that has passed; once."""
    if ticket.due_at is None or ticket.overdue or ticket.due_at > store.now():
        return None
    return timeline.append(ticket, "promise_missed", {"due_at": ticket.due_at}, by=timeline.SYSTEM, at=ticket.due_at)


def record_missed() -> int:
    """Record every promise that fell due unheard; the outbox worker calls this each round, also after downtime."""
    due = select(Ticket.ref).where(Ticket.overdue.is_(False), Ticket.due_at <= store.now()).limit(ROUND)
    refs = store.session().scalars(due).all()
    for ref in refs:
        with store.transaction():
            record_if_missed(timeline.lock(ref))
    return len(refs)


def remind() -> int:
    """Leave one letter for each promise that falls due within the hour."""
    now = store.now()
    soon = select(Promise.id).where(
        Promise.state == "standing",
        Promise.ended_seq.is_(None),
        Promise.reminded_at.is_(None),
        Promise.due_at <= now + REMIND_BEFORE,
        Promise.due_at > now,
    )
    ids = store.session().scalars(soon.limit(ROUND)).all()
    for promise_id in ids:
        with store.transaction() as session:
            promise = session.get(Promise, promise_id, with_for_update=True)
            if promise is None or promise.reminded_at or promise.ended_seq:
                continue
            promise.reminded_at = now
            if promise.due_at - promise.made_at > REMIND_BEFORE:
                outbox.letter("due", ticket_id=promise.ticket_id, person_id=promise.person_id)
                store.notice("queue", promise.person_id)
    return len(ids)
