"""The door for mail: acknowledged or deleted only once it is stored, by LMTP and from a mailbox, to the last mail."""

import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests import make
from tests.servers.dovecot import Dovecot
from tests.servers.ground import free_port, wait_until
from tests.test_incoming import DOMAIN, mail, newest, reply_to, set_to
from tracker import arrivals, incoming, intake, links
from tracker.errors import Invalid, Unavailable
from tracker.intake import imap, lmtp


@pytest.fixture(autouse=True)
def mail_comes_in(house: Flask) -> None:
    set_to(house, mail_in_domain=DOMAIN)


@contextmanager
def listening(house: Flask, place: str = "127.0.0.1:0") -> Iterator[str]:
    """Run the LMTP listener on a thread, and give where it listens."""
    stop, ready, found = threading.Event(), threading.Event(), []

    def tell(where: str) -> None:
        found.append(where)
        ready.set()

    thread = threading.Thread(target=lmtp.run, args=(house, place, stop, tell))
    thread.start()
    try:
        assert ready.wait(10)
        yield found[0]
    finally:
        stop.set()
        thread.join(10)


@contextmanager
def handing_over(place: str) -> Iterator[smtplib.LMTP]:
    host, port = place.split(":")
    with smtplib.LMTP(host, int(port)) as server:
        server.ehlo()
        yield server


def answer(place: str, to: str, raw: bytes, sender: str = "cara@home.example") -> int:
    """Hand one mail over and return the last code."""
    with handing_over(place) as server:
        server.mail(sender)
        code = server.rcpt(to)[0]
        return server.data(raw.replace(b"\n", b"\r\n"))[0] if code == 250 else code


def test_a_mail_handed_over_is_stored_before_it_is_acknowledged(house: Flask) -> None:
    ticket = make.ticket()
    with listening(house) as place:
        assert answer(place, reply_to(ticket), mail(reply_to(ticket), "By LMTP.\n.\n.dots")) == 250
    assert newest(ticket).body_source == "By LMTP.\n.\n.dots"


