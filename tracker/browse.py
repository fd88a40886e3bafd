"""QUERIES: tickets, queues, words and timelines as their viewers may see them; read-only."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import lazyload, selectinload

from tracker import disclosure, links, permissions, present, richtext, store, timeline
from tracker.disclosure import Shown
from tracker.errors import NotFound
from tracker.models import Desk, Event, Handoff, Helper, Person, Promise, Ticket
from tracker.permissions import Viewer

DEFAULT, MOST = 50, 200
REPLYING = ("reply", "reopened")
ASKING = ("opened", *REPLYING)
ASKED = 90
"""Characters of what a customer said last that a queue shows."""


def find(ref: str, viewer: Viewer) -> tuple[Ticket, str]:
    """Return a ticket and the audience this viewer belongs to; raise NotFound, alike for private and absent."""
    query = select(Ticket).where(Ticket.ref == ref).execution_options(populate_existing=True)
    ticket = store.session().scalars(query).first()
    audience = permissions.audience(viewer, ticket) if ticket else None
    if ticket is None or audience is None:
        raise NotFound()
    return ticket, audience


def find_for(act: str, ref: str, viewer: Viewer) -> Ticket:
    """Return a ticket on which this viewer may do this; raise NotFound, Unauthorized or Forbidden."""
    ticket, _audience = find(ref, viewer)
    permissions.require(viewer, act, ticket)
    return ticket


def news(ticket: Ticket, *, after: int, audience: str, limit: int = DEFAULT, html: bool = False) -> Shown:
    """Return what came after a seq: {epoch, events, last, more} (CONTRACTS: Reads).

    As `html`, the newest event brings the head of the page along: state, clock and promise follow from the events.
    """
    events, more = timeline.since(ticket, max(after, 0), audience=audience, limit=limit)
    seen = events[-1].seq if events else 0
    last = seen if more else max(seen, ticket.last_for(audience))  # an event may come between ticket and events
    shown = present.entries(ticket, events, audience, html=html)
    if html and shown and not more:
        if seen > ticket.last_for(audience):
            store.session().refresh(ticket)
        shown[-1]["head"] = present.head_html(disclosure.ticket(ticket, audience))
    return {
        "epoch": disclosure.epoch(),
        "events": shown,
        "last": last,
        "more": more,
    }


def receipt(ticket: Ticket, event: Event, viewer: Viewer) -> Shown:
    """Return an event just posted and what came with it, as whoever posted it may see it now.

    That may be nothing: thanks are for the customer, and who declines a handoff has no more business there.
    """
    audience = permissions.audience(viewer, ticket)
    if audience is None:
        return {"epoch": disclosure.epoch(), "events": [], "last": 0, "more": False}
    shown = news(ticket, after=event.seq - 1, audience=audience)
    return shown | {"version": ticket.version} if audience == "staff" else shown


def entries(ticket: Ticket, *, after: int, audience: str, limit: int) -> tuple[list[Shown], bool]:
    """Return entries for a page, oldest first, and whether more follow."""
    events, more = timeline.since(ticket, after, audience=audience, limit=limit)
    return disclosure.entries(ticket, events, audience), more


def promises(ticket: Ticket) -> list[Shown]:
    """Return every promise made on a ticket, oldest first: all of them are public."""
    query = select(Promise, Person).join(Person, Person.id == Promise.person_id).where(Promise.ticket_id == ticket.id)
    found = store.session().execute(query.order_by(Promise.id)).all()
    return [disclosure.promise(row[0], row[1]) for row in found]


def handoffs(ticket: Ticket, audience: str) -> list[Shown]:
    """Return every handoff offered on a ticket, oldest first."""
    query = select(Handoff).where(Handoff.ticket_id == ticket.id).order_by(Handoff.id)
    return [disclosure.handoff(one, audience) for one in store.session().scalars(query)]


def tickets_of(viewer: Viewer) -> list[Shown]:
    """Return the tickets whose customer this is."""
    if not viewer.tickets:
        return []
    query = select(Ticket).where(Ticket.id.in_(viewer.tickets)).order_by(Ticket.id.desc())
    query = query.options(selectinload(Ticket.latest_word_by))
    now = store.now()
    return [disclosure.row(one, now=now) for one in store.session().scalars(query)]


def latest_words(*, limit: int = 5) -> list[tuple[Shown, Shown]]:
    """Return the newest public words of agents on public tickets: pairs of (ticket row, entry)."""
    query = (
        select(Ticket)
        .where(Ticket.visibility == "public", Ticket.latest_word_seq.is_not(None), Ticket.latest_word_html != "")
        .order_by(Ticket.latest_word_at.desc(), Ticket.id.desc())
        .limit(limit)
        .options(selectinload(Ticket.latest_word_by))
    )
    found = list(store.session().scalars(query))
    said = tuple_(Event.ticket_id, Event.seq).in_([(one.id, one.latest_word_seq) for one in found])
    return _worded(found, select(Event).where(said).order_by(Event.at.desc(), Event.ticket_id.desc()))


def newest_words(ticket: Ticket, *, limit: int = DEFAULT) -> list[tuple[Shown, Shown]]:
    """Return a ticket's newest public events, newest first: pairs of (ticket row, entry)."""
    query = select(Event).where(Event.ticket_id == ticket.id, Event.audience == "public")
    return _worded([ticket], query.order_by(Event.seq.desc()).limit(limit))


