"""Figures of people and desks: right, defined, never of few, never of anybody's minutes, flat as tickets grow."""

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import String, cast
from time_machine import Traveller

from tests import make, reading
from tests.houses import Visitor
from tests.html import terms
from tracker import richtext, statistics, store, tallies
from tracker.kinds import KINDS
from tracker.models import Desk, Person, Tally, Ticket
from tracker.pages import figures

PAST = 5_000
"""Rows of a house with a long past: reading any such number is too much."""


def solved_after(hours: list[int], travel: Traveller) -> list[Ticket]:
    """Open a ticket for each number, and resolve it that many hours after."""
    desk = make.desk("water")
    make.agent(desk)
    found = []
    for number in hours:
        ticket = make.ticket(desk)
        travel.shift(timedelta(hours=number))
        make.post(ticket, "resolved")
        found.append(ticket)
    return found


def near(span: timedelta | None, hours: float) -> bool:
    return span is not None and abs(span / timedelta(hours=hours) - 1) < 0.1


def test_median_and_nine_in_ten_are_those_of_the_tickets(house: Flask, travel: Traveller) -> None:
    tickets = solved_after([1, 2, 2, 3, 3, 3, 4, 5, 6, 60], travel)
    found = statistics.figures(tickets[0].desk).whole
    assert found.first_word.n == found.solution.n == 10
    assert near(found.solution.median, 3)
    assert near(found.solution.ninety, 6)
    assert statistics.figures(tickets[0].assignee).whole.solution == found.solution


def test_months_are_told_apart_and_older_ones_than_a_year_are_left_out(house: Flask, travel: Traveller) -> None:
    tickets = solved_after([1] * 5, travel)
    travel.shift(timedelta(days=31))
    for _ in range(6):
        make.post(make.ticket(tickets[0].desk), "resolved")
    found = statistics.figures(tickets[0].desk)
    assert [month.solution.n for month in found.months][-2:] == [5, 6]
    assert found.months[0].month == 202505
    travel.shift(timedelta(days=334))
    assert statistics.figures(tickets[0].desk).whole.solution.n == 6


def test_nothing_is_shown_of_fewer_than_five(house: Flask, client: Visitor, travel: Traveller) -> None:
    tickets = solved_after([7] * 4, travel)
    for one in tickets:
        make.post(one, "feedback", solved=True, understood="no")
    desk = tickets[0].desk
    found = statistics.figures(desk)
    assert (found.open_now, found.whole.solution.median, found.whole.promises, found.whole.answers) == (None,) * 4
    page = client.get(f"/desks/{desk.slug}").text
    assert "Too little has happened" in page
    assert "not understood" not in page
    table = client.get(f"/desks/{desk.slug}/figures.csv").text
    assert not re.search(r",\d+(,|\r)", table)
    make.post(make.ticket(desk), "resolved")
    assert "fewer than 5" in client.get(f"/desks/{desk.slug}").text
    assert near(statistics.figures(desk).whole.solution.median, 7)


