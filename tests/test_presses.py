"""A button pressed twice is one act: both presses lead to what the first one did, and nothing is said twice."""

import re
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests import test_questions as questions
from tests.houses import Visitor
from tests.test_pages import FORM
from tracker import store
from tracker.models import Ticket

WORDS = "The pump is on order; it comes on Friday, and our plumber builds it in before noon on the same day."


def hidden(page: str, action: str) -> dict[str, str]:
    """Return what the form that is sent to `action` carries unseen."""
    form = re.search(rf'<form[^>]+action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form, page
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[1]))


def texts(ticket: Ticket, kind: str) -> list[str]:
    return [event.body_source for event in make.events_of(ticket) if event.kind == kind]


@pytest.fixture
def ticket(house: Flask) -> Ticket:
    return make.ticket(subject="No water")


def test_who_presses_send_twice_opens_one_ticket_and_comes_in(house: Flask, travel: Traveller) -> None:
    page = house.test_client().get("/new").text
    form = FORM | hidden(page, "/new") | {"desk": make.agent().desk.slug}
    travel.shift(30)
    browsers = [house.test_client(), house.test_client()]  # the first answer's cookie never came
    answers = [browser.post("/new", data=form) for browser in browsers]
    one = store.session().query(Ticket).one()
    assert [answer.location for answer in answers] == [f"/t/{one.ref}/opened"] * 2
    for browser in browsers:
        assert "has this now" in browser.get(f"/t/{one.ref}/opened").text
        assert "This is your ticket" in browser.get(f"/t/{one.ref}").text


def test_the_form_shown_anew_opens_another(house: Flask, client: Visitor, travel: Traveller) -> None:
    for _ in range(2):
        form = FORM | hidden(client.get("/new").text, "/new") | {"desk": make.agent().desk.slug}
        travel.shift(30)
        assert client.post("/new", data=form).status_code == 303
    assert store.session().query(Ticket).count() == 2


def test_going_back_and_writing_otherwise_opens_another(client: Visitor, travel: Traveller) -> None:
    form = FORM | hidden(client.get("/new").text, "/new") | {"desk": make.agent().desk.slug}
    travel.shift(30)
    for subject in ("No water", "No light"):
        assert client.post("/new", data=form | {"subject": subject}).status_code == 303
    assert {one.subject for one in store.session().query(Ticket)} == {"No water", "No light"}


def test_filing_for_somebody_twice_is_one_ticket(house: Flask, client: Visitor) -> None:
    make.sign_in(client, make.agent())
    form = FORM | hidden(client.get("/workspace/new").text, "/workspace/new") | {"source": "phone"}
    form |= {"desk": make.agent().desk.slug}
    assert [client.post("/workspace/new", data=form).status_code for _ in range(2)] == [303, 303]
    assert store.session().query(Ticket).count() == 1


def test_a_reply_pressed_twice_is_said_once_and_the_same_words_later_again(client: Visitor, ticket: Ticket) -> None:
    make.own(client, ticket)
    page, say = f"/t/{ticket.ref}", f"/t/{ticket.ref}/say/reply"
    for times in (1, 2):
        form = hidden(client.get(page).text, say) | {"text": "Any news?"}
        first, second = (client.post(say, data=form) for _ in range(2))
        assert first.status_code == second.status_code == 303
        assert first.location == second.location
        assert texts(ticket, "reply") == ["Any news?"] * times


def test_other_words_from_the_same_page_are_said_too(client: Visitor, ticket: Ticket) -> None:
    make.own(client, ticket)
    say = f"/t/{ticket.ref}/say/reply"
    form = hidden(client.get(f"/t/{ticket.ref}").text, say)
    for text in ("Any news?", "It smells, too."):
        assert client.post(say, data=form | {"text": text}).status_code == 303
    assert texts(ticket, "reply") == ["Any news?", "It smells, too."]


def test_saying_that_it_is_not_solved_twice_is_no_error(client: Visitor, ticket: Ticket) -> None:
    make.post(ticket, "resolved", text="The valve is new.")
    make.own(client, ticket)
    say = f"/t/{ticket.ref}/say/reopened"
    form = hidden(client.get(f"/t/{ticket.ref}").text, say) | {"text": "It drips again."}
    assert [client.post(say, data=form).status_code for _ in range(2)] == [303, 303]
    assert make.kinds_of(ticket).count("reopened") == 1


def test_an_update_pressed_twice_is_neither_a_near_copy_nor_out_of_date(client: Visitor, ticket: Ticket) -> None:
    make.sign_in(client, ticket.assignee)
    say = f"/workspace/t/{ticket.ref}/say/update"
    form = hidden(client.get(f"/workspace/t/{ticket.ref}").text, say) | {"text": WORDS, "next": make.ahead(days=1)}
    first, second = (client.post(say, data=form) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303), second.text
    assert first.location == second.location
    assert texts(ticket, "update") == [WORDS]
    again = form | hidden(client.get(f"/workspace/t/{ticket.ref}").text, say)
    assert "standard text" in client.post(say, data=again).text, "the same words once more are advised against"


def test_the_answer_of_a_mail_pressed_twice_is_thanked_twice_and_told_once(house: Flask, client: Visitor) -> None:
    ticket = questions.resolved()
    path = questions.links()["yes"]
    where = path.partition("?")[0]
    form = hidden(client.get(path).text, where) | {"understood": "yes"}
    first, second = (client.post(where, data=form) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert "reads what you said" in second.text
    assert make.kinds_of(ticket).count("feedback") == 1
    elsewhere = form | {"once": "another"}
    assert client.post(where, data=elsewhere).status_code == 401, "the link itself is good once"


def test_nobody_gets_what_somebody_else_s_press_did(house: Flask, ticket: Ticket) -> None:
    say = f"/t/{ticket.ref}/say/reply"
    mine, theirs = house.test_client(), house.test_client()
    make.own(mine, ticket)
    form = hidden(mine.get(f"/t/{ticket.ref}").text, say) | {"text": "Any news?"}
    assert mine.post(say, data=form).status_code == 303
    assert theirs.post(say, data=form).status_code in (401, 403)


def test_many_presses_at_once_are_one_act(house: Flask, ticket: Ticket) -> None:
    say, answers = f"/t/{ticket.ref}/say/reply", []
    browsers = [house.test_client() for _ in range(4)]
    for browser in browsers:
        make.own(browser, ticket)
    form: dict[str, Any] = hidden(browsers[0].get(f"/t/{ticket.ref}").text, say) | {"text": "Any news?"}
    press = [
        Thread(target=lambda one=one: answers.append(one.post(say, data=form).status_code))  # type: ignore[misc]
        for one in browsers
    ]
    for one in press:
        one.start()
    for one in press:
        one.join(60)
    assert answers == [303] * 4
    assert texts(ticket, "reply") == ["Any news?"]
