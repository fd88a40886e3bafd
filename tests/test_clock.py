"""The clock: business hours through every change of clocks, waiting, and times in words."""

import sys
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracker import clock
from tracker.clock import Hours, Span
from tracker.errors import Invalid

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
OFFICE = {weekday: [(time(9), time(12, 30)), (time(13, 30), time(17))] for weekday in range(5)}
BERLIN = Hours.of("Europe/Berlin", OFFICE)
ROUND_THE_CLOCK = {weekday: [(time(0), time(0))] for weekday in range(7)}
ALWAYS = Hours.of("Asia/Kathmandu", ROUND_THE_CLOCK)
NEVER = Hours.of("Europe/Berlin", {})
# Clocks change at 2:00, by half an hour, at midnight (a day that starts at 1:00 or shows 23:00 twice), by a whole day.
CHANGES = {
    "America/Chicago": [date(2026, 3, 8), date(2026, 11, 1)],
    "Europe/Berlin": [date(2026, 3, 29), date(2026, 10, 25)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],
    "America/Sao_Paulo": [date(2018, 2, 18), date(2018, 11, 4)],
    "America/Asuncion": [date(2024, 3, 24), date(2023, 10, 1)],
    "Asia/Beirut": [date(2025, 3, 30), date(2025, 10, 26)],
    "Africa/Casablanca": [date(2026, 2, 15), date(2026, 3, 22)],
    "Pacific/Apia": [date(2011, 12, 30), date(2011, 12, 31)],
    "Asia/Kolkata": [date(2026, 6, 1)],
    "Asia/Kathmandu": [date(2026, 6, 1)],
    "UTC": [date(2026, 2, 28)],
}


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo("Europe/Berlin"))  # type: ignore[arg-type,misc]


QUARTERS = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@st.composite
def openings(draw: Any) -> list[tuple[time, time]]:
    edges = sorted(draw(st.sets(QUARTERS, max_size=6)))
    if len(edges) % 2:
        edges.append(time(0))
    return list(zip(edges[::2], edges[1::2], strict=True))


