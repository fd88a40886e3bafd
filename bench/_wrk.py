"""wrk as the load generator, on a core of its own: what it asks, and what it heard."""

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

from bench._badges import OTHERS_CORE
from tests.servers.ground import program

CONNECTIONS = 256
"""Enough that neither side ever sleeps: waking the other core costs a server as much as an answer does."""
SPARE_S = 30
IN_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Heard(NamedTuple):
    """What came of a load: answers with the wanted status, and time from asking to the last byte."""

    requests: int
    req_per_s: float
    p99_ms: float


class Wrk:
    """Starts at once; `heard` waits for the end, `stop` brings it about, so that others can work meanwhile."""

    def __init__(
        self, url: str, seconds: float, *headers: str, script: Path | None = None, given: Sequence[str] = ()
    ) -> None:
        command = [
            program("wrk", package="wrk"),
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{max(1, round(seconds))}s",
            "--latency",
        ]
        for header in headers:
            command += ["-H", header]
        if script is not None:
            command += ["-s", str(script)]
        self._seconds = seconds
        self._process = subprocess.Popen(
            [*command, url, "--", *given],
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {OTHERS_CORE}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def has_ended(self) -> bool:
        """True when nothing is asked any more."""
        return self._process.poll() is not None

    def stop(self) -> Heard:
        """Ask no more; return what was heard until now."""
        self._seconds = 0
        self._process.send_signal(signal.SIGINT)
        return self.heard()

    def heard(self) -> Heard:
        """Wait for the end; RuntimeError when there was an answer of another kind, or none."""
        said, _ = self._process.communicate(timeout=self._seconds + SPARE_S)
        if self._process.returncode or "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(f"wrk: {said}")
        late = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        count = re.search(r"(\d+) requests in", said)
        assert late
        assert rate
        assert count
        return Heard(int(count[1]), float(rate[1]), float(late[1]) * IN_MS[late[2]])
