"""Viewers who come back: each follows the client's rule (append, ask for what is missing, drop what it has)."""

import asyncio
import json
import random
import threading
import time
import urllib.request
from typing import Any

from bench._stage import Poster
from bench._wire import Refused, Socket
from tests.servers.instance import Instance

DIALS_AT_ONCE = 100
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 4.0


class Viewer:
    """One page: what it shows, when each entry came, and when it was away."""

    def __init__(self) -> None:
        self.last = 0
        self.seen: list[int] = []
        self.at: dict[int, float] = {}
        self.lost_at: list[float] = []
        self.back_at: list[float] = []
        self.hold_s = 0.0

    def take(self, event: dict[str, Any]) -> bool:
        """Append an event; False when something before it is missing."""
        if event["prev"] > self.last:
            return False
        if event["seq"] > self.last:
            self.last = event["seq"]
            self.seen.append(self.last)
            self.at[self.last] = time.monotonic()
        return True


class Viewers:
    """Many of them, on one thread: `with Viewers(…) as viewers`."""

    def __init__(self, server: Instance, ref: str, count: int) -> None:
        self.server, self.ref = server, ref
        self.all = [Viewer() for _ in range(count)]
        self.watching = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: list[asyncio.Task[None]] = []

    def __enter__(self) -> "Viewers":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_fault: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def here(self) -> bool:
        return self.watching == len(self.all)

    def have(self, last: int) -> bool:
        return all(one.last >= last for one in self.all)

    async def _start(self) -> None:
        self._door = asyncio.Semaphore(DIALS_AT_ONCE)
        self._tasks = [asyncio.create_task(self._live(one)) for one in self.all]

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, one: Viewer) -> None:
        attempt = 0
        while True:
            try:
                async with self._door:
                    socket = await Socket.connect(self.server.host, self.server.port)
                    answer = await self._watch(socket, one)
            except (OSError, Refused, asyncio.IncompleteReadError, TimeoutError):
                await asyncio.sleep(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * random.uniform(0.5, 1.5))
                attempt += 1
                continue
            attempt = 0
            if answer:
                await self._stay(socket, one)
            await asyncio.sleep(one.hold_s + FIRST_WAIT_S * random.uniform(0.5, 1.5))

    async def _stay(self, socket: Socket, one: Viewer) -> None:
        one.back_at.append(time.monotonic())
        self.watching += 1
        one.hold_s = 0.0
        try:
            async for _at, name, event in socket.events():
                if name == "retry":
                    one.hold_s = event["ms"] / 1000
                elif name == "event" and not one.take(event):
                    break  # a page asks over HTTP; coming back asks the same question
        except OSError:
            pass
        finally:
            self.watching -= 1
            one.lost_at.append(time.monotonic())
            socket.close()

    async def _watch(self, socket: Socket, one: Viewer) -> bool:
        while True:
            answer = await socket.ask("watch", {"ref": self.ref, "after": one.last})
            if "error" in answer:
                socket.close()
                return False
            for event in answer["events"]:
                assert one.take(event), "an answer has no gaps"
            if not answer["more"]:
                return True


def stored(server: Instance, ref: str) -> list[int]:
    """Return the seqs that the public may see, from the database."""
    found: list[int] = []
    while True:
        after = found[-1] if found else 0
        with urllib.request.urlopen(f"{server.url}/api/v1/tickets/{ref}/events?after={after}&limit=200") as answer:
            page = json.loads(answer.read())
        found += [event["seq"] for event in page["events"]]
        if not page["more"]:
            return found


def post_until_stored(poster: Poster, ref: str, number: int, *, within_s: float = 30) -> tuple[int, float]:
    """Post an update, again when the server is away; return its seq and when it was stored."""
    end = time.monotonic() + within_s
    while True:
        try:
            done = poster.post(ref, number)
            return done.seq, done.stored_at
        except (OSError, RuntimeError, ConnectionError):
            if time.monotonic() > end:
                raise
            poster.hang_up()
            time.sleep(0.1)
