"""The workspace through its pages: the queue, the ticket desk, filing for others; who is let in and who is not."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import html5lib
import pytest
from flask import Flask

from tests import make
from tests.conftest import MONDAY
from tests.houses import Visitor
from tracker import browse, clock, desks, promises, tickets
from tracker.models import Person, Ticket

NEW_YORK = clock.Hours.of("America/New_York", {day: [(clock.time(9), clock.time(17))] for day in range(5)})


def read(answer: Any) -> str:
    """Return a page's HTML, once it has been seen to be valid."""
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return str(answer.text)


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def desk_of(one: Ticket) -> str:
    return f"/workspace/t/{one.ref}"


@pytest.fixture
def ticket(house: Flask) -> Ticket:
    return make.ticket(text="Nothing since Friday.", impact="I carry water up for my mother.", feeling="upset")


@pytest.fixture
def agent(ticket: Ticket, client: Visitor) -> Person:
    """The assignee, signed in."""
    make.sign_in(client, ticket.assignee)
    return ticket.assignee


def send(client: Visitor, on: Ticket, kind: str, **typed: Any) -> Any:
    """Open the ticket desk and send one of its forms, as a browser does."""
    page = client.get(desk_of(on)).text
    state = {name: field(page, name) for name in ("version", "seen")}
    return client.post(f"{desk_of(on)}/say/{kind}", data={**state, **typed})


def test_keys_promise_times_on_the_desks_clock() -> None:
    friday_noon = datetime(2026, 11, 20, 17, tzinfo=UTC)
    shown = {one.key: (f"{one.at:%a %H:%M}", one.works) for one in promises.choices(friday_noon, NEW_YORK)}
    assert shown == {"1": ("Fri 22:00", True), "2": ("Sat 17:00", False), "3": ("Wed 22:00", True)}


def test_a_key_whose_time_has_passed_is_left_out_and_the_others_keep_their_meaning() -> None:
    evening = datetime(2026, 11, 19, 22, tzinfo=UTC)
    assert [one.key for one in promises.choices(evening, NEW_YORK)] == ["2", "3"]


def test_a_desk_without_hours_promises_no_working_days() -> None:
    assert [one.key for one in promises.choices(MONDAY, clock.Hours.of("UTC", {}))] == ["1", "2"]


@pytest.mark.parametrize("path", ["/workspace/", "/workspace/new", "/workspace/t/{ref}", "/workspace/desks/{desk}"])
def test_a_visitor_is_sent_to_sign_in_and_then_back(ticket: Ticket, client: Visitor, path: str) -> None:
    who = make.lead(ticket.desk, password="a sentence to sign in with")
    wanted = path.format(ref=ticket.ref, desk=ticket.desk.slug)
    answer = client.get(wanted)
    assert (answer.status_code, answer.location) == (303, "/signin")
    typed = {"email": who.email, "password": "a sentence to sign in with"}
    assert client.post("/signin", data=typed).location == wanted


@pytest.mark.parametrize("path", ["/workspace/pass", "/workspace/new", "/workspace/t/{ref}/say/update"])
def test_a_visitor_may_send_nothing(ticket: Ticket, client: Visitor, path: str) -> None:
    assert client.post(path.format(ref=ticket.ref)).status_code == 401


def test_the_tickets_own_customer_has_no_workspace(ticket: Ticket, client: Visitor) -> None:
    make.own(client, ticket)
    assert client.get(desk_of(ticket)).status_code == 403
    assert client.post(f"{desk_of(ticket)}/say/update", data={"text": "Me"}).status_code == 403


def test_a_token_has_no_workspace(ticket: Ticket, client: Visitor) -> None:
    header = make.bearer(ticket.assignee)
    assert client.get("/workspace/", headers=header).status_code == 403
    assert client.post("/workspace/pass", headers=header).status_code == 403


@pytest.mark.parametrize(("visibility", "status"), [("public", 403), ("private", 404)])
def test_an_agent_of_another_desk_does_not_get_a_tickets_desk(
    house: Flask, client: Visitor, visibility: str, status: int
) -> None:
    one = make.ticket(visibility=visibility)
    make.sign_in(client, make.agent(make.desk("streets")))
    assert client.get(desk_of(one)).status_code == status
    assert client.post(f"{desk_of(one)}/say/note", data={"text": "Mine?"}).status_code == status
    assert make.kinds_of(one)[-1] != "note"


