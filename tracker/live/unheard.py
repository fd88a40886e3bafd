"""What no notice told of: events stored while a hint was lost, for the lists and queues that are watched here."""

from collections import deque
from collections.abc import Iterable

from sqlalchemy import Select, case, func, or_, select

from tracker import helping, store
from tracker.models import Event, Handoff, Person, Ticket

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
        found = [told for ref, last, last_public in moved for told in self._of(ref, last, last_public)]
        refs = {ref for ref, _last, _last_public in moved}
        self._heard = {key: seq for key, seq in self._heard.items() if key[1] in refs}
        return found

    def _of(self, ref: str, last: int, last_public: int) -> Iterable[Told]:
        heard = self._heard.get(("event", ref), 0)
        if last > heard:
            yield "event", ref
            yield from _besides(ref, heard)
        if last_public > self._heard.get(("public_event", ref), 0):
            yield "public_event", ref


def _newest() -> int:
    return store.session().scalar(select(func.max(Event.id))) or 0


def _moved_since(number: int) -> Select[str, int, int]:
    public = case((Event.audience == "public", Event.seq), else_=0)
    query = select(Ticket.ref, func.max(Event.seq), func.max(public)).join(Ticket, Event.ticket_id == Ticket.id)
    return query.where(Event.id > number).group_by(Ticket.ref)


def _besides(ref: str, after: int) -> Iterable[Told]:
    """Return what else the events of a ticket with seq > `after` changed: who sees it, and in whose queue it is."""
    ticket = store.session().scalars(select(Ticket).where(Ticket.ref == ref)).one()
    query = select(Event.kind, Event.actor_id, Event.payload)
    events = store.session().execute(query.where(Event.ticket_id == ticket.id, Event.seq > after)).all()
    if any(event.kind == "visibility_changed" for event in events):
        yield "visibility", ref
    slugs = {event.payload[name] for event in events for name in NAMED if event.payload.get(name)}
    offers = select(Handoff.to_id).where(Handoff.ticket_id == ticket.id, Handoff.state == "offered")
    people = store.session().scalars(select(Person.id).where(or_(Person.slug.in_(slugs), Person.id.in_(offers))))
    actors = {event.actor_id for event in events if event.actor_id}
    for number in {*people, *actors, *(one.id for one in helping.of(ticket))} - {ticket.assignee_id}:
        yield "queue", number
