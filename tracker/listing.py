"""QUERIES: lists of tickets a page at a time, the newest public word first; a search looks through a bounded part."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import selectinload

from tracker import disclosure, store
from tracker.disclosure import Shown
from tracker.errors import Invalid
from tracker.models import Desk, Person, Ticket

LOOKED_AT = 10_000
"""How many public tickets one question looks through for what no index has, the newest public word first (0126)."""


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed to; empty fields narrow nothing."""

    q: str = ""
    desk: Desk | None = None
    person: Person | None = None
    status: str = ""


def public_tickets(wanted: Filter, *, cursor: str | None, limit: int) -> tuple[list[Shown], str | None]:
    """Return one page of public tickets, newest public word first, and the cursor of the next page.

    Where tickets must be looked through the page may be short, or empty, and yet there is a next one.
    """
    query, sieve = _listed(wanted), _sieve(wanted)
    last = _last_looked_at(query, cursor) if sieve else None
    if last:
        at, number = last
        query = query.where(Ticket.last_public_at >= at, or_(Ticket.last_public_at > at, Ticket.id >= number))
    found, after = page(query.where(*sieve), cursor, limit)
    now = store.now()
    return [disclosure.row(one, now=now) for one in found], after or (_encode(*last) if last else None)


def page(query: Select[Ticket], cursor: str | None, limit: int) -> tuple[list[Ticket], str | None]:
    """Return the tickets of a query from a cursor on, the newest public news first, and the cursor of the next page."""
    query = _from(query, cursor).options(selectinload(Ticket.latest_word_by)).limit(limit + 1)
    found = list(store.session().scalars(query))
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], _encode(last.last_public_at, last.id) if last else None


def _listed(wanted: Filter) -> Select[Ticket]:
    """Return the public tickets, or those of a desk or a person: each an index has in the order of a list."""
    query = select(Ticket).where(Ticket.visibility == "public")
    if wanted.desk:
        return query.where(Ticket.desk_id == wanted.desk.id)
    return query.where(Ticket.assignee_id == wanted.person.id) if wanted.person else query


def _sieve(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return what each of these must be looked at for."""
    found = [Ticket.subject.icontains(word, autoescape=True) for word in wanted.q.split()[:5]]
    if wanted.status:
        found.append(Ticket.status == wanted.status)
    if wanted.desk and wanted.person:
        found.append(Ticket.assignee_id == wanted.person.id)
    return found


def _last_looked_at(query: Select[Ticket], cursor: str | None) -> tuple[datetime, int] | None:
    """Return where looking through a list from a cursor on ends, unless the list ends before."""
    places = _from(query, cursor).with_only_columns(Ticket.last_public_at, Ticket.id)
    found = store.session().execute(places.offset(LOOKED_AT - 1).limit(2)).all()
    return (found[0][0], found[0][1]) if len(found) > 1 else None


def _from(query: Select[Ticket], cursor: str | None) -> Select[Ticket]:
    """Order a query as a list is, from a cursor on: an index begins at the first of the two conditions."""
    if cursor:
        at, number = _decode(cursor)
        query = query.where(Ticket.last_public_at <= at, or_(Ticket.last_public_at < at, Ticket.id < number))
    return query.order_by(Ticket.last_public_at.desc(), Ticket.id.desc())


def _encode(at: datetime, number: int) -> str:
    words = json.dumps([at.isoformat(), number])
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[datetime, int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found: Any = json.loads(base64.urlsafe_b64decode(padded.encode()))
        at, number = datetime.fromisoformat(found[0]), int(found[1])
        if at.tzinfo is None or not 0 <= number < 2**63:
            raise ValueError(cursor)
        at = at.astimezone(UTC)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        raise Invalid(fields={"cursor": "Use the cursor of the page before, as it is."}) from None
    return at, number
