"""Personal data in public words: found, shown to its author, masked for readers, kept for the two sides."""

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from phonenumbers import PhoneNumberMatch, PhoneNumberMatcher

from tests import make
from tests.houses import Visitor
from tests.test_attachments import sent
from tests.test_importing import RECORDS, bring_in, written
from tests.test_timeline import rendered
from tracker import disclosure, masks, personal, tickets, words
from tracker.errors import Forbidden, Invalid, PersonalData
from tracker.models import Ticket
from tracker.personal import ACCOUNT, ADDRESS, CARD, MAIL, NAME, PHONE, Whose

WHOSE = Whose("Carola Canaria", "canary@home.example", "+49 170 5550199", lambda: ["Rosa Ortega"])
SECRETS = ("030 5550147", "someone@else.example", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "Canaria")
SONG = "Call 030 5550147 or someone@else.example. Card 4111 1111 1111 1111, DE89 3704 0044 0532 0130 00. Mrs Canaria."
ASK = masks.Wish("ask")
CALLED = personal._CALLED


@pytest.mark.parametrize(
    ("text", "masked", "what"),
    [
        ("Write to cara@home.example.", "Write to ‹mail address hidden›.", MAIL),
        ("cara (at) home (dot) example", "‹mail address hidden›", MAIL),
        ("?mail=cara%40home.example", "‹mail address hidden›", MAIL),
        ("My tel is +49 30 5550147!", "My tel is ‹phone number hidden›!", PHONE),
        ("call 3127445000 today", "call ‹phone number hidden› today", PHONE),
        ("0170/555-0199", "‹phone number hidden›", PHONE),
        ("(312) 744-5000", "‹phone number hidden›", PHONE),
        ("06 12 34 56 78", "‹phone number hidden›", PHONE),
        ("card 4111-1111-1111-1111", "card ‹card number hidden›", CARD),
        ("to GB82 WEST 1234 5698 7654 32 please", "to ‹account number hidden› please", ACCOUNT),
        ("my account number is 12345678", "my account number is ‹account number hidden›", ACCOUNT),
        ("I live at 14 Mill Lane, flat 7. Come.", "I live at ‹address hidden›. Come.", ADDRESS),
        ("Ich wohne in der Hauptstr 5", "Ich wohne in der ‹address hidden›", ADDRESS),
        ("Ich wohne in der Hauptstr. 12. Kalt!", "Ich wohne in der ‹address hidden›. Kalt!", ADDRESS),
        ("Wir wohnen in der Lange Str. 5, Köln.", "Wir wohnen in der ‹address hidden›.", ADDRESS),
        ("Please deliver to 12 Elm Street, Springfield, IL 62704", "Please deliver to ‹address hidden›", ADDRESS),
        ("I'm at 44 Rue de Rivoli, 75001 Paris. Now.", "I'm at ‹address hidden›. Now.", ADDRESS),
        ("Ship to: Cara Lindt, 9 Oak Ave Apt 3", "Ship to: ‹address hidden›", ADDRESS),
        ("Lieferadresse: Lange Str. 5, Köln", "Lieferadresse: ‹address hidden›", ADDRESS),
        ("Come to my flat, 3 Mill Lane!", "Come to my ‹address hidden›!", ADDRESS),
        ("Hi ann,\nno water", "Hi ‹name hidden›,\nno water", NAME),
        ("Moin Ann,", "Moin ‹name hidden›,", NAME),
        ("Good afternoon Ann,", "Good afternoon ‹name hidden›,", NAME),
        ("Hello, Ann!", "Hello, ‹name hidden›!", NAME),
        ("Dear Ann & Tom,", "Dear ‹name hidden› & ‹name hidden›,", NAME),
        ("Lieber Tom, liebe Rosa,", "Lieber ‹name hidden›, liebe Rosa,", NAME),
        ("Buenas tardes, señora García:", "Buenas tardes, señora ‹name hidden›:", NAME),
        ("We spoke with Mrs. Lindt today", "We spoke with Mrs. ‹name hidden› today", NAME),
        ("Wir haben mit Frau Lindt gesprochen", "Wir haben mit Frau ‹name hidden› gesprochen", NAME),
        ("Dear Ms Lindt,\nhello", "Dear Ms ‹name hidden›,\nhello", NAME),
        ("No water.\n\nKind regards,\nTom Miller", "No water.\n\nKind regards,\n‹name hidden›", NAME),
        ("Mit freundlichen Grüßen\nTom Miller", "Mit freundlichen Grüßen\n‹name hidden›", NAME),
        ("Bonjour Madame Dupont, il", "Bonjour Madame ‹name hidden›, il", NAME),
        ("It is dry. Thanks, Tom Miller!", "It is dry. Thanks, ‹name hidden›!", NAME),
        ("my name is Jo Klein and", "my name is ‹name hidden› and", NAME),
        ("carola canaria said", "‹name hidden› said", NAME),
        ("canaria's tap", "‹name hidden›'s tap", NAME),
        ("Carolas Router, Carola Canarias Router", "‹name hidden› Router, ‹name hidden› Router", NAME),
    ],
)
def test_personal_data_is_found_and_replaced_by_what_it_is(text: str, masked: str, what: str) -> None:
    found = personal.find(text, WHOSE)
    assert personal.mask(text, found) == masked
    assert {one.what for one in found} == {what}