def test_the_ticket_desk_begins_with_what_it_does_to_the_customer(
    ticket: Ticket, agent: Person, client: Visitor
) -> None:
    page = read(client.get(desk_of(ticket)))
    assert page.index("is upset.") < page.index("<h1")
    assert "I carry water up for my mother." in page
    assert "Not answered yet" in page


def test_an_update_with_the_chosen_promise_is_on_the_timeline(ticket: Ticket, agent: Person, client: Visitor) -> None:
    chosen = promises.choices(datetime.now(UTC), desks.hours(ticket.desk))[-1]
    answer = send(client, ticket, "update", text="A crew comes.", next=chosen.at.isoformat())
    assert answer.status_code == 303
    assert answer.location.startswith(f"{desk_of(ticket)}#e")
    assert make.fresh(ticket).due_at == chosen.at
    assert "A crew comes." in read(client.get(desk_of(ticket)))


def test_a_date_is_read_on_the_desks_clock(travel: Any, house: Flask, client: Visitor) -> None:
    one = make.ticket(make.desk(zone="Europe/Berlin"))
    make.sign_in(client, one.assignee)
    send(client, one, "update", text="On Thursday.", next="date", next_word_at="2026-03-05T14:00")
    assert make.fresh(one).due_at == datetime(2026, 3, 5, 13, tzinfo=UTC)


def test_solved_is_one_of_the_keys(ticket: Ticket, agent: Person, client: Visitor) -> None:
    assert send(client, ticket, "update", text="It runs again.", next="solved").status_code == 303
    assert make.fresh(ticket).status == "resolved"


@pytest.mark.parametrize(
    "typed",
    [
        {"text": "Kept words", "next": "date", "next_word_at": ""},
        {"text": "Kept words", "next": "date", "next_word_at": "0001-01-01T00:00"},
        {"text": "Kept words", "next": "2020-01-01T12:00:00Z"},
        {"text": "Kept words", "next": "never"},
        {"text": "Kept words"},
    ],
)
def test_words_without_a_promise_that_can_be_kept_come_back(
    ticket: Ticket, agent: Person, client: Visitor, typed: dict[str, str]
) -> None:
    answer = send(client, ticket, "update", **typed)
    assert answer.status_code == 422
    assert "Kept words" in read(answer)
    assert "update" not in make.kinds_of(ticket)


def test_words_written_on_an_old_state_come_back_with_what_happened(
    ticket: Ticket, agent: Person, client: Visitor
) -> None:
    page = client.get(desk_of(ticket)).text
    old = {name: field(page, name) for name in ("version", "seen")}
    make.post(ticket, "reply", text="The water is back already!")
    typed = {"text": "Still working on it.", "next": "solved", **old}
    answer = client.post(f"{desk_of(ticket)}/say/update", data=typed)
    assert answer.status_code == 409
    page = read(answer)
    assert "Still working on it.</textarea>" in page
    assert "Something happened while you wrote" in page
    assert page.index("The water is back already!") < page.index("<textarea")
    assert make.fresh(ticket).status == "open"
    again = {name: field(page, name) for name in ("version", "seen")}
    assert client.post(f"{desk_of(ticket)}/say/update", data={**typed, **again}).status_code == 303


def test_a_page_that_came_back_can_be_asked_again(ticket: Ticket, agent: Person, client: Visitor) -> None:
    assert client.get(f"{desk_of(ticket)}/say/update").location == desk_of(ticket)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("note", {"text": "Rang twice."}),
        ("waiting", {"text": "Which floor?", "check_in_at": "2036-01-01T10:00"}),
        ("promise_moved", {"due_at": "2036-01-01T10:00", "reason": "The part is late."}),
        ("resolved", {"text": "Done."}),
        ("declined", {"text": "Not ours to mend."}),
    ],
)
def test_every_act_of_the_assignee_has_a_form(
    ticket: Ticket, agent: Person, client: Visitor, travel: Any, kind: str, typed: dict[str, str]
) -> None:
    travel.move_to(datetime(2035, 12, 20, 10, tzinfo=UTC))
    one = make.ticket(ticket.desk)
    make.sign_in(client, one.assignee)
    assert send(client, one, kind, **typed).status_code == 303
    assert kind in make.kinds_of(one)


