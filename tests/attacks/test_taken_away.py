"""Words that were hidden or erased: sung into every field of every kind, taken away, then listened for everywhere."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make
from tests.attacks.exits import heard, ways_out
from tests.houses import Visitor
from tests.servers.receiver import Receiver
from tests.test_care import backup, everything_stored, restore
from tracker import browse, erasure, exporting, hooks, reports, store
from tracker.kinds import KINDS
from tracker.models import Event, Handoff, Person, Ticket
from tracker.permissions import ANYONE, SYSTEM

SONG = "canary of flat 7"
NAME = "Canary Bird"
SUNG_ELSEWHERE = {"imported": "an import brings it", "corrected": "it goes with what it corrects"}


def sing() -> Ticket:
    """Say the song in each field that words fit into, by whoever may; every entry that is no correction holds it."""
    ticket = make.ticket(subject=f"The {SONG} is loud", text=SONG, impact=SONG)
    other, lead = make.agent(ticket.desk), make.viewer(make.lead(ticket.desk))
    for kind in ("note", "update"):
        plain = make.post(ticket, kind, text="Nothing of note.")
        make.post(ticket, "redacted" if kind == "note" else "erased", lead, target=plain.seq, reason=SONG)
    word = make.post(ticket, "update", text=SONG)
    make.post(ticket, "corrected", target=word.seq, text=f"The {SONG}", reason=SONG)
    make.post(ticket, "note", text=SONG)
    make.post(ticket, "reply", text=SONG, publish=True)
    make.post(ticket, "reply_published", target=make.post(ticket, "thanks", make.customer(ticket), text=SONG).seq)
    make.post(ticket, "promise_moved", reason=SONG)
    make.post(ticket, "handoff_offered", to=other, reason=SONG, briefing=SONG)
    make.post(ticket, "handoff_declined", other, reason=SONG)
    make.post(ticket, "helper_added", to=other, reason=SONG)
    _come_and_go(ticket, lead, other)
    report = reports.file(ticket, word.seq, "It is about a neighbour.", by=ANYONE)
    reports.decide(report.key, "hidden", SONG, by=lead)
    make.post(ticket, "visibility_changed", visibility="public", name_shown="pseudonym", pseudonym=NAME)
    return ticket


def _come_and_go(ticket: Ticket, lead: Any, other: Person) -> None:
    make.post(ticket, "waiting", text=SONG)
    make.post(ticket, "resumed")
    make.post(ticket, "reassigned", lead, to=other, reason=SONG)
    make.post(ticket, "resolved", text=SONG)
    make.post(ticket, "feedback", text=SONG, publish=True)
    make.post(ticket, "reopened", text=SONG)
    make.post(ticket, "declined", text=SONG)
    make.post(ticket, "reopened", text=SONG)
    word = make.post(ticket, "update", text=SONG)
    for again in (SONG, f"The {SONG}"):
        make.post(ticket, "corrected", target=word.seq, text=again, reason=SONG)


def let_programs_hear(ticket: Ticket, far: Receiver) -> None:
    """Give the ticket and its desk a webhook, and both a word to tell."""
    hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    hooks.create(ticket.desk, "webhook", far.url, by=SYSTEM)
    make.post(ticket, "update", text=SONG)


def sings(said: str) -> bool:
    return SONG in said or NAME in said


def singing(ticket: Ticket) -> list[Event]:
    query = select(Event).where(Event.ticket_id == ticket.id, Event.kind != "corrected").order_by(Event.seq)
    events = [one for one in store.session().scalars(query) if one.redacted_by is None]
    return [one for one in events if sings(f"{one.payload} {one.body_source}")]


def take_away(ticket: Ticket, how: str) -> None:
    lead = make.lead(ticket.desk)
    for event in singing(ticket):
        more = {"subject": True} if (event.kind, how) == ("opened", "redacted") else {}
        make.post(ticket, how, lead, target=event.seq, reason="It names a neighbour.", **more)


def listen(house: Flask, ticket: Ticket) -> list[str]:
    """Return who hears the song, and where."""
    heard_at = [f"news {one}" for one in ("public", "customer", "staff") if sings(_pushed(ticket, one))]
    exits = ways_out(ticket)
    for who in ("public", "customer", "lead"):
        browser = house.test_client()
        assert isinstance(browser, Visitor)
        if who == "customer":
            make.own(browser, ticket)
        if who == "lead":
            make.sign_in(browser, make.lead(ticket.desk))
        heard_at += [f"{who} {address}" for _rule, address in exits if sings(heard(browser, address))]
    return heard_at + (["export"] if sings(str(list(exporting.everything()))) else [])


def _pushed(ticket: Ticket, audience: str) -> str:
    return str(browse.news(ticket, after=0, audience=audience, limit=200, html=True))


def test_every_kind_that_takes_words_sings(house: Flask) -> None:
    wordy = {name for name, kind in KINDS.items() if kind.word_fields}
    assert {one.kind for one in singing(sing())} == wordy - set(SUNG_ELSEWHERE)


@pytest.mark.parametrize("how", ["redacted", "erased"])
def test_words_taken_away_leave_by_no_exit_nor_in_news_that_still_waited(
    open_house: Flask, far: Receiver, how: str
) -> None:
    ticket = sing()
    let_programs_hear(ticket, far)
    assert len(listen(open_house, ticket)) > 20
    take_away(ticket, how)
    assert listen(open_house, make.fresh(ticket)) == []
    mails = make.deliver()
    assert len(mails) > 10
    assert len(far.posted) > 10
    told = "".join(f"{mail['Subject']}{part.get_content()}" for mail in mails for part in mail.iter_parts())
    assert not sings(told + "".join(one.body.decode() for one in far.posted))


def test_erased_words_are_in_no_row_nor_come_back_with_a_backup(house: Flask) -> None:
    ticket = sing()
    reports.file(ticket, 1, f"It says {SONG}.", by=ANYONE)
    kept = backup()
    take_away(ticket, "erased")
    store.session().expire_all()
    assert not sings(everything_stored())
    assert not sings(erasure.log_path().read_text())
    restore(kept)
    assert erasure.replay() > 20
    store.session().expire_all()
    assert not sings(everything_stored())


def test_what_was_hidden_stays_hidden_when_its_customer_is_erased(house: Flask) -> None:
    ticket = sing()
    take_away(ticket, "redacted")
    erasure.ticket(ticket.ref, by=make.customer(ticket))
    assert listen(house, make.fresh(ticket)) == []
    copied = store.session().scalars(select(Handoff.reason).where(Handoff.ticket_id == ticket.id)).all()
    assert copied == [""]