@pytest.mark.parametrize(
    "text",
    [
        "Case 4711-2231 of 2026-03-02 costs 1.234,56 €; SR 12-01921993, plate B-AB 1234.",
        "Between 2026-03-02 14:00 and 2026-03-04 it took 3 days 12 h and $1,299.00 of 10 000 000.",
        "Version 3.11.2.4 at 192.168.100.200, order 20261122001, 12 345 678 901 invoices.",
        "Hello Rosa, thank you!",
        "hi rosa,\nMrs Ortega was here. Mr. and Mrs. know it.",
        "Good morning Rosa and thanks,\nHello, good afternoon!",
        "Hello again,\nhi folks!\nhello what is this, hi neighbours,",
        "We deliver to 12 customers in 3 cities; send it to desk 4 by 5 pm. I'm at page 12 of the way to 3 Rivers.",
        "Die Lampe vor der Hauptstr. 12 ist aus. Ich wohne in der Nordstr. Seit 3 Tagen ist sie aus.",
        "The lamp at 12 Elm Street is out. The crew is at 44 Rue de Rivoli; I miss Mill Lane 3.",
        "Dear team,\nthe light @ the corner of 5th and Main is out.\nThanks",
        "No water on the third floor, 2400 W BELDEN AVE, CHICAGO, IL, 60647.",
        "Invoice 2026/0004711, part no 4111 1111 1111 1112, 50.110924, 8.682127",
    ],
)
def test_figures_dates_prices_and_those_who_answer_are_no_personal_data(text: str) -> None:
    assert personal.find(text, WHOSE) == []


class Tries(PhoneNumberMatcher):
    """The real search, with a count of what it tried."""

    made = 0

    def _parse_and_verify(self, candidate: str, offset: int) -> PhoneNumberMatch | None:
        Tries.made += 1
        found: PhoneNumberMatch | None = super()._parse_and_verify(candidate, offset)
        return found


def test_a_number_in_a_crowd_of_numbers_is_hidden_with_the_crowd_and_not_searched_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(personal, "PhoneNumberMatcher", Tries)
    crowd = "1/2/3/4/5/6/7/8 " * 600 + "and 030 5550147."
    assert personal.mask(crowd, personal.find(crowd)) == "‹phone number hidden› and ‹phone number hidden›."
    assert Tries.made < 2 * personal.MOST_TRIES


def test_a_long_log_is_no_crowd() -> None:
    lines = (
        f"2026-11-22 08:{at % 60:02}:{at * 7 % 60:02},{at:03} INFO worker[{2_000 + at}] GET /t/ab{at} 200 {at * 7} ms"
        for at in range(150)
    )
    assert personal.find("\n".join(lines)[:10_000]) == []


def test_what_a_number_is_called_is_looked_for_near_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    class Called:
        def search(self, text: str) -> re.Match[str] | None:
            looked.append(len(text))
            return CALLED.search(text)

    monkeypatch.setattr(personal, "_CALLED", Called())
    assert personal.find("call" + "a" * 9_000 + " a b c d e f" + " 3055501470 x" * 20) == []
    assert max(looked) <= personal.CALLED_WITHIN


def test_in_seventy_real_requests_the_three_phone_numbers_are_found_and_nothing_else() -> None:
    records = json.loads((Path(__file__).parent / "data" / "chicago-311.json").read_text())
    assert len(records) == 70
    found = [text[one.start : one.end] for text in _texts(records) for one in personal.find(text, WHOSE)]
    assert sorted(found) == ["312-555-0166", "773-555-0132", "773-555-0142"]


def _texts(found: Any) -> list[str]:
    if isinstance(found, dict | list):
        return [text for one in (found.values() if isinstance(found, dict) else found) for text in _texts(one)]
    return [found] if isinstance(found, str) else []


def nameless(**given: Any) -> Ticket:
    return make.ticket(name="Carola Canaria", name_shown="none", **given)