def test_going_on_without_waiting(ticket: Ticket, agent: Person, client: Visitor) -> None:
    make.post(ticket, "waiting")
    assert "act-resumed" in read(client.get(desk_of(ticket)))
    assert send(client, ticket, "resumed").status_code == 303
    assert make.fresh(ticket).status == "open"


def test_passing_on_is_offered_read_and_taken(ticket: Ticket, agent: Person, client: Visitor) -> None:
    ben = make.agent(ticket.desk, name="Ben Adeyemi")
    send(client, ticket, "handoff_offered", to=ben.slug, reason="It is the riser.", briefing="Rings are fine.")
    assert "Offered to" in read(client.get(desk_of(ticket)))
    make.sign_in(client, ben)
    assert "Offered to you" in read(client.get("/workspace/"))
    page = read(client.get(desk_of(ticket)))
    assert "Rings are fine." in page
    assert "Your words to" not in page
    assert send(client, ticket, "handoff_accepted").status_code == 303
    assert make.fresh(ticket).assignee_id == ben.id


def test_an_offer_across_desks_may_be_declined(ticket: Ticket, agent: Person, client: Visitor) -> None:
    mia = make.agent(make.desk("streets"), name="Mia Lindqvist")
    send(client, ticket, "handoff_offered", to=mia.slug, reason="It is the street.", briefing="No.")
    make.sign_in(client, mia)
    answer = send(client, ticket, "handoff_declined", reason="It is not.")
    assert (answer.status_code, answer.location) == (303, "/workspace/")
    assert client.get(desk_of(ticket)).status_code == 403


def test_who_made_an_offer_takes_it_back_from_the_same_place(ticket: Ticket, agent: Person, client: Visitor) -> None:
    make.post(ticket, "handoff_offered", to=make.agent(ticket.desk))
    assert "Take the offer back" in read(client.get(desk_of(ticket)))
    assert send(client, ticket, "handoff_declined", reason="The wrong one.").status_code == 303
    page = read(client.get(desk_of(ticket)))
    assert "Take the offer back" not in page
    assert "Pass it on" in page


def test_only_who_was_asked_may_take_it(ticket: Ticket, agent: Person, client: Visitor) -> None:
    ben = make.agent(ticket.desk, name="Ben Adeyemi")
    make.post(ticket, "handoff_offered", to=ben)
    make.sign_in(client, make.agent(ticket.desk, name="Eve Novak"))
    assert send(client, ticket, "handoff_accepted").status_code == 403
    assert make.fresh(ticket).assignee_id == agent.id


def test_a_lead_gives_a_ticket_to_somebody_at_once_and_an_agent_may_not(
    ticket: Ticket, agent: Person, client: Visitor
) -> None:
    ben = make.agent(ticket.desk, name="Ben Adeyemi")
    assert "act-reassigned" not in client.get(desk_of(ticket)).text
    typed = {"to": ben.slug, "reason": "Holidays."}
    assert send(client, ticket, "reassigned", **typed).status_code == 403
    make.sign_in(client, make.lead(ticket.desk))
    assert "act-reassigned" in read(client.get(desk_of(ticket)))
    assert send(client, ticket, "reassigned", **typed).status_code == 303
    assert make.fresh(ticket).assignee_id == ben.id


def test_a_colleague_may_leave_a_note_and_no_more(ticket: Ticket, client: Visitor) -> None:
    make.sign_in(client, make.agent(ticket.desk, name="Eve Novak"))
    page = read(client.get(desk_of(ticket)))
    assert "has this and answers here" in page
    assert 'name="next"' not in page
    assert send(client, ticket, "note", text="Saw it.").status_code == 303
    for kind in ("update", "waiting", "declined", "promise_moved"):
        assert send(client, ticket, kind, text="I am not the one.", next="solved").status_code in (403, 422)
    assert make.kinds_of(ticket)[-1] == "note"


