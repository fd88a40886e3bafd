"""Desks and their hours: what "in business hours" means for a ticket, and when a first answer is due."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zlib import crc32
from zoneinfo import available_timezones

from sqlalchemy import select

from tracker import clock, links, richtext
from tracker.errors import Conflict, Invalid, NotFound
from tracker.models import Desk
from tracker.store import session, transaction

WEEKDAYS = {str(day): [["09:00", "17:00"]] for day in range(5)}
"""Monday to Friday, nine to five: what a new desk starts with."""
HUES = 12


def find(slug: str) -> Desk:
    """Return a desk by slug; raise NotFound."""
    desk = session().scalars(select(Desk).where(Desk.slug == slug)).first()
    if desk is None:
        raise NotFound()
    return desk


def everyone() -> Sequence[Desk]:
    """Return all desks, by name."""
    return session().scalars(select(Desk).order_by(Desk.name, Desk.id)).all()


def add(name: str, *, zone: str = "UTC", about: str = "") -> Desk:
    """Add a desk that is open on weekdays, nine to five. Raises Invalid by field, Conflict when the name is taken."""
    name = richtext.normalise_text(name, field="name", max_length=80, min_length=1, multiline=False)
    check_zone(zone)
    with transaction():
        if session().scalar(select(Desk.id).where(Desk.name == name)):
            raise Conflict(f"There is a desk called {name} already.")
        slug = links.free_slug(name, set(session().scalars(select(Desk.slug))), "desk")
        desk = Desk(slug=slug, name=name, zone=zone, about=about)
        desk.opening, desk.hue = dict(WEEKDAYS), crc32(name.encode()) % HUES
        session().add(desk)
        session().flush()
    return desk


def check_zone(zone: str) -> None:
    """Raise Invalid unless this names an IANA time zone."""
    if zone not in available_timezones():
        raise Invalid(fields={"zone": f"{zone[:80]} is no time zone; write one such as Europe/Berlin."})


def hours(desk: Desk, opening: Mapping[str, Any] | None = None) -> clock.Hours:
    """Return the desk's hours as a value the clock can count with; `opening` (a person's own) replaces the desk's."""
    spans = desk.opening if opening is None else opening
    return _hours(desk.zone, _frozen(spans), desk.holidays, tuple(desk.closed_on))


def is_open(desk: Desk, at: datetime) -> bool:
    """Say whether the desk is open at a moment."""
    return clock.next_opening(at, hours(desk)) <= at


def first_answer_due(desk: Desk, start: datetime) -> datetime:
    """Return when the desk's first word is due for something that begins at `start`."""
    return clock.add_business(start, timedelta(minutes=desk.first_answer_minutes), hours(desk))


def _frozen(opening: Mapping[str, Any]) -> tuple[tuple[int, tuple[tuple[time, time], ...]], ...]:
    return tuple(
        (int(day), tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in spans))
        for day, spans in sorted(opening.items())
        if spans
    )


@lru_cache(maxsize=256)
def _hours(zone: str, opening: tuple[Any, ...], holidays: str, closed_on: tuple[str, ...]) -> clock.Hours:
    country, _, subdivision = holidays.partition("-")
    return clock.Hours.of(
        zone,
        dict(opening),
        closed=frozenset(date.fromisoformat(day) for day in closed_on),
        country=country,
        subdivision=subdivision,
    )
