"""Finding a ticket again: ended and private ones too, by what staff knows of them, and by nobody else's staff."""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import String, cast

from tests import make
from tests.houses import Visitor
from tests.reading import asked, rows_read
from tests.test_workspace import desk_of, read
from tracker import lookup, permissions
from tracker.models import Person, Ticket


@pytest.fixture
def solved(house: Flask) -> Ticket:
    """A private ticket that has ended: it is in no queue and on no public page."""
    ticket = make.ticket(
        visibility="private", subject="Ring 030 5550147, no water", name="Cara Lindt", email="cara@home.example"
    )
    make.post(ticket, "resolved")
    return make.fresh(ticket)


@pytest.mark.parametrize("wanted", ["", "WATER", "5550147", "lindt water", "cara@home", "{ref}"])
def test_who_stands_at_its_desk_finds_it(solved: Ticket, client: Visitor, wanted: str) -> None:
    for who in (solved.assignee, make.lead(solved.desk)):
        make.sign_in(client, who)
        page = read(client.get("/workspace/find", query_string={"q": wanted.format(ref=solved.ref)}))
        assert f'href="{desk_of(solved)}"' in page
        assert "Solved</span>" in page


@pytest.mark.parametrize("wanted", ["fire", "cara fire", "%", "_"])
def test_what_it_does_not_hold_finds_it_not(solved: Ticket, client: Visitor, wanted: str) -> None:
    make.sign_in(client, solved.assignee)
    page = read(client.get("/workspace/find", query_string={"q": wanted}))
    assert desk_of(solved) not in page
    assert "Nothing matches." in page


def those_of(*tickets: Ticket) -> Iterator[Person]:
    first = tickets[0]
    yield from (first.assignee, make.agent(first.desk), make.lead(first.desk), make.admin(first.desk))
    offered, helper, other = (make.agent(make.desk(slug)) for slug in ("parks", "roads", "trams"))
    make.post(first, "handoff_offered", to=offered)
    make.post(first, "helper_added", to=helper)
    yield from (offered, helper, other, tickets[1].assignee)


def test_a_search_finds_what_may_be_seen_as_staff_and_nothing_else(solved: Ticket) -> None:
    others = make.ticket(make.agent(make.desk("streets")).desk)
    tickets = (make.ticket(solved.desk), others, solved)
    for who in those_of(*tickets):
        viewer = make.viewer(who)
        hits, _ = lookup.found("", by=viewer)
        seen = {one.ref for one in tickets if permissions.may(viewer, "see_as_staff", make.fresh(one))}
        assert {row["ref"] for row in hits} == seen, who.name
    assert lookup.found("", by=permissions.ANYONE) == ([], None)
    assert lookup.found("", by=make.customer(*tickets)) == ([], None)


def test_a_page_says_that_there_are_more_and_leads_to_them(
    solved: Ticket, client: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "PAGE", 2)
    refs = {solved.ref} | {make.ticket(solved.desk).ref for _ in range(2)}
    make.sign_in(client, solved.assignee)
    first, second = lookup.found("", by=make.viewer(solved.assignee))[0], read(client.get("/workspace/find"))
    assert "2 found, and there are more" in second
    older = second.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    rest = read(client.get(older))
    assert "there are more" not in rest
    (last,) = refs - {row["ref"] for row in first}
    assert f"/workspace/t/{last}" in rest
    assert client.get("/workspace/find?cursor=nonsense").status_code == 422


@pytest.mark.parametrize("wanted", ["CARA@home.example", "{ref}"])
def test_a_whole_mail_address_or_ref_is_found_however_many_tickets_its_desk_has(solved: Ticket, wanted: str) -> None:
    others = make.ticket(solved.desk, email="another.cara@home.example")
    make.copies(others, 3_000, ref=lambda n: "r" + cast(n, String), email=lambda n: cast(n, String) + "@home.example")
    with asked() as questions:
        hits, _ = lookup.found(wanted.format(ref=solved.ref), by=make.viewer(solved.assignee))
    assert [row["ref"] for row in hits] == [solved.ref]
    assert all(rows_read(one) < 3_000 for one in questions if "FROM tickets" in one[0])
