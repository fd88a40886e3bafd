"""Events that speak about an earlier event of the same ticket: find it, mark it, blank it."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import ColumnElement, select, update

from tracker.errors import Invalid
from tracker.models import Event, Handoff, Report, Ticket
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


def hide(ticket: Ticket, event: Event, seq: int) -> Event:
    """Let an event take away the words of an earlier one, its corrections, and what was copied of them; return it."""
    target = mark(ticket, event, seq, "redacted_by")
    for correction in corrections(ticket, seq):
        correction.redacted_by = event.seq
    if ticket.latest_word_seq == seq:
        ticket.latest_word_html = ""
    if target.kind == "opened":
        ticket.impact = ""
    if _chose_name(target) and ticket.pseudonym == target.payload.get("pseudonym"):
        ticket.pseudonym, ticket.name_shown = "", "none" if ticket.name_shown == "pseudonym" else ticket.name_shown
    if target.kind == "handoff_offered":
        _empty(Handoff, ticket, Handoff.offered_seq == seq, reason="", briefing_html="")
    if target.kind in ("redacted", "visibility_changed"):
        _empty(Report, ticket, Report.decided_because.in_(_reasons(target)), decided_because="")
    return target


def without_subject(ticket: Ticket) -> None:
    """Take away what a ticket is about; the page still needs a heading."""
    ticket.subject, ticket.original = NO_SUBJECT, None


def blank(target: Event, words: Collection[str]) -> None:
    """Remove the words of an event for good; kind, times, numbers stay. `words`: payload fields with text."""
    target.body_source = target.body_html = target.shown_because = ""
    target.original = None
    target.payload = {name: type(value)() if name in words else value for name, value in target.payload.items()}


def forget_reports(ticket: Ticket, seq: int) -> None:
    """Remove what readers said of an event whose words go for good: reports quote."""
    _empty(Report, ticket, Report.seq == seq, reason="")


def _chose_name(target: Event) -> bool:
    """Say whether an event is the customer's choice of a name; others repeat it."""
    return target.kind == "visibility_changed" and target.actor_role == "customer"


def _reasons(target: Event) -> list[str]:
    """Return the reason of an event as readers see it and as it was typed."""
    typed = (target.original or {}).get("words", {})
    return [one for one in (target.payload.get("reason"), typed.get("reason")) if one]


def _empty(table: type[Handoff] | type[Report], ticket: Ticket, which: ColumnElement[bool], **columns: str) -> None:
    session().execute(update(table).where(table.ticket_id == ticket.id, which).values(columns))
