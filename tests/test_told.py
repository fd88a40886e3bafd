"""Never tell it twice: what was asked and answered goes along, and asking it again is noticed before it is sent."""

from dataclasses import replace

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_workspace import desk_of, read, send
from tracker import told
from tracker.models import Ticket

ASKED = "I look at it. Which floor is the leak on? And was the valve in the cellar shut?"
ANSWER = "The third floor, left. The valve has been shut since Friday."


@pytest.fixture
def ticket(house: Flask) -> Ticket:
    return make.ticket(text="Water comes through the ceiling of flat 12. My neighbour saw it first.", phone="030 1234")


def answered(ticket: Ticket) -> Ticket:
    make.post(ticket, "update", text=ASKED)
    make.post(ticket, "reply", text=ANSWER, publish=False)
    return ticket


def test_questions_and_their_answers_are_found_on_the_timeline(ticket: Ticket) -> None:
    found = told.record(answered(ticket)).asked
    assert [one.words for one in found] == ["Which floor is the leak on?", "And was the valve in the cellar shut?"]
    assert {one.answer for one in found} == {ANSWER}
    assert [(one.asked_seq, one.answer_seq) for one in found] == [(3, 5), (3, 5)]


def test_the_desk_reads_answers_as_they_were_typed(ticket: Ticket) -> None:
    make.post(ticket, "update", text="Whom may the plumber ring?")
    make.post(ticket, "reply", text="Ring my brother at 030 5550147.", publish=True)
    (found,) = told.record(ticket).asked
    assert found.answer == "Ring my brother at 030 5550147."
    assert told.again(ticket, "Whom may our plumber ring?") == [replace(found, words="Whom may our plumber ring?")]


def test_a_text_of_questions_and_a_story_without_end_are_looked_at_in_part(ticket: Ticket) -> None:
    answered(ticket)
    assert len(told.again(ticket, "Which floor is the leak on? " * 300)) == told.MOST_ASKED
    for number in range(12):
        make.post(ticket, "reply", text=f"Number {number}. " + "It drips. " * 980)
    found = told.record(ticket)
    assert found.told[-1][0] == make.fresh(ticket).last_seq
    assert sum(len(one) for _, one in found.told) <= told.MOST_CHARACTERS
    assert found.asked == []


def test_a_point_within_a_word_ends_no_sentence(ticket: Ticket) -> None:
    make.post(ticket, "update", text="Is it 3.5 m at www.water.example. Or more?")
    make.post(ticket, "reply", text="a" * 9_000 + ".b")
    found = told.record(ticket)
    assert [one.words for one in found.asked] == ["Or more?"]
    assert found.told[-1][1] == "a" * 9_000 + ".b"
    assert "Is it 3.5 m at www.water.example." in told._sentences("Hm! Is it 3.5 m at www.water.example. Or more?")


def test_what_waits_for_an_answer_is_said_to_wait(ticket: Ticket) -> None:
    make.post(ticket, "waiting", text="Please send me a picture of the ceiling.")
    assert [(one.words, one.answer) for one in told.record(ticket).asked] == [
        ("Please send me a picture of the ceiling.", "")
    ]


@pytest.mark.parametrize(
    "again",
    [
        "On which floor is the leak?",
        "Hello! What floor was the leak on, please?",
        "Was the valve shut in the cellar?",
        "In which flat?",
        "What is your phone number?",
    ],
)
def test_what_was_answered_is_noticed_when_it_is_asked_again(ticket: Ticket, again: str) -> None:
    found = told.again(answered(ticket), f"Thank you. {again} I come by.")
    assert len(found) == 1
    assert found[0].answer


@pytest.mark.parametrize(
    "new",
    [
        "When may the plumber come in?",
        "Is the water back?",
        "Who else lives on your floor and saw it?",
        "Is your phone line wet too?",
        "Why was the valve in the cellar shut?",
        "Which floor, then.",
        "The leak is on the third floor.",
    ],
)
def test_what_is_new_or_no_question_is_left_alone(ticket: Ticket, new: str) -> None:
    assert told.again(answered(ticket), new) == []


@pytest.mark.parametrize(
    ("first", "again", "is_again"),
    [
        ("Have you tried a restart?", "Did you restart it?", True),
        ("Have you tried a restart?", "Have you tried restarting it yet?", True),
        ("Did you restart it?", "Have you restarted it?", True),
        ("Have you tried another cable?", "Have you tried a restart?", False),
        ("Is the internet gone?", "Is the internal line gone?", False),
    ],
)
def test_a_question_in_another_form_of_its_words_is_the_same(
    ticket: Ticket, first: str, again: str, is_again: bool
) -> None:
    make.post(ticket, "update", text=first)
    make.post(ticket, "reply", text="Yes, twice.", publish=False)
    assert [one.answer for one in told.again(ticket, again)] == ["Yes, twice."] * is_again


@pytest.fixture
def router(house: Flask) -> Ticket:
    told = make.ticket(text="My order number is 48213. The router blinks since noon.", phone="030 1234")
    make.post(told, "update", text="What is the serial number of the router?")
    make.post(told, "reply", text="It is AB-1234-X.", publish=False)
    return told