def test_what_could_not_be_stored_stays_with_the_server_in_front(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket()
    raw, seq = mail(reply_to(ticket)), newest(ticket).seq

    def away(*_arguments: Any, **_more: Any) -> None:
        raise Unavailable()

    with listening(house) as place:
        with monkeypatch.context() as broken:
            broken.setattr(incoming.tickets, "post", away)
            assert answer(place, reply_to(ticket), raw) == 451
        assert newest(ticket).seq == seq
        assert answer(place, reply_to(ticket), raw) == 250
        assert answer(place, reply_to(ticket), raw) == 250
    assert newest(ticket).seq == seq + 1


def test_a_fault_that_keeps_even_the_dead_letter_from_being_stored_is_not_acknowledged(
    house: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_more: Any) -> None:
        raise RuntimeError("no disk")

    monkeypatch.setattr(incoming, "take", broken)
    make.desk("water")
    with listening(house) as place:
        assert answer(place, f"water@{DOMAIN}", mail("x@y.example")) == 451


def test_while_nobody_can_look_whose_an_address_is_the_mail_stays_with_the_server_in_front(
    house: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: Any) -> bool:
        raise OperationalError("", {}, Exception("no database"))

    monkeypatch.setattr(incoming, "is_ours", away)
    with listening(house) as place, handing_over(place) as server:
        server.mail("cara@home.example")
        assert server.rcpt(f"water@{DOMAIN}")[0] == 451


def test_unknown_addresses_are_refused_at_once_and_one_recipient_is_taken_at_a_time(house: Flask) -> None:
    ticket = make.ticket()
    forged = links.reply_address(links.new_ref(), "customer", "x@home.example")
    with listening(house) as place, handing_over(place) as server:
        server.mail("cara@home.example")
        assert server.rcpt(f"nobody@{DOMAIN}")[0] == 550
        assert server.rcpt("cara@home.example")[0] == 550
        assert server.rcpt(reply_to(ticket))[0] == 250
        assert server.rcpt(f"{ticket.desk.slug}@{DOMAIN}")[0] == 452
        server.rset()
        server.mail("cara@home.example")
        assert server.rcpt(forged)[0] == 250, "alike for tickets that exist and those that don't"


def test_a_bounce_is_refused_by_its_empty_sender(house: Flask) -> None:
    ticket = make.ticket()
    with listening(house) as place:
        assert answer(place, reply_to(ticket), mail(reply_to(ticket)), sender="") == 250
    assert [one.state for one in arrivals.newest(limit=5)] == ["refused"]


def test_a_mail_too_large_is_refused_and_the_next_one_taken(house: Flask) -> None:
    ticket = make.ticket()
    with listening(house) as place:
        huge = mail(reply_to(ticket)) + (b"a" * 900 + b"\n") * 18_000
        assert answer(place, reply_to(ticket), huge) in (500, 552)
        assert answer(place, reply_to(ticket), mail(reply_to(ticket), "b" * 5000)) == 250


def test_a_socket_in_the_file_system_serves_too(house: Flask, tmp_path: Path) -> None:
    ticket, place = make.ticket(), str(tmp_path / "lmtp")
    with listening(house, place) as where, smtplib.LMTP(where) as server:
        server.sendmail("cara@home.example", [reply_to(ticket)], mail(reply_to(ticket)))
        assert lmtp.check(where) == ""
    assert newest(ticket).kind == "reply"
    assert "Nobody listens" in lmtp.check(place)


@pytest.mark.slow
def test_what_lies_in_the_mailbox_is_taken_and_then_deleted(house: Flask, mailbox: Dovecot) -> None:
    ticket = make.ticket()
    mailbox.put(mail(reply_to(ticket), "From the mailbox."))
    mailbox.put(mail(f"{ticket.desk.slug}@{DOMAIN}", "A new one."))
    mailbox.put(b"\x00 not a mail \xff")
    assert imap.step(house, mailbox.url) == 3
    assert mailbox.mails() == []
    assert newest(ticket).body_source == "From the mailbox."
    assert arrivals.totals() == {"reply": 1, "opened": 1, "dead": 1}
    assert imap.step(house, mailbox.url) == 0


@pytest.mark.slow
def test_what_could_not_be_stored_stays_in_the_mailbox(
    house: Flask, mailbox: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = make.ticket()
    mailbox.put(mail(reply_to(ticket)))

    def away(*_arguments: Any, **_more: Any) -> None:
        raise Unavailable()

    with monkeypatch.context() as broken:
        broken.setattr(incoming.tickets, "post", away)
        assert imap.step(house, mailbox.url) == 0
    assert len(mailbox.mails()) == 1
    assert imap.step(house, mailbox.url) == 1
    assert newest(ticket).kind == "reply"


@pytest.mark.slow
def test_a_flood_waits_in_the_mailbox_while_others_are_taken(
    house: Flask, mailbox: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "A_ROUND", 2)
    set_to(house, opens_per_hour=1)
    ticket = make.ticket()
    later: imap.Later = {}
    for _ in range(4):
        mailbox.put(mail(f"{ticket.desk.slug}@{DOMAIN}", sender="flood@home.example"))
    mailbox.put(mail(reply_to(ticket), "Behind the flood."))
    assert imap.step(house, mailbox.url, later=later) == 2
    assert newest(ticket).body_source == "Behind the flood."
    assert len(later) == len(mailbox.mails()) == 3
    monkeypatch.setattr(imap, "_fetch", None)
    assert imap.step(house, mailbox.url, later=later) == 0, "and none of it is fetched before its time"
    monkeypatch.undo()
    set_to(house, mail_in_domain=DOMAIN, opens_per_hour=9)
    later.update(dict.fromkeys(later, 0.0))
    assert imap.step(house, mailbox.url, later=later) == 3
    assert imap.step(house, mailbox.url, later=later) == 0
    assert not later


@pytest.mark.slow
def test_a_mailbox_that_is_away_is_said_in_words_and_looked_into_when_it_is_back(
    house: Flask, mailbox: Dovecot
) -> None:
    ticket, stop = make.ticket(), threading.Event()
    mailbox.put(mail(reply_to(ticket)))
    mailbox.stop()
    assert "can't be read" in imap.check(mailbox.url)
    chosen = replace(house.extensions["tracker_settings"], mail_in_imap=mailbox.url, mail_in_seconds=1)
    looking = threading.Thread(target=imap.run, args=(house, chosen, stop))
    looking.start()
    try:
        mailbox.start()
        wait_until(lambda: newest(ticket).kind == "reply", what="the mail is taken")
    finally:
        stop.set()
        looking.join(10)
    assert "can't be read" in imap.check(mailbox.url.replace("only", "not"))
    assert imap.check(mailbox.url) == ""


@pytest.mark.slow
def test_a_password_is_not_sent_unencrypted_to_another_machine(house: Flask, mailbox: Dovecot) -> None:
    with pytest.raises(imap.Away, match="unencrypted"):
        imap.step(house, mailbox.url.replace("127.0.0.1", "0.0.0.0"))


@pytest.mark.slow
def test_the_doctor_says_what_keeps_mail_from_coming_in(house: Flask, mailbox: Dovecot) -> None:
    assert "no way in" in intake.check()
    set_to(house, mail_in_imap=mailbox.url)
    assert intake.check() == ""
    set_to(house, mail_in_desk="nowhere")
    assert "TRACKER_MAIL_IN_DESK names none" in intake.check()
    set_to(house, mail_in_desk="", mail_in_lmtp=f"127.0.0.1:{free_port()}")
    assert "Nobody listens" in intake.check()
    set_to(house, mail_in_domain="")
    assert "TRACKER_MAIL_IN_DOMAIN is empty" in intake.check()
    set_to(house, mail_in_imap="", mail_in_lmtp="")
    assert intake.check() == ""
    with pytest.raises(Invalid, match="No way is set"):
        intake.run(house, threading.Event())


def test_the_command_line_takes_lists_shows_and_takes_again(house: Flask) -> None:
    ticket = make.ticket()
    runner = house.test_cli_runner()

    def run(*words: str, given: bytes = b"") -> str:
        result = runner.invoke(args=["tracker", "mail-in", *words], input=given)
        assert result.exit_code == 0, result.output
        return str(result.output)

    assert "reply" in run("take", "-", "--to", reply_to(ticket), given=mail(reply_to(ticket)))
    assert "dead" in run("take", "-", given=b"nonsense")
    number = arrivals.newest("dead", limit=1)[0].id
    assert "names no sender" in run("list", "--state", "dead")
    assert run("show", str(number)) == "nonsense"
    assert f"Mail {number}: dead" in run("retry", str(number))
    doctor = runner.invoke(args=["tracker", "doctor"]).output
    assert "1 mails could not be taken" in doctor