def public_words(desk: Desk, *, limit: int = DEFAULT) -> list[tuple[Shown, Shown]]:
    """Return what those who answer last said on a desk's public tickets, newest first."""
    query = select(Ticket).where(Ticket.visibility == "public", Ticket.desk_id == desk.id)
    query = query.order_by(Ticket.last_public_at.desc(), Ticket.id.desc()).limit(MOST)
    found = list(store.session().scalars(query.options(selectinload(Ticket.latest_word_by))))
    events = select(Event).where(Event.ticket_id.in_([one.id for one in found]), Event.audience == "public")
    return _worded(
        found, events.where(Event.actor_id.is_not(None)).order_by(Event.at.desc(), Event.id.desc()).limit(limit)
    )


def words_of(person: Person, *, limit: int = DEFAULT) -> list[tuple[Shown, Shown]]:
    """Return what a person last said on public tickets, whoever has these now, newest first."""
    said = select(Event).join(Ticket, Ticket.id == Event.ticket_id).where(Ticket.visibility == "public")
    said = said.where(Event.actor_id == person.id, Event.audience == "public")
    said = said.order_by(Event.recorded_at.desc(), Event.id.desc()).limit(limit)
    ids = set(store.session().scalars(said.with_only_columns(Event.ticket_id)))
    query = select(Ticket).where(Ticket.id.in_(ids)).options(selectinload(Ticket.latest_word_by))
    return _worded(list(store.session().scalars(query)), said)


def _worded(those: Sequence[Ticket], query: Select[Event]) -> list[tuple[Shown, Shown]]:
    now, known = store.now(), {one.id: one for one in those}
    events = list(store.session().scalars(query.execution_options(populate_existing=True)))
    shown = {}
    for number in {event.ticket_id for event in events}:
        of = known[number]
        row = disclosure.row(of, now=now)
        for entry in disclosure.entries(of, [event for event in events if event.ticket_id == number], "public"):
            shown[number, entry["seq"]] = (row, entry)
    return [shown[event.ticket_id, event.seq] for event in events]


def queue(person: Person) -> list[Shown]:
    """Return an agent's open tickets, those offered to them and those they help on, by who is owed a word next.

    By due time, so overdue ones first; tickets without a promise ("no promise given") last.
    """
    offered = {one.ticket_id: one for one in _offers_to(person)}
    helped = select(Helper.ticket_id).where(Helper.person_id == person.id)
    mine = or_(Ticket.assignee_id == person.id, Ticket.id.in_(offered), Ticket.id.in_(helped))
    return _queue(mine, offered, helper=person)