@pytest.mark.parametrize(
    ("again", "answer"),
    [
        ("Could you tell me the serial number of the router?", "It is AB-1234-X."),
        ("Can you send us the serial number?", "It is AB-1234-X."),
        ("Please send me the serial number.", "It is AB-1234-X."),
        ("Can you tell me what the router's serial number is?", "It is AB-1234-X."),
        ("I still need the serial number.", "It is AB-1234-X."),
        ("Serial number?", "It is AB-1234-X."),
        ("May I have your order number?", "My order number is 48213."),
        ("Could you give us your phone number?", "030 1234"),
        ("Bitte nennen Sie uns Ihre Telefonnummer.", "030 1234"),
    ],
)
def test_a_request_is_a_question_too(router: Ticket, again: str, answer: str) -> None:
    (found,) = told.again(router, f"Thank you! {again}")
    assert found.answer == answer


@pytest.mark.parametrize(
    "new",
    [
        "Which router do you have?",
        "Could you tell me the serial number of the modem?",
        "Can you tell me whether the serial number is on the router?",
        "Please send me the router.",
        "I send you the serial number of the new router.",
        "Still blinking?",
        "May I have a look at the order?",
        "We need two days for the order.",
    ],
)
def test_a_request_for_something_else_is_left_alone(router: Ticket, new: str) -> None:
    assert told.again(router, new) == []


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        ("Wie lautet die Seriennummer des Routers?", "Könnten Sie uns bitte die Seriennummer des Routers nennen?"),
        ("Wie lautet die Seriennummer?", "Bitte schicken Sie uns die Seriennummer."),
        ("Welche Seriennummer hat er?", "Darf ich die Seriennummer haben?"),
        ("Quel est le numéro de série ?", "Pourriez-vous nous indiquer le numéro de série ?"),
        ("¿Cuál es el número de serie?", "¿Podría enviarnos el número de serie?"),
        ("Please send me the serial number of the router.", "What's the serial number?"),
        ("Wann kann der Klempner in die Wohnung?", "Wann könnten Klempner in Ihre Wohnung?"),
        ("Quand le plombier peut-il venir ?", "Quand est-ce que le plombier peut venir ?"),
        ("¿Cuándo puede entrar el fontanero?", "¿Cuándo podría entrar el fontanero?"),
        ("متى يأتي السباك؟", "متى يأتي السباك؟"),
    ],
)
def test_other_languages_are_understood_as_far_as_words_go(ticket: Ticket, asked: str, again: str) -> None:
    make.post(ticket, "update", text=asked)
    assert told.again(ticket, again) == []
    make.post(ticket, "reply", text="Dienstag.")
    assert told.again(ticket, again)[0].answer == "Dienstag."


def test_hidden_words_answer_nothing_and_corrected_ones_as_they_read_now(ticket: Ticket) -> None:
    answered(ticket)
    make.post(ticket, "corrected", target=3, text="Which side of the house is it?", reason="I meant the side.")
    assert [one.words for one in told.record(ticket).asked] == ["Which side of the house is it?"]
    make.post(ticket, "redacted", make.lead(ticket.desk), target=5)
    assert told.record(ticket).asked[0].answer == ""
    assert told.again(ticket, "Which side of the house is it?") == []


def test_the_desk_answers_before_the_question_is_sent(ticket: Ticket, client: Visitor) -> None:
    answered(ticket)
    make.sign_in(client, ticket.assignee)
    typed = {"text": "On which floor is the leak?", "check_in_at": "2036-01-01T10:00"}
    answer = send(client, ticket, "waiting", **typed)
    assert answer.status_code == 422
    page = read(answer)
    assert "They have answered that already" in page
    assert page.index(ANSWER) < page.index("Ask it anyway")
    stamp = page.partition('name="heeded" value="')[2].partition('"')[0]
    send(client, ticket, "waiting", **typed, heeded=stamp)
    assert "waiting" not in make.kinds_of(ticket), "a date so far away is refused as ever"
    assert send(client, ticket, "update", text=typed["text"], next=make.ahead(days=1), heeded=stamp).status_code == 303


def test_who_got_it_without_a_briefing_reads_what_was_told_until_their_first_word(
    ticket: Ticket, client: Visitor
) -> None:
    answered(ticket)
    make.sign_in(client, ticket.assignee)
    assert "What they have told already" not in read(client.get(desk_of(ticket)))
    ben = make.agent(ticket.desk)
    make.post(ticket, "reassigned", make.lead(ticket.desk, on_duty=False), to=ben)
    make.sign_in(client, ben)
    briefed = read(client.get(desk_of(ticket))).partition("What they have told already")[2]
    assert 0 < briefed.index("Which floor is the leak on?") < briefed.index("The third floor, left.")
    make.post(ticket, "update", ben, text="I take it from here.")
    assert "What they have told already" not in read(client.get(desk_of(ticket)))


def test_whoever_takes_over_reads_what_they_have_told_and_nobody_else(ticket: Ticket, client: Visitor) -> None:
    answered(ticket)
    ben = make.agent(make.desk("streets"))
    make.sign_in(client, ben)
    assert client.get(desk_of(ticket)).status_code == 403
    make.post(ticket, "handoff_offered", to=ben, briefing="Rings are fine.")
    page = read(client.get(desk_of(ticket)))
    briefed = page.partition("What they have told already")[2]
    assert 0 < briefed.index("Which floor is the leak on?") < briefed.index("The third floor, left.")
