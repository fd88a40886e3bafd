"""Desks and their hours: what "in business hours" means for a ticket, and when a first answer is due."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from marshmallow import ValidationError, fields, validate
from sqlalchemy import select

from tracker import clock, kinds, links, people, permissions, richtext
from tracker.errors import Conflict, Invalid, NotFound
from tracker.kinds._fields import Payload, words
from tracker.models import Desk
from tracker.permissions import Viewer
from tracker.store import notice, now, session, transaction

WEEKDAYS = {str(day): [["09:00", "17:00"]] for day in range(5)}
"""Monday to Friday, nine to five: what a new desk starts with."""


def find(slug: str) -> Desk:
    """Return a desk by slug; raise NotFound."""
    desk = session().scalars(select(Desk).where(Desk.slug == slug)).first()
    if desk is None:
        raise NotFound()
    return desk


def everyone() -> Sequence[Desk]:
    """Return all desks, by name."""
    return session().scalars(select(Desk).order_by(Desk.name, Desk.id)).all()


def zones() -> list[str]:
    """Return the time zones a desk may be in, by name."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def add(name: str, *, zone: str = "UTC", about: str = "") -> Desk:
    """Add a desk that is open on weekdays, nine to five. Raises Invalid by field, Conflict when the name is taken."""
    name = richtext.normalise_text(name, field="name", max_length=80, min_length=1, multiline=False)
    check_zone(zone)
    with transaction():
        if session().scalar(select(Desk.id).where(Desk.name == name)):
            raise Conflict(f"There is a desk called {name} already.")
        slug = links.free_slug(name, set(session().scalars(select(Desk.slug))), "desk")
        desk = Desk(slug=slug, name=name, zone=zone, about=about)
        desk.opening, desk.hue = dict(WEEKDAYS), people.hue_of(name)
        session().add(desk)
        session().flush()
    return desk


def check_zone(zone: str) -> None:
    """Raise Invalid unless this names an IANA time zone."""
    if zone not in available_timezones():
        raise Invalid(fields={"zone": f"{zone[:80]} is no time zone; write one such as Europe/Berlin."})


def _number(kind: type[fields.Number[Any]], low: float, high: float) -> fields.Number[Any]:
    wrong = f"Choose a number from {low:g} to {high:g}."
    return kind(
        required=True,
        validate=validate.Range(low, high, error=wrong),
        metadata={"audience": "public"},
        error_messages={"invalid": wrong, "required": wrong, "special": wrong, "too_large": wrong},
    )


class Settings(Payload):
    """What those who run a desk may set; closed days as ISO dates, times as hours of the desk or of the clock."""

    name = words(80, multiline=False)
    about = words(500, low=0)
    hue = _number(fields.Integer, 0, people.HUES - 1)
    zone = words(64, multiline=False)
    holidays = words(16, low=0, multiline=False)
    closed_on = words(4_000, low=0)
    first_answer_h = _number(fields.Float, 0.25, 400)
    handoff_h = _number(fields.Float, 1, 720)


def change(desk: Desk, given: Mapping[str, Any], opening: Mapping[str, Any], *, by: Viewer) -> None:
    """Change a desk's face, hours and limits. Raises Invalid by field; a desk that never opens can't promise a word."""
    permissions.require(by, "run_desk", desk)
    try:
        loaded = Settings().load(given)
    except ValidationError as error:
        raise Invalid(fields=kinds.messages(error)) from None
    loaded["holidays"] = loaded["holidays"].upper()
    closed_on, opening = _closed_days(loaded["closed_on"]), checked_opening(opening)
    first_answer = round(60 * loaded["first_answer_h"])
    _require_hours(loaded, opening, closed_on, first_answer)
    with transaction():
        for name in ("name", "about", "hue", "zone", "holidays"):
            setattr(desk, name, loaded[name])
        desk.opening, desk.closed_on = opening, closed_on
        desk.first_answer_minutes, desk.handoff_minutes = first_answer, round(60 * loaded["handoff_h"])
        notice("desk", desk.slug)


def checked_opening(opening: Mapping[str, Any]) -> dict[str, Any]:
    """Return opening hours as they are kept; raise Invalid by field (day0 is Monday) when spans overlap or run back."""
    wrong = {}
    for day, spans in _frozen(opening):
        try:
            clock.Hours.of("UTC", {day: spans})
        except Invalid as error:
            wrong[f"day{day}"] = next(iter(error.fields.values()))
    if wrong:
        raise Invalid(fields=wrong)
    return {day: [list(span) for span in spans] for day, spans in sorted(opening.items()) if spans}


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


def _closed_days(text: str) -> list[str]:
    found = set()
    for part in text.replace(",", "\n").split("\n"):
        try:
            found |= {date.fromisoformat(part.strip()).isoformat()} if part.strip() else set()
        except ValueError:
            raise Invalid(fields={"closed_on": f"Write {part.strip()[:20]} as a date such as 2026-12-24."}) from None
    return sorted(found)


def _require_hours(loaded: Mapping[str, Any], opening: Mapping[str, Any], closed_on: list[str], minutes: int) -> None:
    try:
        found = _hours(loaded["zone"], _frozen(opening), loaded["holidays"], tuple(closed_on))
        clock.add_business(now(), timedelta(minutes=minutes), found)
    except Invalid as error:
        places = {"zone": "zone", "country": "holidays", "hours": "day0", "weekly": "day0"}
        raise Invalid(error.message, fields={places[name]: words for name, words in error.fields.items()}) from None
