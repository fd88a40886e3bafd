"""QUERIES of an export: everything public, as any reader may see it."""

from collections.abc import Iterator

from sqlalchemy import func, select

from tracker import desks, disclosure, people, store, timeline
from tracker.disclosure import Shown
from tracker.models import Desk, Person, Ticket

AT_ONCE = 200


def size() -> int:
    """Return how many lines `everything` gives."""
    session = store.session()
    counts = (
        session.scalar(select(func.count()).select_from(Desk)),
        session.scalar(select(func.count()).select_from(Person)),
        session.scalar(select(func.count()).where(Ticket.visibility == "public")),
    )
    return sum(count or 0 for count in counts)


def everything() -> Iterator[Shown]:
    """Give desks, people and public tickets with their events: JSON-ready, each with its `type`."""
    for desk in desks.everyone():
        yield {"type": "desk", **disclosure.plain(disclosure.desk(desk))}
    for person in people.everyone(active=False):
        yield {"type": "person", **disclosure.plain(disclosure.person(person))}
    last = 0
    while some := _tickets_after(last):
        for ticket in some:
            yield {
                "type": "ticket",
                **disclosure.plain(disclosure.ticket(ticket, "public")),
                "events": list(_events(ticket)),
            }
        last = some[-1].id


def _tickets_after(number: int) -> list[Ticket]:
    query = select(Ticket).where(Ticket.visibility == "public", Ticket.id > number).order_by(Ticket.id).limit(AT_ONCE)
    return list(store.session().scalars(query))


def _events(ticket: Ticket) -> Iterator[Shown]:
    after, more = 0, True
    while more:
        events, more = timeline.since(ticket, after, audience="public", limit=AT_ONCE)
        yield from disclosure.plain(disclosure.entries(ticket, events, "public"))
        after = events[-1].seq if events else after
