"""Words written for the case: near copies are found, marked for all to see, and counted; the rest is left alone."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import String, cast, literal
from time_machine import Traveller

from tests import make, reading
from tests.houses import Visitor
from tests.html import terms
from tests.test_workspace import desk_of, read, send
from tracker import browse, disclosure, embeds, statistics, store, unscripted
from tracker.models import Event, Person, Ticket
from tracker.speech import WORDS

SCRIPT = "Thank you for your patience. We have received your request and will come back to you as soon as possible."
PAST = 5_000
"""Rows of a house with a long past: reading any such number is too much."""
OWN = "I rang the plumber: the riser on your side is shut until the seal from Ghent is here on Thursday at noon."


def said(text: str, **at: Any) -> Ticket:
    """Return a ticket on which its assignee said this."""
    ticket = make.ticket(**at)
    make.post(ticket, "update", text=text)
    return ticket


def newest(ticket: Ticket, audience: str = "public") -> dict[str, Any]:
    found = [one for one in make.events_of(ticket) if one.kind in unscripted.SPOKEN]
    return disclosure.entries(ticket, found[-1:], audience)[0]


def test_a_near_copy_of_ones_own_words_is_found_whatever_the_numbers_and_the_markup(house: Flask) -> None:
    before = said(f"{SCRIPT} Case 4711.")
    ticket = make.ticket(before.desk)
    found = unscripted.twin(ticket, SCRIPT.upper().replace("REQUEST", "**REQUEST**") + " Case 20,815!", ticket.assignee)
    assert found is not None
    assert found.event.ticket_id == before.id
    assert found.likeness > unscripted.ALIKE


@pytest.mark.parametrize("text", [OWN, "Done. Thank you!", SCRIPT[:45] + " " + OWN])
def test_words_of_ones_own_are_none(house: Flask, text: str) -> None:
    before = said(SCRIPT)
    make.post(before, "update", text="Done. Thank you!")
    assert unscripted.twin(before, text, before.assignee) is None


def test_a_colleagues_words_count_on_the_desks_own_tickets_alone(house: Flask) -> None:
    before = said(SCRIPT)
    ann = make.agent(before.desk)
    ticket = make.ticket(before.desk)
    assert unscripted.twin(ticket, SCRIPT, ann) is not None
    stranger = make.agent(make.desk("streets"))
    assert unscripted.twin(make.ticket(stranger.desk), SCRIPT, stranger) is None, "another desk's words are not ours"
    make.post(before, "handoff_offered", to=stranger)
    make.post(before, "handoff_accepted", stranger)
    assert unscripted.twin(ticket, SCRIPT, ann) is None, "the ticket is no longer ours to read"


def test_what_was_hidden_or_is_long_ago_is_no_twin(house: Flask, travel: Traveller) -> None:
    hidden, old = said(SCRIPT), said(OWN)
    make.post(hidden, "redacted", make.lead(hidden.desk), target=3)
    assert unscripted.twin(old, SCRIPT, hidden.assignee) is None
    assert unscripted.twin(old, OWN, old.assignee) is not None
    travel.shift(unscripted.HISTORY + timedelta(seconds=1))
    assert unscripted.twin(old, OWN, old.assignee) is None


@pytest.mark.parametrize("kind", ["update", "waiting", "resolved", "declined"])
def test_a_copy_that_was_sent_says_so_to_everyone(house: Flask, client: Visitor, kind: str) -> None:
    before = said(SCRIPT)
    assert newest(before)["standard"] is False
    ticket = make.ticket(before.desk)
    make.post(ticket, kind, text=SCRIPT)
    for audience in ("public", "customer", "staff"):
        assert newest(ticket, audience)["standard"] is True
    assert '<span class="mark" title=' in client.get(f"/t/{ticket.ref}").text
    events = client.get(f"/api/v1/tickets/{ticket.ref}/events").json["events"]
    assert [one["standard"] for one in events if one["kind"] == kind] == [True]
    pushed = browse.news(ticket, after=0, audience="public", html=True)["events"]
    assert [one["standard"] for one in pushed if one["kind"] == kind] == [True]
    assert any("standard text" in one["html"] for one in pushed)


def test_a_correction_is_looked_at_like_the_words_it_corrects(house: Flask) -> None:
    before = said(SCRIPT)
    ticket = make.ticket(before.desk)
    make.post(ticket, "update", text=OWN)
    word = make.fresh(ticket).latest_word_seq
    make.post(ticket, "corrected", target=word, text=OWN.replace("noon", "nine"), reason="Earlier.")
    assert newest(ticket)["standard"] is False, "words are no copy of those they correct"
    make.post(ticket, "corrected", target=word, text=SCRIPT, reason="Put better.")
    assert newest(ticket)["standard"] is True
    assert browse.news(ticket, after=0, audience="public", html=True)["events"][-1]["standard"] is True
    make.post(ticket, "corrected", target=word, text=OWN, reason="Put best.")
    assert newest(ticket)["standard"] is False
    note = make.post(ticket, "note", text="Seen.")
    assert make.post(ticket, "corrected", target=note.seq, text=SCRIPT, reason="So.").payload["standard"] is False


def test_words_that_were_said_as_corrections_only_have_twins_too(house: Flask) -> None:
    ticket = said(OWN)
    make.post(ticket, "corrected", target=3, text=SCRIPT, reason="Put better.")
    assert unscripted.twin(make.ticket(ticket.desk), SCRIPT, ticket.assignee) is not None


@pytest.mark.parametrize(
    ("language", "text"), [("en", OWN), ("en", SCRIPT), ("de", SCRIPT), ("fr", SCRIPT), ("es", SCRIPT), ("ar", SCRIPT)]
)
def test_a_copy_says_so_in_mails_feeds_and_cards_too(house: Flask, client: Visitor, language: str, text: str) -> None:
    ticket = make.ticket(said(SCRIPT).desk, email="cara@home.example", language=language)
    make.post(ticket, "update", text=text)
    mail = next(one for one in reversed(make.deliver()) if one["To"] == "cara@home.example")
    spoken = WORDS[language]["standard"]
    for part in ("plain", "html"):
        assert (spoken in mail.get_body((part,)).get_content()) is (text == SCRIPT)  # type: ignore[union-attr]
    for place, mark in (("feed.atom", "Standard text:"), ("card", "standard text</span>")):
        assert (mark in client.get(f"/t/{ticket.ref}/{place}").text) is (text == SCRIPT)
    assert ("standard text</span>" in client.get(f"/t/{ticket.ref}/card?variant=timeline").text) is (text == SCRIPT)
    worn = embeds.create(ticket, by=make.customer(ticket)).eid
    for address in (f"/t/{ticket.ref}/badge.json", f"/e/{worn}/badge.json"):
        assert client.get(address).json["latest"]["standard"] is (text == SCRIPT)
    recent = client.get(f"/e/{worn}/timeline.json").json["recent"]
    assert [one["standard"] for one in recent if one["kind"] == "update"] == [text == SCRIPT]


def test_nobody_sets_the_mark_themselves(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    payload = {"text": OWN, "next_word_at": make.ahead(days=1), "standard": False}
    answer = client.post(
        f"/api/v1/tickets/{ticket.ref}/events",
        json={"kind": "update", "payload": payload},
        headers=make.bearer(ticket.assignee),
    )
    assert answer.status_code == 422


def test_the_desk_shows_the_twin_before_a_copy_is_sent_and_sends_it_when_told_so_again(
    house: Flask, client: Visitor
) -> None:
    before = said(SCRIPT)
    ticket = make.ticket(before.desk)
    make.sign_in(client, ticket.assignee)
    typed = {"text": SCRIPT + " Ann", "next": make.ahead(days=2)}
    answer = send(client, ticket, "update", **typed)
    assert answer.status_code == 422
    page = read(answer)
    assert "said nearly the same" in page
    assert f'href="/workspace/t/{before.ref}#e3"' in page
    assert "update" not in make.kinds_of(ticket)
    stamp = page.partition('name="heeded" value="')[2].partition('"')[0]
    changed = send(client, ticket, "update", **typed | {"text": SCRIPT + " Anna"}, heeded=stamp)
    assert changed.status_code == 422, "other words are looked at anew"
    assert send(client, ticket, "update", **typed, heeded=stamp).status_code == 303
    assert "standard text" in read(client.get(desk_of(ticket)))


def test_a_preview_shows_the_twin_too(house: Flask, client: Visitor) -> None:
    ticket = said(SCRIPT)
    make.sign_in(client, ticket.assignee)
    page = read(client.post(f"{desk_of(ticket)}/preview", data={"text": SCRIPT}))
    assert "said nearly the same" in page
    assert 'id="preview"' in page


def test_who_may_not_say_it_learns_of_no_twin(house: Flask, client: Visitor) -> None:
    ticket = said(SCRIPT)
    make.sign_in(client, make.agent(ticket.desk))
    answer = send(client, ticket, "update", text=SCRIPT, next=make.ahead(days=1))
    assert answer.status_code == 403
    assert "nearly the same" not in answer.text


def test_a_person_and_a_desk_show_the_share_written_for_the_case_from_five_words_on(
    house: Flask, client: Visitor
) -> None:
    ticket = said(SCRIPT)
    for number in range(3):
        make.post(ticket, "update", text=f"{SCRIPT} {number}")
    places = (f"/people/{ticket.assignee.slug}", f"/desks/{ticket.desk.slug}")
    for place in places:
        assert "of all public words" not in read(client.get(place))
        assert client.get(f"/api/v1{place}").json["written_for_the_case"] is None
    make.post(ticket, "update", text=OWN)
    for place in places:
        shown = terms(read(client.get(place)))["written for the case"]
        assert shown == "40 % of all public words; the others nearly copy earlier ones (n = 5)"
        assert client.get(f"/api/v1{place}").json["written_for_the_case"] == {"counted": 5, "percent": 40}


def test_words_are_their_authors_and_their_desks_wherever_the_ticket_goes(house: Flask) -> None:
    ticket = said(SCRIPT)
    ann, ben = ticket.assignee, make.agent(make.desk("streets"))
    for _ in range(5):
        make.post(ticket, "update", text=OWN)
    make.post(ticket, "reassigned", make.lead(ann.desk, on_duty=False), to=ben)
    for owner in (ann, ann.desk):
        assert statistics.written(owner) == statistics.Written(6, 2), "the others copied the first"
    assert statistics.written(ben) is statistics.written(ben.desk) is None


def have_said(who: Person, word: Event, *, first_seq: int) -> None:
    """Let somebody have said it once now, and often long ago."""
    old = store.now() - unscripted.HISTORY
    make.copies(word, 1, seq=lambda n: n + first_seq, actor_id=lambda _n: literal(who.id))
    make.copies(
        word,
        PAST,
        seq=lambda n: n + first_seq + 1,
        actor_id=lambda _n: literal(who.id),
        recorded_at=lambda n: make.before(old, n),
    )


def test_looking_for_a_twin_reads_no_more_in_a_house_with_a_long_past(house: Flask) -> None:
    before = said(OWN)
    word = make.events_of(before)[2]
    for place, who in enumerate((before.assignee, make.agent(before.desk)), start=1):
        have_said(who, word, first_seq=2 * place * PAST)
    make.copies(before, PAST, ref=lambda n: cast(n, String))
    with reading.asked() as questions:
        assert unscripted.twin(before, OWN, before.assignee) is not None
    assert questions
    assert max(reading.rows_read(one) for one in questions) < PAST


def test_imported_words_are_nobodys(house: Flask) -> None:
    ticket = make.ticket()
    make.record(ticket, "update", text=SCRIPT, next_word_at=ticket.due_at)
    assert isinstance(make.events_of(ticket)[-1], Event)
    assert unscripted.twin(ticket, SCRIPT, ticket.assignee) is None


def test_of_a_large_desk_those_are_looked_at_who_spoke_last_and_who_left_too(house: Flask) -> None:
    desk = make.desk()
    for number in range(unscripted.COLLEAGUES + 2):
        make.agent(desk, name=f"Ann {number:02}")
    ticket = make.ticket(desk)
    zed = make.agent(desk, name="Zed")
    make.post(ticket, "reassigned", make.lead(desk), to=zed)
    make.post(ticket, "update", zed, text=SCRIPT)
    with store.transaction():
        store.session().get_one(Person, zed.id).active = False
    author = make.agent(desk, name="Bea")
    assert unscripted.twin(make.ticket(desk), SCRIPT, author) is not None
