"""F7: the clock of a machine jumps an hour back or ahead; order, promises and the limits of links hold."""

from datetime import timedelta

import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tracker import people, promises
from tracker.errors import Unauthorized
from tracker.settings import SESSION_LASTS

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_f7_a_clock_that_jumps_changes_no_order_and_breaks_no_page(
    house: Flask, client: Visitor, travel: Traveller, jump: timedelta
) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    make.post(ticket, "update", next_word_at=make.ahead(days=1))
    travel.shift(jump)
    assert client.post(f"/t/{ticket.ref}/say/reply", data={"text": "It drips"}).status_code == 303
    make.post(ticket, "update", next_word_at=make.ahead(days=1))
    make.deliver()
    travel.shift(-jump)
    make.post(ticket, "resolved")
    make.deliver()
    events = make.events_of(make.fresh(ticket))
    assert [one.seq for one in events] == list(range(1, len(events) + 1))
    assert [one.kind for one in events if one.actor_role != "system"][-1] == "resolved"
    told = client.get(f"/api/v1/tickets/{ticket.ref}/events?after=2").get_json()["events"]
    assert [one["seq"] for one in told] == list(range(3, len(events) + 1))
    for path in ("", "/feed.atom", "/badge.svg", "/badge.json", "/card"):
        assert client.get(f"/t/{ticket.ref}{path}").status_code == 200
    for path in ("/", f"/desks/{ticket.desk.slug}", f"/people/{ticket.assignee.slug}"):
        assert client.get(path).status_code == 200


def test_f7_while_the_clock_is_before_a_tickets_opening_its_pages_say_no_negative_time(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    ticket = make.ticket()
    travel.shift(-HOUR)
    make.post(ticket, "update", next_word_at=make.ahead(days=1))
    for path in (f"/t/{ticket.ref}", f"/t/{ticket.ref}/badge.svg", f"/t/{ticket.ref}/card"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "-1 h" not in answer.text
        assert "−1" not in answer.text


def test_f7_a_link_made_while_the_clock_was_ahead_does_not_outlive_its_limit(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(HOUR)
    secret = people.mint_link("signin", person_id=ticket.assignee_id)
    assert people.find_link("signin", secret)
    travel.shift(-HOUR)
    with pytest.raises(Unauthorized):
        people.find_link("signin", secret)


def test_f7_who_came_before_the_clock_was_set_back_stays_and_no_session_outlives_its_limit(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    ticket = make.ticket()

    def is_in() -> bool:
        return client.get("/workspace/").status_code == 200

    for ahead, stays in ((3 * HOUR, False), (2 * HOUR, True)):
        travel.shift(ahead)
        make.sign_in(client, ticket.assignee)
        assert is_in()
        travel.shift(-ahead)
        assert is_in() == stays
    minute = timedelta(minutes=1)
    travel.shift(SESSION_LASTS - minute)
    assert is_in()
    travel.shift(2 * minute)
    assert not is_in()


def test_f7_a_promise_is_missed_once_however_the_clock_swings(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", next_word_at=make.ahead(minutes=30))
    for jump in (HOUR, -HOUR, HOUR, -HOUR):
        travel.shift(jump)
        promises.record_missed()
    assert make.kinds_of(make.fresh(ticket)).count("promise_missed") == 1
