"""A long past: tickets and words of long ago, copied by the database itself, for houses that are old and large."""

from datetime import timedelta

from sqlalchemy import String, cast, literal

from tests import make
from tracker import store
from tracker.models import Event, Person, Ticket

ROOM = 10_000_000
"""More rows than anybody gets here: each person's copies are numbered from their own multiple of it."""


def tickets(of: Ticket, many: int, *, holder: Person, apart: timedelta) -> None:
    """Let somebody have as many tickets more, each opened and spoken of so much before the other."""
    at = _spread(timedelta(0), apart)
    make.copies(
        of,
        many,
        ref=lambda n: cast(n + holder.id * ROOM, String),
        desk_id=lambda _n: literal(holder.desk_id),
        assignee_id=lambda _n: literal(holder.id),
        opened_at=at,
        last_public_at=at,
    )


def words(of: Event, many: int, *, by: Person, since: timedelta, apart: timedelta, place: int = 0) -> None:
    """Let somebody have spoken as often, so much before each other, the last time `since` ago.

    `place`: people further on, whose numbers their second past takes.
    """
    at = _spread(since, apart)
    make.copies(
        of, many, seq=lambda n: n + (by.id + place) * ROOM, actor_id=lambda _n: literal(by.id), at=at, recorded_at=at
    )


def _spread(since: timedelta, apart: timedelta) -> make.Column:
    last, seconds = store.now() - since, int(apart.total_seconds())
    return lambda n: make.before(last, n * seconds)