def desk_queue(desk: Desk, *those: ColumnElement[bool]) -> list[Shown]:
    """Return the open tickets of a desk (of `those`), for those who run it, by who is owed a word next."""
    return _queue(and_(Ticket.desk_id == desk.id, *those), {}, helper=None)


def urgent() -> ColumnElement[bool]:
    """Return what makes a row of a desk's queue urgent, to ask for such rows alone."""
    said = (
        Event.ticket_id == Ticket.id,
        Event.kind.in_(REPLYING),
        Event.seq > func.coalesce(Ticket.latest_word_seq, 0),
    )
    is_new = and_(Ticket.latest_word_seq.is_(None), Ticket.imported_key.is_(None))
    return or_(Ticket.overdue, is_new, select(Event.id).where(*said).exists())


def unanswered(ticket: Ticket) -> Shown | None:
    """Return the customer's newest words that no word of the assignee has followed, as staff sees them."""
    query = select(Event).where(Event.ticket_id == ticket.id, Event.kind.in_(ASKING))
    query = query.where(Event.seq > (ticket.latest_word_seq or 0)).order_by(Event.seq.desc()).limit(1)
    found = disclosure.entries(ticket, list(store.session().scalars(query)), "staff")
    return found[0] if found and ticket.is_open else None


def _queue(mine: ColumnElement[bool], offered: Mapping[int, Handoff], *, helper: Person | None) -> list[Shown]:
    query = select(Ticket).where(mine, Ticket.is_open)
    query = query.order_by(Ticket.due_at.is_(None), Ticket.due_at, Ticket.id).limit(MOST)
    found = list(store.session().scalars(query.options(selectinload(Ticket.latest_word_by))))
    asked, now = _asked([one.id for one in found]), store.now()
    rows = []
    for one in found:
        is_help = helper is not None and one.assignee_id != helper.id and one.id not in offered
        rows.append(_queued(one, offered.get(one.id), asked.get(one.id), now, is_help=is_help))
    return rows


def _queued(one: Ticket, offer: Handoff | None, asked: Event | None, now: datetime, *, is_help: bool) -> Shown:
    is_new = one.latest_word_seq is None and one.imported_key is None
    replied = asked if asked and asked.kind in REPLYING else None
    said = asked if asked and asked.redacted_by is None else None
    return disclosure.row(one, now=now) | {
        "subject": disclosure.subject(one, "staff"),
        "work_url": links.workspace_ticket(one.ref),
        "customer_name": one.customer_name,
        "feeling": one.feeling,
        "urgency_on": one.urgency_on,
        "status_since": one.status_since,
        "offered_by": disclosure.person_ref(offer.giver) if offer else None,
        "replied_at": replied.recorded_at if replied else None,
        "asked": richtext.excerpt(disclosure.body_html(said, "staff"), ASKED) if said else "",
        "is_waiting": one.status == "waiting" and not one.overdue,
        "is_new": is_new,
        "is_help": is_help,
        "is_urgent": not is_help and (one.overdue or bool(offer) or is_new or replied is not None),
    }


def _asked(ids: Sequence[int]) -> dict[int, Event]:
    """Return the customer's newest words by ticket, where no word of the assignee has followed."""
    newest = (
        select(func.max(Event.id))
        .join(Ticket, Ticket.id == Event.ticket_id)
        .where(Event.ticket_id.in_(ids), Event.kind.in_(ASKING))
        .where(Event.seq > func.coalesce(Ticket.latest_word_seq, 0))
        .group_by(Event.ticket_id)
    )
    query = select(Event).where(Event.id.in_(newest)).options(lazyload(Event.actor))
    return {one.ticket_id: one for one in store.session().scalars(query)}


def _offers_to(person: Person) -> list[Handoff]:
    query = select(Handoff).where(Handoff.to_id == person.id, Handoff.state == "offered")
    return list(store.session().scalars(query))
