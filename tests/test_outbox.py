"""News leaves exactly as often as it must: kept with its event, tried until delivered, given up in sight."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from time_machine import Traveller

from tests import houses, make
from tests.houses import Visitor
from tests.servers.ground import wait_until
from tests.servers.smtp import Mailserver
from tracker import deliveries as postbook
from tracker import links, outbox, people, store, tickets
from tracker.channels import _smtp
from tracker.errors import Conflict
from tracker.models import Delivery, News, Subscription
from tracker.outbox import Recipient, Undeliverable


def deliveries(state: str = "") -> list[Delivery]:
    store.session().expire_all()
    query = select(Delivery).order_by(Delivery.id)
    return list(store.session().scalars(query.where(Delivery.state == state) if state else query))


def work(rounds: int = 20) -> None:
    for _ in range(rounds):
        if not outbox.step():
            return
    raise AssertionError("the outbox never rests")


def test_news_is_written_with_its_event_or_not_at_all(house: Flask) -> None:
    ticket = make.ticket()
    before = len(store.session().scalars(select(News)).all())
    make.post(ticket, "note")
    assert len(store.session().scalars(select(News)).all()) == before, "notes concern nobody outside"
    make.post(ticket, "update")
    with pytest.raises(Conflict):
        make.post(ticket, "resolved", version=0)
    assert len(store.session().scalars(select(News)).all()) == before + 2, "the update, and the promise it kept"


def test_each_address_gets_each_piece_of_news_once(mailing: Flask, mail_sink: Mailserver) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", text="The part is ordered.")
    work()
    make.post(ticket, "update", text="The part is here.")
    work()
    bodies = [mail.message.as_string() for mail in mail_sink.mails if ticket.email in mail.recipients]
    assert [sum(words in body for body in bodies) for words in ("is ordered", "is here")] == [1, 1]
    assert {one.state for one in deliveries()} == {"sent"}


def test_mail_carries_what_its_reader_may_see(mailing: Flask, mail_sink: Mailserver) -> None:
    ticket = make.ticket()
    make.post(ticket, "note", text="Canary note")
    make.post(ticket, "handoff_offered", to=make.agent(ticket.desk), briefing="Canary briefing")
    make.post(ticket, "update")
    work()
    to_customer = [mail.message.as_string() for mail in mail_sink.mails if ticket.email in mail.recipients]
    assert len(to_customer) == 2
    assert "Canary" not in str(to_customer)


def test_a_server_that_is_busy_is_asked_again_later_and_less_often(
    mailing: Flask, mail_sink: Mailserver, travel: Traveller
) -> None:
    mail_sink.behaviour = "try_later"
    make.ticket(confirmed=False)
    work()
    waiting = deliveries("waiting")
    assert waiting
    assert {one.attempts for one in waiting} == {1}
    assert "451" in waiting[0].last_error
    waits = []
    for wait in outbox.BACK_OFF[1:4]:
        travel.move_to(deliveries("waiting")[0].next_at, tick=False)
        work()
        waits.append(deliveries("waiting")[0].next_at - store.now())
        assert waits[-1] == wait
    mail_sink.behaviour = "accept"
    travel.shift(waits[-1])
    work()
    assert not deliveries("waiting")
    assert len(mail_sink.mails) == len(deliveries("sent"))


def test_a_message_keeps_its_id_over_every_attempt(mailing: Flask, mail_sink: Mailserver) -> None:
    make.ticket(confirmed=False)
    for _ in range(2):
        work()
        for one in deliveries():
            postbook.replay(one.id)
    ids, count = [mail.message["Message-ID"] for mail in mail_sink.mails], len(deliveries())
    assert sorted(ids[:count]) == sorted(ids[count:])
    assert len(set(ids)) == count


def test_a_refusal_for_good_is_a_dead_letter_at_once(mailing: Flask, mail_sink: Mailserver) -> None:
    mail_sink.behaviour = "reject"
    make.ticket(confirmed=False)
    work()
    dead = deliveries("dead")
    assert {one.attempts for one in dead} == {1}
    assert "550" in dead[0].last_error
    mail_sink.behaviour = "accept"
    assert postbook.retry(dead[0].id)
    work()
    assert deliveries("sent")[0].id == dead[0].id
    assert not postbook.retry(dead[0].id), "what was sent is not sent again"
    assert not postbook.retry(99_999)


def test_it_gives_up_after_the_last_wait_and_says_so(mailing: Flask, mail_sink: Mailserver, travel: Traveller) -> None:
    mail_sink.behaviour = "try_later"
    make.ticket(confirmed=False)
    work()
    for _ in outbox.BACK_OFF:
        travel.move_to(max(one.next_at for one in deliveries()), tick=False)
        work()
    assert {one.state for one in deliveries() if one.attempts > len(outbox.BACK_OFF)} == {"dead"}
    assert deliveries("dead")


def test_a_server_that_is_away_or_drops_the_line_loses_nothing(mailing: Flask, mail_sink: Mailserver) -> None:
    mail_sink.behaviour = "drop"
    make.ticket(confirmed=False)
    work()
    mail_sink.refuse()
    for one in deliveries("waiting"):
        with store.transaction():
            one.next_at = store.now()
    work()
    assert {one.attempts for one in deliveries("waiting")} == {2}
    mail_sink.accept_again()
    for one in deliveries("waiting"):
        with store.transaction():
            one.next_at = store.now()
    work()
    assert len(mail_sink.mails) == len(deliveries("sent")) == len(deliveries())


def test_a_server_that_hangs_holds_up_neither_writers_nor_promises(
    mailing: Flask, mail_sink: Mailserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_smtp, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(outbox, "ROUND_LASTS_S", 0.5)
    mail_sink.behaviour = "hang"
    for _ in range(4):
        make.ticket(confirmed=False)
    outbox.step()
    tried = [one for one in deliveries() if one.attempts]
    assert 1 <= len(tried) <= 3, "a round ends when its time is up"
    assert not [one for one in deliveries() if one.claimed_until], "what was not tried is free for others"
    mail_sink.behaviour = "accept"
    work()
    assert len(mail_sink.mails) == len(deliveries()) - len(tried)


def test_a_fault_in_one_delivery_does_not_stop_the_others(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring: outbox.Wiring = house.extensions["tracker_outbox"]
    delivered: list[str] = []

    def deliver(delivery: Delivery, _news: News) -> None:
        if not delivered:
            delivered.append("")
            raise ZeroDivisionError
        delivered.append(delivery.address)

    monkeypatch.setitem(wiring.deliver, "email", deliver)
    make.ticket(confirmed=False)
    work()
    assert len(delivered) == len(deliveries())
    assert [one.last_error for one in deliveries("waiting")] == ["ZeroDivisionError"]


def test_who_is_forgotten_while_mail_leaves_makes_nobody_hear_twice(
    house: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = make.ticket()
    make.deliver()
    with store.transaction() as session:
        for target in ("leaves@home.example", "stays@home.example"):
            facts = {"channel": "email", "target": target, "created_at": store.now(), "confirmed_at": store.now()}
            session.add(Subscription(sid=links.new_ref(), ticket_id=ticket.id, **facts))
    sent: list[str] = []

    def deliver(delivery: Delivery, _news: News) -> None:
        sent.append(delivery.address)
        with house.app_context():
            postbook.forget(Subscription.target == "leaves@home.example")

    monkeypatch.setitem(house.extensions["tracker_outbox"].deliver, "email", deliver)
    make.post(ticket, "update")
    work()
    assert sent.count("stays@home.example") == 1
    assert sorted(sent) == sorted(set(sent))
    assert {one.state for one in deliveries()} == {"sent"}


def test_what_left_long_ago_is_forgotten_but_not_what_waits_nor_the_newest(house: Flask, travel: Traveller) -> None:
    """The newest numbers would be given anew, and the ids of messages are made of them."""
    for _ in range(3):
        make.ticket(confirmed=False)
    make.deliver()
    waits, *_left, newest = deliveries("sent")
    with store.transaction():
        waits.state = "waiting"
    all_news = store.session().scalars(select(News.id).order_by(News.id)).all()
    travel.shift(postbook.KEPT - timedelta(days=1))
    assert not postbook.forget_old()
    travel.shift(timedelta(days=2))
    while postbook.forget_old():
        pass
    stays = {waits.news_id, newest.news_id, all_news[-1]}
    assert set(store.session().scalars(select(News.id))) == stays < set(all_news)
    assert {one.news_id for one in deliveries()} <= stays


def test_news_that_was_sent_to_nobody_is_forgotten_too(house: Flask, travel: Traveller) -> None:
    for _ in range(2):
        make.ticket(confirmed=False)
    with store.transaction() as session:
        session.execute(update(News).values(expanded_at=store.now()))
        newest = max(session.scalars(select(News.id)))
    assert not deliveries()
    travel.shift(postbook.KEPT + timedelta(days=1))
    while postbook.forget_old():
        pass
    assert list(store.session().scalars(select(News.id))) == [newest]


def test_a_backlog_is_expanded_in_turns_with_those_who_write(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction for all of it kept the only writer for seconds, and a customer's reply was not taken."""
    monkeypatch.setattr(outbox, "EXPANDS_FOR_S", 0)
    for _ in range(3):
        make.ticket(confirmed=False)
    waiting = len(store.session().scalars(select(News.id).where(News.expanded_at.is_(None))).all())
    turns = 0
    while outbox._expand():
        turns += 1
    assert turns == waiting > 1
    assert {one.state for one in deliveries()} == {"waiting"}


