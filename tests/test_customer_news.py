"""What a customer is mailed of their own ticket, and how often: theirs to choose, one click to stop."""

import re
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.houses import ORIGIN, Visitor
from tracker import following, incoming, store
from tracker.models import Ticket
from tracker.permissions import ANYONE
from tracker.speech import NAMES, Speech

CUSTOMER = "cara@home.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BY_MAIL_PROGRAM = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}


def ticket(client: Visitor, **given: str) -> Ticket:
    """Open a ticket whose customer sits at this browser and has been acknowledged."""
    one = make.ticket(email=CUSTOMER, **given)
    make.own(client, one)
    make.deliver()
    return one


def mails() -> list[EmailMessage]:
    """Let all leave that is due; return what the customer was sent after the acknowledgement."""
    return [mail for mail in make.deliver() if mail["To"] == CUSTOMER][1:]


def words(mail: EmailMessage) -> str:
    return str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def choose(client: Visitor, one: Ticket, frequency: str) -> None:
    assert client.post(f"/t/{one.ref}/news", data={"frequency": frequency}).status_code == 303
    assert f'value="{frequency}" checked' in client.get(f"/t/{one.ref}").text


def one_click(mail: EmailMessage) -> str:
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.search(rf"<{ORIGIN}(/follow/\w+/leave)>", mail["List-Unsubscribe"])
    assert found, mail["List-Unsubscribe"]
    return found[1]


