"""The process that takes mail is killed outright: what it acknowledged is there once, the rest is offered again."""

import random
import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import houses, make
from tests.servers.ground import ROOT, free_port, wait_until
from tests.servers.instance import Instance
from tests.test_incoming import DOMAIN, mail, reply_to
from tracker import arrivals

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Taker:
    """`flask tracker mail-in run` as people run it, killed and started again at will."""

    def __init__(self, house: Instance, port: int) -> None:
        self.port = port
        self.environ = house.environ | {"TRACKER_MAIL_IN_LMTP": f"127.0.0.1:{port}"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "tracker", "mail-in", "run"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=quiet, stderr=quiet)
        wait_until(self.listens, within=60, what="somebody listens")

    def listens(self) -> bool:
        try:
            with smtplib.LMTP("127.0.0.1", self.port):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(10)


def offer(port: int, address: str, raw: bytes) -> bool:
    """Hand a mail over as a mail server does; say whether it was acknowledged."""
    try:
        with smtplib.LMTP("127.0.0.1", port) as server:
            return not server.sendmail("cara@home.example", [address], raw.replace(b"\n", b"\r\n"))
    except (OSError, smtplib.SMTPException):
        return False


def offer_all(port: int, address: str, mails: dict[str, bytes], acknowledged: set[str]) -> None:
    """Offer every mail until it is acknowledged, in turn, as a queue does."""
    end = time.monotonic() + 300
    while waiting := [name for name in mails if name not in acknowledged]:
        assert time.monotonic() < end
        for name in waiting:
            if offer(port, address, mails[name]):
                acknowledged.add(name)


def test_no_acknowledged_mail_is_lost_and_none_is_taken_twice(tmp_path: Path, full: bool) -> None:
    kills = 8 if full else 3
    house = Instance(data_dir=tmp_path, mail_in_domain=DOMAIN)
    house.init()
    with houses.opened(houses.sqlite_url(tmp_path / "nameplate.sqlite3"), tmp_path, mail_in_domain=DOMAIN):
        ticket = make.ticket()
        address = reply_to(ticket)
        mails = {f"mail {number}": mail(address, f"mail {number}") for number in range(400)}
        acknowledged: set[str] = set()
        taker = Taker(house, free_port())
        taker.start()
        offering = threading.Thread(target=offer_all, args=(taker.port, address, mails, acknowledged))
        offering.start()
        made_up = random.Random(1)
        try:
            for _ in range(kills):
                before = len(acknowledged)
                wait_until(lambda: len(acknowledged) > before + 5 or not offering.is_alive(), within=60)  # noqa: B023
                time.sleep(made_up.random() / 10)
                taker.kill()
                taker.start()
            offering.join(300)
        finally:
            taker.kill()
        words = [event.body_source for event in make.events_of(make.fresh(ticket)) if event.kind == "reply"]
        assert sorted(words) == sorted(mails)
        assert arrivals.totals() == {"reply": len(mails)}
