"""Mail that machines seem to write: refused without an answer, kept for whoever looks, passed on by groups or not."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make
from tests.test_incoming import DOMAIN, every_ticket, mail, newest, reply_to, set_to
from tracker import arrivals, erasure, incoming, links, outbox, store
from tracker.models import IncomingMail
from tracker.permissions import SYSTEM


@pytest.fixture(autouse=True)
def mail_comes_in(house: Flask) -> None:
    set_to(house, mail_in_domain=DOMAIN)


AUTOMATIC = [
    {"Auto_Submitted": "auto-replied"},
    {"Precedence": "bulk"},
    {"Return_Path": "<>"},
    {"X_Loop": "localhost"},
    {"message_id": f"<{'0a' * 12}@localhost>"},
    {"sender": "MAILER-DAEMON@mx.example"},
    {"sender": "Nameplate <desk@nameplate.invalid>"},
    {"sender": f"reply+{'0' * 12}.{'0' * 24}@{DOMAIN}"},
]


@pytest.mark.parametrize("marks", AUTOMATIC, ids=lambda marks: next(iter(marks)))
def test_machines_and_our_own_mails_are_refused_without_an_answer(house: Flask, marks: dict[str, str]) -> None:
    ticket = make.ticket()
    make.deliver()
    count, seq = len(make.mails()), newest(ticket).seq
    for address in (reply_to(ticket), f"x@{DOMAIN}"):
        assert incoming.take(mail(address, **marks), recipient=address).state == "refused"
    assert newest(ticket).seq == seq
    assert len(every_ticket()) == 1
    assert len(make.deliver()) == count


LISTED = [{"List_Id": "<help.company.example>"}, {"Precedence": "list"}, {"X_Auto_Response_Suppress": "OOF"}]


@pytest.mark.parametrize("marks", LISTED, ids=lambda marks: next(iter(marks)))
def test_what_a_mailing_group_passes_on_to_a_desk_opens_a_ticket_and_answers_none(
    house: Flask, marks: dict[str, str]
) -> None:
    ticket = make.ticket()
    seq, desk = newest(ticket).seq, f"{ticket.desk.slug}@{DOMAIN}"
    assert incoming.take(mail("help@company.example", **marks), recipient=desk).state == "opened"
    assert incoming.take(mail(reply_to(ticket), **marks)).state == "refused"
    assert newest(ticket).seq == seq
    for machine in AUTOMATIC:
        if "Precedence" not in machine:
            assert incoming.take(mail(desk, **{**marks, **machine})).state == "refused", machine


def test_who_wrote_to_a_group_that_writes_in_their_stead_is_whom_we_answer(house: Flask) -> None:
    desk, group = f"{make.ticket().desk.slug}@{DOMAIN}", "help@company.example"
    marks = {"List_Id": "<help.company.example>", "Reply_To": "Cara Lindt <cara@home.example>"}
    incoming.take(mail(group, sender=f"'Cara Lindt' via Help <{group}>", **marks), recipient=desk)
    incoming.take(mail(group, sender="Dora <dora@home.example>", **marks), recipient=desk)
    assert [one.email for one in every_ticket()[-2:]] == ["cara@home.example", "dora@home.example"]
    assert every_ticket()[-2].customer_name == "Cara Lindt"


def test_a_refused_mail_is_kept_and_taken_as_a_persons_when_somebody_says_so(house: Flask) -> None:
    ticket = make.ticket()
    raw = mail(reply_to(ticket), Precedence="bulk")
    refused = incoming.take(raw, recipient=reply_to(ticket))
    assert (refused.sender, refused.source) == ("cara@home.example", raw)
    assert arrivals.totals() == {"refused": 1}
    assert incoming.retry(refused.id).state == "reply"
    assert newest(ticket).body_source == "It still drips."
    assert arrivals.totals() == {"reply": 1}


def test_machines_cannot_fill_the_house_with_what_they_write(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    make.ticket()
    monkeypatch.setattr(arrivals, "MOST_REFUSED", 2)
    monkeypatch.setattr(arrivals, "LARGEST_REFUSED", 1_000)
    for number in range(4):
        incoming.take(mail(f"x@{DOMAIN}", "a" * 70 * (number == 3) * 20, sender=f"no-reply@{number}.example"))
    kept = [(one.sender[9:10], one.source is not None) for one in arrivals.newest("refused", limit=10)]
    assert kept == [("3", False), ("2", True), ("1", True), ("0", False)]


def test_a_bounce_by_its_envelope_is_refused(house: Flask) -> None:
    ticket = make.ticket()
    assert incoming.take(mail(reply_to(ticket)), recipient=reply_to(ticket), bounced=True).state == "refused"


def test_every_mail_of_ours_is_marked_so_that_it_would_be_refused_if_it_came_back(house: Flask) -> None:
    make.ticket()
    for sent in make.deliver():
        assert incoming.take(sent.as_bytes(), recipient=f"x@{DOMAIN}").state == "refused"


def refused(sender: str, words: bytes, **more: Any) -> None:
    facts = {"fingerprint": links.new_ref(), "received_at": store.now(), "state": "refused", "source": words, **more}
    with store.transaction() as session:
        session.add(IncomingMail(sender=sender, **facts))


def test_old_mails_are_forgotten(house: Flask) -> None:
    with store.as_of(store.now() - arrivals.REMEMBERED * 1.1):
        incoming.take(mail(f"x@{DOMAIN}", Precedence="bulk"))
    outbox.step()
    assert not list(store.session().scalars(select(IncomingMail)))


def test_mails_that_were_refused_are_forgotten_with_whom_they_are_from_or_about(house: Flask) -> None:
    make.agent()
    incoming.take(mail(f"x@{DOMAIN}", sender="canary@home.example"))
    (ticket,) = every_ticket()
    assert ticket.mail_id
    refused("canary@home.example", b"I am away.", ticket_id=ticket.id)
    refused("canary@home.example", b"Said to nobody yet.")
    refused("mailer-daemon@mx.example", b"Could not be delivered: <Canary@home.example>")
    refused("other@home.example", b"Somebody else.")
    from_a_mailbox = f"To: Reply+{ticket.ref}.0123@desk.example\n\nWhat I never said aloud.".encode()
    arrivals.bury(from_a_mailbox, "0" * 64, "It holds no words of its own.", sender="", recipient="")
    erasure.ticket(ticket.ref, by=SYSTEM)
    kept = select(IncomingMail.source).where(IncomingMail.source.is_not(None)).order_by(IncomingMail.id)
    assert make.fresh(ticket).mail_id == ""
    assert not {b"I am away.", from_a_mailbox} & set(store.session().scalars(kept))
    erasure.person("canary@home.example", by=SYSTEM)
    assert store.session().scalars(kept).all() == [b"Somebody else."]


def test_a_mail_that_was_taken_is_not_buried_when_it_is_offered_again_at_once(house: Flask) -> None:
    make.agent()
    taken = incoming.take(mail(f"x@{DOMAIN}"))
    assert taken.state == "opened"
    assert arrivals.bury(b"", taken.fingerprint, "A fault of ours.", sender="", recipient="").state == "opened"
