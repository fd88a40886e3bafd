"""bench live: one update to thousands of viewers, beside Node's socket.io, Bun's publish and the stock drivers."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import _machine, _peers
from bench._figures import Figures, percentile
from bench._machine import Quiet, is_quick
from bench._peers import Running
from tests.servers.ground import ROOT, end

OURS = "nameplate"
SYSTEMS: dict[str, Callable[[], Any]] = {
    OURS: _peers.nameplate,
    "socket.io": _peers.socketio,
    "bun": _peers.bun,
    "flask-socketio-gevent": _peers.gevent,
    "flask-socketio-gthread": _peers.gthread,
}
MOST = {"flask-socketio-gevent": 5000, "flask-socketio-gthread": 1000}
"""Where the stock drivers stop being worth the wait: 67 KB or a thread for each viewer."""
CROWD = 5000
"""The storm of viewers whose coming is measured."""
SLOW = 200
BEHIND_KB, FULL_KB = 160, 640
"""What the slow are told before the figures are taken: more than the kernel holds; and after: more than we do."""
HOLDS_WITHIN_S = 180


@dataclass(frozen=True)
class Plan:
    """How much is measured: repetitions, updates in each, viewers."""

    reps: int = 5
    updates: int = 20
    crowds: tuple[int, ...] = (1000, 5000, 19_000)
    few: int = 1000


QUICK = Plan(reps=2, updates=8)


class Failed(Exception):
    """A server could not hold or tell so many viewers; says how far it came."""


class Audience:
    """The parent's end of bench/_viewers.py."""

    def __init__(self, running: Running, *, deflate: bool = False) -> None:
        spec = {
            "host": running.host,
            "port": running.port,
            "ref": running.ref,
            "other": running.other,
            "deflate": deflate,
        }
        command = [sys.executable, "-m", "bench._viewers", json.dumps(spec)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, *order: Any) -> Any:
        """Give an order and wait for the answer, at most HOLDS_WITHIN_S; Failed when the server did not do its part."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        watchdog = threading.Timer(HOLDS_WITHIN_S, self._process.kill)
        watchdog.start()
        try:
            said = json.loads(self._process.stdout.readline() or '{"failed": "nothing moved any more"}')
        finally:
            watchdog.cancel()
        if "failed" in said:
            raise Failed(said["failed"])
        return said["found"]

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        end(self._process)


@contextmanager
def audience(running: Running, **given: Any) -> Iterator[Audience]:
    one = Audience(running, **given)
    try:
        yield one
    finally:
        one.close()


class Bench:
    """Measures every scenario on every system, one repetition of each in turn. Who fails at one is not asked again."""

    def __init__(self, plan: Plan, figures: Figures, quiet: Quiet, systems: list[str]) -> None:
        self.plan, self.figures, self.quiet, self.systems = plan, figures, quiet, systems
        self.failed: dict[tuple[str, str], str] = {}

    def measure(self) -> None:
        """Take every figure of the plan."""
        few = self.plan.few
        for _ in range(self.plan.reps):
            for count in self.plan.crowds:
                for system in self.systems:
                    if count <= MOST.get(system, count):
                        self._try(f"emit-{count}", system, count)
            for system in self.systems:
                self._try("slow-readers", system, few, slow=SLOW)
                self._try("deflate", system, few, deflate=True)
            for system in self.systems:
                if system not in MOST:
                    self._try("mixed", system, 2 * few, busy="api")
            self._try("mixed-one-process", OURS, 2 * few, busy="both")

    def _try(self, scenario: str, system: str, count: int, **given: Any) -> None:
        if (scenario, system) in self.failed:
            return
        noisy = self.quiet.wait()
        try:
            found = self._measure(scenario, system, count, **given)
        except Failed as why:
            if system == OURS:
                raise
            self.failed[scenario, system] = str(why)
            print(f"{scenario}: {system} could not be measured: {why}")
            return
        self.figures.add(scenario, system, noisy=noisy, **found)
        if scenario == f"emit-{CROWD}":
            self.figures.add("connect", system, noisy=noisy, connects_per_s=found["connects_per_s"])

    def _measure(
        self, scenario: str, system: str, count: int, *, slow: int = 0, deflate: bool = False, busy: str = ""
    ) -> dict[str, float]:
        """`busy`: the API of a Nameplate is saturated meanwhile, of one beside it ("api") or of this one ("both")."""
        with ExitStack() as stack:
            running = stack.enter_context(SYSTEMS[system]())
            viewers = stack.enter_context(audience(running, deflate=deflate))
            _machine.settle(running.pids())
            if busy:
                api = stack.enter_context(_peers.nameplate(role="api")) if busy == "api" else running
                stack.enter_context(_saturated(api))
            else:
                _machine.part(running.pids(), viewers.pid)
            if slow:
                viewers.ask("slow", slow)
                viewers.ask("fill", BEHIND_KB)
            found = _fan_out(running, viewers, count, self.plan.updates)
            if slow:
                viewers.ask("fill", FULL_KB)
                found["cut_ratio"] = viewers.ask("cut") / slow
        if busy:
            del found["cpu_us_per_delivery"]
        if not scenario.startswith("emit-"):
            del found["kb_per_conn"], found["connects_per_s"]
        return found


def _fan_out(running: Running, viewers: Audience, count: int, updates: int) -> dict[str, float]:
    pids = running.pids()
    before = memory_kb(pids)
    per_s = viewers.ask("connect", count)
    viewers.ask("idle", 1)
    held = (memory_kb(pids) - before) / count
    viewers.ask("emit", 1)  # whatever is made on first use has been made now
    used, lasts, got = _machine.cpu_us(pids), list[float](), 0
    for number in range(2, updates + 2):
        last, seen = viewers.ask("emit", number)
        lasts.append(last)
        got += seen
    return {
        "last_p50_ms": percentile(lasts, 50),
        "last_p99_ms": percentile(lasts, 99),
        "delivered_ratio": got / (count * updates),
        "cpu_us_per_delivery": (_machine.cpu_us(pids) - used) / max(1, got),
        "kb_per_conn": max(0.0, held),
        "connects_per_s": per_s,
    }


@contextmanager
def _saturated(api: Running) -> Iterator[None]:
    """Read tickets over the API from several connections, without a pause."""
    command = [sys.executable, "-m", "bench._saturate", api.host, str(api.port), api.ref]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        end(process)


def memory_kb(pids: list[int]) -> float:
    """Return what the processes hold in memory that nobody else does."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean", "Private_Dirty")):
                total += int(line.split()[1])
    return total


def main() -> None:
    """Install the peers, measure, publish."""
    _peers.install()
    figures = Figures("live")
    wanted = [name for name in sys.argv[1:] if name in SYSTEMS] or list(SYSTEMS)
    Bench(QUICK if is_quick() else Plan(), figures, Quiet(), wanted).measure()
    figures.publish()


if __name__ == "__main__":
    main()
