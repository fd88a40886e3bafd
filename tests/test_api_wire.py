"""What goes over the wire: errors in one shape, strict JSON, writes said twice, caches, other sites."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import make
from tests.houses import Visitor
from tests.threads import at_once
from tracker import limits, store, tickets
from tracker.models import Desk, Event, Ticket

API = "/api/v1"
FOREIGN = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def desk(house: Flask) -> Desk:
    return make.desk()


@pytest.fixture
def one(desk: Desk) -> Ticket:
    return make.ticket(desk)


def opening(desk: Desk, **more: Any) -> dict[str, Any]:
    told = {"subject": "No water", "text": "None at all.", "name": "Cara Lindt", "email": "cara@home.example"}
    return told | {"desk": desk.slug} | more


def events_url(one: Ticket) -> str:
    return f"{API}/tickets/{one.ref}/events"


def note(text: str = "For staff.") -> dict[str, Any]:
    return {"kind": "note", "payload": {"text": text}}


def error(answer: Any) -> dict[str, Any]:
    body = answer.get_json()
    assert body.keys() == {"error"}, answer.text
    assert body["error"].keys() >= {"code", "message", "fields"}
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = body["error"]
    return found


def count(kind: str) -> int:
    return store.session().scalar(select(func.count()).where(Event.kind == kind)) or 0


def all_at_once(house: Flask, times: int, act: Callable[[int], Any]) -> list[Any]:
    """Return what so many calls of `act` answer that are let go at one moment."""
    found: list[Any] = [None] * times
    assert not at_once(house, times, lambda number: found.__setitem__(number, act(number)))
    return found


def test_every_error_has_the_one_shape(client: Visitor, one: Ticket) -> None:
    told = {
        client.get(f"{API}/nowhere"): (404, "not_found"),
        client.get("/api/"): (404, "not_found"),
        client.put(f"{API}/tickets"): (405, "method_not_allowed"),
        client.post(f"{API}/tickets", data="subject=x"): (415, "unsupported_media_type"),
        client.post(f"{API}/tickets", data="{", content_type="application/json"): (400, "malformed"),
        client.post(f"{API}/tickets", json={}): (422, "invalid"),
        client.get(f"{API}/queue"): (401, "unauthorized"),
        client.get(f"{API}/tickets/x"): (404, "not_found"),
        client.post(events_url(one), json=note(), headers=FOREIGN): (403, "forbidden"),
        client.post(events_url(one), data=b"x" * 70_000, content_type="application/json"): (413, "too_large"),
    }
    for answer, (status, code) in told.items():
        assert (answer.status_code, error(answer)["code"]) == (status, code), answer.request.path


def test_errors_keep_the_headers_that_say_what_to_do(client: Visitor, desk: Desk) -> None:
    assert {"GET", "POST"} <= {*client.put(f"{API}/tickets").headers["Allow"].split(", ")}
    assert client.get(f"{API}/queue").headers["WWW-Authenticate"].startswith("Bearer")


def test_pages_still_tell_errors_as_pages(client: Visitor, house: Flask) -> None:
    assert client.get("/nowhere").mimetype == "text/html"
    assert client.get("/apidocs").mimetype == "text/html"


def test_an_error_nobody_expected_is_told_without_its_cause(house: Flask, client: Visitor) -> None:
    house.config["PROPAGATE_EXCEPTIONS"] = False
    house.view_functions["people_api.all_desks"] = lambda: 1 // 0
    answer = client.get(f"{API}/desks")
    assert (answer.status_code, error(answer)["code"]) == (500, "error")
    assert "division" not in answer.text


def test_limits_are_told_with_the_time_to_wait(house: Flask, client: Visitor, one: Ticket, monkeypatch: Any) -> None:
    tight = limits.RateLimitItemPerMinute(2)
    monkeypatch.setattr(limits, "_item", lambda name: tight if name == "writes" else limits.RateLimitItemPerMinute(999))
    headers = make.bearer(one.assignee)
    answers = [client.post(events_url(one), json=note(), headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert error(answers[2])["code"] == "too_soon"
    assert 0 < int(answers[2].headers["Retry-After"]) <= 61
    other = make.bearer(one.assignee)
    assert client.post(events_url(one), json=note(), headers=other).status_code == 201, "another token has its own"


BAD = {
    "broken UTF-8": b'{"kind": "note", "payload": {"text": "\xff\xfe"}}',
    "half a character": b'{"kind": "note", "payload": {"text": "\\ud800"}}',
    "half a character as a name": b'{"kind": "note", "payload": {"\\udfff": 1}}',
    "half a character as the kind": b'{"kind": "\\ud800"}',
    "NUL": b'{"kind": "note", "payload": {"text": "a\\u0000b"}}',
    "a control character": b'{"kind": "note", "payload": {"text": "a\\u0085b"}}',
    "not a number": b'{"kind": "note", "payload": {"text": NaN}}',
    "infinity": b'{"kind": "note", "payload": {"text": -Infinity}}',
    "a number beyond all": b'{"kind": "note", "payload": {"text": 1e999}}',
    "a very long number": b'{"kind": "note", "payload": {"text": ' + b"9" * 6000 + b"}}",
    "a name twice": b'{"kind": "note", "kind": "update", "payload": {"text": "x"}}',
    "deep nesting": b'{"kind": "note", "payload": ' + b"[" * 60_000,
    "deep nesting that closes": b'{"kind": "note", "payload": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
    "an array": b"[]",
    "a text": b'"note"',
    "nothing": b"",
    "null": b"null",
    "a byte order mark": b'\xef\xbb\xbf{"kind": "note"}',
    "a kind that is a list": b'{"kind": [], "payload": {}}',
    "a payload that is a list": b'{"kind": "note", "payload": []}',
    "a text that is an object": b'{"kind": "note", "payload": {"text": {}}}',
    "an unknown field": b'{"kind": "note", "payload": {"text": "x", "minutes": 3}}',
    "a huge seq": b'{"kind": "redacted", "payload": {"target": 99999999999999999999, "reason": "x"}}',
    "a person who is half a character": b'{"kind": "reassigned", "payload": {"to": "\\ud800", "reason": "x"}}',
    "a time before all": b'{"kind": "promise_moved", "payload": {"due_at": "0001-01-01T00:00+14:00", "reason": "x"}}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_what_can_not_be_read_is_refused_and_never_breaks_us(client: Visitor, one: Ticket, body: bytes) -> None:
    before = count("note")
    headers = make.bearer(one.assignee) | {"Content-Type": "application/json"}
    answer = client.post(events_url(one), data=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    error(answer)
    assert count("note") == before


def test_a_body_of_unsaid_length_is_cut_at_the_limit(client: Visitor, one: Ticket) -> None:
    answer = client.post(
        events_url(one),
        input_stream=io.BytesIO(b'"' + b"x" * 200_000 + b'"'),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
        headers=make.bearer(one.assignee),
    )
    assert (answer.status_code, error(answer)["code"]) == (413, "too_large")


def test_a_good_body_passes_where_the_bad_ones_fail(client: Visitor, one: Ticket) -> None:
    body = '{"kind": "note", "payload": {"text": "Grüße, \\ud83d\\ude00"}}'.encode()
    headers = make.bearer(one.assignee) | {"Content-Type": "application/json"}
    answer = client.post(events_url(one), data=body, headers=headers)
    assert answer.status_code == 201
    assert "😀" in answer.get_json()["events"][0]["body_html"]


@pytest.mark.parametrize(
    "path", ["/desks/%00", "/people/a%00b", "/tickets/%00", "/tickets?q=%00", "/tickets?cursor=%00"]
)
def test_a_nul_in_an_address_finds_nothing(client: Visitor, house: Flask, path: str) -> None:
    answer = client.get(API + path)
    assert answer.status_code in (404, 422)
    error(answer)


def test_the_same_write_said_twice_happens_once(client: Visitor, one: Ticket) -> None:
    headers = make.bearer(one.assignee) | {"Idempotency-Key": "once"}
    first, second = (client.post(events_url(one), json=note(), headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert count("note") == 1
    other = client.post(events_url(one), json=note("Something else."), headers=headers)
    assert (other.status_code, [*error(other)["fields"]]) == (422, ["Idempotency-Key"])
    theirs = make.bearer(one.assignee) | {"Idempotency-Key": "once"}
    assert client.post(events_url(one), json=note(), headers=theirs).status_code == 201
    assert count("note") == 2, "keys of another token are other keys"
    assert client.post(events_url(one), json=note(), headers=headers | {"Idempotency-Key": "x" * 65}).status_code == 422


def test_twenty_times_the_same_write_at_once_is_one_row(house: Flask, one: Ticket) -> None:
    headers = make.bearer(one.assignee) | {"Idempotency-Key": "storm"}
    answers = all_at_once(house, 20, lambda _n: house.test_client().post(events_url(one), json=note(), headers=headers))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(answer.status_code == 201 for answer in answers) >= 1
    assert count("note") == 1


def test_a_repeated_opening_makes_no_second_ticket_and_tells_no_secret(house: Flask, desk: Desk) -> None:
    make.agent(desk)
    headers = {"Idempotency-Key": "open"}
    url = f"{API}/tickets"
    answers = all_at_once(house, 20, lambda _n: house.test_client().post(url, json=opening(desk), headers=headers))
    told = [answer.get_json() for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len([one for one in told if one["secret"]]) == 1
    assert {one["ref"] for one in told} == {told[0]["ref"]}
    assert store.session().scalar(select(func.count()).select_from(Ticket)) == 1
    again = house.test_client().post(url, json=opening(desk), headers=headers)
    assert (again.status_code, again.get_json()["secret"]) == (201, None)


def test_accepting_a_handoff_twice_answers_twice(client: Visitor, one: Ticket, desk: Desk) -> None:
    other = make.agent(desk)
    make.post(one, "handoff_offered", to=other)
    headers = make.bearer(other) | {"Idempotency-Key": "yes"}
    body = {"kind": "handoff_accepted", "payload": {}}
    answers = [client.post(events_url(one), json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert count("handoff_accepted") == 1


def test_of_two_agents_at_one_version_the_second_learns_the_current_one(house: Flask, one: Ticket, desk: Desk) -> None:
    boss = make.lead(desk)
    with store.transaction():
        one.assignee = boss
    headers = [make.bearer(boss) | {"If-Match": f'"{make.fresh(one).version}"'} for _ in range(2)]
    body = {"kind": "resolved", "payload": {"text": "It runs."}}
    answers = all_at_once(house, 2, lambda n: house.test_client().post(events_url(one), json=body, headers=headers[n]))
    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (201, 409)
    assert error(lost)["version"] == make.fresh(one).version == won.get_json()["version"]
    assert count("resolved") == 1


def test_the_version_is_staffs_business(client: Visitor, one: Ticket) -> None:
    secret = {"Authorization": f"Bearer {tickets.give_key(one)}", "If-Match": '"999"'}
    refused = client.post(events_url(one), json={"kind": "reply", "payload": {"text": "x"}}, headers=secret)
    assert refused.status_code == 409
    assert "version" not in error(refused)
    assert "version" not in client.get(f"{API}/tickets/{one.ref}").get_json()
    for wrong in ("7", 'W/"7"', '"seven"', '"' + "9" * 30 + '"', '"٧"'.encode().decode("latin-1")):
        headers = make.bearer(one.assignee) | {"If-Match": wrong}
        assert client.post(events_url(one), json=note(), headers=headers).status_code == 422, wrong
    assert client.post(events_url(one), json=note(), headers=headers | {"If-Match": "*"}).status_code == 201


def test_what_everybody_may_read_is_revalidated_and_the_rest_is_not_kept(client: Visitor, one: Ticket) -> None:
    url = events_url(one)
    first = client.get(url)
    assert first.headers["Cache-Control"] == "no-cache"
    assert {"Authorization", "Cookie", "Origin"} <= {*first.headers["Vary"].split(", ")}
    again = client.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    make.post(one, "update")
    assert client.get(url, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    staff = client.get(url, headers=make.bearer(one.assignee))
    assert staff.headers["Cache-Control"] == "private, no-store"
    assert "ETag" not in staff.headers


def test_a_hidden_note_changes_nothing_for_the_public(client: Visitor, one: Ticket) -> None:
    before = client.get(events_url(one))
    make.post(one, "note")
    assert client.get(events_url(one)).headers["ETag"] == before.headers["ETag"]


def test_other_sites_read_as_nobody_whatever_cookies_come_along(client: Visitor, one: Ticket) -> None:
    make.post(one, "note", text="Canary of the cellar.")
    make.sign_in(client, one.assignee)
    assert "Canary" in client.get(events_url(one)).text
    foreign = client.get(events_url(one), headers=FOREIGN)
    assert "Canary" not in foreign.text
    assert foreign.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in foreign.headers
    private = make.ticket(visibility="private")
    assert client.get(f"{API}/tickets/{private.ref}", headers=FOREIGN).status_code == 404


def test_nothing_but_public_reads_is_open_to_other_sites(client: Visitor, one: Ticket) -> None:
    make.sign_in(client, one.assignee)
    closed = [
        client.get(f"{API}/tickets/{one.ref}"),
        client.get(f"{API}/me", headers=FOREIGN),
        client.get(f"{API}/queue", headers=FOREIGN),
        client.get(f"{API}/tokens", headers=FOREIGN),
        client.post(events_url(one), json=note(), headers=FOREIGN),
        client.get(f"{API}/tickets/{one.ref}", headers=FOREIGN | make.bearer(one.assignee)),
        client.options(events_url(one), headers=FOREIGN | {"Access-Control-Request-Method": "POST"}),
    ]
    assert not [answer.request.path for answer in closed if "Access-Control-Allow-Origin" in answer.headers]
    assert client.post(events_url(one), json=note(), headers=FOREIGN).status_code == 403
    assert count("note") == 0


def test_programs_without_cookies_need_no_origin_and_forms_still_do(house: Flask, desk: Desk) -> None:
    make.agent(desk)
    program = house.test_client()
    del program.environ_base["HTTP_SEC_FETCH_SITE"]
    assert program.post(f"{API}/tickets", json=opening(desk)).status_code == 201
    assert program.post("/new", data=opening(desk)).status_code == 403
    one = make.ticket(desk)
    make.sign_in(program, one.assignee)
    assert program.post(events_url(one), json=note()).status_code == 403, (
        "with a cookie it could be a page of another site"
    )
    assert program.post(events_url(one), json=note(), headers={"Origin": "http://localhost"}).status_code == 201
    assert program.post(events_url(one), json=note(), headers={"Authorization": "Bearer "}).status_code == 401
