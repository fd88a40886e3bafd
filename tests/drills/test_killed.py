"""F1 and F19: the server is killed outright; what it acknowledged is there once, and its news still leaves."""

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from tests import houses, make
from tests.drills.writers import Writer, hired, judge
from tests.servers.instance import Instance
from tests.servers.smtp import Mail, Mailserver
from tracker import people, store
from tracker.models import Delivery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WRITERS = 8
REPEATED = 0.2
EVERY_S = 1.0
PATIENCE_S = 60


@dataclass(kw_only=True)
class Persistent(Writer):
    """Posts each note again until it is acknowledged; some twice for good measure."""

    stop: threading.Event

    def run(self) -> None:
        chance, count = random.Random(self.number), 0
        while not self.stop.is_set():
            key = self.key(count)
            count += 1
            self.acknowledged[key] = self.post(key)
            if chance.random() < REPEATED and self.post(key) != self.acknowledged[key]:
                self.wrong.append(f"{key} was answered with two seqs")

    def post(self, key: str) -> int:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                status, told = self.send(key, key)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)  # the server is away; nothing tells when it is back but asking
                continue
            if status == 201:
                return int(told["events"][0]["seq"])
            if status not in (409, 503):
                self.wrong.append(f"{key}: {status} {told}")
        raise TimeoutError(f"{key} was never acknowledged")


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_f1_what_was_acknowledged_outlives_its_worker(
    request: pytest.FixtureRequest, database: str, full: bool
) -> None:
    given = {"database_url": request.getfixturevalue("postgres_url")} if database == "postgresql" else {}
    server = Instance(outbox="process", **given)
    try:
        server.init()
        job = hired(server)
        server.start()
        judge(server, hammered(server, job, seconds=20 if full else 5))
    finally:
        server.close()


def hammered(server: Instance, job: dict[str, Any], *, seconds: int) -> list[Persistent]:
    """Let the writers write while the worker is killed each second; return when all have their answers."""
    stop = threading.Event()
    writers = [Persistent(**job, number=number, stop=stop) for number in range(WRITERS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    kills, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(EVERY_S)
        kills += server.kill_workers()
    stop.set()
    for thread in threads:
        thread.join(PATIENCE_S + 10)
    assert not any(thread.is_alive() for thread in threads)
    assert kills >= 2
    return writers


def test_f19_news_committed_before_a_kill_is_delivered_after_it(mail_sink: Mailserver, full: bool) -> None:
    server = Instance(smtp_url=mail_sink.url, outbox="process")
    try:
        server.init()
        for _ in range(20 if full else 1):
            server.environ["TRACKER_OUTBOX"] = "process"
            server.start()
            address = opened_over(server)
            server.kill()
            server.environ["TRACKER_OUTBOX"] = "thread"
            server.start()
            assert mail_sink.to(address, within=30).message["Subject"]
            server.stop()
    finally:
        server.close()


def test_f19_a_mail_cut_off_by_a_kill_is_sent_again_under_the_same_id(mail_sink: Mailserver, full: bool) -> None:
    server = Instance(smtp_url=mail_sink.url)
    accept = mail_sink.handle_DATA
    try:
        server.init()
        for _ in range(80 if full else 1):
            mail_sink.handle_DATA = keep_and_hang(mail_sink)  # type: ignore[method-assign]
            server.start()
            address = opened_over(server)
            first = mail_sink.to(address, within=30)
            server.kill()
            mail_sink.handle_DATA = accept  # type: ignore[method-assign]
            with houses.beside(server), store.transaction() as session:  # two minutes pass
                session.execute(update(Delivery).values(claimed_until=None))
            server.start()
            again = mail_sink.wait_for(lambda mail: mail is not first and address in mail.recipients, within=30)  # noqa: B023
            assert again.message["Message-ID"] == first.message["Message-ID"]
            server.stop()
    finally:
        server.close()


def opened_over(server: Instance) -> str:
    """Open a ticket through the server and return the address that must hear of it."""
    with houses.beside(server):
        desk = make._any_desk()
        if not people.of_desk(desk):
            make.agent(desk)
        slug = desk.slug
    address = f"{random.randrange(10**9)}@home.example"
    given = {"subject": "No water", "text": "None.", "name": "Cara Lindt", "email": address, "desk": slug}
    line = http.client.HTTPConnection(server.host, server.port, timeout=30)
    line.request("POST", "/api/v1/tickets", json.dumps(given), {"Content-Type": "application/json"})
    assert line.getresponse().status == 201
    line.close()
    return address


def keep_and_hang(sink: Mailserver) -> Any:
    """Take a mail whole and never say so: the sender can't know that it arrived."""
    import asyncio
    import email
    import email.policy

    async def handle(_server: Any, _session: Any, envelope: Any) -> str:
        message = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        sink.mails.append(Mail(envelope.mail_from or "", list(envelope.rcpt_tos), message))
        await asyncio.Event().wait()
        return "250 OK"

    return handle
