"""The projection of timelines into counts: what each event adds to its desk's and its person's, in its transaction.

Nothing here knows how long anybody worked; durations are a customer's: from asking to the first word, to the solution.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from tracker import store
from tracker.kinds import KINDS
from tracker.models import Event, Person, Tally, TallyMark, Ticket

Key = tuple[str, int, int, str, int]
"""owner, owner_id, month, measure, bucket."""
FINENESS = 4
"""Buckets each time a duration doubles: a figure is right to within 9 %."""
UNDERSTOOD = ("yes", "partly", "no")
PROMISES = {"promise_kept": "kept", "promise_missed": "missed", "promise_moved": "moved"}
OWN, STANDARD = 0, 1
"""Buckets of words: written for the case, and nearly copied."""
NOW = 0
"""The month of what stands now."""
MARKS_BEFORE_ADDING_UP = 500
MARKS_AT_ONCE = 5_000
"""How many marks one transaction adds up: there may be a night's import of them, and pages write too."""
TICKETS_AT_ONCE = 500


@dataclass(frozen=True)
class Standing:
    """What a ticket counts as before and after an event. `ended`: "", resolved or declined."""

    desk_id: int
    person_id: int
    opened_at: datetime
    ended: str
    ended_at: datetime | None
    imported: bool
    spoken: bool


def standing(ticket: Ticket) -> Standing:
    """Return how a ticket stands, to be compared with how it stands after an event."""
    ended = {"closed": "resolved", "resolved": "resolved", "declined": "declined"}.get(ticket.status, "")
    return Standing(
        ticket.desk_id,
        ticket.assignee_id,
        ticket.opened_at,
        ended,
        ticket.ended_at,
        ticket.imported_key is not None,
        ticket.first_word_at is not None,
    )


def record(ticket: Ticket, event: Event, before: Standing) -> None:
    """Count one event that has been applied; inside its transaction."""
    counts = _counted(event, before, standing(ticket))
    if event.kind == "feedback" and (earlier := _earlier_feedback(event)):
        holder = _holder(event.ticket_id, earlier.seq)
        counts.subtract(_of_feedback(earlier, holder.desk_id, holder.id))
    rows = [_row(key, n) for key, n in counts.items() if n]
    if rows:
        store.session().execute(insert(TallyMark), rows)


def bucket(span: timedelta) -> int:
    """Return the bucket of a duration: logarithmic, from one second on."""
    return math.floor(FINENESS * math.log2(max(1.0, span.total_seconds())))


def duration(number: int) -> timedelta:
    """Return the duration in the middle of a bucket."""
    return timedelta(seconds=2 ** ((number + 0.5) / FINENESS))


def month(at: datetime) -> int:
    """Return the month of a moment, in UTC, as 202603."""
    at = at.astimezone(UTC)
    return at.year * 100 + at.month


def of(owner: str, owner_id: int, *, since: int, only: Collection[str] = ()) -> dict[tuple[int, str, int], int]:
    """Return the counts of a desk or person from a month on, and as it stands now, by (month, measure, bucket).

    `only`: of these measures alone.
    """
    found: Counter[tuple[int, str, int]] = Counter()
    given = {"owner": owner, "owner_id": owner_id, "since": since} | ({"only": list(only)} if only else {})
    for row in store.session().execute(_counts(narrowed=bool(only)), given):
        found[row[0], row[1], row[2]] += row[3]
    return {key: n for key, n in found.items() if n}


@lru_cache
def _counts(*, narrowed: bool) -> Any:
    """Return the one question of `of`, put together once. One statement: adding up moves rows between the tables."""
    parts = []
    for table in (Tally, TallyMark):
        those = (table.month >= bindparam("since")) | (table.month == NOW)
        mine = [table.owner == bindparam("owner"), table.owner_id == bindparam("owner_id"), those]
        mine += [table.measure.in_(bindparam("only", expanding=True))] if narrowed else []
        parts.append(select(table.month, table.measure, table.bucket, table.n).where(*mine))
    return parts[0].union_all(parts[1])


