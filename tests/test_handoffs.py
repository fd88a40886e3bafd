"""Passing a ticket on: warm handoffs, reassignment, and what happens when people are away or leave."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.conftest import MONDAY
from tracker import browse, disclosure, handoffs, present, promises, store
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.models import Desk, Handoff, Person, Promise, Ticket

FIRST_ANSWER = timedelta(hours=4)
HOUR = timedelta(hours=1)


def offered(**given: str) -> tuple[Ticket, Person, Person]:
    """Return a ticket offered by its assignee to somebody of another desk."""
    ticket = make.ticket()
    giver, taker = ticket.assignee, make.agent(make.desk("streets"))
    make.post(ticket, "handoff_offered", to=taker, **given)  # type: ignore[arg-type]
    return ticket, giver, taker


def busier(desk: Desk) -> Person:
    """Return one more agent of a desk who has more open tickets than whoever has none."""
    one = make.agent(desk)
    with store.transaction():
        make.ticket(desk).assignee_id = one.id
    return one


def states(ticket: Ticket) -> list[str]:
    return list(
        store.session().scalars(select(Handoff.state).where(Handoff.ticket_id == ticket.id).order_by(Handoff.id))
    )


def test_until_it_is_accepted_the_old_person_answers(house: Flask) -> None:
    ticket, giver, taker = offered()
    assert ticket.assignee_id == giver.id
    assert ticket.passed_on == 0
    with pytest.raises(Forbidden):
        make.post(ticket, "update", taker)
    make.post(ticket, "update", giver)


def test_accepting_gives_ticket_desk_and_due_time_to_the_next_person(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered()
    travel.shift(HOUR)
    event = make.post(ticket, "handoff_accepted", taker)
    assert (ticket.assignee_id, ticket.desk_id, ticket.passed_on) == (taker.id, taker.desk_id, 1)
    assert ticket.due_at == MONDAY + FIRST_ANSWER
    shown = disclosure.entries(ticket, [event], "public")[0]
    assert (shown["came_from"]["name"], shown["to"]["name"]) == (giver.name, taker.name)
    assert shown["took_s"] == 3600
    with pytest.raises(Forbidden):
        make.post(ticket, "update", giver)


def test_the_promise_carried_over_is_the_new_persons(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered()
    make.post(ticket, "handoff_accepted", taker)
    query = select(Promise).where(Promise.ticket_id == ticket.id).order_by(Promise.id)
    found = [(one.person_id, one.state) for one in store.session().scalars(query)]
    assert found == [(giver.id, "dropped"), (taker.id, "standing")]


def test_a_missed_promise_stays_with_whom_it_was_and_a_new_one_is_set(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered()
    travel.shift(timedelta(days=1))
    make.post(ticket, "handoff_accepted", taker)
    query = select(Promise).where(Promise.ticket_id == ticket.id).order_by(Promise.id)
    found = [(one.person_id, one.state) for one in store.session().scalars(query)]
    assert found == [(giver.id, "missed"), (taker.id, "standing")]
    assert ticket.due_at == store.now() + FIRST_ANSWER
    assert not ticket.overdue


@pytest.mark.parametrize("how", ["redacted", "erased"])
def test_the_words_of_an_offer_go_everywhere_when_they_are_taken_away(
    house: Flask, client: FlaskClient, how: str
) -> None:
    ticket, _, taker = offered(reason="CANARY of the neighbour", briefing="CANARY of the cellar")
    make.post(ticket, how, make.lead(ticket.desk), target=ticket.last_seq, reason="It names a neighbour.")
    make.post(ticket, "handoff_accepted", taker)
    told = [str(mail.get_body(("plain",)).get_content()) for mail in make.deliver()]  # type: ignore[union-attr]
    assert any(taker.name in one for one in told)
    api = client.get(f"/api/v1/tickets/{ticket.ref}/handoffs").text
    (kept,) = store.session().scalars(select(Handoff).where(Handoff.ticket_id == ticket.id))
    for one in (*told, api, str(disclosure.handoff(kept, "staff"))):
        assert "CANARY" not in one


def test_the_reason_is_public_and_the_briefing_is_not(house: Flask) -> None:
    ticket, _giver, _taker = offered(reason="It is the riser", briefing="Canary: she was told twice")
    for audience in ("public", "customer"):
        text = str(browse.news(ticket, after=0, audience=audience, html=True))
        assert "It is the riser" in text
        assert "Canary" not in text
    assert "Canary" in str(browse.news(ticket, after=0, audience="staff", html=True))


@pytest.mark.parametrize("missing", ["reason", "briefing", "to"])
def test_a_handoff_needs_reason_briefing_and_a_person(house: Flask, missing: str) -> None:
    ticket = make.ticket()
    given = {"to": make.agent(ticket.desk).slug, "reason": "R", "briefing": "B"} | {missing: ""}
    with pytest.raises(Invalid) as refusal:
        make.post(ticket, "handoff_offered", **given)  # type: ignore[arg-type]
    assert list(refusal.value.fields) == [missing]


def test_a_ticket_is_offered_to_one_colleague_at_a_time(house: Flask) -> None:
    ticket, giver, _taker = offered()
    with pytest.raises(Conflict):
        make.post(ticket, "handoff_offered", to=make.agent(ticket.desk))
    other = make.ticket()
    for nobody in (other.assignee, make.agent(ticket.desk, active=False)):
        with pytest.raises(Invalid):
            make.post(other, "handoff_offered", to=nobody)
    assert giver.id == ticket.assignee_id


def test_only_the_one_asked_answers(house: Flask) -> None:
    ticket, giver, _taker = offered()
    strangers = (make.agent(ticket.desk), make.agent(make.desk("roads")))
    for who in (giver, make.lead(ticket.desk), *strangers):
        with pytest.raises(Forbidden):
            make.post(ticket, "handoff_accepted", who)
    for who in strangers:
        with pytest.raises(Forbidden):
            make.post(ticket, "handoff_declined", who)


@pytest.mark.parametrize("lead_does_it", [False, True])
def test_an_offer_can_be_taken_back_and_made_to_somebody_else(house: Flask, lead_does_it: bool) -> None:
    ticket, giver, taker = offered()
    who = make.lead(ticket.desk) if lead_does_it else giver
    event = make.post(ticket, "handoff_declined", who, reason="Canary: I asked the wrong one")
    shown = disclosure.entries(ticket, [event], "public")[0]
    assert shown["sentence"] == f"{who.name} took the offer to {taker.name} back; it stays where it is."
    html = present.entry_html(shown, "public")
    assert "took the offer to" in html
    assert "Canary" not in html
    assert (ticket.assignee_id, ticket.passed_on, states(ticket)) == (giver.id, 0, ["overtaken"])
    with pytest.raises(Forbidden):
        make.post(ticket, "handoff_accepted", taker)
    with pytest.raises(Conflict):
        make.post(ticket, "handoff_declined", giver)
    make.post(ticket, "handoff_offered", to=make.agent(ticket.desk))


def test_declining_leaves_it_where_it_was_and_the_reason_to_staff(house: Flask) -> None:
    ticket, giver, taker = offered()
    make.post(ticket, "handoff_declined", taker, reason="Canary: on leave")
    assert ticket.assignee_id == giver.id
    assert ticket.passed_on == 0
    assert states(ticket) == ["declined"]
    assert "Canary" not in str(browse.news(ticket, after=0, audience="customer"))
    make.post(ticket, "handoff_offered", to=taker)


@pytest.mark.parametrize("end", ["resolved", "declined"])
def test_an_offer_ends_with_its_ticket(house: Flask, travel: Traveller, end: str) -> None:
    ticket, giver, taker = offered()
    make.post(ticket, end)
    assert states(ticket) == ["overtaken"]
    travel.shift(timedelta(days=9))
    handoffs.expire()
    assert (make.fresh(ticket).assignee_id, ticket.passed_on) == (giver.id, 0)
    with pytest.raises(Forbidden):
        make.post(ticket, "note", taker)


def test_an_offer_not_answered_in_time_is_reassigned_by_the_system(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered()
    third = make.agent(ticket.desk)
    travel.shift(timedelta(minutes=ticket.desk.handoff_minutes) - timedelta(seconds=1))
    handoffs.expire()
    assert ticket.assignee_id == giver.id
    travel.shift(timedelta(seconds=1))
    handoffs.expire()
    assert make.fresh(ticket).assignee_id == third.id
    event = make.events_of(ticket)[-1]
    assert (event.kind, event.actor_role) == ("reassigned", "system")
    assert taker.name in event.payload["reason"]
    assert states(ticket) == ["overtaken"]


def test_it_stays_where_it_is_when_nobody_else_is_there(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered()
    absent = make.agent(ticket.desk, on_duty=False, on_duty_next_at=MONDAY + timedelta(days=30))
    make.lead(ticket.desk, on_duty=False)
    with store.transaction():
        giver.backup_id = absent.id
    make.post(ticket, "update", next_word_at=MONDAY + timedelta(days=60))
    travel.shift(timedelta(days=9))
    handoffs.expire()
    assert make.fresh(ticket).assignee_id == giver.id
    assert states(ticket) == ["overtaken"]
    ended = disclosure.entries(ticket, make.events_of(ticket)[-1:], "public")[0]
    assert ended["sentence"] == f"The offer to {taker.name} has ended; it stays where it is."
    assert f"The offer to <bdi>{taker.name}</bdi> has ended" in present.entry_html(ended, "public")
    assert handoffs.expire() == 0


def test_a_lead_reassigns_with_a_public_reason(house: Flask) -> None:
    ticket = make.ticket()
    other, lead = make.agent(ticket.desk), make.lead(ticket.desk)
    event = make.post(ticket, "reassigned", lead, to=other, reason="Ann is ill")
    assert (ticket.assignee_id, ticket.passed_on) == (other.id, 1)
    assert "Ann is ill" in disclosure.entries(ticket, [event], "public")[0]["sentence"]
    with pytest.raises(Invalid) as refusal:
        make.post(ticket, "reassigned", lead, to=ticket.assignee, reason="")
    assert "reason" in refusal.value.fields


def test_nobody_but_a_lead_of_the_desk_reassigns(house: Flask) -> None:
    ticket = make.ticket()
    other, foreign = make.agent(ticket.desk), make.lead(make.desk("streets"))
    for who in (make.assignee(ticket), make.viewer(other), make.customer(ticket), make.viewer(foreign)):
        with pytest.raises(Forbidden):
            make.post(ticket, "reassigned", who, to=other)


def test_handoffs_and_reassignments_together_are_how_often_it_was_passed_on(house: Flask) -> None:
    ticket, giver, taker = offered()
    make.post(ticket, "handoff_accepted", taker)
    make.post(ticket, "reassigned", make.lead(taker.desk), to=giver)
    assert ticket.passed_on == 2
    assert disclosure.ticket(ticket, "public")["passed_on"] == 2


def test_who_leaves_has_no_open_ticket_and_keeps_the_ended_ones(house: Flask) -> None:
    desk = make.desk()
    leaver = make.agent(desk)
    mine, ended = make.ticket(desk), make.ticket(desk)
    make.post(ended, "resolved")
    make.agent(desk)
    backup = busier(desk)
    with store.transaction():
        leaver.backup_id, leaver.active = backup.id, False
    handoffs.leave(leaver, reason=handoffs.LEFT_REASON.format(name=leaver.name))
    assert make.fresh(mine).assignee_id == backup.id
    assert make.fresh(ended).assignee_id == leaver.id
    assert leaver.name in make.events_of(mine)[-1].payload["reason"]


def test_who_leaves_overdue_has_missed_it_even_if_nobody_had_noted_it(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    leaver = ticket.assignee
    make.agent(ticket.desk)
    travel.shift(timedelta(days=1))
    handoffs.leave(leaver, reason="Left")
    query = select(Promise.state).where(Promise.person_id == leaver.id)
    assert list(store.session().scalars(query)) == ["missed"]
    assert make.fresh(ticket).due_at == store.now() + FIRST_ANSWER


def test_going_off_duty_passes_on_what_falls_due_meanwhile(house: Flask, travel: Traveller) -> None:
    desk = make.desk()
    away = make.agent(desk)
    soon, later = make.ticket(desk), make.ticket(desk)
    make.post(later, "update", next_word_at=MONDAY + timedelta(days=20))
    make.agent(desk)
    backup = busier(desk)
    with store.transaction():
        away.on_duty, away.backup_id = False, backup.id
    handoffs.cover(away, until=MONDAY + timedelta(days=7))
    assert make.fresh(soon).assignee_id == backup.id
    assert make.fresh(later).assignee_id == away.id


@pytest.mark.parametrize(("back_after", "takes"), [(3, True), (5, False), (None, False)])
def test_a_backup_who_is_away_stands_in_only_when_back_before_the_word_is_due(
    house: Flask, travel: Traveller, back_after: int | None, takes: bool
) -> None:
    desk = make.desk()
    away = make.agent(desk)
    soon = make.ticket(desk)
    assert soon.due_at == MONDAY + 4 * HOUR
    present = make.agent(desk)
    back_at = None if back_after is None else MONDAY + back_after * HOUR
    backup = make.agent(desk, on_duty=False, on_duty_next_at=back_at)
    with store.transaction():
        away.on_duty, away.backup_id = False, backup.id
    assert handoffs.cover(away, until=MONDAY + timedelta(days=7)) == [soon.ref]
    assert make.fresh(soon).assignee_id == (backup.id if takes else present.id)


def test_an_agent_sees_what_is_offered_to_them_in_their_queue(house: Flask) -> None:
    ticket, giver, taker = offered()
    queue = browse.queue(taker)
    assert [one["ref"] for one in queue] == [ticket.ref]
    assert queue[0]["offered_by"]["name"] == giver.name
    assert queue[0]["is_urgent"]


def test_both_and_the_customer_are_told(house: Flask) -> None:
    ticket, _giver, taker = offered()
    told = {str(mail["To"]) for mail in make.deliver()}
    assert taker.email in told
    before = len(make.mails())
    make.post(ticket, "handoff_accepted", taker)
    new = make.deliver()[before:]
    assert ticket.email in {str(mail["To"]) for mail in new}
    assert promises.record_missed() == 0


def test_who_was_asked_is_reminded_once_when_half_of_the_time_has_passed(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered()
    make.deliver()
    half = timedelta(minutes=ticket.desk.handoff_minutes) / 2
    travel.shift(half - timedelta(seconds=1))
    assert handoffs.remind() == 0
    travel.shift(timedelta(seconds=1))
    before = len(make.mails())
    letters = [mail for mail in make.deliver()[before:] if mail["To"] == taker.email]
    assert [str(mail["Subject"]) for mail in letters] == [f"{giver.name} waits for your answer: {ticket.subject}"]
    words = letters[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "if you have not answered by Tuesday, 3 March, 10:00 (Coordinated Universal Time)" in words
    assert handoffs.remind() == 0


def test_who_is_asked_hears_by_mail_why_until_when_and_where_the_briefing_is(house: Flask, travel: Traveller) -> None:
    ticket, giver, taker = offered(reason="It is the riser", briefing="Canary: she was told twice")
    (mail,) = [mail for mail in make.deliver() if mail["To"] == taker.email]
    assert str(mail["Subject"]) == f"{giver.name} asks you to take this: {ticket.subject}"
    for part in ("plain", "html"):
        words = mail.get_body((part,)).get_content()  # type: ignore[union-attr]
        assert f"{taker.name}, {giver.name} asked you to take" in words
        assert "The reason: It is the riser" in words
        assert "Tuesday, 3 March, 10:00" in words
        assert f"/workspace/t/{ticket.ref}" in words
    assert "Canary" not in mail.as_string()


def test_who_was_asked_hears_nothing_of_an_offer_taken_back_before_its_mail_has_left(house: Flask) -> None:
    ticket, giver, taker = offered()
    make.post(ticket, "handoff_declined", giver)
    assert not [mail for mail in make.deliver() if mail["To"] == taker.email]


def test_who_has_answered_is_not_reminded(house: Flask, travel: Traveller) -> None:
    ticket, _giver, taker = offered()
    make.post(ticket, "handoff_declined", taker)
    travel.shift(timedelta(minutes=ticket.desk.handoff_minutes))
    assert handoffs.remind() == 0


def test_who_answers_before_the_reminder_has_left_is_not_asked_any_more(house: Flask, travel: Traveller) -> None:
    ticket, _giver, taker = offered()
    travel.shift(timedelta(minutes=ticket.desk.handoff_minutes) / 2)
    assert handoffs.remind() == 1
    make.post(ticket, "handoff_declined", taker)
    assert not [mail for mail in make.deliver() if "waits for your answer" in mail["Subject"]]


def test_the_customer_gets_one_message_that_names_both(house: Flask) -> None:
    ticket, giver, taker = offered()
    before = len(make.deliver())
    make.post(ticket, "handoff_accepted", taker)
    told = [mail for mail in make.deliver()[before:] if mail["To"] == ticket.email]
    assert len(told) == 1
    words = told[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert giver.name in words
    assert taker.name in words
