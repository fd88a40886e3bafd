"""The public pages and the customer's: open, come in by link, say, decide who reads; nothing typed is lost."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tests.html import parse_errors
from tracker import clock, desks, links, people, store
from tracker.models import Ticket

FORM = {
    "subject": "No water on the third floor",
    "text": "Nothing since *Friday*.",
    "impact": "I carry it up for my mother.",
    "feeling": "upset",
    "name": "Cara Lindt",
    "name_shown": "own",
    "email": "cara@home.example",
    "visibility": "public",
    "zone": "Europe/Berlin",
}


def opened(client: Visitor, travel: Traveller, **changed: str) -> Any:
    """Fill in the form as a person does, who needs longer than a moment."""
    page = client.get("/new").text
    found = re.search(r'name="made" value="([^"]+)"', page)
    assert found
    travel.shift(30)
    return client.post("/new", data=FORM | {"desk": make.agent().desk.slug, "made": found[1]} | changed)


def the_ticket() -> Ticket:
    return store.session().query(Ticket).one()


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def test_opening_says_who_has_it_and_when_they_answer(client: Visitor, travel: Traveller) -> None:
    answer = opened(client, travel)
    assert answer.status_code == 303
    page = client.get(answer.location)
    ticket = the_ticket()
    assert f"{ticket.assignee.name} has this now" in words_of(page.text)
    assert "today 15:00 CET" in words_of(page.text), "on their own clock, without scripts"
    assert "your ticket becomes public, as you asked" in words_of(page.text)
    assert not parse_errors(page.text)


def test_the_secret_link_is_shown_once_and_opens_the_ticket_elsewhere(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    answer = opened(client, travel)
    shown = re.search(r"/k/[\w-]+", client.get(answer.location).text)
    assert shown
    assert client.get(answer.location).status_code == 303, "a second look shows it no more"
    elsewhere = house.test_client()
    ticket = the_ticket()
    assert elsewhere.get(f"/t/{ticket.ref}").status_code == 404
    assert elsewhere.get(shown[0]).status_code == 200
    assert elsewhere.get(f"/t/{ticket.ref}").status_code == 404, "looking at the link changes nothing"
    assert elsewhere.post(shown[0]).status_code == 303
    assert "This is your ticket" in elsewhere.get(f"/t/{ticket.ref}").text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("tickets.example", 200), ("my_box:8000", 200), ("[::1]:80", 200), ("tickets.example:", 200)),
        *(("", 400), ("a/b", 400), ("a b", 400), ("a,b", 400), ("u@a", 400), ("a:http", 400), ("<script>", 400)),
    ],
)
def test_a_request_names_one_plain_host_or_is_told_off(client: Visitor, host: str, status: int) -> None:
    assert client.get("/", headers={"Host": host}).status_code == status
    assert client.get("/api/v1/tickets", headers={"Host": host}).status_code == status


def test_what_was_typed_comes_back_with_what_is_wrong(client: Visitor, travel: Traveller) -> None:
    answer = opened(client, travel, email="cara at home", subject="No")
    assert answer.status_code == 422
    assert "Nothing since *Friday*." in answer.text
    assert "cara at home" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert store.session().query(Ticket).count() == 0


@pytest.mark.parametrize("trap", [{"website": "http://spam.example"}, {"made": "forged"}])
def test_machines_are_stopped_and_people_lose_nothing(client: Visitor, travel: Traveller, trap: dict[str, str]) -> None:
    answer = opened(client, travel, **trap)
    assert answer.status_code == 422
    assert "Nothing since *Friday*." in answer.text
    assert store.session().query(Ticket).count() == 0


def test_nobody_fills_the_form_in_a_moment(client: Visitor, travel: Traveller) -> None:
    found = re.search(r'name="made" value="([^"]+)"', client.get("/new").text)
    assert found
    answer = client.post("/new", data=FORM | {"desk": make.agent().desk.slug, "made": found[1]})
    assert answer.status_code == 422
    assert "very fast" in answer.text


def test_a_private_ticket_and_an_absent_one_answer_alike(client: Visitor) -> None:
    private = make.ticket(visibility="private")
    answers = [client.get(f"/t/{ref}") for ref in (private.ref, links.new_ref())]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].text.replace(private.ref, "") == re.sub(r"/t/\w{12}", "/t/", answers[1].text)


def test_the_confirming_mail_makes_it_public_only_when_the_button_is_pressed(
    client: Visitor, travel: Traveller
) -> None:
    opened(client, travel)
    (mail,) = [one for one in make.deliver() if one["To"] == "cara@home.example"]
    link = re.search(r"/link/confirm/[\w-]+", mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert link
    assert client.get(link[0]).status_code == 200
    assert make.fresh(the_ticket()).visibility == "private"
    assert client.post(link[0]).status_code == 303
    assert make.fresh(the_ticket()).visibility == "public"
    assert client.post(link[0]).status_code == 401, "it works once"


def due_words(page: str) -> set[str]:
    return set(re.findall(r'data-time="due"[^>]*>([^<]+)<', page))


def test_without_scripts_times_are_on_the_customers_clock_for_them_and_on_the_desks_for_others(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    desk = make.desk(zone="Europe/Berlin")
    told, untold = make.ticket(desk, zone="Asia/Tokyo"), make.ticket(desk)
    make.own(client, told, untold)
    due = {"tokyo": clock.due_text(told.due_at, store.now(), "Asia/Tokyo") + " JST"}  # type: ignore[arg-type]
    due["berlin"] = clock.due_text(told.due_at, store.now(), "Europe/Berlin") + " CET"  # type: ignore[arg-type]
    for path in (f"/t/{told.ref}", f"/t/{told.ref}/entries?after=0"):
        assert due_words(client.get(path).text) == {due["tokyo"]}
        assert due_words(house.test_client().get(path).text) == {due["berlin"]}
    assert due_words(client.get(f"/t/{untold.ref}").text) == {due["berlin"]}, "as the mail says it"


def test_who_has_not_asked_yet_reads_by_when_a_first_word_comes_and_on_which_clock(client: Visitor) -> None:
    desk = make.desk(zone="Europe/Berlin")
    due = clock.due_text(desks.first_answer_due(desk, store.now()), store.now(), "Europe/Berlin")
    for path in ("/new", f"/desks/{desk.slug}"):
        assert due_words(client.get(path).text) == {f"{due} CET"}, path
    make.desk("streets")
    assert not due_words(client.get("/new").text), "each desk has hours of its own"


@pytest.mark.parametrize(
    ("known", "said", "kept"),
    [("", "Asia/Tokyo", "Asia/Tokyo"), ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin"), ("", "Mars/Base", "")],
)
def test_the_confirming_page_says_which_clock_they_have_where_it_is_not_known(
    client: Visitor, known: str, said: str, kept: str
) -> None:
    ticket = make.ticket(zone=known, confirmed=False)
    path = f"/link/confirm/{people.mint_link('confirm', ticket_id=ticket.id)}"
    assert '<input type="hidden" name="zone" value="" data-zone>' in client.get(path).text
    assert client.post(path, data={"zone": said}).status_code == 303
    assert make.fresh(ticket).zone == kept


def test_a_sign_in_link_brings_the_customer_back_on_another_device(
    house: Flask, client: Visitor, travel: Traveller
) -> None:
    opened(client, travel)
    make.deliver()
    other = house.test_client()
    answer = other.post("/signin/link", data={"email": "cara@home.example"})
    mail = make.deliver()[-1]
    link = re.search(r"/link/signin/[\w-]+", mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert link
    assert other.post(link[0]).status_code == 303
    assert "This is your ticket" in other.get(f"/t/{the_ticket().ref}").text
    unknown = house.test_client().post("/signin/link", data={"email": "nobody@home.example"})
    assert unknown.text == answer.text, "nobody learns who is a customer"


def test_a_sign_in_link_runs_out_after_fifteen_minutes(client: Visitor, travel: Traveller) -> None:
    secret = people.mint_link("signin", address="cara@home.example")
    travel.shift(15 * 60 + 1)
    assert client.post(f"/link/signin/{secret}").status_code == 401


def test_agents_sign_in_by_password_and_out_again(client: Visitor) -> None:
    rosa = make.agent(name="Rosa Ortega", password="rosa answers here")
    assert client.post("/signin", data={"email": rosa.email, "password": "wrong one here"}).status_code == 401
    assert client.post("/signin", data={"email": rosa.email, "password": "rosa answers here"}).status_code == 303
    assert rosa.name in client.get("/").text
    client.post("/signout")
    assert rosa.name not in words_of(client.get("/signin").text)


def test_a_new_password_signs_out_everywhere(house: Flask, client: Visitor) -> None:
    rosa = make.agent(name="Rosa Ortega", password="rosa answers here")
    client.post("/signin", data={"email": rosa.email, "password": "rosa answers here"})
    elsewhere = house.test_client()
    elsewhere.post("/signin/link", data={"email": rosa.email, "what": "password"})
    mail = make.deliver()[-1]
    link = re.search(r"/link/reset/[\w-]+", mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]
    assert link
    assert elsewhere.post(link[0], data={"password": "short"}).status_code == 422, "the link is not used up"
    chosen = elsewhere.post(link[0], data={"password": "a new sentence"})
    assert f"You sign in with it and {rosa.email}" in elsewhere.get(chosen.location).text, "and is in already"
    assert '<a href="/signin"' in client.get("/").text
    assert client.post(link[0], data={"password": "another sentence"}).status_code == 401, "nobody else gets in by it"
    assert client.post("/signin", data={"email": rosa.email, "password": "a new sentence"}).status_code == 303


def test_the_customer_replies_publishes_and_reopens(client: Visitor, house: Flask) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    stranger = house.test_client()
    client.post(f"/t/{ticket.ref}/say/reply", data={"text": "Only for you."})
    client.post(f"/t/{ticket.ref}/say/reply", data={"text": "For all to read.", "publish": "true"})
    page = stranger.get(f"/t/{ticket.ref}").text
    assert "For all to read." in page
    assert "Only for you." not in page
    seq = next(event.seq for event in make.events_of(ticket) if event.body_source == "Only for you.")
    client.post(f"/t/{ticket.ref}/say/reply_published", data={"target": str(seq)})
    assert "Only for you." in stranger.get(f"/t/{ticket.ref}").text
    make.post(ticket, "resolved")
    assert "Is it solved?" in client.get(f"/t/{ticket.ref}").text
    client.post(f"/t/{ticket.ref}/say/reopened", data={"text": "It drips again."})
    assert make.fresh(ticket).status == "open"


def test_the_customer_lets_everyone_read_thanks_and_what_they_once_said_privately(
    client: Visitor, house: Flask
) -> None:
    ticket, reader = make.ticket(name_shown="none"), house.test_client()
    make.own(client, ticket)
    sent = reader.post(f"/t/{ticket.ref}/say/thanks", data={"text": "Water at last!"})
    assert "Your thanks have arrived." in reader.get(sent.location).text
    client.post(f"/t/{ticket.ref}/say/reply", data={"text": "Ring me at 030 5550147."})
    make.post(ticket, "resolved")
    make.post(ticket, "feedback", solved=True, text="Rosa called twice.", publish=False)
    form = re.compile(r'action="([^"]+/say/reply_published)"><input type="hidden" name="target" value="(\d+)"')
    page = client.get(f"/t/{ticket.ref}").text
    assert not parse_errors(page)
    offered = form.findall(page)
    assert offered == form.findall(client.get(f"/t/{ticket.ref}/entries?after=0").text)
    assert len(offered) == 3
    for action, seq in offered:
        answer = client.post(action, data={"target": seq})
        if answer.status_code == 422:
            assert "Before everyone reads this" in answer.text
            assert client.post(action, data={"target": seq, "personal": "hide"}).status_code == 303
    read = reader.get(f"/t/{ticket.ref}").text
    for words in ("Water at last!", "Ring me at", "Rosa called twice."):
        assert words in read
    assert "5550147" not in read
    assert not form.findall(client.get(f"/t/{ticket.ref}").text)


def test_only_the_customer_is_offered_to_let_everyone_read(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "thanks", text="Water at last!")
    assert "/say/reply_published" not in client.get(f"/t/{ticket.ref}").text
    make.sign_in(client, ticket.assignee)
    page = client.get(links.workspace_ticket(ticket.ref)).text
    assert "Water at last!" in page
    assert "/say/reply_published" not in page + client.get(f"/t/{ticket.ref}").text


def test_the_page_and_the_api_say_how_often_a_ticket_was_passed_on(client: Visitor) -> None:
    ticket, lead = make.ticket(), make.lead()
    people = [ticket.assignee, make.agent(ticket.desk)]
    for count, words in enumerate(("never passed on", "passed on once", "passed on twice", "passed on 3 times")):
        if count:
            make.post(ticket, "reassigned", lead, to=people[count % 2])
        assert f"<li>{words}</li>" in client.get(f"/t/{ticket.ref}").text
        assert client.get(f"/api/v1/tickets/{ticket.ref}").json["passed_on"] == count


def test_whom_it_waits_for_is_spoken_to_and_others_read_about_them(client: Visitor, house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting", text="Which tap?", check_in_at=store.now() + timedelta(days=1))
    make.own(client, ticket)
    page, others = (words_of(one.get(f"/t/{ticket.ref}").text) for one in (client, house.test_client()))
    for mine, theirs in (("Waiting for you", "Waiting for the customer"), ("asked you", "asked the customer")):
        assert mine in page
        assert theirs not in page
        assert theirs in others
    assert "The next step is yours" in page
    assert "The next step is the customer’s" in others
    assert words_of(client.get("/").text).count("Waiting for you") == 1, "among their own tickets, too"
    assert "Waiting for you" not in words_of(house.test_client().get("/").text)


def test_a_stranger_can_say_none_of_the_customers_things(client: Visitor) -> None:
    ticket = make.ticket()
    for kind in ("reply", "visibility_changed", "reopened", "confirmed"):
        data = {"text": "x", "visibility": "private"}
        assert client.post(f"/t/{ticket.ref}/say/{kind}", data=data).status_code in (401, 422)
    assert make.kinds_of(ticket) == ["opened", "visibility_changed"]
    assert client.post(f"/t/{ticket.ref}/say/update", data={"text": "x"}).status_code == 404


def test_taking_back_links_locks_out_all_other_browsers(client: Visitor, house: Flask) -> None:
    ticket = make.ticket(visibility="private")
    other = house.test_client()
    make.own(client, ticket)
    make.own(other, ticket)
    assert client.post(f"/t/{ticket.ref}/keys/revoke").status_code == 303
    assert client.get(f"/t/{ticket.ref}").status_code == 200
    assert other.get(f"/t/{ticket.ref}").status_code == 404


def test_a_form_of_another_site_is_refused(client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = client.post(f"/t/{ticket.ref}/say/reply", data={"text": "x"}, headers=headers)
        assert answer.status_code == 403
    assert "reply" not in make.kinds_of(ticket)


def test_lists_show_public_tickets_only_and_page_by_keyset(client: Visitor) -> None:
    desk = make.agent().desk
    for number in range(23):
        make.ticket(desk, subject=f"Public matter {number}")
    make.ticket(desk, subject="A private matter", visibility="private")
    make.ticket(desk, subject="An unlisted matter", visibility="unlisted")
    seen: list[str] = []
    address: str | None = f"/desks/{desk.slug}"
    while address:
        page = client.get(address).text
        seen += re.findall(r">(Public matter \d+|A private matter|An unlisted matter)<", page)
        found = re.search(r'href="([^"]+)" rel="next"', page)
        address = found[1].replace("&amp;", "&") if found else None
    assert sorted(seen) == sorted(f"Public matter {number}" for number in range(23))


def test_a_list_says_who_has_each_ticket_how_long_it_takes_and_when_the_next_word_comes(
    client: Visitor, travel: Traveller
) -> None:
    ticket = make.ticket(subject="Water is brown")
    travel.shift(2 * 3600)
    make.post(ticket, "update", next_word_at=store.now() + timedelta(days=1))
    page = words_of(client.get("/").text)
    line = f"Water is brown Open{ticket.assignee.name} has thisnext word by tomorrow"
    assert line in page
    assert "2 h so far" in page
    make.post(ticket, "resolved")
    assert "2 h in all" in words_of(client.get("/").text)


def test_the_search_narrows_by_words_person_and_status(client: Visitor) -> None:
    water = make.ticket(subject="Water is brown")
    make.ticket(subject="Light is out")
    make.post(water, "resolved")
    for query in ("q=water", f"person={water.assignee.slug}&q=brown", "status=resolved"):
        page = words_of(client.get(f"/?{query}").text)
        assert "Water is brown" in page
        assert "Light is out" not in page
    assert client.get("/?before=forged").status_code == 422


def test_a_signed_out_reader_is_told_nothing_changed(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    travel.shift(90)
    first = client.get(f"/t/{ticket.ref}")
    assert first.headers["Cache-Control"] == "no-cache"
    travel.shift(1)
    again = client.get(f"/t/{ticket.ref}", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert not again.data


def test_the_customers_page_is_kept_by_no_cache(client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    assert "no-store" in client.get(f"/t/{ticket.ref}").headers["Cache-Control"]


def test_entries_after_a_seq_bring_the_head_and_what_they_amend(client: Visitor) -> None:
    ticket = make.ticket()
    word = make.post(ticket, "update", text="The part comes on Tuesday.")
    last = make.fresh(ticket).last_public_seq
    make.post(ticket, "corrected", target=word.seq, text="The part comes on Thursday.", reason="Wrong day.")
    page = client.get(f"/t/{ticket.ref}/entries?after={last}").text
    assert 'id="head"' in page
    assert f'id="e{word.seq}"' in page, "the corrected entry comes again"
    assert "Thursday" in page
    assert "Tuesday" in page


def test_a_strange_time_zone_stops_nobody(client: Visitor, travel: Traveller) -> None:
    assert opened(client, travel, zone="Atlantis/../../etc").status_code == 303
    assert the_ticket().zone == ""


def test_mail_speaks_in_the_customers_zone(client: Visitor, travel: Traveller) -> None:
    opened(client, travel)
    (mail,) = [one for one in make.deliver() if one["To"] == "cara@home.example"]
    said = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "by Monday, 2 March, 15:00 (Central European Standard Time)" in said
    assert mail["Auto-Submitted"] == "auto-replied"


def test_an_acknowledgement_carries_nothing_typed_but_the_subject(client: Visitor, travel: Traveller) -> None:
    opened(client, travel, subject="Buy at https://spam.example now " + "w" * 100)
    (mail,) = [one for one in make.deliver() if one["To"] == "cara@home.example"]
    said = mail.as_string()
    assert "spam.example" not in said
    assert "mother" not in said
    assert "Friday" not in said


def test_an_unconfirmed_address_gets_three_acknowledgements_a_day(house: Flask, travel: Traveller) -> None:
    for _ in range(5):
        make.ticket(confirmed=False, email="victim@home.example")
    assert len([one for one in make.deliver() if one["To"] == "victim@home.example"]) == 3


def test_a_customers_page_gives_each_field_a_name_of_its_own(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "resolved")
    make.own(client, ticket)
    page = client.get(f"/t/{ticket.ref}").text
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert {"text", "reopened-text", "feedback-text"} <= set(ids)
    assert [one for one in ids if ids.count(one) > 1] == []