def test_the_page_shows_each_figure_with_its_number_and_what_it_counts(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    tickets = solved_after([2, 2, 2, 50, 50, 50], travel)
    for number, one in enumerate(tickets):
        make.post(one, "feedback", solved=number > 0, understood="yes" if number > 1 else "no", why="It drips.")
    for address in (f"/desks/{tickets[0].desk.slug}", f"/people/{tickets[0].assignee.slug}"):
        words = client.get(address).text
        assert "(n = 6)" in words
        assert "67 %" in words
        assert "Nobody’s working minutes are recorded" in words
        assert re.search(r"<dd>(1 h 50 min|2 h|2 h 10 min)</dd>", words)


def test_charts_have_a_table_behind_them_with_the_same_figures(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    tickets = solved_after([2, 2, 2, 50, 50, 50], travel)
    page = client.get(f"/people/{tickets[0].assignee.slug}").text
    assert page.count('<svg viewBox="0 0 360 130"') == page.count("The figures as a table") == 3
    assert page.count('class="chart__median"') == 2
    assert page.count("Mar 2026") == 3


def test_the_table_for_programs_has_the_figures_and_no_formulas(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    tickets = solved_after([2] * 6, travel)
    desk = tickets[0].desk
    with store.transaction():
        desk.name = "=HYPERLINK(1)"
    answer = client.get(f"/desks/{desk.slug}/figures.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.mimetype == "text/csv"
    assert len(rows) == statistics.MONTHS + 1
    assert {row["name"] for row in rows} == {"'=HYPERLINK(1)"}
    assert rows[-2]["month"] == "2026-03"
    assert (rows[-1]["month"], rows[-1]["solved_n"], rows[-1]["promises_kept"]) == ("all", "6", "6")
    assert 6500 < int(rows[-1]["solved_median_s"]) < 8000


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", "'=1"])
def test_no_name_is_a_formula_to_a_spreadsheet(name: str) -> None:
    assert richtext.cell(name) == f"'{name}"


COUNTS = {"passed_on": 11, "declined": 13, "kept": 19, "moved": 7, "missed": 6}


def counted(of: Person | Desk) -> None:
    """Let as much have happened this month to somebody's tickets, each figure with a number of its own."""
    now, owner = tallies.month(store.now()), "desk" if isinstance(of, Desk) else "person"
    keys = {("open", 0, tallies.NOW): 17, ("words", tallies.OWN, now): 28, ("words", tallies.STANDARD, now): 12}
    keys |= {(measure, 0, now): n for measure, n in COUNTS.items()}
    keys |= {("feedback", number, now): 5 + number for number in range(6)}
    with store.transaction() as session:
        for (measure, bucket, month), n in keys.items():
            session.add(Tally(owner=owner, owner_id=of.id, month=month, measure=measure, bucket=bucket, n=n))


def test_a_page_and_its_table_show_every_figure_in_its_place(house: Flask, client: Visitor, travel: Traveller) -> None:
    ann = make.agent()
    for of, place in ((ann, f"/people/{ann.slug}"), (ann.desk, f"/desks/{ann.desk.slug}")):
        counted(of)
        page = client.get(place).text
        shown = terms(page)
        assert shown["open now"] == "17"
        assert shown["passed on"] == "11"
        assert shown["declined"] == "13"
        assert shown["promises kept"] == "59 % 19 kept, 7 moved, 6 missed (n = 32)"
        assert shown["written for the case"].startswith("70 %")
        assert shown["to the solution"] == "fewer than 5"
        assert re.findall(r'<td class="square__\d">(.*?)</td>', page) == [
            "11 %",
            "13 %",
            "16 %",
            "18 %",
            "20 %",
            "22 %",
        ]
        *_months, march, whole = csv.DictReader(io.StringIO(client.get(f"{place}/figures.csv").text))
        assert (whole["open_now"], march["open_now"]) == ("17", "")
        for row in (march, whole):
            assert [row[name] for name in ("passed_on", "declined")] == ["11", "13"]
            assert [row[name] for name in ("words_n", "words_for_the_case")] == ["40", "28"]
            assert [row[f"promises_{state}"] for state in ("kept", "moved", "missed")] == ["19", "7", "6"]
            assert (row["solved_understood"], row["unsolved_not_understood"]) == ("5", "10")


DEFINED = {
    "Of when": "The last 12 months with this one; open now: at this moment. What is made of fewer than 5 is not shown.",
    "To the first word": "From the customer’s asking to the first public word, by the clock on the wall",
    "To the solution": "From asking to the solution that stands, time before a reopening included. Declined",
    "Promises": "Kept: the word came by the time that was promised. Moved: by whoever gave it",
    "Written for the case": "nearly copies nothing that its author or the desk said in the 90 days before",
    "Passed on": "How often a ticket went from here to somebody else.",
    "Solved, and understood": "The customers’ own answers to both questions, the newest of each ticket",
    "How exact": "Durations to within 9 %. Imported tickets have no first word here",
}


def test_a_page_says_what_each_figure_counts(house: Flask, client: Visitor) -> None:
    ann = make.agent()
    counted(ann)
    for place in (f"/people/{ann.slug}", f"/desks/{ann.desk.slug}"):
        said = terms(client.get(place).text)
        for term, words in DEFINED.items():
            assert words in said[term], place


def test_pages_read_no_more_in_a_house_with_a_long_past(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update")
    old = store.now() - timedelta(days=100)
    make.copies(word, PAST, seq=lambda n: n + PAST, recorded_at=lambda n: make.before(old, n))
    make.copies(ticket, PAST, ref=lambda n: cast(n, String), last_public_at=lambda n: make.before(old, n))
    places = [f"/people/{ticket.assignee.slug}", f"/desks/{ticket.desk.slug}"]
    for place in (*places, *(f"/api/v1{place}" for place in places), *(f"{place}/figures.csv" for place in places)):
        with reading.asked() as questions:
            assert client.get(place).status_code == 200
        assert 0 < len(questions) <= 6, place
        for question in questions:
            assert reading.rows_read(question) < PAST, question[0]


def test_rows_that_are_read_and_left_out_are_seen(house: Flask) -> None:
    word = make.post(make.ticket(), "update")
    make.copies(word, PAST, seq=lambda n: n + PAST)
    query = "SELECT id FROM events WHERE body_source = 'nothing'"
    assert reading.rows_read((query, ())) >= PAST


HANDLED = re.compile(
    r"handl(e|ing)[_ ]?(time|s$|sec|min)|\baht\b|work(ed|ing)_(time|s$|sec|min|hours)|time[_ ](spent|worked|logged)"
    r"|(hours|minutes|seconds|time)[_ ](worked|spent)|effort|billable|timesheet|productiv|idle_|talk_?time|wrap_?up",
    re.IGNORECASE,
)
"""How systems call the minutes somebody works on a ticket."""


def test_no_table_event_or_export_records_how_long_anybody_works(house: Flask, client: Visitor) -> None:
    names = {f"{table}.{column.name}" for table in store.db.metadata.sorted_tables for column in table.columns}
    names |= {f"{name}.{field}" for name, kind in KINDS.items() for field in kind.fields}
    names |= {*figures.HEAD, *re.findall(r'"(\w+)":', client.get("/api/v1/openapi.json").text)}
    names |= {key for line in lines_of_an_export(house) for key in re.findall(r'"(\w+)":', line)}
    assert len(names) > 200
    assert not {name for name in names if HANDLED.search(name)}


def lines_of_an_export(house: Flask) -> list[str]:
    make.post(make.ticket(), "update")
    return house.test_cli_runner().invoke(args=["tracker", "export"]).output.splitlines()


def test_no_page_shows_how_long_anybody_works(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "resolved")
    make.sign_in(client, make.admin(ticket.desk))
    addresses = [f"/t/{ticket.ref}", f"/people/{ticket.assignee.slug}", f"/desks/{ticket.desk.slug}", "/workspace/"]
    for address in [*addresses, f"/workspace/t/{ticket.ref}", "/workspace/board"]:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert not HANDLED.search(answer.text), address


@pytest.mark.parametrize("name", ["handle_time", "average handling time", "aht", "minutes_worked", "time_spent_s"])
def test_the_check_for_working_minutes_would_find_them(name: str) -> None:
    assert HANDLED.search(name)
