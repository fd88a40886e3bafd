"""F5: whatever the mail server does, writers do not feel it, and every mail leaves at least once, under one id."""

import json
import statistics
import time
import urllib.request
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from tests import houses, make
from tests.servers.ground import wait_until
from tests.servers.instance import Instance
from tests.servers.smtp import Mail, Mailserver

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
POSTS = 10
PATIENCE_S = 120
UNCHANGED_S = 0.5
"""A hanging mail server costs 20 s an attempt: who waited for it would be far beyond this."""


def stage(server: Instance) -> tuple[str, str, str]:
    """Open a ticket; return its ref, its customer's address and its assignee's token."""
    with houses.beside(server):
        one = make.ticket()
        return one.ref, one.email, make.bearer(one.assignee)["Authorization"]


def post(server: Instance, ref: str, bearer: str, text: str) -> float:
    """Post an update; return how long the writer waited."""
    payload = {"text": text, "next_word_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    body = json.dumps({"kind": "update", "payload": payload}).encode()
    headers = {"Content-Type": "application/json", "Authorization": bearer}
    asked = urllib.request.Request(f"{server.url}/api/v1/tickets/{ref}/events", body, headers)
    began = time.monotonic()
    with urllib.request.urlopen(asked, timeout=30) as answer:
        assert answer.status == 201
    return time.monotonic() - began


def about(mails: list[Mail], to: str) -> dict[str, set[str]]:
    """Return the Message-IDs under which each word was sent to an address."""
    found: dict[str, set[str]] = defaultdict(set)
    for mail in mails:
        text = mail.message.as_string()
        for number in range(POSTS):
            if to in mail.recipients and f"Word number {number:02}." in text:
                found[f"{number:02}"].add(str(mail.message["Message-ID"]))
    return found


@pytest.mark.parametrize("trouble", ["try_later", "drop", "hang", "away"])
def test_nobody_waits_for_the_mail_server_and_nothing_is_lost(mail_sink: Mailserver, trouble: str, full: bool) -> None:
    if trouble == "hang" and not full:
        pytest.skip("a hanging server costs 20 s an attempt: with --full")
    server = Instance(smtp_url=mail_sink.url)
    try:
        server.init()
        server.start()
        ref, customer, bearer = stage(server)
        mail_sink.to(customer)
        if trouble == "away":
            mail_sink.refuse()
        else:
            mail_sink.behaviour = trouble  # type: ignore[assignment]
        waited = [post(server, ref, bearer, f"Word number {number:02}.") for number in range(POSTS)]
        assert statistics.median(waited) < UNCHANGED_S
        if trouble == "away":
            mail_sink.accept_again()
        else:
            wait_until(lambda: mail_sink.attempts > 1, within=30, what="the server was tried")
            mail_sink.behaviour = "accept"
        wait_until(
            lambda: len(about(mail_sink.mails, customer)) == POSTS, within=PATIENCE_S, what="every mail is taken"
        )
        assert {len(ids) for ids in about(mail_sink.tried, customer).values()} == {1}, "one id, however often tried"
    finally:
        server.close()


def test_what_is_refused_for_good_is_listed_and_can_be_sent_again(mail_sink: Mailserver) -> None:
    server = Instance(smtp_url=mail_sink.url)
    try:
        server.init()
        server.start()
        ref, customer, bearer = stage(server)
        mail_sink.to(customer)
        mail_sink.behaviour = "reject"
        post(server, ref, bearer, "Word number 00.")
        wait_until(lambda: "550" in server.flask("outbox", "list", "--state", "dead"), within=60, what="it is listed")
        mail_sink.behaviour = "accept"
        server.flask("outbox", "retry", "--dead")
        wait_until(lambda: about(mail_sink.mails, customer), within=PATIENCE_S, what="it is taken")
        assert {len(ids) for ids in about(mail_sink.tried, customer).values()} == {1}
    finally:
        server.close()
