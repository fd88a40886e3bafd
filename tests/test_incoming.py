"""Mail in: a reply lands on its ticket by its signed address alone, a new mail opens one, machines are refused."""

import threading
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tests.test_mail import plain
from tracker import arrivals, attachments, incoming, links, people, store, tickets
from tracker.errors import TooSoon, Unavailable
from tracker.models import Event, File, Ticket
from tracker.permissions import ANYONE

DOMAIN = "in.example.org"
MAILS = Path(__file__).parent / "data" / "mail"


@pytest.fixture(autouse=True)
def mail_comes_in(house: Flask) -> None:
    set_to(house, mail_in_domain=DOMAIN)


def set_to(house: Flask, **changed: Any) -> None:
    house.extensions["tracker_settings"] = replace(house.extensions["tracker_settings"], **changed)


def mail(
    to: str, words: str = "It still drips.", *, sender: str = "Cara Lindt <cara@home.example>", **more: str
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, more.pop("subject", "No water")
    message["Message-ID"] = more.pop("message_id", f"<{links.new_ref()}@home.example>")
    for name, value in more.items():
        message[name.replace("_", "-")] = value
    message.set_content(words)
    return message.as_bytes()


def reply_to(ticket: Ticket) -> str:
    return links.reply_address(ticket.ref, "customer", ticket.email)


def newest(ticket: Ticket) -> Event:
    return make.events_of(make.fresh(ticket))[-1]


def every_ticket() -> list[Ticket]:
    return list(store.session().scalars(select(Ticket).order_by(Ticket.id)))


def test_a_reply_to_the_mail_we_sent_lands_on_its_ticket_as_a_private_reply(house: Flask) -> None:
    ticket = make.ticket(email="cara@home.example")
    sent = next(one for one in make.deliver() if one["To"] == "cara@home.example")
    taken = incoming.take(mail(sent["Reply-To"]))
    assert taken.state == "reply"
    event = newest(ticket)
    assert (event.kind, event.audience, event.actor_role, event.body_source) == (
        "reply",
        "customer",
        "customer",
        "It still drips.",
    )


@pytest.mark.parametrize("path", sorted(MAILS.glob("*-??.eml")), ids=lambda path: path.stem)
def test_replies_of_the_common_programs_land_without_quotes(house: Flask, path: Path) -> None:
    ticket = make.ticket(email="cara@home.example")
    raw = path.read_bytes().replace(b"REPLY-ADDRESS", reply_to(ticket).encode())
    assert incoming.take(raw, recipient=reply_to(ticket)).state == "reply"
    words = newest(ticket).body_source
    assert "Ann Fields" not in words
    assert "nameplate" not in words
    assert len(words.split("\n\n")) == 2


def test_a_reply_that_is_all_quotes_to_us_is_kept_as_it_came_without_its_signature(house: Flask) -> None:
    ticket = make.ticket()
    assert incoming.take(mail(reply_to(ticket), "> Which floor?\n> The third, it says.\n-- \nCara")).state == "reply"
    assert newest(ticket).body_source == "> Which floor?\n> The third, it says."


def test_the_same_mail_offered_again_changes_nothing(house: Flask) -> None:
    ticket = make.ticket()
    raw = mail(reply_to(ticket))
    first = incoming.take(raw, recipient=reply_to(ticket))
    seq = newest(ticket).seq
    again = incoming.take(b"Received: from elsewhere\r\n" + raw, recipient=reply_to(ticket))
    assert again.id == first.id
    assert newest(ticket).seq == seq


def test_a_reply_ends_waiting(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting")
    incoming.take(mail(reply_to(ticket)))
    assert make.fresh(ticket).status == "open"


def test_a_word_after_the_end_reopens_nothing(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "resolved")
    assert incoming.take(mail(reply_to(ticket), "Thank you, Ann!")).state == "reply"
    assert make.fresh(ticket).status == "resolved"


def test_who_writes_to_a_ticket_that_has_ended_is_asked_once_a_day_whether_it_is_solved(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    ticket = make.ticket(email="cara@home.example", language="de")
    make.post(ticket, "resolved")
    make.deliver()
    count = len(make.mails())
    for words in ("No! It still drips.", "Hello?"):
        incoming.take(mail(reply_to(ticket), words))
    incoming.take(mail(reply_to(ticket), "I am away.", Auto_Submitted="auto-replied"))
    (answer,) = (one for one in make.deliver()[count:] if one["To"] == "cara@home.example")
    assert (answer["Auto-Submitted"], answer["Reply-To"]) == ("auto-replied", reply_to(ticket))
    assert "eine Mail öffnet es nicht wieder" in plain(answer)
    not_yet = plain(answer).split("Nein, noch nicht: ")[1].split()[0]
    assert client.get(not_yet).status_code == 200
    travel.shift(timedelta(days=1, seconds=1))
    incoming.take(mail(reply_to(ticket), "Anybody?"))
    make.post(ticket, "reopened", text="It drips.")
    later = [one for one in make.deliver() if one["To"] == "cara@home.example"]
    assert len([one for one in later if "eine Mail öffnet" in plain(one)]) == 1, "it is open again by then"


def forged(ticket: Ticket) -> list[str]:
    good = reply_to(ticket)
    other = make.ticket()
    return [
        good.replace(good[18:24], "000000"),
        f"reply+{ticket.ref}@{DOMAIN}",
        f"reply+{ticket.ref}.@{DOMAIN}",
        good.replace(DOMAIN, "elsewhere.example"),
        links.reply_address(other.ref, "customer", ticket.email).replace(other.ref, ticket.ref),
        links.reply_address(ticket.ref, "customer", "stranger@home.example"),
        links.reply_address(ticket.ref, "follower", ticket.email),
    ]


def test_a_stranger_cannot_write_into_a_ticket_and_learns_nothing_of_it(house: Flask) -> None:
    ticket = make.ticket(email="cara@home.example")
    absent = f"reply+{links.new_ref()}.{'0' * 24}@{DOMAIN}"
    for address in [*forged(ticket), absent]:
        seq, count = newest(ticket).seq, len(every_ticket())
        taken = incoming.take(mail(address, sender="Cara Lindt <cara@home.example>"), recipient=address)
        assert (taken.state, taken.reason) == ("opened", ""), address
        assert newest(ticket).seq == seq
        assert len(every_ticket()) == count + 1
        assert taken.ticket_id == every_ticket()[-1].id


def test_from_alone_proves_nothing(house: Flask) -> None:
    ticket = make.ticket(email="cara@home.example")
    seq = newest(ticket).seq
    incoming.take(mail(f"{ticket.desk.slug}@{DOMAIN}", subject=f"Re: {ticket.subject} {ticket.ref}"))
    assert newest(ticket).seq == seq


def test_an_agents_reply_by_mail_is_a_note_and_never_an_update(house: Flask) -> None:
    ticket = make.ticket()
    sent = next(one for one in make.deliver() if one["To"] == ticket.assignee.email)
    taken = incoming.take(mail(sent["Reply-To"], "I call them at nine.", sender=f"Ann <{ticket.assignee.email}>"))
    assert taken.state == "note"
    event = newest(ticket)
    assert (event.kind, event.audience, event.actor_id) == ("note", "staff", ticket.assignee_id)


def test_an_agents_address_in_other_hands_opens_nothing_and_waits_for_somebody(house: Flask) -> None:
    ticket = make.ticket()
    address = links.reply_address(ticket.ref, "staff", ticket.assignee.email)
    seq = newest(ticket).seq
    taken = incoming.take(mail(address, sender="thief@home.example"))
    assert taken.state == "dead"
    assert "another sender" in taken.reason
    assert newest(ticket).seq == seq


def test_who_left_or_sits_elsewhere_writes_nothing(house: Flask) -> None:
    ticket, elsewhere = make.ticket(), make.agent(make.desk("other"))
    address = links.reply_address(ticket.ref, "staff", elsewhere.email)
    assert incoming.take(mail(address, sender=elsewhere.email)).state == "dead"
    with store.transaction():
        elsewhere.active = False
    assert incoming.take(mail(address, sender=elsewhere.email)).state == "opened"
    assert "note" not in make.kinds_of(ticket)


def test_a_new_mail_opens_a_private_ticket_with_a_person_and_is_acknowledged(house: Flask) -> None:
    desk = make.desk("water")
    make.agent(desk)
    make.ticket()
    taken = incoming.take(mail(f"water@{DOMAIN}", "It drips.\n\n-- \nCara\n020 7946", subject="Re: AW: The  tap"))
    ticket = every_ticket()[-1]
    assert (taken.state, taken.ticket_id) == ("opened", ticket.id)
    assert (ticket.desk.slug, ticket.subject, ticket.source, ticket.visibility) == (
        "water",
        "The tap",
        "email",
        "private",
    )
    assert (ticket.customer_name, ticket.email, ticket.email_confirmed_at) == ("Cara Lindt", "cara@home.example", None)
    assert newest(ticket).body_source == "It drips."
    answer = next(one for one in make.deliver() if one["To"] == "cara@home.example")
    assert answer["Auto-Submitted"] == "auto-replied"
    assert ticket.assignee.name in str(answer["From"])


def test_our_mails_answer_the_mail_that_opened_the_ticket_to_its_writer_alone(house: Flask) -> None:
    make.ticket()
    incoming.take(mail(f"x@{DOMAIN}", message_id="<a1@home.example>"))
    incoming.take(mail(f"x@{DOMAIN}", message_id="<a 1@home.example>"))
    ticket = every_ticket()[-2]
    make.post(ticket, "update")
    root = f"<{ticket.ref}@localhost>"
    sent = [(one["To"], one["In-Reply-To"], one["References"]) for one in make.deliver() if root in one["References"]]
    cara = ("cara@home.example", "<a1@home.example>", f"<a1@home.example> {root}")
    assert [one for one in sent if one[0] == "cara@home.example"] == [cara, cara]
    assert {one[1:] for one in sent if one[0] != "cara@home.example"} == {(root, root)}
    assert every_ticket()[-1].mail_id == "", "what no header can carry"


def test_only_three_mails_a_day_from_an_unconfirmed_address_are_acknowledged(house: Flask) -> None:
    make.ticket()
    for number in range(5):
        incoming.take(mail(f"anything@{DOMAIN}", subject=f"Mail {number}"))
    assert len([one for one in make.deliver() if one["To"] == "cara@home.example"]) == 3


def test_a_mail_without_words_subject_or_usable_name_still_opens_a_ticket(house: Flask) -> None:
    ann = make.ticket().assignee
    incoming.take(mail(f"x@{DOMAIN}", "", subject="", sender=f"{ann.name} <odd@home.example>"))
    ticket = every_ticket()[-1]
    assert ticket.customer_name == "odd"
    assert ticket.subject == incoming.NO_SUBJECT
    assert newest(ticket).body_source == incoming.NO_WORDS


def test_endless_words_and_subjects_are_cut(house: Flask) -> None:
    make.ticket()
    incoming.take(mail(f"x@{DOMAIN}", "word " * 30_000, subject="a" * 900))
    ticket = every_ticket()[-1]
    assert len(ticket.subject) == 140
    assert newest(ticket).body_source.endswith(incoming.CUT)


def with_files(to: str, *files: tuple[str, str, bytes], words: str = "See the picture.") -> bytes:
    message = message_from_bytes(mail(to, words), policy=default)
    assert isinstance(message, EmailMessage)
    for name, kind, content in files:
        main, sub = kind.split("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


def picture(side: int = 40) -> bytes:
    out = BytesIO()
    Image.effect_noise((side, side), 60).save(out, "PNG")
    return out.getvalue()


def test_files_come_along_and_what_is_none_we_take_is_named(house: Flask) -> None:
    ticket = make.ticket()
    sent = [
        ("wall.png", "image/png", picture()),
        ("bill.pdf", "application/pdf", b"MZ\x00\x01\xff no pdf"),
        ("a.txt", "text/plain", b"hi"),
    ]
    assert incoming.take(with_files(reply_to(ticket), *sent)).state == "reply"
    event = newest(ticket)
    assert [one.kind for one in attachments.of(ticket, [event.seq])[event.seq]] == ["picture", "text"]
    assert event.body_source == "See the picture.\n\n(Not taken with this mail: bill.pdf.)"


def test_a_mail_of_nothing_but_a_picture_is_a_reply_and_a_new_ticket(house: Flask) -> None:
    ticket = make.ticket()
    for address in (reply_to(ticket), f"x@{DOMAIN}"):
        assert incoming.take(with_files(address, ("wall.png", "image/png", picture()), words="")).state != "dead"
    assert newest(ticket).body_source == newest(every_ticket()[-1]).body_source == incoming.NO_WORDS


def test_more_files_than_an_entry_takes_are_named(house: Flask) -> None:
    ticket = make.ticket()
    incoming.take(with_files(reply_to(ticket), *((f"{n}.txt", "text/plain", b"hi") for n in range(7))))
    event = newest(ticket)
    assert len(attachments.of(ticket, [event.seq])[event.seq]) == attachments.MOST_OF_EVENT
    assert "5.txt, 6.txt" in event.body_source


def test_a_logo_in_a_signature_is_no_file_and_a_pasted_picture_is(house: Flask) -> None:
    ticket = make.ticket()
    message = message_from_bytes(mail(reply_to(ticket)), policy=default)
    assert isinstance(message, EmailMessage)
    message.add_alternative("<p>It drips.<img src='cid:a'><img src='cid:b'></p>", subtype="html")
    page = message.get_payload(1)
    for name, content in (("a", picture(10)), ("b", picture(200))):
        page.add_related(content, maintype="image", subtype="png", cid=f"<{name}>")
    incoming.take(message.as_bytes())
    assert len(attachments.of(ticket, [newest(ticket).seq])[newest(ticket).seq]) == 1


def test_files_of_machines_are_not_even_looked_at(house: Flask) -> None:
    ticket = make.ticket()
    raw = with_files(reply_to(ticket), ("wall.png", "image/png", picture()))
    incoming.take(b"Auto-Submitted: auto-replied\r\n" + raw)
    assert not list(store.session().scalars(select(File)))


def test_control_characters_and_markup_reach_no_page(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    incoming.take(mail(reply_to(ticket), "a\x00b\x1b[31m\u202e <script>alert(1)</script> [x](javascript:1)"))
    event = newest(ticket)
    assert not set(event.body_source) & set("\x00\x1b\u202e")
    assert "<script" not in event.body_html
    assert "href" not in event.body_html


def test_mail_that_cannot_be_read_is_kept_whole_with_the_reason(house: Flask) -> None:
    raw = b"not a mail at all"
    dead = incoming.take(raw, recipient=f"x@{DOMAIN}")
    assert (dead.state, dead.source) == ("dead", raw)
    assert "no sender" in dead.reason
    assert incoming.take(raw, recipient=f"x@{DOMAIN}").id == dead.id
    assert [one.id for one in arrivals.newest("dead", limit=10)] == [dead.id]


def test_a_fault_of_ours_loses_no_mail(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket()
    seq = newest(ticket).seq
    with monkeypatch.context() as broken:
        broken.setattr(tickets, "post", lambda *_arguments, **_more: 1 / 0)
        dead = incoming.take(mail(reply_to(ticket)), recipient=reply_to(ticket))
    assert (dead.state, dead.reason) == ("dead", "a fault of ours: ZeroDivisionError")
    assert incoming.retry(dead.id).state == "reply"
    assert newest(ticket).seq == seq + 1
    assert not arrivals.newest("dead", limit=10)


def test_a_retry_in_vain_keeps_the_mail(house: Flask) -> None:
    dead = incoming.take(b"not a mail at all")
    assert incoming.retry(dead.id).state == "dead"
    assert [one.source for one in arrivals.newest("dead", limit=10)] == [b"not a mail at all"]


def test_a_database_that_is_away_leaves_the_mail_where_it_is(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = make.ticket()
    raw = mail(reply_to(ticket))

    def away(*_arguments: Any, **_more: Any) -> None:
        raise Unavailable()

    with monkeypatch.context() as broken:
        broken.setattr(tickets, "post", away)
        with pytest.raises(Unavailable):
            incoming.take(raw)
    assert not arrivals.newest(limit=10)
    assert incoming.take(raw).state == "reply"


def test_a_flood_from_one_address_is_put_off(house: Flask) -> None:
    make.ticket()
    set_to(house, opens_per_hour=2)
    for _ in range(2):
        incoming.take(mail(f"x@{DOMAIN}"))
    with pytest.raises(TooSoon):
        incoming.take(with_files(f"x@{DOMAIN}", ("wall.png", "image/png", picture())))
    assert not store.session().scalars(select(File)).all(), "its files would be kept each time it is offered"
    assert incoming.take(mail(f"x@{DOMAIN}", sender="other@home.example")).state == "opened"


def test_the_same_mail_by_two_at_once_is_taken_once(house: Flask) -> None:
    ticket = make.ticket()
    raw, found = mail(reply_to(ticket)), []

    def take() -> None:
        with house.app_context():
            found.append(incoming.take(raw, recipient=reply_to(ticket)).id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 4
    assert len(set(found)) == 1
    assert make.kinds_of(ticket).count("reply") == 1


def test_a_mail_says_what_a_reply_to_it_does(house: Flask) -> None:
    ticket = make.ticket(email="cara@home.example", language="de")
    sent = {str(one["To"]): one for one in make.deliver()}
    for address, words in (
        ("cara@home.example", "Antworten Sie auf diese Mail"),
        (ticket.assignee.email, "leave a note"),
    ):
        for form in ("plain", "html"):
            body = sent[address].get_body((form,))
            assert body is not None
            assert words in " ".join(body.get_content().split())
    set_to(house, mail_in_domain="")
    make.post(ticket, "update")
    assert "Antworten" not in make.deliver()[-1].as_string()


def test_no_reply_address_is_given_where_no_mail_comes_in(house: Flask) -> None:
    set_to(house, mail_in_domain="")
    make.ticket()
    assert all(one["Reply-To"] is None for one in make.deliver())


def test_nothing_of_mails_that_were_taken_is_kept_but_that_they_were(house: Flask) -> None:
    ticket = make.ticket()
    taken = incoming.take(mail(reply_to(ticket)))
    assert (taken.source, taken.sender, taken.recipient) == (None, "", "")


def test_addresses_of_ours_are_known_and_others_are_not(house: Flask) -> None:
    make.desk("water")
    good = [f"water@{DOMAIN}", f"Reply+{'0' * 12}.{'0' * 24}@{DOMAIN}", "desk@nameplate.invalid"]
    bad = [f"fire@{DOMAIN}", "water@elsewhere.example", f"reply+x@{DOMAIN}", "nobody", ""]
    assert all(map(incoming.is_ours, good))
    assert not any(map(incoming.is_ours, bad))


def test_a_customers_ticket_opened_on_the_web_is_answered_the_same_way(house: Flask) -> None:
    make.agent()
    given = {"subject": "Water", "text": "None.", "name": "Cara", "email": "cara@home.example", "desk": "buildings"}
    ticket, _secret = tickets.open(given, by=ANYONE)
    sent = next(one for one in make.deliver() if one["To"] == "cara@home.example")
    assert incoming.take(mail(sent["Reply-To"])).ticket_id == ticket.id
    assert people.everyone()