def test_readers_see_a_mark_and_the_two_sides_what_was_typed(house: Flask) -> None:
    ticket = nameless(subject="Call 030 5550147 about the tap", text=SONG)
    make.post(ticket, "update", text=SONG)
    make.post(ticket, "reply", text=SONG, publish=True)
    make.post(ticket, "promise_moved", reason="I wait for someone@else.example")
    make.post(ticket, "handoff_offered", to=make.agent(ticket.desk), reason="Ask 030 5550147", briefing=SONG)
    public = rendered(ticket, "public")
    for secret in SECRETS:
        assert secret not in public, secret
        assert secret in rendered(ticket, "customer"), secret
        assert secret in rendered(ticket, "staff"), secret
    for what in (PHONE, MAIL, CARD, ACCOUNT, NAME):
        assert f"‹{what} hidden›" in public
    assert "555" not in make.fresh(ticket).latest_word_html
    assert masks.hidden(make.events_of(ticket)[0].original) == [PHONE, MAIL, CARD, ACCOUNT, NAME]


def test_markup_does_not_carry_an_address_past_the_guard(house: Flask) -> None:
    for text in (
        "cara&#64;home.example",
        "cara@home.exa\\mple and +49 30 555\\*0147".replace("\\*", "&#48;"),
        "[x](mailto:cara@home.example)",
        "[x](https://a.example/?m=cara%40home.example)",
        "**Carola** *Canaria*",
    ):
        ticket = nameless()
        make.post(ticket, "update", text=text)
        read = rendered(ticket, "public")
        for secret in ("cara@home", "cara%40home", "Canaria", "5550147"):
            assert secret not in read, text


def test_a_search_does_not_tell_what_a_subject_hides(house: Flask, client: Visitor) -> None:
    ticket = nameless(subject="Call 030 5550147 about the tap")
    assert ticket.ref in client.get("/?q=tap").text
    assert ticket.ref not in client.get("/?q=5550147").text
    assert ticket.ref not in client.get("/api/v1/tickets?q=5550147").text


def test_a_correction_is_masked_as_what_it_corrects(house: Flask) -> None:
    ticket = nameless()
    word = make.post(ticket, "update", text="Ask at 030 5550147.")
    make.post(ticket, "corrected", target=word.seq, text="Ask at 030 5550148.", reason="Not 030 5550147")
    public = rendered(ticket, "public")
    assert not [number for number in ("5550147", "5550148") if number in public]
    assert "5550148" in rendered(ticket, "staff")
    assert "hidden" in make.fresh(ticket).latest_word_html


def test_a_name_taken_back_is_masked_in_what_was_said_before(house: Flask) -> None:
    ticket = make.ticket(name="Carola Canaria", subject="Canaria has no water", text="I am Carola Canaria.")
    make.post(ticket, "update", text="Dear Ms Canaria, we come.")
    assert "Canaria" in rendered(ticket, "public")
    make.post(ticket, "visibility_changed", visibility="public", name_shown="none", pseudonym="")
    assert "Canaria" not in rendered(ticket, "public")
    assert "Canaria" not in make.fresh(ticket).latest_word_html
    make.post(ticket, "visibility_changed", visibility="public", name_shown="own", pseudonym="")
    assert "Dear Ms Canaria, we come." in rendered(ticket, "public")


def test_a_name_taken_back_brings_no_older_correction_back_to_badges(house: Flask) -> None:
    ticket = make.ticket(name="Carola Canaria")
    word = make.post(ticket, "update", text="Ms Canaria, we come.")
    for text in ("Dear Ms Canaria, we come.", "We come on Monday."):
        make.post(ticket, "corrected", target=word.seq, text=text)
    make.post(ticket, "visibility_changed", visibility="public", name_shown="none", pseudonym="")
    assert "We come on Monday." in make.fresh(ticket).latest_word_html


def test_a_name_taken_back_is_masked_in_what_files_are_said_to_show(house: Flask) -> None:
    ticket = make.ticket(name="Carola Canaria")
    sent(ticket, "reply", alt="Canaria's tap", text="See here.", publish=True)
    assert "Canaria's tap" in rendered(ticket, "public")
    make.post(ticket, "visibility_changed", visibility="public", name_shown="none", pseudonym="")
    assert "Canaria" not in rendered(ticket, "public")
    assert "‹name hidden›" in rendered(ticket, "public")


