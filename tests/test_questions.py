"""Is it solved, did you feel understood: two taps from a mail, recorded once, public only with consent."""

import re

from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_mail import CUSTOMER, plain
from tracker.models import Ticket


def resolved() -> Ticket:
    one = make.ticket(email=CUSTOMER)
    make.post(one, "resolved")
    return one


def links() -> dict[str, str]:
    """Return the two links of the newest mail, by what they answer."""
    mail = [mail for mail in make.deliver() if mail["To"] == CUSTOMER][-1]
    return {answer: path for path, answer in re.findall(r"(/answer/[\w-]+\?solved=(yes|no))", plain(mail))}


def test_a_mail_scanner_that_follows_the_links_says_nothing(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    for path in links().values():
        page = client.get(path)
        assert page.status_code == 200
        assert page.headers["Cache-Control"] == "no-store"
    assert make.fresh(ticket).status == "resolved"
    assert "feedback" not in make.kinds_of(ticket)


def test_two_taps_say_solved_and_understood(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    path = links()["yes"]
    assert "It is solved." in client.get(path).text
    told = client.post(path, data={"solved": "true", "understood": "yes"})
    assert told.status_code == 200
    assert make.kinds_of(ticket)[-2:] == ["feedback", "confirmed"]
    assert make.fresh(ticket).status == "closed"
    assert "feedback" not in make.kinds_of(ticket, "public"), "nobody consented to more"
    assert client.post(path, data={"solved": "true", "understood": "no"}).status_code == 401, "once"
    assert client.get(path).status_code == 401


def test_not_solved_asks_why_and_opens_it_again(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    path = links()["no"]
    page = client.get(path).text
    assert "What is still wrong?" in page
    missing = client.post(path, data={"solved": "false", "understood": "partly", "text": "She was kind."})
    assert missing.status_code == 422
    assert "She was kind." in missing.text, "what was typed comes back"
    assert make.fresh(ticket).status == "resolved"
    told = client.post(path, data={"solved": "false", "understood": "partly", "why": "It drips again."})
    assert told.status_code == 200
    assert make.kinds_of(ticket)[-2:] == ["feedback", "reopened"]
    assert make.fresh(ticket).status == "open"
    assert make.fresh(ticket).due_at, "a new promise stands"
    assert "It drips again." in make.events_of(ticket)[-1].body_html


def test_personal_data_in_why_is_shown_to_its_author_before_everyone_reads_it(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    path = links()["no"]
    given = {"solved": "false", "understood": "no", "why": "Ring me at 030 5550147."}
    asked = client.post(path, data=given)
    assert asked.status_code == 422
    assert "Before everyone reads this" in asked.text
    assert '<mark class="found">030 5550147' in asked.text
    assert make.fresh(ticket).status == "resolved", "nothing is recorded, and the link stays good"
    again = client.post(path, data=given | {"personal": "edit"})
    assert again.status_code == 422
    assert "Ring me at 030 5550147.</textarea>" in again.text, "what was typed comes back"
    assert client.post(path, data=given | {"personal": "hide"}).status_code == 200
    assert "5550147" not in house.test_client().get(f"/t/{ticket.ref}").text


def test_answers_are_public_only_with_consent(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    client.post(links()["yes"], data={"solved": "true", "understood": "yes", "text": "Thanks.", "publish": "true"})
    assert "feedback" in make.kinds_of(ticket, "public")


def test_the_page_asks_why_too(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    make.own(client, ticket)
    say = f"/t/{ticket.ref}/say/feedback"
    missing = client.post(say, data={"solved": "false", "understood": "no"})
    assert missing.status_code == 422
    assert "Say what is still wrong" in missing.text
    assert client.post(say, data={"solved": "false", "understood": "no", "why": "It drips."}).status_code == 303
    assert make.fresh(ticket).status == "open"


def test_who_says_on_the_page_that_it_is_solved_is_asked_whether_they_felt_understood(
    house: Flask, client: Visitor
) -> None:
    ticket = resolved()
    make.own(client, ticket)
    assert '<details class="box" id="feedback">' in client.get(f"/t/{ticket.ref}").text
    place = client.post(f"/t/{ticket.ref}/say/confirmed").location
    assert make.fresh(ticket).status == "closed"
    page = client.get(place).text
    assert place.endswith("#feedback")
    assert '<details class="box" id="feedback" open><summary>One more question</summary>' in page
    assert '<input type="hidden" name="solved" value="true">' in page
    told = {"solved": "true", "understood": "partly"}
    assert client.post(f"/t/{ticket.ref}/say/feedback", data=told).status_code == 303
    assert make.kinds_of(ticket)[-2:] == ["confirmed", "feedback"]


def test_a_solved_tickets_page_asks_its_customer_before_anything_else_and_nobody_else(
    house: Flask, client: Visitor
) -> None:
    ticket = resolved()
    question = f"{ticket.assignee.name}</bdi> says that it is solved. Is it?"
    assert question not in client.get(f"/t/{ticket.ref}").text
    make.own(client, ticket)
    page = client.get(f"/t/{ticket.ref}").text
    assert page.count(question) == 1
    assert page.index(question) < page.index('<ol class="timeline">')
    assert f'href="/t/{ticket.ref}?ask=solved#solved"' in page, "the head asks too: it comes by itself where one waits"
    client.post(f"/t/{ticket.ref}/say/confirmed")
    assert question not in client.get(f"/t/{ticket.ref}").text


def test_only_the_customers_mail_asks(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(email=CUSTOMER)
    client.post(f"/t/{ticket.ref}/follow", data={"email": "reader@home.example"})
    asked = next(mail for mail in make.deliver() if mail["To"] == "reader@home.example")
    client.post(re.findall(r"/follow/\w+", plain(asked))[0], data={"do": "confirm"})
    make.post(ticket, "resolved")
    assert links()
    others = [mail.as_string() for mail in make.mails() if mail["To"] != CUSTOMER]
    assert len(others) >= 2
    assert not [mail for mail in others if "/answer/" in mail]


def test_an_answer_that_comes_after_it_was_opened_again_changes_nothing(house: Flask, client: Visitor) -> None:
    ticket = resolved()
    path = links()["no"]
    make.post(ticket, "reopened", text="It drips.")
    told = client.post(path, data={"solved": "false", "understood": "no", "why": "It drips."})
    assert told.status_code == 409
    assert make.kinds_of(ticket).count("reopened") == 1
