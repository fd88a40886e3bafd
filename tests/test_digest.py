"""Who chose one mail an hour or a day gets one, of all their tickets; what was left or hidden is not in it."""

import re
import threading
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tests.servers.ground import wait_until
from tests.servers.smtp import Mailserver
from tracker import following, links, outbox, recipients, speech, store
from tracker.models import Delivery, Subscription, Ticket

CARA = "cara@home.example"


def work() -> None:
    while outbox.step():
        pass


def hears(ticket: Ticket, frequency: str = "daily", *, address: str = CARA, **chosen: str) -> Subscription:
    """Let an address follow, or its customer choose, as if it had been asked long ago."""
    with store.transaction() as session:
        if ticket.email == address:
            found = recipients.of_customer(ticket)
        else:
            facts = {"channel": "email", "target": address, "ticket_id": ticket.id}
            found = Subscription(sid=links.new_ref(), created_at=store.now(), confirmed_at=store.now(), **facts)
            session.add(found)
        found.frequency = frequency
        found.language, found.zone = chosen.get("language", "en"), chosen.get("zone", "UTC")
    return found


def mails(to: str = CARA) -> list[EmailMessage]:
    return [mail for mail in make.deliver() if mail["To"] == to]


def plain(mail: EmailMessage) -> str:
    return str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def html(mail: EmailMessage) -> str:
    return str(mail.get_body(("html",)).get_content())  # type: ignore[union-attr]


def states() -> list[str]:
    store.session().expire_all()
    return list(store.session().scalars(select(Delivery.state).where(Delivery.digest != "").order_by(Delivery.id)))


def told(*those: Ticket) -> None:
    for one in those:
        make.post(one, "update", text=f"Word of {one.subject}.")


def test_all_tickets_of_an_address_come_in_one_mail_the_readers_own_first(house: Flask, travel: Traveller) -> None:
    desk = make.desk()
    rosa, ben = make.agent(desk, name="Rosa Ortega"), make.agent(desk, name="Ben Sato", on_duty=False)
    followed = make.ticket(desk, subject="The lift")
    own = make.ticket(desk, subject="No water", email=CARA)
    other = make.ticket(desk, subject="The bell")
    make.post(other, "reassigned", by=make.admin(desk), to=ben)
    make.deliver()
    for one in (followed, own, other):
        hears(one)
    before = len(mails())
    told(followed, own, other)
    make.post(own, "resolved", text="It runs again.")
    assert len(mails()) == before
    travel.shift(timedelta(days=1))
    (mail,) = mails()[before:]
    said = plain(mail)
    assert mail["Subject"] == "News of No water and 2 more"
    assert said.index('"No water"') < said.index('"The lift"') < said.index('"The bell"')
    for words in ("Word of No water.", "It runs again.", "Word of The lift.", "Word of The bell."):
        assert words in said
        assert words in html(mail)
    assert rosa.name in said
    assert ben.name in said
    assert mail["From"].addresses[0].display_name == desk.name, "two people have them"
    assert said.count("/answer/") == 2, "the two questions of the one that is solved"
    assert mail["References"] is None
    assert set(states()) == {"sent"}
    travel.shift(timedelta(days=2))
    assert len(mails()) == before + 1


def test_an_hour_gathers_what_other_tickets_have_until_then(house: Flask, travel: Traveller) -> None:
    first, second = make.ticket(subject="The lift"), make.ticket(subject="The bell")
    hears(first, "hourly"), hears(second, "hourly")
    told(first)
    travel.shift(timedelta(minutes=50))
    told(second)
    travel.shift(timedelta(minutes=10))
    (mail,) = mails()
    assert "Word of The bell." in plain(mail)
    told(first)
    travel.shift(timedelta(minutes=59))
    assert len(mails()) == 1
    travel.shift(timedelta(minutes=1))
    (_first, alone) = mails()
    assert alone["Subject"] == "Re: The lift"
    assert alone["References"]


def test_each_pace_and_each_address_has_its_own_mail(house: Flask, travel: Traveller) -> None:
    those = [make.ticket(subject=f"Lamp {number}") for number in range(4)]
    hears(those[0]), hears(those[1], "hourly"), hears(those[2], "once"), hears(those[3], address="dan@home.example")
    told(*those)
    travel.shift(timedelta(days=1))
    heard = [mail["Subject"] for mail in mails() if "Word of" in plain(mail)]  # and later, of promises missed
    assert sorted(heard) == ["Re: Lamp 0", "Re: Lamp 1", "Re: Lamp 2"]
    assert [mail["Subject"] for mail in mails("dan@home.example")] == ["Re: Lamp 3"]


