"""Readers in a process of their own: each asks for one path again as soon as it is answered, over a kept connection."""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from bench._wire import Http
from tests.servers.ground import ROOT


@dataclass(frozen=True)
class Load:
    """Who asks what, how long."""

    host: str
    port: int
    path: str
    readers: int
    seconds: float


@dataclass(frozen=True)
class Heard:
    """What came of it: times in ms from asking to the last byte; `busy` is the share of a core that asking took."""

    times_ms: list[float]
    seconds: float
    failed: int
    bytes: int
    busy: float


def run(load: Load) -> Heard:
    """Put the load on in a process of its own and return what it heard."""
    command = [sys.executable, "-m", "bench._load", json.dumps(asdict(load))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=load.seconds + 60)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Heard(**json.loads(done.stdout))


async def ask(load: Load) -> Heard:
    """Let all readers ask until the time is over."""
    found: list[tuple[float, int, int]] = []
    clients = [Http(load.host, load.port) for _ in range(load.readers)]
    for client in clients:
        await client.get(load.path)
    began, busy = time.monotonic(), time.process_time()
    until = began + load.seconds
    await asyncio.gather(*(_reader(client, load.path, until, found) for client in clients))
    seconds, busy = time.monotonic() - began, time.process_time() - busy
    for client in clients:
        client.close()
    failed = sum(status != 200 for _ms, status, _size in found)
    return Heard([ms for ms, _, _ in found], seconds, failed, found[-1][2], busy / seconds)


async def _reader(client: Http, path: str, until: float, found: list[tuple[float, int, int]]) -> None:
    now = time.monotonic()
    while True:  # once at least, however late it is
        answer, asked_at = await client.get(path), now
        now = time.monotonic()
        found.append((1000 * (now - asked_at), answer.status, len(answer.body)))
        if now >= until:
            return


def main() -> None:
    """Ask as the argument says and print what was heard."""
    load = Load(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(asyncio.run(ask(load)))))


if __name__ == "__main__":
    main()
