"""The log: append() adds an event with the next seq, since() reads on. Nothing else writes events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from tracker import masks, outbox, richtext, store, tallies
from tracker.errors import NotFound
from tracker.kinds import KINDS, TARGET, Kind, _targets
from tracker.models import Event, Person, Ticket

SEES = {"public": ("public",), "customer": ("public", "customer"), "staff": ("public", "customer", "staff")}
"""The audiences of events that each audience may see: public ⊂ customer ⊂ staff."""


@dataclass(frozen=True)
class Actor:
    """Who did it, as the timeline remembers it."""

    role: str
    person: Person | None = None


SYSTEM = Actor("system")


def lock(ref: str) -> Ticket:
    """Load a ticket for writing and hold it until the transaction ends; raise NotFound."""
    query = select(Ticket).where(Ticket.ref == ref).with_for_update(of=Ticket)
    ticket = store.session().scalars(query.execution_options(populate_existing=True)).first()
    if ticket is None:
        raise NotFound()
    return ticket


def append(
    ticket: Ticket, name: str, loaded: Mapping[str, Any], *, by: Actor, at: datetime | None = None, quiet: bool = False
) -> Event:
    """Add one event to a locked ticket, apply it, and leave its news row. `quiet` (imports) tells nobody.

    `loaded` is the kind's payload as its schema loads it; times in UTC. Personal data that readers might see is
    masked. Returns the event, flushed.
    """
    kind, now = KINDS[name], store.now()
    audience = _audience(ticket, kind, loaded)
    loaded, original = masks.cover(ticket, kind, loaded, audience)
    event = Event(
        ticket_id=ticket.id,
        seq=ticket.last_seq + 1,
        kind=name,
        audience=audience,
        original=original,
        at=at or now,
        recorded_at=now,
        actor_role=by.role,
        actor_id=by.person.id if by.person else None,
        prev_customer=ticket.last_customer_seq,
        prev_public=ticket.last_public_seq,
    )
    _write_words(event, kind, loaded)
    _count(ticket, event, kind)
    before = tallies.standing(ticket)
    kind.apply(ticket, event, loaded)
    store.session().add(event)
    store.session().flush()
    tallies.record(ticket, event, before)
    if not quiet and (kind.tells or event.audience != "staff"):
        outbox.announce(event)
    store.notice("event", ticket.ref)
    if event.audience == "public":
        store.notice("public_event", ticket.ref)
    return event


def since(ticket: Ticket, after: int, *, audience: str, limit: int) -> tuple[Sequence[Event], bool]:
    """Return up to `limit` events with seq > `after` that `audience` may see, oldest first, and whether more follow."""
    query = (
        select(Event)
        .where(Event.ticket_id == ticket.id, Event.seq > after, Event.audience.in_(SEES[audience]))
        .order_by(Event.seq)
        .limit(limit + 1)
        .execution_options(populate_existing=True)
    )
    found = store.session().scalars(query).all()
    return found[:limit], len(found) > limit


def find(ticket: Ticket, seqs: Sequence[int]) -> dict[int, Event]:
    """Return events of one ticket by seq, in that order."""
    if not seqs:
        return {}
    query = select(Event).where(Event.ticket_id == ticket.id, Event.seq.in_(seqs)).order_by(Event.seq)
    return {event.seq: event for event in store.session().scalars(query)}


def amended(ticket: Ticket, events: Sequence[Event]) -> dict[int, list[Event]]:
    """Return by seq what some events amend, and after each that is hidden the entries that tell of its words.

    These are its corrections with their reasons, and the entry whose removal it explained.
    """
    found = {}
    for target in find(ticket, [event.target_seq for event in events if event.target_seq]).values():
        told = _targets.corrections(ticket, target.seq) if target.redacted_by else []
        explained = [_targets.find(ticket, target.target_seq)] if target.redacted_by and target.target_seq else []
        found[target.seq] = [target, *told, *explained]
    return found


def _audience(ticket: Ticket, kind: Kind, loaded: Mapping[str, Any]) -> str:
    named = kind.audience_of(loaded)
    return _targets.find(ticket, loaded["target"]).audience if named == TARGET else named


def _write_words(event: Event, kind: Kind, loaded: Mapping[str, Any]) -> None:
    payload = kind.schema().dump(loaded)
    if kind.body:
        source = payload.pop(kind.body, "")
        event.body_source, event.body_html = source, richtext.render(source)
        event.renderer = richtext.RENDERER_VERSION
    event.payload = payload


def _count(ticket: Ticket, event: Event, kind: Kind) -> None:
    ticket.last_seq = event.seq
    if event.audience in SEES["customer"]:
        ticket.last_customer_seq = event.seq
    if event.audience == "public":
        ticket.last_public_seq = event.seq
        ticket.last_public_at = event.at
    if kind.moves:
        ticket.version += 1
