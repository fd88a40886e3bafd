"""Where a ticket stands, as events change it: promise, status, assignee. Touches the ticket and its children only."""

from datetime import datetime

from sqlalchemy import delete, select

from tracker.models import OPEN, Event, Handoff, Helper, Person, Promise, Ticket
from tracker.store import session


def current(ticket: Ticket) -> Promise | None:
    """Return the promise that stands, overdue or not; None when the ticket has none."""
    for one in session().new:
        if isinstance(one, Promise) and one.ticket_id == ticket.id and one.ended_seq is None:
            return one
    query = select(Promise).where(Promise.ticket_id == ticket.id, Promise.ended_seq.is_(None))
    return session().scalars(query).first()


def make(ticket: Ticket, event: Event, due_at: datetime, *, check_in: bool = False, settled: str = "dropped") -> None:
    """Let a new promise stand. The one before it ends; if it was never settled it is marked `settled`."""
    end(ticket, event, settled=settled)
    promise = Promise(
        ticket_id=ticket.id,
        person_id=ticket.assignee_id,
        made_at=event.at,
        made_seq=event.seq,
        due_at=due_at,
        check_in=check_in,
    )
    session().add(promise)
    ticket.due_at, ticket.overdue = due_at, False


def end(ticket: Ticket, event: Event, *, settled: str = "dropped") -> None:
    """End the promise that stands."""
    before = current(ticket)
    if before:
        before.ended_seq = event.seq
        if before.state == "standing":
            before.state, before.settled_at = settled, event.at
    ticket.due_at, ticket.overdue = None, False


def word(ticket: Ticket, event: Event) -> None:
    """Note a public word of the assignee: what badges show, and when the first one came."""
    ticket.first_word_at = ticket.first_word_at or event.at
    ticket.latest_word_at, ticket.latest_word_html = event.at, event.body_html
    ticket.latest_word_by_id, ticket.latest_word_seq = event.actor_id, event.seq


def turn(ticket: Ticket, event: Event, status: str) -> None:
    """Change the status; the spans that the clock adds up follow."""
    at = event.at.isoformat()
    before = ticket.spans[-1]
    ticket.spans = [*ticket.spans[:-1], [before[0], before[1], at], [status, at, None]]
    ticket.status, ticket.status_since = status, event.at
    ticket.ended_at = None if status in OPEN else ticket.ended_at or event.at
    if not ticket.is_open:
        overtake(ticket, event)


def overtake(ticket: Ticket, event: Event) -> None:
    """End the offer that waits for an answer, if any: something else was decided."""
    for handoff in session().scalars(select(Handoff).where(Handoff.ticket_id == ticket.id, Handoff.state == "offered")):
        handoff.state, handoff.answered_at = "overtaken", event.at


def give(ticket: Ticket, event: Event, person: Person, *, due_at: datetime | None) -> None:
    """Make someone else the assignee; `due_at` is the promise they stand by, None on imports and ended tickets."""
    ticket.assignee, ticket.assignee_id, ticket.assigned_at = person, person.id, event.at
    ticket.desk, ticket.desk_id = person.desk, person.desk_id
    ticket.passed_on += 1
    if due_at is not None:
        make(ticket, event, due_at, check_in=ticket.status == "waiting")
    session().execute(delete(Helper).where(Helper.ticket_id == ticket.id, Helper.person_id == person.id))
    overtake(ticket, event)


def person(slug: str) -> Person:
    """Return the person a payload names; commands have checked that there is one."""
    return session().scalars(select(Person).where(Person.slug == slug)).one()