@st.composite
def desks(draw: Any) -> tuple[Hours, datetime]:
    """Draw hours in a zone, and a moment within some days of a change of its clocks."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    near = draw(st.sampled_from(CHANGES[zone]))
    weekly = draw(st.one_of(st.just(ROUND_THE_CLOCK), st.dictionaries(st.integers(0, 6), openings())))
    closed = [near + timedelta(days=n) for n in draw(st.sets(st.integers(-4, 4), max_size=2))]
    minutes = draw(st.integers(-3 * 1_440, 2 * 1_440))
    return Hours.of(zone, weekly, closed=closed), datetime.combine(near, time(0), UTC) + timedelta(minutes=minutes)


def is_open(at: datetime, hours: Hours) -> bool:
    """Read the wall clock: the plainest thing that the fast arithmetic must agree with."""
    wall = at.astimezone(ZoneInfo(hours.zone))
    if wall.date() in hours.closed:
        return False
    return any(o <= wall.time() and (wall.time() < c or c == time(0)) for o, c in hours.weekly[wall.weekday()])


def minutes_open(start: datetime, end: datetime, hours: Hours) -> timedelta:
    count = (end - start) // MINUTE
    return sum(is_open(start + n * MINUTE, hours) for n in range(count)) * MINUTE


def opens_on(day: date, hours: Hours) -> bool:
    if day in hours.closed or not hours.weekly[day.weekday()]:
        return False
    around = (datetime.combine(day, time(0), UTC) + n * 15 * MINUTE for n in range(-96, 192))
    return any(is_open(at, hours) and at.astimezone(ZoneInfo(hours.zone)).date() == day for at in around)


@pytest.mark.parametrize(
    ("start", "end", "open_for"),
    [
        (berlin(2026, 11, 23, 9), berlin(2026, 11, 23, 17), 7 * HOUR),
        (berlin(2026, 11, 23, 0), berlin(2026, 11, 30, 0), 35 * HOUR),
        (berlin(2026, 11, 20, 16, 30), berlin(2026, 11, 23, 9, 15), 45 * MINUTE),
        (berlin(2026, 11, 21, 9), berlin(2026, 11, 22, 17), 0 * HOUR),
        (berlin(2026, 11, 23, 12), berlin(2026, 11, 23, 14), HOUR),
        (berlin(2026, 11, 23, 17), berlin(2026, 11, 23, 9), 0 * HOUR),
        (berlin(2026, 11, 23, 9), berlin(2026, 11, 23, 9), 0 * HOUR),
    ],
)
def test_business_time_counts_only_opening_hours(start: datetime, end: datetime, open_for: timedelta) -> None:
    assert clock.business_seconds(start, end, BERLIN) == open_for


def test_a_night_desk_works_an_hour_less_in_spring_and_an_hour_more_in_autumn() -> None:
    nights = Hours.of("Europe/Berlin", {weekday: [(time(0), time(6))] for weekday in range(7)})
    spring, autumn = berlin(2026, 3, 29), berlin(2026, 10, 25)
    assert clock.business_seconds(spring, spring + 12 * HOUR, nights) == 5 * HOUR
    assert clock.business_seconds(autumn, autumn + 12 * HOUR, nights) == 7 * HOUR


def test_a_desk_open_round_the_clock_counts_every_second() -> None:
    start = utc(2020, 2, 28, 23, 59, 59)
    assert clock.business_seconds(start, start + 3_000 * DAY + MINUTE, ALWAYS) == 3_000 * DAY + MINUTE


def test_closed_days_and_public_holidays_do_not_count() -> None:
    week = berlin(2026, 12, 21), berlin(2026, 12, 28)
    closed = Hours.of("Europe/Berlin", OFFICE, closed=[date(2026, 12, 24)], country="DE", subdivision="BE")
    assert clock.business_seconds(*week, BERLIN) == 35 * HOUR
    assert clock.business_seconds(*week, closed) == 21 * HOUR
    womens_day = date(2027, 3, 8)
    assert not closed.is_working_day(womens_day)
    assert Hours.of("Europe/Berlin", OFFICE, country="DE", subdivision="BY").is_working_day(womens_day)


@given(desks(), st.integers(0, 4 * 1_440))
def test_business_time_agrees_with_reading_the_wall_clock_minute_by_minute(
    desk: tuple[Hours, datetime], minutes: int
) -> None:
    hours, start = desk
    end = start + minutes * MINUTE
    assert clock.business_seconds(start, end, hours) == minutes_open(start, end, hours)


@given(desks(), st.integers(0, 500 * 1_440), st.integers(0, 500 * 1_440))
def test_business_time_adds_up_however_a_span_is_cut(desk: tuple[Hours, datetime], one: int, other: int) -> None:
    hours, start = desk
    middle = start + one * MINUTE
    end = middle + other * MINUTE
    parts = clock.business_seconds(start, middle, hours) + clock.business_seconds(middle, end, hours)
    assert clock.business_seconds(start, end, hours) == parts <= end - start


@given(desks(), st.integers(0, 200 * 60))
def test_added_business_time_is_the_time_the_desk_is_open_until_then(
    desk: tuple[Hours, datetime], minutes: int
) -> None:
    hours, start = desk
    assume(any(hours.weekly))
    end = clock.add_business(start, minutes * MINUTE, hours)
    assert clock.business_seconds(start, end, hours) == minutes * MINUTE
    assert end == start or is_open(end - timedelta.resolution, hours)


@given(desks())
def test_the_next_opening_is_the_first_open_moment(desk: tuple[Hours, datetime]) -> None:
    hours, start = desk
    assume(any(hours.weekly))
    opens = clock.next_opening(start, hours)
    assert is_open(opens, hours)
    assert clock.business_seconds(start, opens, hours) == timedelta()
    assert (opens == start) == is_open(start, hours)


@given(desks(), st.integers(1, 30))
def test_working_days_are_counted_from_tomorrow(desk: tuple[Hours, datetime], count: int) -> None:
    hours, start = desk
    assume(any(hours.weekly))
    wall = clock.in_working_days(start, count, hours).astimezone(ZoneInfo(hours.zone))
    today = start.astimezone(ZoneInfo(hours.zone)).date()
    passed = [today + timedelta(days=n) for n in range(1, (wall.date() - today).days + 1)]
    assert sum(opens_on(day, hours) for day in passed) == count
    assert opens_on(wall.date(), hours)


def test_working_days_end_at_five_by_the_desks_clock_unless_told_otherwise() -> None:
    friday = berlin(2026, 10, 23, 22)
    assert clock.in_working_days(friday, 3, BERLIN) == berlin(2026, 10, 28, 17) == utc(2026, 10, 28, 16)
    assert clock.in_working_days(friday, 1, BERLIN, at=time(12)) == berlin(2026, 10, 26, 12)
    with pytest.raises(Invalid):
        clock.in_working_days(friday, 0, BERLIN)


def test_promises_made_on_friday_evening_run_from_monday_morning() -> None:
    friday = berlin(2026, 11, 20, 18)
    assert clock.next_opening(friday, BERLIN) == berlin(2026, 11, 23, 9)
    assert clock.add_business(friday, 8 * HOUR, BERLIN) == berlin(2026, 11, 24, 10)
    assert clock.add_business(friday, timedelta(), BERLIN) == friday


def test_a_desk_that_never_opens_can_promise_nothing() -> None:
    now = utc(2026, 11, 22)
    assert clock.business_seconds(now, now + 900 * DAY, NEVER) == timedelta()
    with pytest.raises(Invalid, match="opening hours"):
        clock.add_business(now, HOUR, NEVER)
    with pytest.raises(Invalid, match="opening hours"):
        clock.next_opening(now, NEVER)
    with pytest.raises(Invalid, match="opening hours"):
        clock.in_working_days(now, 1, NEVER)
    with pytest.raises(Invalid, match="opening hours"):
        clock.add_business(now, 20_000 * DAY, ALWAYS)
    with pytest.raises(Invalid, match="only be added"):
        clock.add_business(now, -HOUR, ALWAYS)


@pytest.mark.parametrize(
    ("zone", "weekly", "country"),
    [
        ("Europe/Nowhere", OFFICE, ""),
        ("../etc/passwd", OFFICE, ""),
        ("", OFFICE, ""),
        ("Europe/Berlin", {7: [(time(9), time(17))]}, ""),
        ("Europe/Berlin", {0: [(time(17), time(9))]}, ""),
        ("Europe/Berlin", {0: [(time(9), time(9))]}, ""),
        ("Europe/Berlin", {0: [(time(9), time(13)), (time(12), time(17))]}, ""),
        ("Europe/Berlin", {0: [(time(9), time(0)), (time(12), time(17))]}, ""),
        ("Europe/Berlin", OFFICE, "XX"),
        ("Europe/Berlin", OFFICE, "DE-XX"),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_what_to_do(zone: str, weekly: Any, country: str) -> None:
    nation, _, part = country.partition("-")
    with pytest.raises(Invalid) as refusal:
        Hours.of(zone, weekly, country=nation, subdivision=part)
    assert refusal.value.fields


def test_years_cost_months_not_minutes() -> None:
    steps = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal steps
        steps += event == "call"

    hours = Hours.of("Europe/Berlin", OFFICE, closed=[date(2031, 5, 5)])
    sys.setprofile(count)
    try:
        clock.business_seconds(utc(2016, 1, 5), utc(2026, 11, 22), hours)
        first, steps = steps, 0
        clock.business_seconds(utc(2016, 1, 6), utc(2026, 11, 21), hours)
    finally:
        sys.setprofile(None)
    assert first < 100_000
    assert steps < 4_000


def test_waiting_is_split_between_us_and_the_customer() -> None:
    day = berlin(2026, 11, 23)
    spans = [
        Span("open", day + 8 * HOUR, day + 12 * HOUR),
        Span("waiting", day + 12 * HOUR, day + 15 * HOUR),
        Span("open", day + 15 * HOUR),
    ]
    assert clock.waiting(spans, day + 20 * HOUR) == clock.Waiting(9 * HOUR, 3 * HOUR, 12 * HOUR)
    in_hours = clock.waiting(spans, day + 20 * HOUR, BERLIN)
    assert in_hours == clock.Waiting(5 * HOUR, 2 * HOUR, 7 * HOUR)


def test_the_clock_stops_at_the_resolution_and_includes_the_gap_after_reopening() -> None:
    day = utc(2026, 11, 23)
    resolved = [Span("open", day, day + 4 * HOUR), Span("resolved", day + 4 * HOUR)]
    assert clock.waiting(resolved, day + 50 * DAY).total == 4 * HOUR
    ended = resolved[0], Span("resolved", day + 4 * HOUR, day + 5 * HOUR), Span("closed", day + 5 * HOUR)
    assert clock.waiting(ended, day + 50 * DAY).total == 4 * HOUR
    reopened = resolved[0], Span("resolved", day + 4 * HOUR, day + 24 * HOUR), Span("open", day + 24 * HOUR)
    again = clock.waiting(reopened, day + 30 * HOUR)
    assert (again.us, again.customer, again.settled, again.total) == (10 * HOUR, 0 * HOUR, 20 * HOUR, 30 * HOUR)


def test_waiting_of_nothing_is_nothing_and_a_span_that_ends_before_it_starts_is_refused() -> None:
    now = utc(2026, 11, 23)
    assert clock.waiting([], now).total == timedelta()
    assert clock.waiting([Span("open", now + HOUR)], now).total == timedelta()
    with pytest.raises(Invalid):
        clock.waiting([Span("open", now, now - HOUR)], now)


@given(
    desks(), st.lists(st.tuples(st.sampled_from(["open", "waiting", "resolved"]), st.integers(0, 9_000)), max_size=8)
)
def test_the_parts_of_waiting_never_exceed_the_whole(
    desk: tuple[Hours, datetime], parts: list[tuple[str, int]]
) -> None:
    hours, at = desk
    spans = []
    for status, minutes in parts:
        spans.append(Span(status, at, at := at + minutes * MINUTE))
    for measured in (clock.waiting(spans, at), clock.waiting(spans, at, hours)):
        assert min(measured.us, measured.customer, measured.settled) >= timedelta()
    if "resolved" not in [status for status, _ in parts]:
        assert measured.settled == timedelta()


@pytest.mark.parametrize(
    ("duration", "long", "short"),
    [
        (12 * DAY + 4 * HOUR + 59 * MINUTE, "12 days 4 h", "12 d 4 h"),
        (DAY, "1 day", "1 d"),
        (DAY + 59 * MINUTE, "1 day", "1 d"),
        (400 * DAY + HOUR, "400 days 1 h", "400 d 1 h"),
        (DAY - timedelta(seconds=1), "23 h 59 min", "23 h 59 min"),
        (2 * HOUR, "2 h", "2 h"),
        (timedelta(seconds=60), "1 min", "1 min"),
        (timedelta(seconds=59), "under a minute", "< 1 min"),
        (-DAY, "under a minute", "< 1 min"),
    ],
)
def test_durations_are_said_in_their_two_largest_units(duration: timedelta, long: str, short: str) -> None:
    assert (clock.humanise(duration), clock.humanise(duration, short=True)) == (long, short)


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(), "just now"),
        (timedelta(seconds=-59), "just now"),
        (timedelta(seconds=59), "in under a minute"),
        (-MINUTE, "1 min ago"),
        (5 * HOUR + 59 * MINUTE, "in 5 h"),
        (-3 * DAY - HOUR, "3 days ago"),
        (DAY, "in 1 day"),
        (-59 * DAY, "59 days ago"),
        (-75 * DAY, "2 months ago"),
        (-400 * DAY, "13 months ago"),
        (-4_000 * DAY, "10 years ago"),
    ],
)
def test_moments_are_said_relative_to_now(ahead: timedelta, words: str) -> None:
    now = utc(2026, 11, 22, 12)
    assert clock.relative(now + ahead, now) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (berlin(2026, 11, 22, 17), "today 17:00"),
        (berlin(2026, 11, 22, 3), "today 03:00"),
        (berlin(2026, 11, 23, 12), "tomorrow 12:00"),
        (berlin(2026, 11, 21, 9, 5), "yesterday 09:05"),
        (berlin(2026, 11, 24, 14), "Tue 14:00"),
        (berlin(2026, 11, 28, 14), "Sat 14:00"),
        (berlin(2026, 11, 29, 14), "29 Nov 14:00"),
        (berlin(2026, 12, 3, 14), "3 Dec 14:00"),
        (berlin(2026, 11, 17, 14), "17 Nov 14:00"),
        (berlin(2027, 1, 3, 14), "3 Jan 2027 14:00"),
    ],
)
def test_due_times_are_said_as_the_readers_clock_shows_them(at: datetime, words: str) -> None:
    assert clock.due_text(at.astimezone(UTC), berlin(2026, 11, 22, 12), "Europe/Berlin") == words


def test_the_same_moment_is_due_on_another_day_elsewhere() -> None:
    at, now = utc(2026, 11, 22, 22, 30), utc(2026, 11, 22, 12)
    assert clock.due_text(at, now, "America/Chicago") == "today 16:30"
    assert clock.due_text(at, now, "Asia/Kolkata") == "tomorrow 04:00"
