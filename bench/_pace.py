"""A reader in a process of its own that asks for one path at a steady pace, however slowly it is answered."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench._wire import Http
from tests.servers.ground import ROOT, end, wait_until

EVERY_S = 0.05
"""Twenty pages a second."""
PATIENCE_S = 60


@dataclass
class Heard:
    """What a paced reader heard: when it was due to ask (monotonic seconds), and how many ms later it had all."""

    pages: list[tuple[float, float]] = field(default_factory=list)

    def between(self, began: float, ended: float) -> list[float]:
        """Return the times of the pages asked for within a span."""
        return [ms for at, ms in list(self.pages) if began <= at < ended]

    def wait_for(self, moment: float) -> None:
        """Wait until a page has come that was due at a moment or later."""
        time.sleep(max(0.0, moment - time.monotonic()))
        wait_until(lambda: self.pages and self.pages[-1][0] >= moment, within=PATIENCE_S, what="pages are read")

    def listen(self, lines: Any) -> None:
        for line in lines:
            at, ms = line.split()
            self.pages.append((float(at), float(ms)))


@contextmanager
def reading(host: str, port: int, path: str) -> Iterator[Heard]:
    """Ask for a path again and again, beside what else is measured, until left."""
    command = [sys.executable, "-m", "bench._pace", host, str(port), path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        heard = Heard()
        listener = threading.Thread(target=heard.listen, args=(process.stdout,))
        listener.start()
        try:
            yield heard
        finally:
            end(process)
            listener.join()


async def ask(host: str, port: int, path: str) -> None:
    """Ask at the pace; print each page's moment and time. A late answer makes those behind it late, and counts so."""
    client, due = Http(host, port), time.monotonic()
    while True:
        answer = await client.get(path)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        print(due, 1000 * (time.monotonic() - due), flush=True)
        due += EVERY_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    asyncio.run(ask(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
