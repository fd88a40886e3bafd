"""Requests in somebody's name from elsewhere: what carries a cookie says where it comes from, or it is refused."""

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tracker.models import Ticket


@pytest.fixture
def mine(house: Flask, client: Visitor) -> Ticket:
    ticket = make.ticket()
    make.own(client, ticket)
    client.environ_base.pop("HTTP_SEC_FETCH_SITE")
    return ticket


FORM, JSON = {"data": {"text": "Mine now."}}, {"json": {"kind": "reply", "payload": {"text": "Mine now."}}}
PLAIN = {"data": '{"kind": "reply", "payload": {"text": "Mine now."}}', "content_type": "text/plain"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost:81"},
        {"Origin": "http://localhost.evil.example"},
        {"Referer": "http://localhost/"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "SAME-ORIGIN"},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Bearer"},
        {"X-Requested-With": "XMLHttpRequest"},
        {"X-HTTP-Method-Override": "GET"},
    ],
    ids=str,
)
def test_a_write_with_a_cookie_that_does_not_say_it_is_ours_is_refused(
    client: Visitor, mine: Ticket, headers: dict[str, str]
) -> None:
    before = mine.last_seq
    for address, body in ((f"/t/{mine.ref}/say/reply", FORM), (f"/api/v1/tickets/{mine.ref}/events", JSON)):
        for sent in (body, PLAIN):
            assert client.post(address, headers=headers, **sent).status_code == 403, (address, sent)
    assert make.fresh(mine).last_seq == before


@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
def test_our_own_page_writes(client: Visitor, mine: Ticket, headers: dict[str, str]) -> None:
    assert client.post(f"/t/{mine.ref}/say/reply", headers=headers, **FORM).status_code == 303


def test_a_bearer_writes_as_itself_and_never_by_the_cookie_beside_it(client: Visitor, mine: Ticket) -> None:
    stranger = make.bearer(make.agent(make.desk("roads")))
    address = f"/api/v1/tickets/{mine.ref}/events"
    assert client.post(address, headers=stranger, **JSON).status_code == 403
    assert client.post(address, headers={"Authorization": "Bearer npt_nothing"}, **JSON).status_code == 401


def test_a_socket_handshake_lends_no_credentials_to_another_site(client: Visitor) -> None:
    for query in ("EIO=4&transport=polling", "EIO=4&transport=websocket", "EIO=4&transport=polling&j=1"):
        answer = client.get(f"/socket.io/?{query}", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers


def test_reading_from_another_site_is_reading_as_nobody(house: Flask, client: Visitor) -> None:
    private = make.ticket(visibility="private")
    make.own(client, private)
    address = f"/api/v1/tickets/{private.ref}"
    assert client.get(address).status_code == 200
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        assert client.get(address, headers={"Origin": origin}).status_code == 404