def test_one_click_stops_all_that_came_so_and_says_which(house: Flask, client: Visitor, travel: Traveller) -> None:
    own = make.ticket(subject="No water", email=CARA)
    make.deliver()
    those = [make.ticket(subject="The lift"), make.ticket(subject="The bell"), own, make.ticket(subject="The yard")]
    for one in those[:3]:
        hears(one)
    hears(those[3], "once")
    told(*those[:3])
    travel.shift(timedelta(days=1))
    (mail,) = [one for one in mails() if one["Subject"].startswith("News of")]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = mail["List-Unsubscribe"].strip(" <>").removeprefix("http://localhost")
    manage = re.search(r"/follow/\w+", plain(mail).partition("Change how often")[2])
    assert manage
    assert address == f"{manage.group()}/leave"
    page = client.get(manage.group()).text
    assert [one.subject in page for one in those] == [True, True, True, False]
    before = len(mails())
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"}
    told_left = house.test_client().post(address, data={"List-Unsubscribe": "One-Click"}, headers=foreign).text
    assert [one.subject in told_left for one in those] == [True, True, True, False]
    assert "the two questions still come" in told_left
    told(*those)
    travel.shift(timedelta(days=1))
    assert {mail["Subject"] for mail in mails()[before:]} == {"Re: The yard"}
    own_page = re.search(r'href="(/follow/\w+)"[^>]*>The lift', client.get(manage.group()).text)
    assert own_page
    client.post(own_page.group(1), data={"do": "confirm"})
    told(those[0])
    travel.shift(timedelta(days=1))
    assert mails()[-1]["Subject"] == "Re: The lift", "one may come back alone"


def test_the_link_of_a_digest_promises_no_silence_to_who_chose_to_hear_at_once(house: Flask, client: Visitor) -> None:
    one = hears(make.ticket(subject="The lift"))
    address = links.follow(links.digest_token(one.sid))
    following.change(links.follow_token(one.sid), frequency="once", language="en")
    page = client.get(address).text
    assert "Nothing is gathered for you now" in page
    assert "no more news" not in page
    assert "stops by the link in each of its mails" in client.post(f"{address}/leave").text
    assert following.find(links.follow_token(one.sid)).hears


def test_the_link_of_a_digest_is_not_to_be_made_up(house: Flask, client: Visitor) -> None:
    one = hears(make.ticket())
    forged = one.sid + links.digest_token(one.sid)[12:][::-1]
    for address in (f"/follow/{forged}", f"/follow/{forged}/leave"):
        assert client.post(address, data={"do": "leave"}).status_code == 404
    assert client.post(f"/follow/{links.digest_token(one.sid)}", data={"do": "confirm"}).status_code == 404
    assert store.session().get(Subscription, one.id, populate_existing=True).hears  # type: ignore[union-attr]


def test_what_was_hidden_or_left_meanwhile_is_not_in_it(house: Flask, client: Visitor, travel: Traveller) -> None:
    those = [make.ticket(subject=f"Lamp {number}") for number in range(4)]
    kept = [hears(one) for one in those]
    told(*those)
    outbox._tend()
    make.post(those[0], "visibility_changed", visibility="private")
    client.post(links.leave(links.follow_token(kept[1].sid)))
    travel.shift(timedelta(days=1))
    (mail,) = mails()
    assert mail["Subject"] == "News of Lamp 2 and 1 more"
    assert "Lamp 0" not in mail.as_string()
    assert "Lamp 1" not in mail.as_string()
    assert states() == ["dropped", "dropped", "sent", "sent"]
    assert "Lamp 0" not in client.get(links.follow(links.digest_token(kept[0].sid))).text


def test_when_all_but_one_fell_silent_it_is_that_tickets_mail(house: Flask, travel: Traveller) -> None:
    those = [make.ticket(subject="The lift"), make.ticket(subject="The bell")]
    hears(those[0]), hears(those[1])
    told(*those)
    outbox._tend()
    make.post(those[0], "visibility_changed", visibility="private")
    travel.shift(timedelta(days=1))
    (mail,) = mails()
    assert mail["Subject"] == "Re: The bell"
    assert mail["References"]