def test_an_author_who_asks_is_told_and_nothing_is_written(house: Flask) -> None:
    ticket = nameless()
    last = make.fresh(ticket).last_seq
    with pytest.raises(PersonalData) as told:
        said(ticket, "Ask at 030 5550147.", ASK)
    assert make.fresh(ticket).last_seq == last
    (finding,) = told.value.facts["findings"]
    assert (finding["field"], finding["what"]) == ("text", [PHONE])
    assert {"text": "030 5550147", "what": PHONE} in finding["parts"]


def said(ticket: Ticket, text: str, wish: masks.Wish) -> Any:
    given = {"text": text, "next_word_at": make.ahead(days=1)}
    return tickets.post(ticket.ref, "update", given, by=make.assignee(ticket), personal=wish)[1]


def test_an_author_may_show_it_with_a_reason_that_stays(house: Flask) -> None:
    ticket = nameless()
    event = said(ticket, "Ask at 030 5550147.", masks.wish("show", "It is our public number"))
    assert "030 5550147" in rendered(ticket, "public")
    assert "030 5550147" in make.fresh(ticket).latest_word_html
    assert event.shown_because == "It is our public number"
    make.post(ticket, "visibility_changed", visibility="public", name_shown="pseudonym", pseudonym="Third Floor")
    assert "030 5550147" in rendered(ticket, "public")
    assert "our public number" not in rendered(ticket, "public")


def test_nothing_is_shown_without_a_reason_nor_by_a_reader(house: Flask) -> None:
    for how, reason in (("show", ""), ("show", "x"), ("loud", "because")):
        with pytest.raises(Invalid):
            masks.wish(how, reason)
    ticket = nameless(visibility="private")
    thanks = make.post(ticket, "thanks", text="Ring me at 030 5550147.")
    thanks.audience, ticket.visibility = "public", "public"
    with pytest.raises(Forbidden):
        masks.settle(ticket, thanks, masks.wish("show", "I want to"), by_public=True)
    assert "5550147" not in thanks.body_html


def test_words_between_the_two_sides_need_no_asking(house: Flask) -> None:
    ticket = nameless(visibility="private")
    assert said(ticket, "Ask at 030 5550147.", ASK).seq
    with pytest.raises(PersonalData) as told:
        make_public(ticket, ASK)
    assert {one["what"][0] for one in told.value.facts["findings"]} == {PHONE}
    make_public(ticket, masks.HIDE)
    assert "5550147" not in rendered(ticket, "public")


def make_public(ticket: Ticket, wish: masks.Wish) -> None:
    given = {"visibility": "public", "name_shown": "none", "pseudonym": ""}
    tickets.post(ticket.ref, "visibility_changed", given, by=make.customer(ticket), personal=wish)


def test_a_private_opening_is_asked_about_when_it_becomes_public_and_shown_if_the_customer_says_so(
    house: Flask,
) -> None:
    ticket = nameless(visibility="private", subject="Ring 030 5550147", text="Really: 030 5550147.")
    with pytest.raises(PersonalData) as told:
        make_public(ticket, ASK)
    assert [one["field"] for one in told.value.facts["findings"]] == ["subject", "text"]
    make_public(ticket, masks.wish("show", "It is the shop's number"))
    assert rendered(ticket, "public").count("030 5550147") >= 2


def test_a_published_reply_is_asked_about(house: Flask) -> None:
    ticket = nameless()
    reply = make.post(ticket, "reply", text="Ring 030 5550147", publish=False)
    with pytest.raises(PersonalData):
        tickets.post(ticket.ref, "reply_published", {"target": reply.seq}, by=make.customer(ticket), personal=ASK)
    make.post(ticket, "reply_published", target=reply.seq)
    assert "5550147" not in rendered(ticket, "public")


NOT_SOLVED = {"solved": False, "understood": "no", "text": "", "publish": False, "why": "Ring me at 030 5550147."}


def test_why_it_is_not_solved_is_asked_about_before_everyone_reads_it(house: Flask) -> None:
    ticket = nameless()
    make.post(ticket, "resolved")
    last = make.fresh(ticket).last_seq

    def answer(wish: masks.Wish) -> None:
        tickets.post(ticket.ref, "feedback", NOT_SOLVED, by=make.customer(ticket), personal=wish)

    with pytest.raises(PersonalData) as told:
        answer(ASK)
    (finding,) = told.value.facts["findings"]
    assert (finding["what"], finding.get("seq")) == ([PHONE], None)
    assert make.fresh(ticket).last_seq == last
    answer(masks.wish("show", "It is the shop's number"))
    assert "reopened" in make.kinds_of(ticket)
    assert "030 5550147" in rendered(ticket, "public")