def add_up() -> int:
    """Add the oldest marks to their tallies once there are many; due work of the outbox worker."""
    query = select(TallyMark.id).order_by(TallyMark.id).offset(MARKS_BEFORE_ADDING_UP).limit(1)
    if store.session().execute(query).first() is None:
        return 0
    oldest = select(TallyMark.id).order_by(TallyMark.id).limit(MARKS_AT_ONCE)
    taking = delete(TallyMark).where(TallyMark.id.in_(oldest)).returning(*_columns(TallyMark), TallyMark.n)
    with store.transaction() as session:
        taken = session.execute(taking).all()
        counts: Counter[Key] = Counter()
        for row in taken:
            counts[row[0], row[1], row[2], row[3], row[4]] += row[5]
        add(counts)
    return 1


def are_missing() -> bool:
    """Say whether nothing is counted though there are tickets: they are from before there were counts."""
    one = [select(table).limit(1) for table in (Tally, TallyMark, Ticket.id)]
    return [store.session().execute(query).first() is not None for query in one] == [False, False, True]


def rebuild() -> int:
    """Count all timelines anew, while nobody writes; return how many tickets there are."""
    counts: Counter[Key] = Counter()
    tickets = 0
    with store.transaction() as session:
        session.execute(delete(TallyMark))
        session.execute(delete(Tally))
        rows = session.execute(select(Person.slug, Person.id, Person.desk_id))
        people = {row[0]: (row[1], row[2]) for row in rows}
        for ticket, events in _timelines():
            tickets += 1
            counts.update(of_timeline(ticket, events, people))
        add(counts)
    return tickets


def of_timeline(ticket: Any, events: Iterable[Event], people: Mapping[str, tuple[int, int]]) -> Counter[Key]:
    """Count one timeline from its beginning; `people`: id and desk by slug."""
    counts: Counter[Key] = Counter()
    before = Standing(0, 0, ticket.opened_at, "", None, ticket.imported_key is not None, spoken=False)
    feedback: list[Key] = []
    for event in events:
        after = _after(before, event, people)
        if event.kind == "opened":
            before = after
        counts.update(_counted(event, before, after))
        if event.kind == "feedback":
            counts.subtract(feedback)
            feedback = list(_of_feedback(event, before.desk_id, before.person_id))
        before = after
    return counts


def add(counts: Mapping[Key, int]) -> None:
    """Add counts to their tallies; inside a transaction."""
    rows = [_row(key, n) for key, n in sorted(counts.items()) if n]  # in one order: no two can block each other
    adding, keys = store.inserting(Tally), [column.name for column in _columns(Tally)]
    adding = adding.on_conflict_do_update(index_elements=keys, set_={"n": Tally.n + adding.excluded.n})
    for row in rows:
        store.session().execute(adding, row)


def _counted(event: Event, before: Standing, after: Standing) -> Counter[Key]:
    """Return what one event adds: how the ticket stands now against before, and what happened."""
    counts = Counter(_of_standing(after))
    if event.kind != "opened":
        counts.subtract(_of_standing(before))
    counts.update(_of_event(event, before, after))
    return counts


def _of_event(event: Event, before: Standing, after: Standing) -> Iterator[Key]:
    at = month(event.at)
    if after.spoken and not before.spoken and not after.imported:
        yield from _both(before, at, "first_word", bucket(event.at - before.opened_at))
    measure = PROMISES.get(event.kind)
    if measure and not (measure == "moved" and event.actor_role == "system"):
        yield from _both(before, at, measure, 0)
    if after.person_id != before.person_id:
        yield "desk", before.desk_id, at, "passed_on", 0
        if event.kind != "imported":
            yield "person", before.person_id, at, "passed_on", 0
    if KINDS[event.kind].is_word and event.actor_role != "system":
        yield from _both(before, at, "words", STANDARD if event.payload.get("standard") else OWN)
    if event.kind == "feedback":
        yield from _of_feedback(event, before.desk_id, before.person_id)


