"""What no notice told of: events stored while a hint was lost, for the lists and queues that are watched here."""

from collections import deque
from collections.abc import Iterable

from sqlalchemy import Select, case, func, or_, select

from tracker import helping, store
from tracker.models import Desk, Event, Handoff, Person, Ticket

LOOKS_BACK = 8
"""Rounds, a second each, in which an event is looked for: their numbers may be committed out of order."""
NAMED = ("to", "came_from")
"""Fields of payloads that name somebody whose queue changes."""
Told = tuple[str, str | int]
"""A topic and its subject, as a notice has them."""


class Unheard:
    """Compares the newest events with what was told; for the fan-out's thread alone."""

    def __init__(self) -> None:
        self._marks: deque[int] = deque(maxlen=LOOKS_BACK)
        self._heard: dict[tuple[str, str], int] = {}

    def hear(self, topic: str, ref: str, seq: int) -> None:
        """Remember that lists and queues were told of a ticket, as far as `seq`."""
        self._heard[(topic, ref)] = seq

    def rest(self) -> None:
        """Remember only where to begin: nobody watches a list or a queue."""
        self._marks.clear()
        self._marks.append(_newest())
        self._heard.clear()

    def find(self) -> list[Told]:
        """Return what notices would have told of, had they come."""
        newest = _newest()
        self._marks.append(newest)
        after = self._marks[0]
        moved = list(store.session().execute(_moved_since(after))) if newest > after else []
        found = [told for ref, *lasts in moved for told in self._of(ref, *lasts)]
        refs = {row[0] for row in moved}
        self._heard = {key: seq for key, seq in self._heard.items() if key[1] in refs}
        return found

    def _of(self, ref: str, last: int, last_public: int, last_shown: int) -> Iterable[Told]:
        heard = self._heard.get(("event", ref), 0)
        if last > heard:
            yield "event", ref
            yield from _besides(ref, heard)
        if last_shown > self._heard.get(("visibility", ref), 0):
            yield "visibility", ref
        if last_public > self._heard.get(("public_event", ref), 0):
            yield "public_event", ref


def _newest() -> int:
    return store.session().scalar(select(func.max(Event.id))) or 0


def _moved_since(number: int) -> Select[str, int, int, int]:
    """Ask for the tickets with newer events, and the last of these: of all, of the public ones, of who may read it."""
    public = case((Event.audience == "public", Event.seq), else_=0)
    shown = case((Event.kind == "visibility_changed", Event.seq), else_=0)
    query = select(Ticket.ref, func.max(Event.seq), func.max(public), func.max(shown))
    return query.join(Ticket, Event.ticket_id == Ticket.id).where(Event.id > number).group_by(Ticket.ref)


def _besides(ref: str, after: int) -> Iterable[Told]:
    """Return whose queue, and which other desk's board and list, the events of a ticket with seq > `after` changed."""
    ticket = store.session().scalars(select(Ticket).where(Ticket.ref == ref)).one()
    query = select(Event.actor_id, Event.payload)
    events = store.session().execute(query.where(Event.ticket_id == ticket.id, Event.seq > after)).all()
    slugs = {event.payload[name] for event in events for name in NAMED if event.payload.get(name)}
    offers = select(Handoff.to_id).where(Handoff.ticket_id == ticket.id, Handoff.state == "offered")
    named = select(Person.id, Desk.slug).join(Person.desk).where(or_(Person.slug.in_(slugs), Person.id.in_(offers)))
    desks = dict(store.session().execute(named).all())
    actors = {event.actor_id for event in events if event.actor_id}
    for number in {*desks, *actors, *(one.id for one in helping.of(ticket))} - {ticket.assignee_id}:
        yield "queue", number
    for slug in {*desks.values()} - {ticket.desk.slug}:
        yield "queue", f"desk-{slug}"
        if ticket.visibility == "public":
            yield "list", slug