def test_own_words_are_corrected_from_their_source(ticket: Ticket, agent: Person, client: Visitor) -> None:
    said = make.post(ticket, "update", text="The part comes on *Tuesday*.")
    page = read(client.get(f"{desk_of(ticket)}?amend={said.seq}"))
    assert "The part comes on *Tuesday*.</textarea>" in page
    assert "Erase them" not in page
    typed = {"target": str(said.seq), "text": "It comes on Thursday.", "reason": "The wrong day."}
    assert send(client, ticket, "corrected", **typed).status_code == 303
    assert "The wrong day." in read(client.get(desk_of(ticket)))


def test_words_of_others_are_not_corrected(ticket: Ticket, agent: Person, client: Visitor) -> None:
    said = make.post(ticket, "update")
    make.sign_in(client, make.agent(ticket.desk, name="Eve Novak"))
    assert "Correct them" not in client.get(f"{desk_of(ticket)}?amend={said.seq}").text
    typed = {"target": str(said.seq), "text": "I know better.", "reason": "I do."}
    assert send(client, ticket, "corrected", **typed).status_code == 403


def test_words_are_hidden_by_the_assignee_and_erased_by_a_lead_only(
    ticket: Ticket, agent: Person, client: Visitor
) -> None:
    reply = make.post(ticket, "reply", text="My neighbour Jo did it.")
    typed = {"target": str(reply.seq), "reason": "It named a neighbour."}
    assert send(client, ticket, "erased", **typed).status_code == 403
    assert send(client, ticket, "redacted", **typed).status_code == 303
    assert "neighbour Jo" not in client.get(desk_of(ticket)).text
    make.sign_in(client, make.lead(ticket.desk))
    assert send(client, ticket, "erased", **(typed | {"target": "1"})).status_code == 303
    assert "Nothing since Friday." not in client.get(desk_of(ticket)).text


def test_a_reason_that_says_too_much_is_hidden_where_other_words_are(
    ticket: Ticket, agent: Person, client: Visitor
) -> None:
    hiding = make.post(ticket, "redacted", target=1, reason="It named my neighbour Jo.")
    page = client.get(f"{desk_of(ticket)}?amend={hiding.seq}").text
    assert f'id="redacted-{hiding.seq}"' in page
    assert f'id="corrected-{hiding.seq}"' not in page
    typed = {"target": str(hiding.seq), "reason": "So did the reason."}
    assert send(client, ticket, "redacted", **typed).status_code == 303
    assert "neighbour Jo" not in client.get(desk_of(ticket)).text


@pytest.mark.parametrize(
    ("said", "nudge"),
    [
        ({"impact": "I carry water up for my mother."}, "First a word on what it does to them, then the fix."),
        ({"feeling": "worried"}, "First a word on what it does to them, then the fix."),
        ({"feeling": "calm"}, "Say that you have it, then the fix."),
    ],
)
def test_the_nudge_is_to_answer_what_it_does_to_them_before_the_fix(
    house: Flask, client: Visitor, said: dict[str, str], nudge: str
) -> None:
    one = make.ticket(**said)
    make.sign_in(client, one.assignee)
    assert f"Not answered yet. {nudge}" in client.get(desk_of(one)).text
    make.post(one, "update")
    assert "then the fix." not in client.get(desk_of(one)).text


@pytest.mark.parametrize("kind", ["promise_kept", "imported", "reply", "confirmed", "nonsense"])
def test_what_others_say_is_not_said_from_the_desk(ticket: Ticket, agent: Person, client: Visitor, kind: str) -> None:
    assert client.post(f"{desk_of(ticket)}/say/{kind}", data={"text": "Hm"}).status_code == 404


FILED = {
    "source": "phone",
    "received_at": "2026-03-02T08:30",
    "subject": "The lift is stuck",
    "text": "Between two floors.",
    "name": "Cara Lindt",
    "email": "cara@home.example",
    "visibility": "public",
    "name_shown": "none",
}


