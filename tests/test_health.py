"""Figures for a machine that watches: true, readable, and an admin's alone."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tracker import health, promises

LINE = re.compile(r"# HELP (nameplate_\w+) \S.*\n# TYPE \1 gauge\n\1 (-?[\d.e+]+)\n")


def read(client: Visitor, **headers: str) -> dict[str, float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert LINE.sub("", answer.text) == "", "nothing but figures, each explained"
    return {name: float(value) for name, value in LINE.findall(answer.text)}


def test_the_figures_say_what_waits_and_what_is_late(house: Flask, client: Visitor, travel: Traveller) -> None:
    token = make.bearer(make.admin(), "read")
    ticket = make.ticket()
    made = read(client, **token)
    assert (made["nameplate_tickets_open"], made["nameplate_promises_overdue"]) == (1, 0)
    assert (made["nameplate_live_sockets"], made["nameplate_redis_away"]) == (0, 0)
    travel.move_to(ticket.due_at + timedelta(minutes=1))
    promises.record_missed()
    late = read(client, **make.bearer(make.admin(), "read"))
    assert late["nameplate_promises_overdue"] == 1
    assert late["nameplate_outbox_late_seconds"] > 3600
    make.deliver()
    assert read(client, **token)["nameplate_outbox_late_seconds"] == 0


def test_large_figures_are_not_rounded(house: Flask, client: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_count", lambda _query: 1_234_567)
    assert read(client, **make.bearer(make.admin(), "read"))["nameplate_deliveries_waiting"] == 1_234_567


def test_figures_of_the_house_are_nobody_elses(house: Flask, client: Visitor) -> None:
    assert client.get("/metrics").status_code == 401
    for one in (make.agent(), make.lead()):
        assert client.get("/metrics", headers=make.bearer(one, "read")).status_code == 403
    assert client.get("/metrics", headers=make.bearer(make.admin(), "import")).status_code == 403