def test_a_customer_hears_at_once_until_they_choose_and_then_once_a_day_on_their_clock(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    one = ticket(client, zone="Asia/Tokyo")
    make.post(one, "update", text="One thing.")
    assert len(mails()) == 1
    choose(client, one, "daily")
    make.post(one, "update", text="Another thing.")
    travel.shift(timedelta(hours=3))
    make.post(one, "update", text="A third thing.")
    travel.move_to("2026-03-02T22:59:00+00:00", tick=False)
    assert len(mails()) == 1
    travel.move_to("2026-03-02T23:00:00+00:00", tick=False)
    digest = words(mails()[-1])
    assert ["One thing." in digest, "Another thing." in digest, "A third thing." in digest] == [False, True, True]
    assert len(mails()) == 2


def test_what_waits_leaves_by_the_newest_choice(house: Flask, client: Visitor) -> None:
    one = ticket(client)
    choose(client, one, "hourly")
    make.post(one, "update")
    assert not mails()
    choose(client, one, "once")
    assert len(mails()) == 1


def test_one_click_stops_the_news_but_not_the_two_questions_nor_the_way_back(house: Flask, client: Visitor) -> None:
    one = ticket(client)
    make.post(one, "update")
    (news,) = mails()
    stop, program = one_click(news), house.test_client()
    assert program.get(stop).status_code == 303
    make.post(one, "update")
    assert len(mails()) == 2, "looking at the link changes nothing"
    for _ in range(2):
        answer = program.post(stop, data=ONE_CLICK, headers=BY_MAIL_PROGRAM)
        assert "the two questions still come" in answer.text
    make.post(one, "update")
    assert len(mails()) == 2
    assert 'value="never" checked' in client.get(f"/t/{one.ref}").text
    client.post("/signin/link", data={"email": CUSTOMER})
    make.post(one, "resolved")
    way_back, questions = mails()[2:]
    assert "/link/signin/" in words(way_back)
    assert "/answer/" in words(questions)
    make.post(one, "reopened")
    choose(client, one, "once")
    make.post(one, "update", text="News again.")
    assert "News again." in words(mails()[-1])


def test_what_waited_when_the_news_was_stopped_is_not_sent_but_the_questions_are(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    one, other = ticket(client), ticket(client)
    for each in (one, other):
        choose(client, each, "hourly")
        make.post(each, "update", text="Not wanted any more.")
    make.post(one, "resolved")
    make.deliver()
    for each in (one, other):
        choose(client, each, "never")
    travel.shift(timedelta(hours=1))
    sent = [words(mail) for mail in mails()[1:]]
    assert ["/answer/" in text for text in sent] == [True]
    assert "Not wanted" not in sent[0]


def test_that_a_customer_wants_no_mail_is_never_forgotten(house: Flask, client: Visitor, travel: Traveller) -> None:
    one = ticket(client)
    choose(client, one, "never")
    travel.shift(timedelta(days=400))
    while following.forget_old():
        pass
    assert following.chosen(one) == "never"
    make.post(one, "update")
    assert not mails()


def test_a_stranger_who_types_the_customers_address_starts_nothing(house: Flask, client: Visitor) -> None:
    one = ticket(client)
    choose(client, one, "never")
    following.follow(one.ref, CUSTOMER, by=ANYONE, language="de", zone="")
    (asked,) = mails()
    make.post(one, "update")
    assert len(mails()) == 1
    link = re.search(r"/follow/\w+", words(asked))
    assert link
    house.test_client().post(link[0], data={"do": "confirm"})
    make.post(one, "update")
    assert len(mails()) == 2, "the customer alone reads that mail and may say yes again"


def test_the_link_in_a_private_tickets_mail_opens_the_customers_choice_and_nothing_else(
    house: Flask, client: Visitor
) -> None:
    one = ticket(client, visibility="private")
    make.post(one, "update", text="Canary words")
    link = one_click(mails()[0]).removesuffix("/leave")
    stranger = house.test_client()
    page = stranger.get(link).text
    assert one.subject in page
    assert "Canary words" not in page
    assert CUSTOMER not in page
    assert stranger.get(f"/t/{one.ref}").status_code == 404


def test_staff_and_other_customers_do_not_choose_for_a_customer(house: Flask, client: Visitor) -> None:
    one = ticket(client)
    stranger = house.test_client()
    make.own(stranger, make.ticket())
    assert stranger.post(f"/t/{one.ref}/news", data={"frequency": "never"}).status_code == 403
    make.sign_in(stranger, make.lead(one.desk))
    assert stranger.post(f"/t/{one.ref}/news", data={"frequency": "never"}).status_code == 403
    assert following.chosen(one) == "once"
    assert client.post(f"/t/{one.ref}/news", data={"frequency": "often"}).status_code == 422


@pytest.mark.parametrize("language", sorted(NAMES))
def test_a_customer_is_told_that_thanks_wait_for_their_yes_and_nothing_a_stranger_typed(
    house: Flask, client: Visitor, language: str
) -> None:
    one = ticket(client, language=language)
    make.post(one, "thanks", ANYONE, text="Canary https://canary.example thanks")
    (mail,) = mails()
    assert Speech(language, "UTC").say("thanks") in words(mail)
    assert "anary" not in mail.as_string()


def test_thanks_of_their_own_are_no_news_to_a_customer_and_wait_for_a_digest_with_the_rest(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    one = ticket(client)
    make.post(one, "thanks", make.customer(one))
    assert not mails()
    choose(client, one, "hourly")
    make.post(one, "thanks", ANYONE)
    make.post(one, "update", text="A word.")
    travel.shift(timedelta(hours=1))
    (digest,) = mails()
    assert Speech("en", "UTC").say("thanks") in words(digest)
    assert "A word." in words(digest)


def test_a_customer_reads_who_took_their_ticket_from_the_public_and_why(house: Flask, client: Visitor) -> None:
    one = ticket(client)
    make.post(one, "visibility_changed", visibility="unlisted")
    assert not mails(), "they know what they did themselves"
    lead = make.lead(one.desk)
    make.post(one, "visibility_changed", lead, visibility="private", reason="It names a neighbour.")
    (mail,) = mails()
    assert f"{lead.name} took your ticket from the public" in words(mail)
    assert "It names a neighbour." in words(mail)


def test_a_mail_to_the_other_address_in_list_unsubscribe_stops_the_news_and_does_nothing_else(
    house: Flask, client: Visitor
) -> None:
    chosen = replace(house.extensions["tracker_settings"], mail_in_domain="in.example.org")
    house.extensions["tracker_settings"] = chosen
    one = ticket(client)
    make.post(one, "update")
    address = mails()[0]["List-Unsubscribe"].rpartition("<mailto:")[2].rstrip("> ")
    assert incoming.is_ours(address)
    local, _, domain = address.partition("@")
    before, forged = make.kinds_of(one), f"{local[:-1]}{'1' if local[-1] == '0' else '0'}@{domain}"
    program = b"From: %s\r\nSubject: unsubscribe\r\n\r\nunsubscribe" % CUSTOMER.encode()
    assert incoming.take(program, recipient=forged).state == "refused"
    assert following.chosen(one) == "once"
    assert incoming.take(program, recipient=address).state == "left"
    assert following.chosen(one) == "never"
    assert make.kinds_of(one) == before
    assert len(store.session().scalars(select(Ticket)).all()) == 1