def _both(of: Standing, at: int, measure: str, number: int) -> Iterator[Key]:
    yield "desk", of.desk_id, at, measure, number
    yield "person", of.person_id, at, measure, number


def _of_standing(one: Standing) -> Iterator[Key]:
    if not one.ended or one.ended_at is None:
        yield from _both(one, NOW, "open", 0)
        return
    number = bucket(one.ended_at - one.opened_at) if one.ended == "resolved" else 0
    yield "desk", one.desk_id, month(one.ended_at), one.ended, number
    if not one.imported:  # whom a record names may be a stand-in for a department
        yield "person", one.person_id, month(one.ended_at), one.ended, number


def _of_feedback(event: Event, desk_id: int, person_id: int) -> Iterator[Key]:
    answers = event.payload
    number = UNDERSTOOD.index(answers["understood"]) + (0 if answers["solved"] else len(UNDERSTOOD))
    yield "desk", desk_id, month(event.at), "feedback", number
    yield "person", person_id, month(event.at), "feedback", number


def _earlier_feedback(event: Event) -> Event | None:
    """Return the answers these replace: the newest of a ticket count."""
    query = select(Event).where(Event.ticket_id == event.ticket_id, Event.kind == "feedback", Event.seq < event.seq)
    return store.session().scalars(query.order_by(Event.seq.desc()).limit(1)).first()


def _holder(ticket_id: int, seq: int) -> Person:
    """Return who had a ticket at a place of its timeline."""
    query = select(Event).where(Event.ticket_id == ticket_id, Event.seq < seq, Event.kind.in_(GIVING))
    for event in store.session().scalars(query.order_by(Event.seq.desc())):
        if slug := _given_to(event):
            return store.session().scalars(select(Person).where(Person.slug == slug)).one()
    raise LookupError(f"nobody had ticket {ticket_id} at {seq}")


GIVING = ("opened", "handoff_accepted", "reassigned", "imported")


def _given_to(event: Event) -> str:
    return str(event.payload.get("assignee" if event.kind == "opened" else "to") or "") if event.kind in GIVING else ""


def _timelines() -> Iterator[tuple[Any, list[Event]]]:
    columns = (Ticket.id, Ticket.opened_at, Ticket.imported_key)
    last = 0
    while (
        batch := store.session()
        .execute(select(*columns).where(Ticket.id > last).order_by(Ticket.id).limit(TICKETS_AT_ONCE))
        .all()
    ):
        last = batch[-1].id
        query = select(Event).where(Event.ticket_id.in_([one.id for one in batch])).order_by(Event.ticket_id, Event.seq)
        events: dict[int, list[Event]] = {}
        for event in store.session().scalars(query):
            events.setdefault(event.ticket_id, []).append(event)
        yield from ((one, events.get(one.id, [])) for one in batch)
        store.session().expunge_all()


def _after(before: Standing, event: Event, people: Mapping[str, tuple[int, int]]) -> Standing:
    after = before
    if slug := _given_to(event):
        after = replace(after, person_id=people[slug][0], desk_id=people[slug][1])
    if KINDS[event.kind].is_word:
        after = replace(after, spoken=True)
    status = event.payload.get("status") if event.kind == "imported" else event.kind
    if status in ("resolved", "declined"):
        return replace(after, ended=status, ended_at=after.ended_at or event.at)
    if status in ("open", "reopened"):
        return replace(after, ended="", ended_at=None)
    return after


def _columns(table: type[Tally] | type[TallyMark]) -> tuple[Any, ...]:
    return table.owner, table.owner_id, table.month, table.measure, table.bucket


def _row(key: Key, n: int) -> dict[str, Any]:
    return dict(zip(("owner", "owner_id", "month", "measure", "bucket", "n"), (*key, n), strict=True))
