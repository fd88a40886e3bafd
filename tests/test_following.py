"""Following by mail: nobody is signed up by others, one click ends it, and followers hear what the public sees."""

import re
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tracker import following, links, outbox, store
from tracker.errors import NotFound
from tracker.models import Delivery, News, Subscription, Ticket

READER = "reader@home.example"


def ask(client: Visitor, ticket: Ticket, address: str = READER, **typed: str) -> str:
    answer = client.post(f"/t/{ticket.ref}/follow", data={"email": address, "zone": "Europe/Berlin", **typed})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def mails(to: str = READER) -> list[EmailMessage]:
    return [mail for mail in make.deliver() if mail["To"] == to]


def own_link(mail: EmailMessage) -> str:
    text = str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    found = re.search(r"(/follow/\w+)", text)
    assert found, text
    return found.group(1)


def follow(client: Visitor, ticket: Ticket, address: str = READER, **chosen: str) -> str:
    """Follow as a person does; return the follower's own link."""
    ask(client, ticket, address)
    link = own_link(mails(address)[-1])
    client.post(link, data={"do": "confirm"})
    if chosen:
        client.post(link, data={"do": "change", "language": "en", **chosen})
    return link


def test_nothing_is_sent_before_the_address_says_yes(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    ask(client, ticket)
    (asked,) = mails()
    client.get(own_link(asked))
    make.post(ticket, "update")
    assert len(mails()) == 1, "the question; a mail scanner that looked at its link said no yes"
    client.post(own_link(asked), data={"do": "confirm"})
    make.post(ticket, "update", text="The part is here.")
    (_asked, news) = mails()
    assert "The part is here." in news.as_string()
    assert news["To"] == READER
    assert own_link(news) == own_link(asked)


def test_one_click_in_a_mail_program_ends_it(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    follow(client, ticket)
    make.post(ticket, "update")
    news = mails()[-1]
    assert news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = news["List-Unsubscribe"].strip(" <>").removeprefix("http://localhost")
    assert client.get(address).status_code == 303
    make.post(ticket, "update")
    assert len(mails()) == 3, "looking at the link changes nothing"
    stranger = house.test_client()
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
    told = stranger.post(address, data={"List-Unsubscribe": "One-Click"}, headers=foreign)
    assert told.status_code == 200
    assert stranger.post(address, data={"List-Unsubscribe": "One-Click"}).status_code == 200, "twice is fine"
    make.post(ticket, "update")
    assert len(mails()) == 3
    client.post(address.removesuffix("/leave"), data={"do": "confirm"})
    make.post(ticket, "update")
    assert len(mails()) == 4, "who left may come back"


def words(mail: EmailMessage) -> str:
    """Return all that a mail says, decoded: a boundary made by chance is no word of ours."""
    parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
    said = [value for name, value in mail.items() if name != "Content-Type"]
    return " ".join(said + parts)


def test_followers_hear_what_the_public_sees(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(name="Canary Name", name_shown="none", impact="Canary impact", phone="+1 202 555 0143")
    follow(client, ticket)
    make.post(ticket, "note", text="Canary note")
    make.post(ticket, "reply", text="Canary private reply", publish=False)
    make.post(ticket, "reply", text="Published words", publish=True)
    make.post(ticket, "waiting", text="Which floor?")
    make.post(ticket, "resolved")
    sent = mails()[1:]
    text = " ".join(words(mail) for mail in sent)
    assert len(sent) == 3
    assert "Published words" in text
    assert "is waiting for the customer" in text
    assert "Canary" not in text
    assert "5550143" not in text.replace(" ", "")
    assert ticket.email not in text


def test_a_ticket_that_turns_private_falls_silent(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    link = follow(client, ticket)
    make.post(ticket, "update", text="Said before.")
    outbox._tend()
    make.post(ticket, "visibility_changed", visibility="private")
    make.post(ticket, "update", text="Said in private.")
    assert len(mails()) == 1, "not even what was said before and still waited"
    page = client.get(link)
    assert ticket.subject not in page.text
    assert page.status_code == 200
    query = select(Delivery.state).where(Delivery.role == "public").order_by(Delivery.id)
    assert store.session().scalars(query).all() == ["sent", "dropped"]


@pytest.mark.parametrize("visibility", ["private", "unlisted"])
def test_only_who_may_read_it_may_follow_it(house: Flask, client: Visitor, visibility: str) -> None:
    ticket = make.ticket(visibility=visibility)
    answer = client.post(f"/t/{ticket.ref}/follow", data={"email": READER})
    assert answer.status_code == (404 if visibility == "private" else 200)
    make.own(client, ticket)
    if visibility == "private":
        assert client.post(f"/t/{ticket.ref}/follow", data={"email": READER}).status_code == 409
        assert not mails()


def test_a_digest_leaves_once_an_hour_or_at_eight(house: Flask, client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    follow(client, ticket, "hourly@home.example", frequency="hourly")
    follow(client, ticket, "daily@home.example", frequency="daily")
    make.post(ticket, "update", text="One thing.")
    travel.shift(timedelta(minutes=20))
    make.post(ticket, "update", text="Another thing.")
    assert len(mails("hourly@home.example")) == 1
    travel.shift(timedelta(minutes=40))
    hourly = mails("hourly@home.example")[-1]
    assert parsedate_to_datetime(hourly["Date"]) == store.now().replace(microsecond=0), "when it left"
    digest = hourly.as_string()
    assert "One thing." in digest
    assert "Another thing." in digest
    make.post(ticket, "update", text="A third thing.")
    assert len(mails("daily@home.example")) == 1
    travel.move_to(travel_to_eight(), tick=False)
    assert [text in mails("daily@home.example")[-1].as_string() for text in ("One", "Another", "A third")] == [True] * 3
    assert len(mails("daily@home.example")) == 2


def travel_to_eight() -> str:
    return "2026-03-03T07:00:00+00:00"


def test_an_address_is_asked_three_times_a_day_however_often_others_type_it(house: Flask, client: Visitor) -> None:
    answers = {ask(client, make.ticket()).replace("/t/", "")[:200] for _ in range(5)}
    assert len(answers) == 1
    assert len(mails()) == 3


def test_the_answer_is_the_same_for_who_follows_already(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    follow(client, ticket)
    assert ask(client, ticket) == ask(client, ticket, "new@home.example")


def test_what_was_typed_comes_back(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    answer = client.post(f"/t/{ticket.ref}/follow", data={"email": "no address", "language": "fr"})
    assert answer.status_code == 422
    assert 'value="no address"' in answer.text
    assert '<option value="fr" selected>' in answer.text
    assert client.post(f"/t/{ticket.ref}/follow", data={"email": READER, "website": "x"}).status_code == 422
    assert not mails()


def test_a_forged_link_opens_nothing(house: Flask, client: Visitor) -> None:
    link = follow(client, make.ticket())
    token = link.removeprefix("/follow/")
    for forged in (token[:-1] + "0", token[:12], links.new_ref() + token[12:], "x" * 500):
        if forged != token:
            assert client.get(f"/follow/{forged}").status_code == 404
            assert client.post(f"/follow/{forged}/leave").status_code == 404
    with pytest.raises(NotFound):
        following.find("é" * 36)


def test_no_address_stands_in_a_link_or_on_the_followers_page(house: Flask, client: Visitor) -> None:
    link = follow(client, make.ticket())
    page = client.get(link)
    assert READER not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "reader" not in link


def test_addresses_that_never_said_yes_or_left_are_forgotten(house: Flask, client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    ask(client, ticket, "never@home.example")
    left = follow(client, ticket, "left@home.example")
    follow(client, ticket, "stays@home.example")
    client.post(left, data={"do": "leave"})
    travel.shift(timedelta(days=31))
    while following.forget_old():
        pass
    kept = str(store.session().execute(select(Subscription.target)).all())
    kept += str(store.session().execute(select(Delivery.address)).all()) + str(
        store.session().execute(select(News.address)).all()
    )
    assert "never@" not in kept
    assert "left@" not in kept
    assert "stays@" in kept


def test_a_follower_who_is_the_customer_hears_it_once(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    follow(client, ticket, ticket.email)
    before = len(mails(ticket.email))
    make.post(ticket, "update")
    assert len(mails(ticket.email)) == before + 1


def test_many_followers_are_told_in_rounds_each_once(
    house: Flask, client: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracker import recipients

    monkeypatch.setattr(recipients, "AT_ONCE", 3)
    ticket = make.ticket()
    with store.transaction() as session:
        for number in range(8):
            session.add(
                Subscription(
                    sid=links.new_ref(),
                    channel="email",
                    target=f"r{number}@followers.example",
                    ticket_id=ticket.id,
                    created_at=store.now(),
                    confirmed_at=store.now(),
                )
            )
    make.post(ticket, "update")
    told = [str(mail["To"]) for mail in make.deliver() if str(mail["To"]).endswith("@followers.example")]
    assert sorted(told) == [f"r{number}@followers.example" for number in range(8)]
    bodies = [mail for mail in make.mails() if str(mail["To"]).endswith("@followers.example")]
    assert len({own_link(mail) for mail in bodies}) == 8, "each has a link of its own"


def test_followers_read_their_own_language(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(language="en")
    follow(client, ticket, "de@home.example", frequency="once", language="de")
    follow(client, ticket, "ar@home.example", frequency="once", language="ar")
    make.post(ticket, "resolved")
    assert "sagt: Es ist gelöst" in mails("de@home.example")[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert 'dir="rtl"' in str(mails("ar@home.example")[-1].get_body(("html",)).get_content())  # type: ignore[union-attr]
