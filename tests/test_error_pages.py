"""What a page says when it can't be what was asked for, and where it leads on."""

import pytest

from tests import make
from tests.houses import Visitor
from tests.html import parse_errors
from tracker.errors import TooSoon, Unavailable
from tracker.pages import show_error


def test_a_page_that_is_not_there_says_so_in_plain_words(client: Visitor) -> None:
    answer = client.get("/desks/nowhere")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert not parse_errors(answer.text)
    assert client.post("/").status_code == 405


def test_too_many_letters_are_turned_away_before_they_are_read(client: Visitor) -> None:
    answer = client.post("/new", data={"text": "x" * 70_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("came_from", "is_ours"),
    [
        ("http://localhost/new?desk=a", True),
        ("http://evil.example/new?desk=a", False),
        ("http://localhost//evil.example", False),
        ("http://[", False),
    ],
)
def test_an_error_leads_back_to_the_form_that_was_sent_and_nowhere_else(
    client: Visitor, came_from: str, is_ours: bool
) -> None:
    page = client.post("/new", data={"text": "x" * 70_000}, headers={"Referer": came_from}).text
    assert ('<a class="button" href="/new?desk=a">Back to what I wrote</a>' in page) == is_ours
    assert "evil.example" not in page


def test_who_works_here_is_led_back_to_their_queue(client: Visitor) -> None:
    make.sign_in(client, make.agent())
    page = client.get("/workspace/board")
    assert page.status_code == 403
    assert 'href="/workspace/">To your queue</a>' in page.text


def test_a_customer_who_lost_the_way_is_offered_a_link_by_mail(client: Visitor) -> None:
    assert 'href="/signin">Mail me a link to my tickets</a>' in client.get("/t/000000000000").text


def test_what_passes_by_itself_says_once_when_to_try_again_and_offers_that(client: Visitor) -> None:
    with client.application.test_request_context("/?page=2"):
        told = {429: TooSoon(retry_after=61), 503: Unavailable(retry_after=5)}
        pages = {code: show_error(error)[0] for code, error in told.items()}
    assert "Try again in 2 min; nothing is lost." in pages[429]
    assert "Try again in 1 min. What you typed" in pages[503]
    for page in pages.values():
        assert page.lower().count("try again in") == 1
        assert '<a class="button" href="">Try again</a>' in page
        assert not parse_errors(page)


def test_what_was_sent_is_not_simply_asked_for_again(client: Visitor) -> None:
    with client.application.test_request_context("/new", method="POST"):
        page = show_error(TooSoon())[0]
    assert "Too many at once" in page
    assert 'href=""' not in page
