"""The log: numbers without a gap, what each audience may see of it, and what later events do to earlier ones."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make
from tests.threads import at_once
from tracker import browse, disclosure, present, store, tickets, timeline
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.models import Event, Handoff, Ticket

THREADS, APPENDS = 8, 200


def entry(ticket: Ticket, seq: int, audience: str = "public") -> disclosure.Shown | None:
    events = [event for event in make.events_of(make.fresh(ticket)) if event.seq == seq]
    return next(iter(disclosure.entries(ticket, events, audience)), None)


def rendered(ticket: Ticket, audience: str) -> str:
    """Return everything an audience is shown of a ticket, as one text."""
    news = browse.news(make.fresh(ticket), after=0, audience=audience, html=True, limit=200)
    head = disclosure.ticket(ticket, audience)
    return f"{news} {present.head_html(head)} {disclosure.plain(head)}"


@pytest.mark.slow
def test_eight_threads_leave_no_gap_on_one_ticket(house: Flask) -> None:
    ticket = make.ticket()
    first = make.fresh(ticket).last_seq
    ref, by, count = ticket.ref, make.assignee(ticket), THREADS * APPENDS - first

    def append(number: int) -> None:
        for _ in range(number, count, THREADS):
            tickets.post(ref, "note", {"text": "One more."}, by=by)

    assert not at_once(house, THREADS, append)
    query = select(Event.seq).where(Event.ticket_id == ticket.id).order_by(Event.id)
    seqs = list(store.session().scalars(query))
    assert sorted(seqs) == list(range(1, THREADS * APPENDS + 1))
    assert make.fresh(ticket).last_seq == THREADS * APPENDS


def test_a_command_that_fails_leaves_no_number_behind(house: Flask) -> None:
    ticket = make.ticket()
    last = ticket.last_seq

    def fail_at_the_end() -> None:
        with store.transaction():
            timeline.append(timeline.lock(ticket.ref), "note", {"text": "Lost."}, by=timeline.SYSTEM)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_at_the_end()
    assert make.post(make.fresh(ticket), "note").seq == last + 1


def test_one_command_may_leave_several_events_that_follow_each_other(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "update")
    events = make.events_of(ticket)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert make.kinds_of(ticket)[-2:] == ["update", "promise_kept"]


def test_hidden_events_leave_no_gap_in_what_others_see(house: Flask) -> None:
    ticket = make.ticket()
    for kind in ("note", "update", "note"):
        make.post(ticket, kind)
    make.post(ticket, "reply", publish=False)
    for kind in ("note", "update"):
        make.post(ticket, kind)
    for audience in ("public", "customer", "staff"):
        shown = browse.news(ticket, after=0, audience=audience)["events"]
        assert [one["prev"] for one in shown] == [0, *[one["seq"] for one in shown[:-1]]]
    public = browse.news(ticket, after=0, audience="public")
    assert "note" not in str(public)
    assert "It is still dry" not in str(public)


def test_order_is_by_number_even_when_it_happened_earlier(house: Flask) -> None:
    ticket = make.ticket()
    with store.transaction():
        locked = timeline.lock(ticket.ref)
        early = timeline.append(
            locked,
            "imported",
            {"what": "note", "summary": "Before", "to": None, "status": None},
            by=timeline.SYSTEM,
            at=ticket.opened_at.replace(year=2020),
        )
    assert make.events_of(ticket)[-1].seq == early.seq
    assert early.at < early.recorded_at


def test_an_event_that_comes_while_reading_is_counted_in_last(house: Flask) -> None:
    """The ticket is read first, the events after it: what came between must not be asked for again."""
    ticket = make.ticket()
    stale = ticket.last_public_seq

    def meanwhile(_number: int) -> None:
        tickets.post(ticket.ref, "update", {"text": "Between.", "next_word_at": make.ahead(days=1)}, by=assignee)

    assignee = make.assignee(ticket)
    assert not at_once(house, 1, meanwhile)
    assert ticket.last_public_seq == stale
    news = browse.news(ticket, after=stale, audience="public")
    assert news["last"] == news["events"][-1]["seq"] > stale


def test_a_correction_shows_the_new_words_and_keeps_the_old_readable(house: Flask) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="The part comes on Tuesday.")
    make.post(ticket, "corrected", target=word.seq, text="It comes on Thursday.", reason="Wrong day")
    shown = entry(ticket, word.seq)
    assert shown
    assert "Thursday" in shown["body_html"]
    assert "Tuesday" in shown["correction"]["old_html"]
    assert shown["correction"]["reason"] == "Wrong day"
    assert "Thursday" in ticket.latest_word_html


def test_only_who_wrote_it_corrects_it_and_only_their_own_words(house: Flask) -> None:
    ticket = make.ticket()
    word, reply = make.post(ticket, "update"), make.post(ticket, "reply")
    with pytest.raises(Forbidden):
        make.post(ticket, "corrected", make.lead(ticket.desk), target=word.seq)
    with pytest.raises(Invalid):
        make.post(ticket, "corrected", target=reply.seq)
    with pytest.raises(Invalid):
        make.post(ticket, "corrected", target=ticket.last_seq + 7)


def test_a_redaction_hides_the_words_everywhere_and_says_why(house: Flask) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="Mrs Canary of flat 7 was asked.")
    make.post(ticket, "corrected", target=word.seq, text="Canary in flat 8 was asked.", reason="Canary moved")
    make.post(ticket, "redacted", target=word.seq, reason="It named a neighbour")
    for audience in ("public", "customer", "staff"):
        text = rendered(ticket, audience)
        assert "Canary" not in text
        assert "It named a neighbour" in text
    with pytest.raises(Conflict):
        make.post(ticket, "redacted", target=word.seq)
    with pytest.raises(Conflict):
        make.post(ticket, "corrected", target=word.seq)


def test_redacting_the_opening_hides_its_impact_too(house: Flask) -> None:
    ticket = make.ticket(text="Canary text", impact="Canary impact")
    make.post(ticket, "redacted", target=1)
    assert "Canary" not in rendered(ticket, "staff")


def test_a_correction_is_hidden_by_hiding_what_it_corrects(house: Flask) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update")
    fix = make.post(ticket, "corrected", target=word.seq)
    for kind, by in (("redacted", None), ("erased", make.lead(ticket.desk))):
        with pytest.raises(Invalid) as refusal:
            make.post(ticket, kind, by, target=fix.seq)
        assert str(word.seq) in refusal.value.fields["target"]


def test_erasure_removes_the_words_from_every_row(house: Flask) -> None:
    ticket = make.ticket(text="Canary in the text", impact="Canary in the impact", urgency_on="2030-01-02")
    other, lead = make.agent(ticket.desk), make.lead(ticket.desk)
    word = make.post(ticket, "update", text="Canary 1")
    for text in ("Canary 2", "Canary 3"):
        make.post(ticket, "corrected", target=word.seq, text=text, reason="Canary reason")
    offer = make.post(ticket, "handoff_offered", to=other, reason="Canary asked", briefing="Canary said")
    for seq in (1, word.seq, offer.seq):
        make.post(ticket, "erased", lead, target=seq, reason="At her request")
    rows = [vars(row) for model in (Event, Handoff, Ticket) for row in store.session().scalars(select(model))]
    assert "Canary" not in str(rows)
    assert make.kinds_of(ticket).count("erased") == 3
    shown = entry(ticket, word.seq)
    assert shown
    assert shown["redaction"]["reason"] == "At her request"


def test_only_leads_erase(house: Flask) -> None:
    ticket = make.ticket()
    for who in (make.assignee(ticket), make.customer(ticket), make.viewer(make.lead(make.desk("streets")))):
        with pytest.raises(Forbidden):
            make.post(ticket, "erased", who, target=1)


def test_an_entry_without_words_cannot_be_hidden(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "update")
    kept = make.events_of(ticket)[-1]
    assert kept.kind == "promise_kept"
    with pytest.raises(Invalid):
        make.post(ticket, "redacted", target=kept.seq)


@pytest.mark.parametrize("kind", ["corrected", "redacted", "erased"])
def test_amending_hidden_words_does_not_show_that_there_were_any(house: Flask, kind: str) -> None:
    ticket = make.ticket()
    note = make.post(ticket, "note")
    by = make.lead(ticket.desk) if kind == "erased" else None
    make.post(ticket, kind, by, target=note.seq, reason="Canary")
    for audience in ("public", "customer"):
        assert "Canary" not in rendered(ticket, audience)
        assert kind not in make.kinds_of(ticket, audience)
    assert "Canary" in rendered(ticket, "staff")


def test_publishing_a_reply_shows_it_to_everyone_at_its_old_place(house: Flask) -> None:
    ticket = make.ticket()
    reply = make.post(ticket, "reply", text="It is dry again.", publish=False)
    make.post(ticket, "update")
    assert entry(ticket, reply.seq) is None
    published = make.post(ticket, "reply_published", target=reply.seq)
    shown = entry(ticket, reply.seq)
    assert shown
    assert "dry again" in shown["body_html"]
    news = browse.news(make.fresh(ticket), after=published.seq - 1, audience="public", html=True)
    assert news["events"][0]["replaces"]["seq"] == reply.seq
    assert "dry again" in news["events"][0]["replaces"]["html"]


def test_hiding_words_brings_the_entries_that_told_of_them_anew(house: Flask) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="A robin.")
    better = make.post(ticket, "corrected", target=word.seq, text="No robin.", reason="It was no robin")
    hiding = make.post(ticket, "redacted", target=word.seq, reason="It names the canary")
    seqs, brought = _brought(ticket, hiding)
    assert seqs == [word.seq, better.seq]
    assert "robin" not in brought
    seqs, brought = _brought(ticket, make.post(ticket, "redacted", target=hiding.seq, reason="So did the reason"))
    assert seqs == [hiding.seq, word.seq]
    assert "canary" not in brought


def _brought(ticket: Ticket, event: Event) -> tuple[list[int], str]:
    news = browse.news(make.fresh(ticket), after=event.seq - 1, audience="public", html=True)
    brought = news["events"][0]["replaces"]["html"]
    return [int(seq) for seq in re.findall(r'data-seq="(\d+)"', brought)], brought


def test_what_is_public_or_no_reply_cannot_be_published(house: Flask) -> None:
    ticket = make.ticket()
    reply, note = make.post(ticket, "reply", publish=True), make.post(ticket, "note")
    with pytest.raises(Conflict):
        make.post(ticket, "reply_published", target=reply.seq)
    with pytest.raises(Invalid):
        make.post(ticket, "reply_published", target=note.seq)
    hidden = make.post(ticket, "reply", publish=False)
    make.post(ticket, "redacted", target=hidden.seq)
    with pytest.raises(Invalid):
        make.post(ticket, "reply_published", target=hidden.seq)


def test_a_page_of_a_long_timeline_says_where_to_go_on(house: Flask) -> None:
    ticket = make.ticket()
    for _ in range(5):
        make.post(ticket, "note")
    first = browse.news(ticket, after=0, audience="staff", limit=3)
    rest = browse.news(ticket, after=first["last"], audience="staff", limit=200)
    assert (first["more"], rest["more"]) == (True, False)
    assert [one["seq"] for one in first["events"] + rest["events"]] == list(range(1, ticket.last_seq + 1))
