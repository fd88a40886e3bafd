"""Whole mails to a desk, as programs write them and as somebody who means harm does: what becomes of each is known."""

from pathlib import Path

import pytest
from flask import Flask

from tests import make
from tests.test_incoming import DOMAIN, newest, set_to
from tracker import attachments, incoming, store
from tracker.models import Ticket

MAILS = Path(__file__).parent / "data" / "mail"
OPENED = {
    "new-gmail": [
        ("No water on the third floor – damp wall", "Cara Lindt", ["picture"]),
        "Hello,",
        "since Friday there is no water on the third floor – and the wall behind the sink is damp. See the picture.",
        "Could somebody ring before coming? The bell says “Lindt”.",
        "Kind regards,\nCara",
    ],
    "new-outlook": [
        ("Lift stuck again", "Ng, Dora", []),
        "The lift stops between two floors – twice this week.",
        "It was “fixed” on Tuesday, & failed again on Wednesday.",
        "Dora Ng\nSecond floor",
    ],
    "new-gmx-german": [
        ("Licht im Treppenhaus aus (Mühlgasse)", "Jörg Weiß", []),
        "Guten Tag,",
        "im Treppenhaus der Mühlgasse 14 ist seit gestern das Licht aus; für meine Mutter ist das gefährlich.",
        "Können Sie bitte jemanden schicken?",
        "Mit freundlichen Grüßen\nJörg Weiß",
    ],
    "hostile-charset": [("Grüßexœ", "Eve", []), "Es tropft über dem Herd.\nUnd am Fenster auch."],
    "hostile-base64": [
        ("Garbage", "Eve", []),
        "It drips.",
        "!!!!==not*base64==////AAAA",
        "(Not taken with this mail: ../../wall.png.)",
    ],
}
DEAD = {"hostile-deep": "it is nested too deeply", "hostile-head": "it has more than 300 header lines"}


@pytest.fixture(autouse=True)
def mail_comes_in(house: Flask) -> None:
    set_to(house, mail_in_domain=DOMAIN)


def raw(name: str, desk: str) -> bytes:
    return (MAILS / f"{name}.eml").read_bytes().replace(b"DESK-ADDRESS", desk.encode())


def test_every_mail_to_a_desk_is_tried() -> None:
    assert {path.stem for kind in ("new", "hostile") for path in MAILS.glob(f"{kind}-*.eml")} == {*OPENED, *DEAD}


@pytest.mark.parametrize("name", OPENED)
def test_a_mail_to_a_desk_opens_a_ticket_with_all_its_words_and_nothing_else(house: Flask, name: str) -> None:
    about, *paragraphs = OPENED[name]
    make.agent(make.desk("water"))
    taken = incoming.take(raw(name, f"water@{DOMAIN}"))
    ticket = store.session().get_one(Ticket, taken.ticket_id)
    event = newest(ticket)
    kinds = [one.kind for one in attachments.of(ticket, [event.seq]).get(event.seq, [])]
    assert (ticket.subject, ticket.customer_name, kinds) == about
    assert event.body_source.split("\n\n") == paragraphs


@pytest.mark.parametrize("name", DEAD)
def test_a_mail_that_would_cost_too_much_is_kept_whole_and_says_why(house: Flask, name: str) -> None:
    make.desk("water")
    mail = raw(name, f"water@{DOMAIN}")
    dead = incoming.take(mail)
    assert (dead.state, dead.reason, dead.source) == ("dead", DEAD[name], mail)
