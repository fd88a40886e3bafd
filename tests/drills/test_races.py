"""F9 and F10: the same write twenty times at once happens once; of two agents at one version exactly one wins."""

import threading
from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.threads import at_once
from tracker.models import Ticket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AT_ONCE = 20
API = "/api/v1/tickets"


def browser(house: Flask) -> Visitor:
    client = house.test_client()
    assert isinstance(client, Visitor)
    return client


def test_f9_the_same_key_twenty_times_at_once_writes_one_event(house: Flask, full: bool) -> None:
    for number in range(20 if full else 2):
        ticket = make.ticket()
        headers = make.bearer(ticket.assignee, "read", "write") | {"Idempotency-Key": f"key-{number}"}
        body = {"kind": "note", "payload": {"text": f"Note {number}"}}
        before = make.fresh(ticket).last_seq
        answers: list[Any] = []

        def say(_number: int, path: str = f"{API}/{ticket.ref}/events", sent: Any = (body, headers)) -> None:
            answers.append(browser(house).post(path, json=sent[0], headers=sent[1]))  # noqa: B023

        assert not at_once(house, AT_ONCE, say)
        assert {answer.status_code for answer in answers} <= {201, 409}
        seqs = {answer.get_json()["events"][0]["seq"] for answer in answers if answer.status_code == 201}
        assert seqs == {before + 1}
        assert make.fresh(ticket).last_seq == before + 1
        other = browser(house).post(f"{API}/{ticket.ref}/events", json=body | {"kind": "update"}, headers=headers)
        assert other.status_code == 422


def test_f10_of_two_agents_at_one_version_exactly_one_wins(house: Flask, full: bool) -> None:
    desk = make.desk()
    agent, lead = make.agent(desk), make.lead(desk, on_duty=False)
    taker = make.agent(desk, on_duty=False)
    secrets = [make.bearer(who, "read", "write") for who in (agent, lead)]
    for _ in range(200 if full else 10):
        ticket = make.ticket(desk)
        bodies = [
            {"kind": "resolved", "payload": {"text": "It runs."}},
            {"kind": "reassigned", "payload": {"to": taker.slug, "reason": "It is theirs."}},
        ]
        answers = both(house, ticket, bodies, secrets)
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        lost = next(answer for answer in answers if answer.status_code == 409)
        assert lost.get_json()["error"]["version"] == make.fresh(ticket).version
        assert (ticket.status == "resolved") != (ticket.assignee_id == taker.id)
        assert [event.seq for event in make.events_of(ticket)] == list(range(1, ticket.last_seq + 1))


def both(house: Flask, ticket: Ticket, bodies: list[dict[str, Any]], secrets: list[dict[str, str]]) -> list[Any]:
    """Send both at once, each with the version both have seen."""
    path, match = f"{API}/{ticket.ref}/events", {"If-Match": f'"{make.fresh(ticket).version}"'}
    answers: list[Any] = []
    lock = threading.Lock()

    def send(number: int) -> None:
        answer = browser(house).post(path, json=bodies[number], headers=secrets[number] | match)
        with lock:
            answers.append(answer)

    assert not at_once(house, 2, send)
    return answers