def test_two_workers_never_take_the_same_delivery(house: Flask) -> None:
    for _ in range(3):
        make.ticket(confirmed=False)
    outbox._expand()
    first, second = outbox._claim("email"), outbox._claim("email")
    assert len(first) == len(deliveries())
    assert not second


def test_a_claim_of_a_worker_that_died_runs_out(house: Flask, travel: Traveller) -> None:
    make.ticket(confirmed=False)
    outbox._expand()
    taken = outbox._claim("email")
    travel.shift(outbox.CLAIM_LASTS + timedelta(seconds=1))
    assert outbox._claim("email") == taken


def test_an_agent_given_as_the_customer_gets_one_mail_and_stops_nothing(house: Flask) -> None:
    desk = make.desk()
    agent = make.agent(desk)
    make.ticket(desk, email=agent.email, confirmed=False)
    other = make.ticket(desk, confirmed=False)
    told = [str(mail["To"]) for mail in make.deliver()]
    assert other.email in told
    assert told.count(agent.email) == 2, "once for each ticket"


def test_a_fault_in_one_piece_of_news_does_not_stop_the_others(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring: outbox.Wiring = house.extensions["tracker_outbox"]
    expand = wiring.expand
    poison = make.ticket(confirmed=False)
    other = make.ticket(confirmed=False)

    def faulty(news: News) -> outbox.Audience:
        if news.ticket_id == poison.id:
            raise ZeroDivisionError
        return expand(news)

    monkeypatch.setattr(wiring, "expand", faulty)
    work()
    told = {one.address for one in deliveries("sent")}
    assert other.email in told
    assert poison.email not in told
    monkeypatch.setattr(wiring, "expand", expand)
    work()
    assert poison.email in {one.address for one in deliveries("sent")}


def to_victim(mails: list[EmailMessage]) -> list[EmailMessage]:
    return [mail for mail in mails if "victim" in str(mail["To"])]


def test_an_address_gets_three_unconfirmed_acknowledgements_a_day(house: Flask, travel: Traveller) -> None:
    given = [make.ticket(confirmed=False, email="victim@home.example") for _ in range(5)]
    assert len(to_victim(make.deliver())) == 3
    for ticket in given:
        make.post(ticket, "update")
    assert len(to_victim(make.deliver())) == 6, "nor does the victim hear of what follows on the others"
    travel.shift(timedelta(days=1))
    make.ticket(confirmed=False, email="victim@home.example")
    acknowledged = [mail for mail in to_victim(make.deliver()) if mail["Auto-Submitted"] == "auto-replied"]
    assert len(acknowledged) == 4


def test_an_acknowledgement_carries_no_words_of_the_customer_but_the_subject(house: Flask) -> None:
    make.ticket(
        confirmed=False,
        subject="Buy now at https://evil.example/x and www.evil.example today",
        text="Canary text",
        impact="Canary impact",
        name="Canary Name",
        email="victim@home.example",
    )
    (mail,) = to_victim(make.deliver())
    assert "Canary" not in mail.as_string()
    assert "evil.example" not in mail.as_string()
    assert mail["Auto-Submitted"] == "auto-replied"


@pytest.mark.parametrize("what", ["signin", "password"])
def test_an_unknown_address_gets_no_mail_and_the_same_answer(house: Flask, client: Visitor, what: str) -> None:
    agent, ticket = make.agent(), make.ticket()
    known = agent.email if what == "password" else ticket.email
    make.deliver()
    pages = {client.post("/signin/link", data={"email": at, "what": what}).text for at in (known, "no@where.example")}
    before = len(make.mails())
    assert len(pages) == 1
    assert [str(mail["To"]) for mail in make.deliver()[before:]] == [known]


def test_no_secret_that_left_by_mail_is_in_the_database(house: Flask, client: Visitor) -> None:
    agent, ticket = make.agent(), make.ticket()
    client.post("/signin/link", data={"email": ticket.email})
    client.post("/signin/link", data={"email": agent.email, "what": "password"})
    secrets = {word for mail in make.deliver() for word in _links(mail) if len(word) > 30}
    secrets |= {tickets.give_key(ticket), people.mint_api_token(agent, name="t", scopes=["read"])[1]}
    assert len(secrets) >= 5
    kept = everything_kept()
    assert ticket.ref in kept
    assert not [secret for secret in secrets if secret in kept]


def everything_kept() -> str:
    """Return all that the database holds: every row, and for SQLite the bytes of its file."""
    rows = [row for table in store.db.metadata.sorted_tables for row in store.session().execute(select(table))]
    if store.db.engine.dialect.name != "sqlite":
        return str(rows)
    path = Path(store.db.session().connection().exec_driver_sql("PRAGMA database_list").one()[2])
    files = [path, path.with_name(path.name + "-wal")]
    return str(rows) + "".join(file.read_bytes().decode("latin-1") for file in files)


def test_the_worker_thread_wakes_on_a_commit(database_url: str, tmp_path: Path, mail_sink: Mailserver) -> None:
    import wsgi

    with houses.opened(database_url, tmp_path, smtp_url=mail_sink.url, outbox="thread") as app:
        wsgi.start_outbox(app)
        worker, stop, wake = app.extensions["tracker_worker"]
        try:
            ticket = make.ticket(confirmed=False)
            mail_sink.to(ticket.email)
            wait_until(lambda: not deliveries("waiting"), what="all is sent")
        finally:
            stop.set()
            wake.set()
            worker.join(10)
            assert not worker.is_alive()


def test_mail_to_many_is_spread_over_the_second_and_what_was_lost_is_caught_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: 1000 + sum(slept), sleep=slept.append)
    monkeypatch.setattr(_smtp, "time", clock)
    monkeypatch.setattr(_smtp, "_open", _smtp._Open())
    for _ in range(601):
        _smtp.pace(600)
    assert sum(slept) == pytest.approx(1 - _smtp.LATE_S, abs=0.01)
    assert max(slept) <= 1 / 600 + 1e-6, "no burst, and no pause"
    slept.append(5)  # the database was away
    before = sum(slept)
    for _ in range(600):
        _smtp.pace(600)
    assert sum(slept) - before == pytest.approx(1 - _smtp.LATE_S, abs=0.01), "not five seconds' mail at once"


def test_only_mail_to_many_waits_for_its_turn(
    mailing: Flask, mail_sink: Mailserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []
    monkeypatch.setattr(_smtp, "pace", turns.append)
    ticket = make.ticket(email="cara@home.example")
    with store.transaction() as session:
        facts = {"channel": "email", "ticket_id": ticket.id, "created_at": store.now(), "confirmed_at": store.now()}
        for number in range(3):
            session.add(Subscription(sid=links.new_ref(), target=f"f{number}@home.example", **facts))
    make.post(ticket, "update")
    work()
    assert "cara@home.example" in {one for mail in mail_sink.mails for one in mail.recipients}
    assert turns == [600] * 3


def test_permanent_is_said_by_the_channel() -> None:
    assert Undeliverable("no such mailbox", permanent=True).permanent
    assert Recipient("email", "a@b.example", "customer") == Recipient("email", "a@b.example", "customer")


def _links(mail: Any) -> list[str]:
    text = mail.get_body(("plain",)).get_content()
    return [word.rsplit("/", 1)[-1] for word in text.split() if "/link/" in word]