def test_filing_for_somebody_keeps_the_true_time_and_their_consent(travel: Any, house: Flask, client: Visitor) -> None:
    desk = make.desk(zone="Europe/Berlin")
    rosa = make.agent(desk)
    make.sign_in(client, rosa)
    read(client.get("/workspace/new"))
    answer = client.post("/workspace/new", data=FILED | {"desk": desk.slug, "consent": "Said so on the phone."})
    assert answer.status_code == 303
    ref = answer.location.rsplit("/", 1)[1]
    one, _ = browse.find(ref, make.viewer(rosa))
    assert (one.source, one.visibility, one.opened_at) == ("phone", "public", datetime(2026, 3, 2, 7, 30, tzinfo=UTC))
    assert "has it" in read(client.get(answer.location))


def test_who_files_says_which_language_and_clock_they_have_and_adds_their_files(
    travel: Any, house: Flask, client: Visitor
) -> None:
    desk = make.desk(zone="Europe/Berlin")
    rosa = make.agent(desk)
    make.sign_in(client, rosa)
    form = read(client.get("/workspace/new"))
    assert '<option value="Europe/Berlin" selected>' in form
    assert 'enctype="multipart/form-data"' in form
    letter = (BytesIO(b"It is stuck since Friday."), "letter.txt")
    told = FILED | {"desk": desk.slug, "language": "de", "zone": "America/New_York", "files": letter}
    answer = client.post("/workspace/new", data=told)
    ref = answer.location.rsplit("/", 1)[1]
    assert "Add pictures or files" in form
    assert "letter.txt" in read(client.get(answer.location))
    (mail,) = [mail for mail in make.deliver() if mail["To"] == FILED["email"]]
    assert mail["Content-Language"] == "de"
    assert "Nordamerikanische" in str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert ref in str(mail)


def test_what_is_filed_for_another_desk_leads_back_to_the_queue(travel: Any, house: Flask, client: Visitor) -> None:
    streets = make.agent(make.desk("streets"), name="Mia Lindqvist").desk
    make.sign_in(client, make.agent(make.desk()))
    answer = client.post("/workspace/new", data=FILED | {"desk": streets.slug, "visibility": "private"})
    assert (answer.status_code, answer.location) == (303, "/workspace/")
    assert "Mia Lindqvist, The streets desk, has it." in read(client.get(answer.location))


def test_what_was_typed_for_somebody_comes_back(house: Flask, client: Visitor) -> None:
    make.sign_in(client, make.agent())
    answer = client.post("/workspace/new", data=FILED | {"desk": "buildings", "email": "no address", "received_at": ""})
    assert answer.status_code == 422
    assert "Between two floors.</textarea>" in read(answer)


def test_the_possible_acts_follow_the_status(ticket: Ticket) -> None:
    mine = make.assignee(ticket)
    assert "resumed" not in tickets.possible(ticket, by=mine)
    make.post(ticket, "resolved")
    assert not {"update", "resolved", "waiting"} & tickets.possible(make.fresh(ticket), by=mine)


def test_the_desk_shows_who_filed_a_ticket_and_how_the_customer_agreed(house: Flask, client: Visitor) -> None:
    rosa = make.agent(make.desk(), name="Rosa Ortega")
    make.sign_in(client, rosa)
    filed = FILED | {"desk": rosa.desk.slug, "received_at": "", "consent": "Said so on the phone, at ten."}
    place = client.post("/workspace/new", data=filed).location
    page = read(client.get(place))
    assert "Filed for them by <bdi>Rosa Ortega</bdi>, came by phone." in page
    assert "Said so on the phone, at ten." in page
    ref = place.rsplit("/", 1)[1]
    assert "at ten" not in house.test_client().get(f"/t/{ref}").text


def test_the_undo_of_what_was_said_is_a_visible_correction(
    travel: Any, ticket: Ticket, agent: Person, client: Visitor
) -> None:
    said = make.post(make.fresh(ticket), "update", text="The part comes on Tuesday.")
    page = read(client.get(desk_of(ticket)))
    assert f'href="/workspace/t/{ticket.ref}?amend={said.seq}#amend" data-hotkey="c"' in page
    travel.shift(timedelta(minutes=15))
    assert 'data-hotkey="c"' not in client.get(desk_of(ticket)).text


def test_words_of_others_have_no_undo(ticket: Ticket, agent: Person, client: Visitor) -> None:
    make.post(ticket, "update")
    make.sign_in(client, make.lead(ticket.desk))
    assert 'data-hotkey="c"' not in client.get(desk_of(ticket)).text
