"""The JSON API as programs meet it: reading, opening, posting, and what each reader is shown."""

from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tracker import store, tickets
from tracker.kinds import KINDS
from tracker.models import Desk, Ticket

API = "/api/v1"
HEAD = {"ref", "seq", "prev", "kind", "at", "recorded_at", "actor", "audience", "sentence", "body_html"}


@pytest.fixture
def desk(house: Flask) -> Desk:
    return make.desk()


def opening(desk: Desk, **more: Any) -> dict[str, Any]:
    return {
        "subject": "No water on the third floor",
        "text": "Nothing comes out of the **tap**.",
        "name": "Cara Lindt",
        "email": "cara@home.example",
        "desk": desk.slug,
    } | more


def secret_of(one: Ticket) -> dict[str, str]:
    return {"Authorization": f"Bearer {tickets.give_key(one)}"}


def post(client: Visitor, one: Ticket, kind: str, headers: dict[str, str], **payload: Any) -> Any:
    return client.post(f"{API}/tickets/{one.ref}/events", json={"kind": kind, "payload": payload}, headers=headers)


def test_anybody_opens_a_ticket_and_learns_who_has_it(client: Visitor, desk: Desk) -> None:
    agent = make.agent(desk)
    answer = client.post(f"{API}/tickets", json=opening(desk, visibility="public"))
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "private, no-store"
    told = answer.get_json()
    assert told["assignee"]["name"] == agent.name
    assert told["promise"]["due_at"].endswith("Z")
    assert told["visibility"] == "private", "public only once the address is confirmed"
    mine = {"Authorization": f"Bearer {told['secret']}"}
    head = client.get(answer.headers["Location"], headers=mine).get_json()
    assert head["audience"] == "customer"
    assert head["contact"]["email"] == "cara@home.example"


def test_the_customers_secret_opens_their_ticket_and_no_other(client: Visitor, desk: Desk) -> None:
    mine, other = make.ticket(desk, visibility="private"), make.ticket(desk, visibility="private")
    headers = secret_of(mine)
    assert client.get(f"{API}/tickets/{mine.ref}", headers=headers).status_code == 200
    assert client.get(f"{API}/tickets/{other.ref}", headers=headers).status_code == 404
    assert post(client, mine, "reply", headers, text="Still dry.").status_code == 201
    assert post(client, mine, "update", headers, text="x", next_word_at=make.ahead(days=1)).status_code == 403


def test_staff_file_on_behalf_and_never_hold_the_customers_secret(client: Visitor, desk: Desk) -> None:
    agent = make.agent(desk)
    body = opening(desk, source="phone", visibility="public", consent="Said so on the phone.")
    told = client.post(f"{API}/tickets", json=body, headers=make.bearer(agent, "read", "write")).get_json()
    assert told["visibility"] == "public"
    assert told["secret"] is None
    assert told["secret_url"] is None
    assert client.post(f"{API}/tickets", json=body).status_code == 403, "nobody else files on behalf"


def test_events_read_on_from_a_seq_and_say_whether_more_follow(client: Visitor, desk: Desk) -> None:
    one = make.ticket(desk)
    for _ in range(3):
        make.post(one, "update")
    url = f"{API}/tickets/{one.ref}/events"
    first = client.get(url, query_string={"limit": 2}).get_json()
    assert first.keys() == {"epoch", "events", "last", "more"}
    assert first["more"] is True
    rest = client.get(url, query_string={"after": first["last"]}).get_json()
    assert rest["more"] is False
    seqs = [event["seq"] for event in first["events"] + rest["events"]]
    assert seqs == sorted(set(seqs))
    assert rest["last"] == seqs[-1]
    assert first["events"][0].keys() >= HEAD