def test_why_it_is_not_solved_is_nobodys_question_where_nobody_else_reads_it(house: Flask) -> None:
    ticket = nameless(visibility="private")
    make.post(ticket, "resolved")
    tickets.post(ticket.ref, "feedback", NOT_SOLVED, by=make.customer(ticket), personal=ASK)
    assert make.fresh(ticket).status == "open"


def test_erasing_takes_the_original_too(house: Flask) -> None:
    ticket = nameless(text=SONG)
    make.post(ticket, "erased", make.lead(ticket.desk), target=1, reason="At the customer's request.")
    for audience in ("public", "customer", "staff"):
        assert "5550147" not in rendered(ticket, audience)
    assert make.events_of(ticket)[0].original is None


def test_who_may_amend_words_finds_them_as_they_were_typed(house: Flask) -> None:
    ticket = nameless()
    word = make.post(ticket, "update", text="Ask at 030 5550147.")
    found = {one.event.seq: one.source for one in words.amendable(make.fresh(ticket), make.assignee(ticket))}
    assert found[word.seq] == "Ask at 030 5550147."


OPENING = {"text": "Call 030 5550147.", "name": "Cara Lindt", "email": "c@home.example", "visibility": "public"}


def test_the_api_masks_and_says_so_asks_when_told_to_and_shows_for_a_reason(house: Flask, client: Visitor) -> None:
    make.agent(make.desk())
    opening = OPENING | {"subject": "No water", "desk": "buildings"}
    opened = client.post("/api/v1/tickets", json=opening)
    assert (opened.status_code, opened.json["hidden"]) == (201, [PHONE])
    asked = client.post("/api/v1/tickets", json=opening | {"personal": "ask"})
    assert (asked.status_code, asked.json["error"]["code"]) == (422, "personal_data")
    assert asked.json["error"]["findings"][0]["what"] == [PHONE]
    shown = client.post("/api/v1/tickets", json=opening | {"personal": "show", "personal_reason": "The shop's"})
    assert (shown.status_code, shown.json["hidden"]) == (201, [])
    assert client.post("/api/v1/tickets", json=opening | {"personal": 7}).status_code == 422
    ticket = nameless()
    bearer = make.bearer(ticket.assignee)
    body = {"kind": "update", "payload": {"text": "Ask at 030 5550147.", "next_word_at": make.ahead(days=1)}}
    posted = client.post(f"/api/v1/tickets/{ticket.ref}/events", json=body, headers=bearer)
    assert posted.json["events"][0]["hidden"] == [PHONE]
    asked = client.post(f"/api/v1/tickets/{ticket.ref}/events", json=body | {"personal": "ask"}, headers=bearer)
    assert asked.json["error"]["code"] == "personal_data"


def test_a_form_comes_back_with_what_was_found_and_every_word_kept(house: Flask, client: Visitor) -> None:
    ticket = nameless()
    make.sign_in(client, ticket.assignee)
    typed = {"text": "Ask <b>at</b> 030 5550147.", "next": make.ahead(days=1)}
    where = f"/workspace/t/{ticket.ref}/say/update"
    asked = client.post(where, data=typed)
    assert asked.status_code == 422
    assert '<mark class="found">030 5550147<span class="found__what"> phone number</span></mark>' in asked.text
    assert "the customer and the desk still read what you wrote" in asked.text
    assert 'name="text" value="Ask &lt;b&gt;at&lt;/b&gt; 030 5550147."' in asked.text
    assert client.post(where, data=typed | {"personal": "edit"}).status_code == 422
    assert client.post(where, data=typed | {"personal": "show"}).status_code == 422
    assert client.post(where, data=typed | {"personal": "hide"}).status_code == 303
    assert "5550147" not in rendered(ticket, "public")
    assert "Readers do not see: phone number" in client.get(f"/workspace/t/{ticket.ref}").text


def test_an_import_is_masked(house: Flask, tmp_path: Path) -> None:
    record = deepcopy(RECORDS[0]) | {"description": "Caller is at 312-555-0166.", "status_notes": "Rang 312-555-0166."}
    record["notes"][0] |= {"description": "From someone@else.example"}
    (ticket,) = bring_in(written(tmp_path, record))
    assert "‹phone number hidden›" in rendered(ticket, "public")
    for secret in ("555-0166", "someone@else"):
        assert secret not in rendered(ticket, "public")
        assert secret in rendered(ticket, "staff")


def test_the_subject_is_masked_for_readers_only(house: Flask) -> None:
    ticket = make.ticket(subject="Call 030 5550147")
    assert disclosure.subject(ticket, "public") == "Call ‹phone number hidden›"
    assert disclosure.subject(ticket, "staff") == "Call 030 5550147"
