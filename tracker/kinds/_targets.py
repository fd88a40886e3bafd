"""Events that speak about an earlier event of the same ticket: find it, mark it, blank it."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import select

from tracker.errors import Invalid
from tracker.models import Event, Ticket
from tracker.store import session

NO_SUBJECT = "Subject removed"
Mark = Literal["corrected_by", "redacted_by", "published_by"]


def find(ticket: Ticket, seq: int) -> Event:
    """Return the event with this seq; raise Invalid when the timeline has none."""
    event = session().scalars(select(Event).where(Event.ticket_id == ticket.id, Event.seq == seq)).first()
    if event is None:
        raise Invalid(fields={"target": "That is no entry of this timeline."})
    return event


def mark(ticket: Ticket, event: Event, seq: int, by: Mark) -> Event:
    """Point the target at the event that changes how it reads; return the target."""
    target = find(ticket, seq)
    event.target_seq = seq
    setattr(target, by, event.seq)
    return target


def corrections(ticket: Ticket, seq: int) -> list[Event]:
    """Return the events that corrected this one, oldest first: they go where it goes."""
    query = select(Event).where(Event.ticket_id == ticket.id, Event.target_seq == seq, Event.kind == "corrected")
    return list(session().scalars(query.order_by(Event.seq)))


def without_subject(ticket: Ticket) -> None:
    """Take away what a ticket is about; the page still needs a heading."""
    ticket.subject, ticket.original = NO_SUBJECT, None


def blank(target: Event, words: Collection[str]) -> None:
    """Remove the words of an event for good; kind, times, numbers stay. `words`: payload fields with text."""
    target.body_source = target.body_html = target.shown_because = ""
    target.original = None
    target.payload = {name: type(value)() if name in words else value for name, value in target.payload.items()}
