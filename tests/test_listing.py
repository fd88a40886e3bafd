"""Lists of public tickets: each once from page to page, and a bounded piece of work however many there are."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import String, cast

from tests import make
from tests.houses import Visitor
from tests.reading import asked, rows_read
from tracker import listing, store
from tracker.listing import Filter
from tracker.models import Ticket

MANY, BOUND = 5_000, 3_000
"""A house in which looking through all tickets takes many more steps than looking through ten."""


def house_of(many: int) -> Ticket:
    """Make a house with a ticket that has rare words, the oldest, and many others."""
    rare = make.ticket(subject="The lift sings")
    with store.transaction():
        rare.last_public_at -= timedelta(days=2)
    other = make.ticket(rare.desk, subject="No water")
    at = other.last_public_at
    make.copies(other, many, ref=lambda n: "r" + cast(n, String), last_public_at=lambda n: make.before(at, n // 3))
    return rare


def walked(wanted: Filter, limit: int = 5) -> list[list[str]]:
    """Go from page to page to the end; return the refs of each."""
    pages: list[list[str]] = []
    cursor = None
    for _ in range(MANY):
        rows, cursor = listing.public_tickets(wanted, cursor=cursor, limit=limit)
        pages.append([one["ref"] for one in rows])
        if cursor is None:
            return pages
    raise AssertionError("the pages go round in a circle")


@pytest.mark.parametrize("by", ["word", "status", "desk and person"])
def test_what_no_index_has_is_looked_for_in_a_bounded_part_and_found_in_the_next(
    house: Flask, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    rare = house_of(MANY)
    somebody = make.agent(rare.desk)
    with store.transaction():
        rare.status, rare.assignee_id = "declined", somebody.id
    wanted = {
        "word": Filter(q="sings"),
        "status": Filter(status="declined"),
        "desk and person": Filter(desk=rare.desk, person=somebody),
    }[by]
    monkeypatch.setattr(listing, "LOOKED_AT", 10)
    with asked() as questions:
        rows, cursor = listing.public_tickets(wanted, cursor=None, limit=5)
    assert (rows, cursor is None) == ([], False)
    assert max(rows_read(one) for one in questions) < BOUND
    monkeypatch.setattr(listing, "LOOKED_AT", MANY // 4)
    assert [page for page in walked(wanted) if page] == [[rare.ref]]


def test_looking_through_all_would_be_seen(house: Flask) -> None:
    house_of(MANY)
    with asked() as questions:
        assert listing.public_tickets(Filter(q="sings"), cursor=None, limit=5)[0]
    assert max(rows_read(one) for one in questions) >= BOUND


def test_a_page_far_down_costs_no_more_than_the_first(house: Flask) -> None:
    rare = house_of(MANY)
    cursor = listing._encode(rare.last_public_at + timedelta(seconds=1), 0)
    with asked() as questions:
        rows, after = listing.public_tickets(Filter(), cursor=cursor, limit=5)
    assert ([one["ref"] for one in rows], after) == ([rare.ref], None)
    assert max(rows_read(one) for one in questions) < BOUND


@pytest.mark.parametrize("looked_at", [1, 3, 7, 1_000])
def test_each_ticket_is_found_once_wherever_a_part_ends(
    house: Flask, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", looked_at)
    house_of(12)
    pages = walked(Filter(q="water"), limit=2)
    refs = [ref for page in pages for ref in page]
    assert len(refs) == len(set(refs)) == 13
    assert refs == [ref for page in walked(Filter()) for ref in page][:13]


def test_a_page_says_how_far_it_looked_and_leads_on(client: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LOOKED_AT", 10)
    rare = house_of(12)
    first = client.get("/?q=sings").text
    assert "We looked through 10 tickets, those with the newest words first, and found none." in first
    assert "Nothing matches" not in first
    (older,) = re.findall(r'href="([^"]+)" rel="next">Look through older ones<', first)
    second = client.get(older.replace("&amp;", "&")).text
    assert rare.subject in second
    assert "We looked through" not in second
    assert "Nothing matches" in client.get("/?q=nothing+here&before=" + older.rpartition("before=")[2]).text
