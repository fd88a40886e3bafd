"""People who watch one ticket, in a process of their own: some hold a socket, the others poll its entries."""

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Self

from bench._wire import Http, Refused, Socket
from tests.servers.ground import ROOT, end

READY_WITHIN_S = 90.0
POLL_EVERY_S = 5.0
AT_ONCE = 20
LAST = re.compile(rb'data-last="(\d+)"')
SEQ = re.compile(rb'data-seq="(\d+)"')


@dataclass(frozen=True)
class Spec:
    """Who comes: `sockets` live viewers and `polls` that ask every `every_s` seconds, spread evenly."""

    host: str
    port: int
    ref: str
    sockets: int = 0
    polls: int = 0
    every_s: float = POLL_EVERY_S


@dataclass(frozen=True)
class Seen:
    """What each viewer saw: (seq, monotonic seconds) in the order of arrival; `cpu_s` is what watching cost us."""

    sockets: list[list[tuple[int, float]]]
    polls: list[list[tuple[int, float]]]
    refused: int
    lost: int
    cpu_s: float


class Crowd:
    """The parent's end: `with Crowd(spec) as crowd` returns once everybody watches."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        command = [sys.executable, "-m", "bench._crowd", json.dumps(asdict(spec))]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        try:
            if self._read(READY_WITHIN_S) != b"ready\n":
                raise RuntimeError("the viewers did not all arrive")
        except BaseException:
            end(self._process)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()

    def finish(self, last: int, *, within_s: float = 30.0) -> Seen:
        """Wait until every viewer has seen `last`, at most `within_s`; send them home and return what they saw."""
        assert self._process.stdin
        self._process.stdin.write(f"{last} {within_s}\n".encode())
        self._process.stdin.flush()
        return Seen(**json.loads(self._read(within_s + READY_WITHIN_S)))

    def _read(self, within_s: float) -> bytes:
        """Read a line; a process that says nothing in time is killed, and its silence is an empty line."""
        assert self._process.stdout
        watchdog = threading.Timer(within_s, self._process.kill)
        watchdog.start()
        try:
            return self._process.stdout.readline()
        finally:
            watchdog.cancel()


class Audience:
    """The child's end: everybody's list of what arrived."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.sockets: list[list[tuple[int, float]]] = [[] for _ in range(spec.sockets)]
        self.polls: list[list[tuple[int, float]]] = [[] for _ in range(spec.polls)]
        self.refused = self.lost = 0
        self._door = asyncio.Semaphore(AT_ONCE)
        self._here = [asyncio.Event() for _ in range(spec.sockets + spec.polls)]

    async def serve(self, orders: IO[str]) -> Seen:
        """Let everybody in, say so, and watch until told which seq was the last."""
        viewers = [self._watch(number) for number in range(self.spec.sockets)]
        viewers += [self._poll(number) for number in range(self.spec.polls)]
        tasks = [asyncio.create_task(viewer) for viewer in viewers]
        await self._all_here(tasks)
        print("ready", flush=True)
        last, within_s = (await asyncio.to_thread(orders.readline)).split()
        await self._until_seen(int(last), float(within_s))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return Seen(self.sockets, self.polls, self.refused, self.lost, time.process_time())

    async def _all_here(self, tasks: "list[asyncio.Task[None]]") -> None:
        """Wait until everybody watches; a viewer who fails on the way in stops it all."""
        while not all(one.is_set() for one in self._here):
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.05)

    async def _watch(self, number: int) -> None:
        """Hold a socket as a ticket's page does."""
        seen, here = self.sockets[number], self._here[number]
        async with self._door:
            try:
                socket = await Socket.connect(self.spec.host, self.spec.port)
            except Refused:
                self.refused += 1
                here.set()
                return
            answer = await socket.ask("watch", {"ref": self.spec.ref, "after": 0, "html": True})
        last = answer["last"]
        here.set()
        try:
            async for at, name, event in socket.events():
                if name == "event" and event["prev"] <= last < event["seq"]:
                    last = event["seq"]
                    seen.append((last, at))
            self.lost += 1
        finally:
            socket.close()

    async def _poll(self, number: int) -> None:
        """Ask for entries as a page does that got no socket."""
        await asyncio.sleep(self.spec.every_s * number / max(1, self.spec.polls))
        seen, last, http = self.polls[number], 0, Http(self.spec.host, self.spec.port)
        loop = asyncio.get_running_loop()
        turn = loop.time()
        while True:
            answer = await http.get(f"/t/{self.spec.ref}/entries?after={last}")
            at, found = time.monotonic(), LAST.search(answer.body)
            if answer.status != 200 or not found:
                self.lost += 1
            else:
                if self._here[self.spec.sockets + number].is_set():
                    seen += [(int(seq), at) for seq in SEQ.findall(answer.body) if int(seq) > last]
                last = int(found[1])
            self._here[self.spec.sockets + number].set()
            turn += self.spec.every_s
            await asyncio.sleep(max(0.0, turn - loop.time()))

    async def _until_seen(self, last: int, within_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._behind(last) > self.refused:
                    await asyncio.sleep(0.05)

    def _behind(self, last: int) -> int:
        return sum(not seen or seen[-1][0] < last for seen in (*self.sockets, *self.polls))


def main() -> None:
    """Watch as the argument says, until a line comes in that names the last seq and how long to wait for it."""
    spec = Spec(**json.loads(sys.argv[1]))
    print(json.dumps(asdict(asyncio.run(Audience(spec).serve(sys.stdin)))))


if __name__ == "__main__":
    main()
