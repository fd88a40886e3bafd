"""I'm waiting too: a number on the ticket, once per browser, taken back when you like, no name anywhere."""

from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make
from tests.houses import Visitor
from tracker import store, waiting
from tracker.errors import Conflict, Forbidden, NotFound, TooSoon
from tracker.models import Ticket, Waiter
from tracker.permissions import ANYONE


def count(ticket: Ticket) -> int:
    return make.fresh(ticket).waiting_too


def said(client: Visitor, ticket: Ticket, do: str = "join") -> int:
    return int(client.post(f"/t/{ticket.ref}/waiting", data={"do": do}).status_code)


def test_a_browser_counts_once_and_can_take_it_back(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    page = f"/t/{ticket.ref}"
    assert "I’m waiting too" in client.get(page).text
    for _ in range(3):
        answer = client.post(f"{page}/waiting", data={"do": "join"})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{page}#waiting-too")
    assert count(ticket) == 1
    assert "<b>1 reader</b> waits for this too: you." in client.get(page).text
    other = house.test_client()
    assert isinstance(other, Visitor)
    assert said(other, ticket) == 303
    assert count(ticket) == 2
    for _ in range(2):
        said(client, ticket, "leave")
    assert count(ticket) == 1
    assert "I’m waiting too" in client.get(page).text


def test_the_number_is_on_page_api_and_card(client: Visitor) -> None:
    ticket = make.ticket()
    for name in ("one", "two"):
        waiting.join(ticket.ref, name, by=ANYONE)
    assert "<b>2 readers</b> wait for this too" in client.get(f"/t/{ticket.ref}").text
    answer = client.get(f"/api/v1/tickets/{ticket.ref}").json
    assert answer is not None
    assert answer["waiting_too"] == 2
    assert "I’m waiting too (2)" in client.get(f"/t/{ticket.ref}/card").text
    facts = client.get(f"/t/{ticket.ref}/badge.json").json
    assert facts is not None
    assert facts["waiting_too"] == 2, "which the live card shows"


def test_a_page_that_knows_its_reader_is_kept_by_no_cache(client: Visitor) -> None:
    ticket = make.ticket()
    assert client.get(f"/t/{ticket.ref}").headers["Cache-Control"] == "no-cache"
    said(client, ticket)
    assert client.get(f"/t/{ticket.ref}").headers["Cache-Control"] == "private, no-store"


def test_signing_in_and_out_does_not_let_a_browser_count_twice(client: Visitor) -> None:
    ticket = make.ticket()
    agent = make.agent(ticket.desk, password="a password nobody guesses")
    said(client, ticket)
    client.post("/signin", data={"email": agent.email, "password": "a password nobody guesses"})
    said(client, ticket)
    client.post("/signout")
    said(client, ticket)
    assert count(ticket) == 1


def test_the_customer_is_not_counted_nor_anybody_on_what_they_may_not_read(house: Flask) -> None:
    ticket, private = make.ticket(), make.ticket(visibility="private")
    with pytest.raises(Forbidden):
        waiting.join(ticket.ref, "b", by=make.customer(ticket))
    for hidden in (private.ref, "0" * 12):
        with pytest.raises(NotFound):
            waiting.join(hidden, "b", by=ANYONE)
    assert count(ticket) == count(private) == 0


def test_nobody_begins_to_wait_for_what_has_ended(client: Visitor) -> None:
    ticket = make.ticket()
    waiting.join(ticket.ref, "b", by=ANYONE)
    assert waiting.may_join(ticket, by=ANYONE)
    make.post(ticket, "resolved")
    assert not waiting.may_join(make.fresh(ticket), by=ANYONE)
    with pytest.raises(Conflict):
        waiting.join(ticket.ref, "c", by=ANYONE)
    page = client.get(f"/t/{ticket.ref}").text
    assert "<b>1 reader</b> waited for this too" in page
    assert "I’m waiting too" not in page


def test_one_network_cannot_make_a_crowd(house: Flask) -> None:
    house.extensions["tracker_settings"] = replace(house.extensions["tracker_settings"], waits_per_hour=3)
    house.extensions.pop("tracker_limiter", None)
    ticket = make.ticket()
    for number in range(3):
        waiting.join(ticket.ref, f"b{number}", by=ANYONE)
    with pytest.raises(TooSoon):
        waiting.join(ticket.ref, "b3", by=ANYONE)
    assert count(ticket) == 3


def test_what_is_kept_of_a_browser_differs_from_ticket_to_ticket(house: Flask) -> None:
    for ticket in (make.ticket(), make.ticket()):
        waiting.join(ticket.ref, "one browser", by=ANYONE)
    kept = list(store.session().scalars(select(Waiter.browser)))
    assert len(set(kept)) == 2
    assert "one browser" not in kept
