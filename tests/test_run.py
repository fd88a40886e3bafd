"""`make run`: one command, and a newcomer has a tracker, a demo and somebody's blog that wears a badge."""

import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.ground import ROOT, free_port, wait_until

pytestmark = pytest.mark.slow


class Started:
    """A `make run` in progress, with what it has printed so far."""

    def __init__(self, data_dir: Path) -> None:
        self.port = free_port()
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
        environ |= {"PORT": str(self.port), "TRACKER_DATA_DIR": str(data_dir / "var")}
        self.said = data_dir / "said"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=ROOT,
                env=environ,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                process_group=0,
            )

    def says(self, pattern: str) -> str:
        """Wait until it has printed this and return the first group."""

        def found() -> "re.Match[str] | None":
            assert self.process.poll() is None, self.said.read_text()
            return re.search(pattern, self.said.read_text())

        return wait_until(found, within=200, what=f"make run prints {pattern}").group(1)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    running = Started(tmp_path)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait(10)


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def answers(url: str) -> bool:
    try:
        return bool(page(url))
    except OSError:
        return False


def test_it_prints_where_everything_is_and_ends_whole_on_ctrl_c(started: Started) -> None:
    home = started.says(r"Nameplate\s+(http://\S+)")
    blog = started.says(r"blog\s+(http://\S+)")
    mailbox = started.says(r"Outgoing mail\s+(http://\S+)")
    assert started.says(r"Sign in\s+http://\S+\s+(\S+@\S+, password: \S+)")
    assert home == f"http://127.0.0.1:{started.port}/"
    wait_until(lambda: answers(home), within=60, what="the home page")
    wait_until(lambda: answers(blog), within=60, what="the blog")
    assert "/t/" in page(home), "the demo has public tickets"
    assert "data-embed=" in page(blog) or "<ticket-badge" in page(blog)
    assert "<main" in page(mailbox)

    os.killpg(started.process.pid, signal.SIGINT)
    started.process.wait(20)
    wait_until(lambda: not answers(home) and not answers(blog), within=10, what="everything has ended")
