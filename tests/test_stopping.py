"""SIGTERM: what was begun is ended, nothing is delivered twice because of it, and the process goes in time."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from tests import houses, make
from tests.servers.ground import ROOT, free_port, wait_until
from tests.servers.instance import Instance
from tests.servers.smtp import Mailserver
from tracker import store
from tracker.cli._shell import when_told
from tracker.models import Delivery

pytestmark = pytest.mark.slow
MAILS = 16


@contextmanager
def running(server: Instance, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "tracker", *words]
    with subprocess.Popen(
        command, cwd=ROOT, env=server.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def slow(sink: Mailserver) -> Iterator[None]:
    """Take each mail after a moment, as servers do that look into it: all of them take seconds."""
    accept = sink.handle_DATA

    async def handle(*given: object) -> str:
        await asyncio.sleep(0.2)
        return await accept(*given)  # type: ignore[arg-type]

    sink.handle_DATA = handle  # type: ignore[method-assign]
    yield
    sink.handle_DATA = accept  # type: ignore[method-assign]


def test_the_outbox_ends_after_the_mail_under_way_and_sends_none_twice(mail_sink: Mailserver) -> None:
    server = Instance(outbox="process", smtp_url=mail_sink.url)
    try:
        server.init()
        with houses.beside(server):
            for number in range(MAILS):
                make.ticket(email=f"c{number}@home.example")
        with slow(mail_sink), running(server, "outbox", "run") as process:
            wait_until(lambda: len(mail_sink.mails) > 5, within=30, what="mails leave")
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=30)
            assert (process.returncode, complaints) == (0, "")
        sent = len(mail_sink.mails)
        assert sent < MAILS
        with houses.beside(server):
            recorded = store.session().scalar(select(func.count()).where(Delivery.state == "sent"))
            claimed = store.session().scalar(select(func.count()).where(Delivery.claimed_until.is_not(None)))
        assert (recorded, claimed) == (sent, 0)
        server.flask("outbox", "step")
        ids = [mail.message["Message-ID"] for mail in mail_sink.mails]
        assert len(ids) == len(set(ids))
    finally:
        server.close()


def test_mail_in_ends_when_it_is_told_to() -> None:
    server = Instance(mail_in_domain="in.example.org", mail_in_lmtp=f"127.0.0.1:{free_port()}")
    try:
        server.init()
        with running(server, "mail-in", "run") as process:
            assert process.stdout
            assert "Taking mail" in process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=30)
            assert (process.returncode, complaints) == (0, "")
    finally:
        server.close()


def test_a_signal_that_comes_while_we_hold_the_lock_of_what_it_sets_is_heard_all_the_same() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stop = threading.Event()
    try:
        when_told(stop)
        with stop._cond:  # type: ignore[attr-defined]  # as wait() and clear() do for a moment
            signal.raise_signal(signal.SIGTERM)
        assert stop.wait(10)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
