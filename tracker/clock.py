"""How long things take and when they are due: elapsed, waiting, business hours and times in words, all pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from holidays import country_holidays

from tracker.errors import Invalid

ZERO: Final = timedelta()
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
HORIZON: Final = timedelta(days=20 * 365)

Opening = tuple[time, time]
Instants = tuple[datetime, datetime]

_LARGEST_SHIFT = timedelta(hours=4)
_THE_END = datetime.max.replace(tzinfo=UTC)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Hours:
    """When a desk is open: an IANA zone, openings by weekday (Monday is 0), closed days and public holidays."""

    zone: str
    weekly: tuple[tuple[Opening, ...], ...]
    closed: frozenset[date] = frozenset()
    country: str = ""
    subdivision: str = ""

    @classmethod
    def of(
        cls,
        zone: str,
        weekly: Mapping[int, Iterable[Opening]],
        *,
        closed: Iterable[date] = (),
        country: str = "",
        subdivision: str = "",
    ) -> "Hours":
        """Check and build hours; an opening that ends at 00:00 ends at midnight, ISO 3166 codes name the holidays."""
        _zone(zone)
        if unknown := set(weekly) - set(range(7)):
            raise Invalid(
                f"Name weekdays 0 (Monday) to 6 (Sunday), not {sorted(unknown)}.", fields={"weekly": "0 to 6"}
            )
        days = tuple(_checked(weekday, sorted(weekly.get(weekday, ()))) for weekday in range(7))
        if country:
            _public_holidays(country, subdivision, 2026)
        return cls(zone, days, frozenset(closed), country, subdivision)

    def is_working_day(self, day: date) -> bool:
        """Say whether the desk opens at all on a day."""
        return bool(self.weekly[day.weekday()]) and not self._is_closed(day)

    def _is_closed(self, day: date) -> bool:
        return day in self.closed or (
            bool(self.country) and day in _public_holidays(self.country, self.subdivision, day.year)
        )


@dataclass(frozen=True)
class Span:
    """A stretch of a ticket's life in one status; the last one has no end yet."""

    status: str
    start: datetime
    end: datetime | None = None


@dataclass(frozen=True)
class Waiting:
    """Who waited for whom: the time waiting for us, for the customer, and from the opening to the end."""

    us: timedelta
    customer: timedelta
    total: timedelta

    @property
    def settled(self) -> timedelta:
        """Give the time that a reopened ticket lay ended, which is part of the total."""
        return self.total - self.us - self.customer


def waiting(spans: Sequence[Span], until: datetime, hours: Hours | None = None) -> Waiting:
    """Add up spans in order, by the wall clock or in a desk's hours; a last span that is an end counts for nothing."""
    stretches = [(span.status, span.start, until if span.end is None else span.end) for span in spans]
    if any(end < start for (_, start, end), span in zip(stretches, spans, strict=True) if span.end):
        raise Invalid("A span can't end before it starts.")
    while stretches and stretches[-1][0] not in ("open", "waiting"):
        stretches.pop()
    if not stretches:
        return Waiting(ZERO, ZERO, ZERO)

    def measure(start: datetime, end: datetime) -> timedelta:
        return business_seconds(start, end, hours) if hours else max(end - start, ZERO)

    def spent(status: str) -> timedelta:
        return sum((measure(start, end) for is_in, start, end in stretches if is_in == status), ZERO)

    return Waiting(spent("open"), spent("waiting"), measure(stretches[0][1], stretches[-1][2]))


def business_seconds(start: datetime, end: datetime, hours: Hours) -> timedelta:
    """Give how long the desk is open from `start` to `end`; nothing when the end comes first."""
    total = ZERO
    if end <= start:
        return total
    # Where clocks go back over midnight a day's hours reach into its neighbour's, so each end looks a day further.
    until = _local(end, hours).date() + DAY
    for position, (first, last) in enumerate(_months(_local(start, hours).date() - DAY)):
        if first > until:
            break
        if position > 1 and last < until - 2 * DAY:
            total += _open_in_month(hours, first)
        else:
            total += sum(
                (closes - opens for opens, closes in _stretches(hours, first, min(last, until), start, end)), ZERO
            )
    return total


