"""The lead's board: who waits, who was passed around, whose promises fall due; and only leads see it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_workspace import read
from tracker import board, browse, promises, store
from tracker.models import Desk, Person, Ticket


@pytest.fixture
def desk(house: Flask) -> Desk:
    return make.desk()


def bounced(desk: Desk) -> Ticket:
    """Return a ticket that was passed on twice."""
    ticket, lead = make.ticket(desk, subject="The bounced one"), make.lead(desk, on_duty=False)
    back = ticket.assignee
    make.post(ticket, "reassigned", lead, to=make.agent(desk, on_duty=False))
    make.post(ticket, "reassigned", lead, to=back)
    return ticket


def test_those_who_wait_stand_by_how_long_they_have_waited(desk: Desk, travel: Any) -> None:
    ann = make.agent(desk)
    late, answered = make.ticket(desk), make.ticket(desk)
    make.post(late, "update", ann, next_word_at=make.ahead(hours=1))
    make.post(answered, "update", ann, next_word_at=make.ahead(days=4))
    travel.shift(timedelta(hours=2))
    promises.record_missed()
    travel.shift(timedelta(hours=1))
    make.post(answered, "reply")
    travel.shift(timedelta(hours=1))
    fresh = make.ticket(desk)
    assert [row["ref"] for row in board.of(desk)["waiting"]] == [late.ref, answered.ref, fresh.ref]
    make.post(late, "update", ann)
    assert [row["ref"] for row in board.of(desk)["waiting"]] == [answered.ref, fresh.ref]


def test_who_was_passed_around_is_named_from_the_second_time_on(desk: Desk) -> None:
    ticket = bounced(desk)
    once = make.ticket(desk)
    make.post(once, "reassigned", make.lead(desk, on_duty=False), to=make.agent(desk, on_duty=False))
    assert [row["ref"] for row in board.of(desk)["bounced"]] == [ticket.ref]


def test_promises_are_counted_by_person(desk: Desk, travel: Any) -> None:
    ann = make.agent(desk)
    for hours in (1, 3, 48):
        make.post(make.ticket(desk), "update", ann, next_word_at=make.ahead(hours=hours))
    travel.shift(timedelta(hours=2))
    promises.record_missed()
    mine = next(one for one in board.of(desk)["people"] if one["slug"] == ann.slug)
    assert (mine["open"], mine["overdue"], mine["today"]) == (3, 1, 1)
    assert mine["next"]["promise"]["due_at"] == store.now() + timedelta(hours=1)


def test_nobody_who_waits_is_lost_behind_many_who_do_not(
    desk: Desk, client: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = make.agent(desk)
    for days in (1, 2, 3, 9):
        last = make.post(make.ticket(desk, subject=f"Due in {days}"), "update", ann, next_word_at=make.ahead(days=days))
    late = store.session().get_one(Ticket, last.ticket_id)
    make.post(late, "reply", text="And now?")
    monkeypatch.setattr(browse, "MOST", 2)
    found = board.of(desk)
    assert [row["ref"] for row in found["waiting"]] == [late.ref]
    assert found["open"] == 4
    (mine,) = found["people"]
    assert (mine["open"], mine["next"]["subject"]) == (4, "Due in 1")
    make.sign_in(client, make.lead(desk))
    assert f'action="/workspace/t/{late.ref}/say/reassigned"' in client.get(f"/workspace/board?give={late.ref}").text
    for _ in range(2):
        make.ticket(desk)
    page = read(client.get("/workspace/board"))
    assert "These are the 2 to whom a word is owed first" in page


def test_everybody_s_next_word_is_named_however_many_are_due_when_another_s_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, soon, later = make.agent(desk), make.ahead(hours=1), make.ahead(hours=2)
    for due in (soon, later, later):
        make.post(make.ticket(desk), "update", ann, next_word_at=due)
    ben = make.agent(desk)
    make.post(make.ticket(desk), "update", ben, next_word_at=later)
    monkeypatch.setattr(browse, "MOST", 2)
    assert {one["slug"] for one in board.of(desk)["people"] if one["next"]} == {ann.slug, ben.slug}


def test_a_lead_gives_a_ticket_to_somebody_from_the_board(desk: Desk, client: Visitor) -> None:
    ticket = bounced(desk)
    taker = make.agent(desk, name="Mia Lindqvist")
    make.sign_in(client, make.lead(desk))
    page = read(client.get("/workspace/board"))
    assert "passed on twice" in page
    assert 'id="give"' not in page
    page = read(client.get(f"/workspace/board?give={ticket.ref}"))
    assert f'action="/workspace/t/{ticket.ref}/say/reassigned"' in page
    assert f'<option value="{ticket.assignee.slug}"' not in page
    typed = {"to": taker.slug, "reason": "She ends the bouncing.", "back": "board", "desk": desk.slug}
    answer = client.post(f"/workspace/t/{ticket.ref}/say/reassigned", data=typed)
    assert (answer.status_code, answer.location) == (303, f"/workspace/board?desk={desk.slug}")
    assert make.fresh(ticket).assignee_id == taker.id


def test_an_empty_board_says_that_all_is_well(desk: Desk, client: Visitor) -> None:
    make.sign_in(client, make.lead(desk))
    page = read(client.get("/workspace/board"))
    assert "Nobody waits longer than was promised." in page
    assert "nothing" in page


def test_agents_and_other_desks_leads_have_no_board_here(desk: Desk, client: Visitor) -> None:
    others = make.ticket(make.desk("streets"), subject="Not yours")
    lead = make.lead(desk)

    def asked(who: Person, query: str = "") -> int:
        make.sign_in(client, who)
        return client.get(f"/workspace/board{query}").status_code

    assert asked(make.agent(desk)) == 403
    assert asked(lead, "?desk=streets") == 403
    assert asked(make.admin(desk), "?desk=streets") == 200
    make.sign_in(client, lead)
    assert "Not yours" not in client.get(f"/workspace/board?give={others.ref}").text


def test_the_help_names_every_single_key_that_does_something_and_no_other(desk: Desk, client: Visitor) -> None:
    lead = make.lead(desk)
    make.agent(desk, on_duty=False)
    ticket = make.ticket(desk)
    make.sign_in(client, lead)
    board_page = read(client.get("/workspace/board"))
    make.post(ticket, "update")
    page = read(client.get(f"/workspace/t/{ticket.ref}"))
    does = set(re.findall(r'data-(?:hotkey|row-key)="([^"]+)"', page + board_page))
    helped = set(re.findall(r"<kbd>([a-z])</kbd>", page)) - {"j", "k"}
    assert does == helped
    assert len(helped) > 10