def test_notes_stay_with_staff_and_leave_no_gap_for_others(client: Visitor, desk: Desk) -> None:
    one = make.ticket(desk)
    make.post(one, "note", text="Canary of the cellar.")
    make.post(one, "update")
    url = f"{API}/tickets/{one.ref}/events"
    public = client.get(url)
    assert "Canary" not in public.text
    kept = -1
    for event in public.get_json()["events"]:
        assert event["prev"] <= max(kept, 0) < event["seq"]
        kept = event["seq"]
    assert "Canary" in client.get(url, headers=make.bearer(one.assignee)).text


def test_every_kind_is_posted_through_the_one_address(client: Visitor, desk: Desk) -> None:
    boss, agent = make.lead(desk), make.agent(desk)
    other = make.agent(make.desk("streets"))
    one = make.ticket(desk)
    with store.transaction():
        one.assignee = agent
    make.fresh(one)
    staff, lead, customer = make.bearer(agent), make.bearer(boss), secret_of(one)
    soon = make.ahead(days=1)
    said: list[tuple[str, dict[str, str], dict[str, Any]]] = [
        ("update", staff, {"text": "Ordered.", "next_word_at": soon}),
        ("note", staff, {"text": "Ask the riser team."}),
        ("promise_moved", staff, {"due_at": make.ahead(days=2), "reason": "It comes later."}),
        ("waiting", staff, {"text": "When may we come in?", "check_in_at": soon}),
        ("resumed", staff, {}),
        ("reply", customer, {"text": "At nine."}),
        ("handoff_offered", staff, {"to": other.slug, "reason": "A riser.", "briefing": "She was told."}),
        ("handoff_declined", make.bearer(other), {"reason": "Away."}),
        ("handoff_offered", staff, {"to": other.slug, "reason": "A riser.", "briefing": "She was told."}),
        ("handoff_accepted", make.bearer(other), {}),
        ("reassigned", make.bearer(make.admin(desk)), {"to": agent.slug, "reason": "Back again."}),
        ("helper_added", staff, {"to": other.slug}),
        ("helper_left", staff, {"to": other.slug}),
        ("thanks", customer, {"text": "Thank you!"}),
        ("corrected", staff, {"target": 2, "text": "Ordered today.", "reason": "The wrong day."}),
        ("redacted", staff, {"target": 2, "reason": "It named a neighbour."}),
        ("resolved", staff, {"text": "It runs."}),
        ("confirmed", customer, {}),
        ("feedback", customer, {"solved": True, "understood": "yes"}),
        ("reopened", customer, {"text": "It drips again."}),
        ("declined", staff, {"text": "It is the neighbour's pipe."}),
        ("visibility_changed", customer, {"visibility": "unlisted"}),
        ("erased", lead, {"target": 1, "reason": "At their request."}),
    ]
    seqs: dict[str, int] = {}
    for kind, headers, payload in said:
        target = {"target": next(s for k, s in seqs.items() if k == "update")} if "target" in payload else {}
        answer = post(client, one, kind, headers, **payload | target)
        assert answer.status_code == 201, (kind, answer.text)
        told = answer.get_json()
        if told["events"]:
            assert told["events"][0]["kind"] == kind
            seqs.setdefault(kind, told["events"][0]["seq"])
    assert post(client, one, "reply_published", customer, target=seqs["reply"]).status_code == 201
    assert {kind for kind, _who, _what in said} | {"reply_published"} == {k for k, v in KINDS.items() if v.posted_by}


def test_what_only_the_system_records_nobody_posts(client: Visitor, desk: Desk) -> None:
    one, boss = make.ticket(desk), make.admin(desk)
    for kind in (name for name, known in KINDS.items() if not known.posted_by):
        answer = post(client, one, kind, make.bearer(boss), **KINDS[kind].example)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden"), kind


def test_an_unknown_kind_is_named_with_those_there_are(client: Visitor, desk: Desk) -> None:
    one = make.ticket(desk)
    answer = post(client, one, "telepathy", make.bearer(one.assignee))
    assert answer.status_code == 422
    assert "update" in answer.get_json()["error"]["fields"]["kind"]