def add_business(start: datetime, amount: timedelta, hours: Hours) -> datetime:
    """Give the moment by which the desk has been open for `amount` since `start`; Invalid if that is beyond HORIZON."""
    if amount < ZERO:
        raise Invalid("Business time can only be added, not taken away.")
    left, day = amount, _local(start, hours).date() - DAY
    for position, (first, last) in enumerate(_months(day)):
        if not left:
            return start.astimezone(UTC)
        if last - day > HORIZON or not any(hours.weekly):
            break
        if position > 1 and (total := _open_in_month(hours, first)) < left:
            left -= total
            continue
        for opens, closes in _stretches(hours, first, last, start, _THE_END):
            if opens + left <= closes:
                return opens + left
            left -= closes - opens
    raise _never_open()


def next_opening(at: datetime, hours: Hours) -> datetime:
    """Give the first moment from `at` on when the desk is open: `at` itself if it is."""
    instant = timedelta.resolution
    return add_business(at, instant, hours) - instant


def start_of_tomorrow(now: datetime, zone: str) -> datetime:
    """Give the first moment of the next day on the clock of a zone."""
    return datetime.combine(now.astimezone(_zone(zone)).date() + DAY, time(0), _zone(zone)).astimezone(UTC)


def in_working_days(start: datetime, count: int, hours: Hours, at: time = time(17)) -> datetime:
    """Give the clock time `at` on the `count`-th day after `start` on which the desk opens."""
    if count < 1:
        raise Invalid("Count at least one working day.")
    today = _local(start, hours).date()
    ahead = (today + timedelta(days=n) for n in range(1, HORIZON.days))
    day = next(islice((day for day in ahead if _openings(hours, day)), count - 1, None), None)
    if day is None:
        raise _never_open()
    return datetime.combine(day, at, _zone(hours.zone)).astimezone(UTC)


def humanise(duration: timedelta, short: bool = False) -> str:
    """Say a duration in its two largest units, rounded down: "12 days 4 h", "4 h 12 min", short "12 d 4 h"."""
    minutes = max(duration, ZERO) // MINUTE
    days, hours, minutes = minutes // 1_440, minutes // 60 % 24, minutes % 60
    many = f"{days} d" if short else _counted(days, "day")
    if days:
        return f"{many} {hours} h" if hours else many
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min"
    return "< 1 min" if short else "under a minute"