def test_a_mail_that_is_tried_again_says_the_same_under_the_same_id(
    mailing: Flask, mail_sink: Mailserver, travel: Traveller
) -> None:
    those = [make.ticket(subject=f"Lamp {number}") for number in range(3)]
    for one in those:
        hears(one)
    work()
    told(*those[:2])
    travel.shift(timedelta(days=1))
    mail_sink.tried.clear()
    mail_sink.behaviour = "try_later"
    work()
    told(those[2])
    mail_sink.behaviour = "accept"
    travel.shift(timedelta(minutes=1))
    work()
    first, again = (one.message for one in mail_sink.tried if one.recipients == [CARA])
    assert first["Message-ID"] == again["Message-ID"]
    for words in ("Word of Lamp 0.", "Word of Lamp 1."):
        assert words in plain(first)
        assert words in plain(again)
    assert "Word of Lamp 2." not in plain(again), "what came since waits for its own mail"


def test_a_mail_with_which_a_worker_died_says_the_same_again(house: Flask, travel: Traveller) -> None:
    those = [make.ticket(subject=f"Lamp {number}") for number in range(3)]
    for one in those:
        hears(one)
    told(*those[:2])
    outbox._tend()
    travel.shift(timedelta(days=1))
    assert outbox._claim("email")
    told(those[2])
    travel.shift(outbox.CLAIM_LASTS + timedelta(seconds=1))
    (again,) = mails()
    assert again["Subject"] == "News of Lamp 0 and 1 more"
    assert "Word of Lamp 2." not in plain(again), "what came since waits for its own mail"
    travel.shift(timedelta(days=1))
    assert "Word of Lamp 2." in plain(mails()[-1])


@pytest.mark.parametrize("language", list(speech.NAMES))
def test_a_digest_is_in_its_readers_language(house: Flask, travel: Traveller, language: str) -> None:
    those = [make.ticket(subject="The lift"), make.ticket(subject="The bell")]
    for one in those:
        hears(one, language=language)
    told(*those)
    travel.shift(timedelta(days=1))
    (mail,) = mails()
    spoken = speech.Speech(language, "UTC")
    assert mail["Subject"] == spoken.say("digest_subject", subject="The lift", more=1)
    assert spoken.say("to_digest") in plain(mail)
    assert mail["Content-Language"] == language


def test_two_workers_that_claim_at_the_same_instant_send_one_digest(
    house: Flask, travel: Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    those = [make.ticket(subject=one) for one in ("The lift", "The bell")]
    for one in those:
        hears(one)
    told(*those)
    work()
    travel.shift(timedelta(days=1))
    claimed: list[list[int]] = []

    def claim() -> None:
        with house.app_context():
            claimed.append(outbox._claim("email", limit=1))

    other, fellows = threading.Thread(target=claim), outbox._fellows

    def meanwhile(*given: Any) -> Any:
        """Let the other worker claim when this one has its first and looks for what leaves with it."""
        if other.ident is None:
            other.start()
            wait_until(lambda: not other.is_alive() or is_waiting(), what="the other has claimed, or waits")
        return fellows(*given)

    monkeypatch.setattr(outbox, "_fellows", meanwhile)
    claim()
    other.join(10)
    assert sorted(map(len, claimed)) == [0, 2]


def is_waiting() -> bool:
    """Say whether somebody waits for a lock: PostgreSQL's for what leaves together, or SQLite's one writer's."""
    if store.db.engine.dialect.name == "sqlite":
        return True
    with store.db.engine.connect() as connection:
        waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(connection.execute(waits).scalar())


def test_what_waits_beside_a_digest_is_found_by_its_index(house: Flask) -> None:
    if store.db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL plans by what is in the table")
    query = outbox._fellows("email", [(CARA, "daily", 0), ("dan@home.example", "hourly", 0)])
    spelled = query.compile(store.db.engine, compile_kwargs={"literal_binds": True})
    (plan, *_more) = store.session().execute(text(f"EXPLAIN QUERY PLAN {spelled}")).all()
    assert "ix_deliveries_digest" in plan.detail