def test_private_and_absent_tickets_answer_alike(client: Visitor, desk: Desk) -> None:
    private = make.ticket(desk, visibility="private")
    stranger = make.bearer(make.agent(make.desk("streets")))
    for headers in ({}, stranger):
        for path in ("", "/events", "/promises", "/handoffs", "/embeds"):
            told = [client.get(f"{API}/tickets/{ref}{path}", headers=headers) for ref in (private.ref, "0" * 12)]
            assert [one.status_code for one in told] == [404, 404]
            assert told[0].data == told[1].data
            assert {*told[0].headers.keys()} == {*told[1].headers.keys()}
        body = {"kind": "thanks", "payload": {"text": "Thanks"}}
        posted = [client.post(f"{API}/tickets/{ref}/events", json=body, headers=headers) for ref in (private.ref, "x")]
        assert [(one.status_code, one.data) for one in posted] == [(404, posted[0].data)] * 2


def test_lists_hold_public_tickets_only_and_page_by_cursor(client: Visitor, desk: Desk) -> None:
    for number in range(5):
        make.ticket(desk, subject=f"Tap number {number}")
    make.ticket(desk, visibility="unlisted", subject="Tap unlisted")
    make.ticket(desk, visibility="private", subject="Tap private")
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2, "desk": desk.slug, "q": "tap", "status": "open"}
    while True:
        page = client.get(f"{API}/tickets", query_string=query).get_json()
        found += [row["subject"] for row in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert sorted(found) == [f"Tap number {number}" for number in range(5)]
    assert client.get(f"{API}/tickets", query_string={"desk": "nowhere"}).status_code == 404
    for wrong in ({"limit": 0}, {"limit": 201}, {"limit": "many"}, {"cursor": "made-up"}, {"status": "lost"}):
        assert client.get(f"{API}/tickets", query_string=wrong).status_code == 422, wrong


def test_promises_and_handoffs_are_read_beside_the_timeline(client: Visitor, desk: Desk) -> None:
    one = make.ticket(desk)
    other = make.agent(desk)
    make.post(one, "update")
    make.post(one, "handoff_offered", to=other, briefing="Only for staff.")
    url = f"{API}/tickets/{one.ref}"
    assert [each["state"] for each in client.get(f"{url}/promises").get_json()["items"]] == ["kept", "standing"]
    public = client.get(f"{url}/handoffs")
    assert public.get_json()["items"][0]["to"]["slug"] == other.slug
    assert "Only for staff" not in public.text
    assert "Only for staff" in client.get(f"{url}/handoffs", headers=make.bearer(other)).text


def test_desks_and_people_show_who_answers(client: Visitor, desk: Desk) -> None:
    agent = make.agent(desk)
    assert [one["slug"] for one in client.get(f"{API}/desks").get_json()["items"]] == [desk.slug]
    shown = client.get(f"{API}/desks/{desk.slug}").get_json()
    assert shown["people"][0]["slug"] == agent.slug
    person = client.get(f"{API}/people/{agent.slug}")
    assert person.get_json()["promises"] is None, "fewer than five"
    assert agent.email not in person.text
    assert client.get(f"{API}/people/nobody").status_code == 404


def test_an_agent_reads_who_they_are_and_whom_they_owe_a_word(client: Visitor, desk: Desk) -> None:
    one = make.ticket(desk)
    headers = make.bearer(one.assignee, "read")
    me = client.get(f"{API}/me", headers=headers).get_json()
    assert (me["person"]["slug"], me["scopes"]) == (one.assignee.slug, ["read"])
    queue = client.get(f"{API}/queue", headers=headers).get_json()
    assert [row["ref"] for row in queue["items"]] == [one.ref]
    assert client.get(f"{API}/queue").status_code == 401
    assert client.get(f"{API}/queue", headers=secret_of(one)).status_code == 403
    assert client.get(f"{API}/me").get_json() == {"person": None, "scopes": None, "tickets": []}
    assert [row["ref"] for row in client.get(f"{API}/me", headers=secret_of(one)).get_json()["tickets"]] == [one.ref]


def test_a_token_does_no_more_than_its_scopes(client: Visitor, desk: Desk) -> None:
    one = make.ticket(desk)
    reads = make.bearer(one.assignee, "read")
    assert post(client, one, "note", reads, text="x").status_code == 403
    assert client.get(f"{API}/tickets/{one.ref}", headers=reads).get_json()["audience"] == "staff"
    writes = make.bearer(one.assignee, "write")
    assert post(client, one, "note", writes, text="x").status_code == 404, (
        "without read it does not even see the ticket"
    )
    assert client.get(f"{API}/me", headers={"Authorization": "Bearer npt_made-up"}).status_code == 401


def test_people_keep_their_own_tokens_and_see_a_secret_once(client: Visitor, desk: Desk) -> None:
    agent, other = make.agent(desk), make.agent(desk)
    make.sign_in(client, agent)
    made = client.post(f"{API}/tokens", json={"name": "my script", "scopes": ["read"]})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "private, no-store"
    secret, name = made.get_json()["secret"], made.get_json()["token"]
    assert secret not in client.get(f"{API}/tokens").text
    assert (
        client.get(f"{API}/me", headers={"Authorization": f"Bearer {secret}"}).get_json()["person"]["slug"]
        == agent.slug
    )
    make.sign_in(client, other)
    assert client.delete(f"{API}/tokens/{name}").status_code == 404
    make.sign_in(client, agent)
    assert client.delete(f"{API}/tokens/{name}").status_code == 200
    assert client.get(f"{API}/me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert client.get(f"{API}/tokens").get_json()["items"] == []


def test_a_token_never_makes_lists_or_revokes_another(client: Visitor, desk: Desk) -> None:
    headers = make.bearer(make.agent(desk))
    assert client.post(f"{API}/tokens", json={"name": "more", "scopes": ["read"]}, headers=headers).status_code == 403
    assert client.get(f"{API}/tokens", headers=headers).status_code == 403
    assert client.delete(f"{API}/tokens/{'0' * 16}", headers=headers).status_code == 403


def test_the_customer_keeps_the_badges_of_their_ticket(client: Visitor, desk: Desk) -> None:
    one, other = make.ticket(desk), make.ticket(desk)
    mine, url = secret_of(one), f"{API}/tickets/{one.ref}/embeds"
    made = client.post(url, json={"theme": "dark", "sites": ["blog.example.org"]}, headers=mine)
    assert made.status_code == 201
    eid = made.get_json()["embed"]
    changed = client.patch(f"{url}/{eid}", json={"theme": "light"}, headers=mine).get_json()
    assert (changed["theme"], changed["sites"]) == ("light", ["https://blog.example.org"])
    assert client.patch(f"{url}/{eid}", json={"sites": ["no site"]}, headers=mine).status_code == 422
    theirs = f"{API}/tickets/{other.ref}/embeds/{eid}"
    assert client.delete(theirs, headers=secret_of(other)).status_code == 404
    assert client.get(url, headers=make.bearer(one.assignee)).status_code == 403
    assert client.get(url).status_code == 401
    assert client.delete(f"{url}/{eid}", headers=mine).get_json()["revoked_at"]
    assert [row["embed"] for row in client.get(url, headers=mine).get_json()["items"]] == [eid]


@pytest.mark.parametrize(
    "site",
    [
        "no site",
        "https://a.example;script-src *",
        "http://[",
        "ftp://a.example",
        "https://u:p@a.example",
        "https://",
        "a'b",
    ],
)
def test_what_is_no_site_never_reaches_a_policy(client: Visitor, desk: Desk, site: str) -> None:
    one = make.ticket(desk)
    answer = client.post(f"{API}/tickets/{one.ref}/embeds", json={"sites": [site]}, headers=secret_of(one))
    assert (answer.status_code, [*answer.get_json()["error"]["fields"]]) == (422, ["sites"])