def relative(at: datetime, now: datetime) -> str:
    """Say how far a moment lies from now in one unit: "3 days ago", "in 5 h", "just now"."""
    apart = abs(at - now)
    if apart < MINUTE:
        return "just now" if at <= now else "in under a minute"
    if apart < HOUR:
        words = f"{apart // MINUTE} min"
    elif apart < DAY:
        words = f"{apart // HOUR} h"
    elif apart < 60 * DAY:
        words = _counted(apart.days, "day")
    elif apart < 730 * DAY:
        words = _counted(apart.days // 30, "month")
    else:
        words = _counted(apart.days // 365, "year")
    return f"{words} ago" if at < now else f"in {words}"


def due_text(at: datetime, now: datetime, zone: str) -> str:
    """Say when something is due as its reader's clock shows it: "today 17:00", "Tue 14:00", "3 Dec 14:00"."""
    local, today = at.astimezone(_zone(zone)), now.astimezone(_zone(zone)).date()
    ahead = (local.date() - today).days
    near = {-1: "yesterday", 0: "today", 1: "tomorrow"}
    if ahead in near:
        day = near[ahead]
    elif 1 < ahead < 7:
        day = _WEEKDAYS[local.weekday()]
    else:
        day = f"{local.day} {_MONTHS[local.month - 1]}" + (f" {local.year}" if local.year != today.year else "")
    return f"{day} {local:%H:%M}"


def zone_name(at: datetime, zone: str) -> str:
    """Return what a zone's clock is called at a moment, in short: "CET", "UTC"; its offset where it has no name."""
    return at.astimezone(_zone(zone)).tzname() or zone


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _never_open() -> Invalid:
    what_to_do = "Give the desk opening hours, or more of them."
    return Invalid(f"This desk is not open for that long in 20 years. {what_to_do}", fields={"hours": what_to_do})


def is_zone(name: str) -> bool:
    """Say whether a name is an IANA time zone."""
    try:
        _zone(name)
    except Invalid:
        return False
    return True


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        what_to_do = "Choose a time zone such as Europe/Berlin."
        raise Invalid(f"There is no time zone {name!r}. {what_to_do}", fields={"zone": what_to_do}) from None


def _checked(weekday: int, openings: list[Opening]) -> tuple[Opening, ...]:
    closes_at = time(0)
    for position, (opens, closes) in enumerate(openings):
        overlaps = position > 0 and (closes_at == time(0) or opens < closes_at)
        if overlaps or (closes != time(0) and closes <= opens):
            what_to_do = "Give openings that end after they start and don't overlap; split one that runs over midnight."
            raise Invalid(f"{_WEEKDAYS[weekday]}: {what_to_do}", fields={"weekly": what_to_do})
        closes_at = closes
    return tuple(openings)


@lru_cache(maxsize=1_024)
def _public_holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    try:
        return frozenset(country_holidays(country, subdiv=subdivision or None, years=year, expand=False))
    except NotImplementedError:
        where = f"{country}-{subdivision}" if subdivision else country
        what_to_do = "Use ISO 3166 codes such as DE and BE."
        raise Invalid(f"No holidays are known for {where}. {what_to_do}", fields={"country": what_to_do}) from None


def _local(at: datetime, hours: Hours) -> datetime:
    return at.astimezone(_zone(hours.zone))


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _openings(hours: Hours, day: date) -> list[Instants]:
    """Give the UTC stretches in which the wall clock shows an opening of that day, exact where clocks change."""
    if not hours.is_working_day(day):
        return []
    pieces = _offsets(_zone(hours.zone), day)
    found = []
    for opens, closes in hours.weekly[day.weekday()]:
        ends_on = day + DAY if closes == time(0) else day
        wall = datetime.combine(day, opens, UTC), datetime.combine(ends_on, closes, UTC)
        for begins, ends, offset in pieces:
            stretch = max(wall[0] - offset, begins), min(wall[1] - offset, ends)
            if stretch[0] < stretch[1]:
                found.append(stretch)
    return found


def _offsets(zone: ZoneInfo, day: date) -> list[tuple[datetime, datetime, timedelta]]:
    """Give the stretches of one UTC offset around a local day: one, or two where the clocks change.

    They reach beyond the day on both sides, because midnight itself may lie in a change of clocks.
    """
    begins = datetime.combine(day, time(0), zone).astimezone(UTC) - _LARGEST_SHIFT
    ends = datetime.combine(day + DAY, time(0), zone).astimezone(UTC) + _LARGEST_SHIFT
    before, after = (_offset(zone, at) for at in (begins, ends))
    if before == after:
        return [(begins, ends, before)]
    seconds = range(int((ends - begins).total_seconds()) + 1)
    change = begins + timedelta(
        seconds=bisect_left(seconds, True, key=lambda s: _offset(zone, begins + timedelta(seconds=s)) != before)
    )
    return [(begins, change, before), (change, ends, after)]


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or ZERO


def _stretches(hours: Hours, first: date, last: date, start: datetime, end: datetime) -> list[Instants]:
    """Give the openings of some days, in order, as far as they lie between two moments."""
    cut = (
        (max(opens, start), min(closes, end)) for day in _days(first, last) for opens, closes in _openings(hours, day)
    )
    return sorted((opens.astimezone(UTC), closes) for opens, closes in cut if opens < closes)


def _months(first: date) -> Iterator[tuple[date, date]]:
    """Walk on without end from a day: the rest of its month, then month by month."""
    while True:
        following = (first.replace(day=1) + 31 * DAY).replace(day=1)
        yield first, following - DAY
        first = following


@lru_cache(maxsize=8_192)
def _open_in_month(hours: Hours, first: date) -> timedelta:
    _, last = next(_months(first))
    return sum((closes - opens for day in _days(first, last) for opens, closes in _openings(hours, day)), ZERO)
