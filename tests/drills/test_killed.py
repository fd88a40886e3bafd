"""F1 and F19: the server is killed outright; what it acknowledged is there once, and its news still leaves."""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, text, update

from tests import houses, make
from tests.servers.instance import Instance
from tests.servers.smtp import Mail, Mailserver
from tracker import people, store
from tracker.models import Delivery, Event, Ticket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WRITERS = 8
REPEATED = 0.2
EVERY_S = 1.0
PATIENCE_S = 60


@contextmanager
def beside(server: Instance) -> Iterator[None]:
    """Look at a server's database from here, as commands on its machine do."""
    url = server.environ.get("TRACKER_DATABASE_URL") or houses.sqlite_url(server.data_dir / "nameplate.sqlite3")
    with houses.opened(url, server.data_dir):
        yield


@dataclass
class Writer:
    """Posts notes, each under a key of its own, again until it is acknowledged; some twice for good measure."""

    server: Instance
    ref: str
    secret: str
    number: int
    stop: threading.Event
    acknowledged: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        chance, count = random.Random(self.number), 0
        while not self.stop.is_set():
            key = f"w{self.number}-{count}"
            count += 1
            self.acknowledged[key] = self.post(key)
            if chance.random() < REPEATED and self.post(key) != self.acknowledged[key]:
                self.wrong.append(f"{key} was answered with two seqs")

    def post(self, key: str) -> int:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                status, told = self.send(key)
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)  # the server is away; nothing tells when it is back but asking
                continue
            if status == 201:
                return int(told["events"][0]["seq"])
            if status not in (409, 503):
                self.wrong.append(f"{key}: {status} {told}")
        raise TimeoutError(f"{key} was never acknowledged")

    def send(self, key: str) -> tuple[int, Any]:
        line = http.client.HTTPConnection(self.server.host, self.server.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            body = json.dumps({"kind": "note", "payload": {"text": key}})
            line.request("POST", f"/api/v1/tickets/{self.ref}/events", body, headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_f1_what_was_acknowledged_outlives_its_worker(
    request: pytest.FixtureRequest, database: str, full: bool
) -> None:
    given = {"database_url": request.getfixturevalue("postgres_url")} if database == "postgresql" else {}
    server = Instance(outbox="process", **given)
    try:
        server.init()
        with beside(server):
            ticket = make.ticket()
            secret = people.mint_api_token(ticket.assignee, name="writer", scopes=["read", "write"])[1]
        server.start()
        writers = hammered(server, ticket.ref, secret, seconds=20 if full else 5)
        with beside(server):
            judge(ticket.ref, writers)
    finally:
        server.close()


def hammered(server: Instance, ref: str, secret: str, *, seconds: int) -> list[Writer]:
    """Let the writers write while the worker is killed each second; return when all have their answers."""
    stop = threading.Event()
    writers = [Writer(server, ref, secret, number, stop) for number in range(WRITERS)]
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


def judge(ref: str, writers: list[Writer]) -> None:
    assert not [fault for writer in writers for fault in writer.wrong]
    acknowledged = {key: seq for writer in writers for key, seq in writer.acknowledged.items()}
    assert len(acknowledged) >= WRITERS
    ticket = store.session().scalars(select(Ticket).where(Ticket.ref == ref)).one()
    events = store.session().scalars(select(Event).where(Event.ticket_id == ticket.id).order_by(Event.seq)).all()
    assert [event.seq for event in events] == list(range(1, ticket.last_seq + 1))
    stored = [(event.body_source, event.seq) for event in events if event.kind == "note"]
    assert dict(stored) == acknowledged
    assert len(stored) == len(acknowledged)
    if store.db.engine.dialect.name == "sqlite":
        assert store.session().execute(text("pragma integrity_check")).scalar() == "ok"


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
            with beside(server), store.transaction() as session:  # two minutes pass
                session.execute(update(Delivery).values(claimed_until=None))
            server.start()
            again = mail_sink.wait_for(lambda mail: mail is not first and address in mail.recipients, within=30)  # noqa: B023
            assert again.message["Message-ID"] == first.message["Message-ID"]
            server.stop()
    finally:
        server.close()


def opened_over(server: Instance) -> str:
    """Open a ticket through the server and return the address that must hear of it."""
    with beside(server):
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
