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

from bench import _peers
from bench._figures import Figures, percentile
from bench._machine import Quiet, cpu_us, is_quick
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
"""Where the stock drivers stop being worth the wait: 55 KB or a thread for each viewer."""
CROWD = 5000
"""The storm of viewers whose coming is measured."""
SLOW = 200
HOLDS_WITHIN_S = 180


@dataclass(frozen=True)
class Plan:
    """How much is measured: repetitions, updates in each, viewers."""

    reps: int = 5
    updates: int = 20
    crowds: tuple[int, ...] = (1000, 5000, 19_000)
    few: int = 1000


QUICK = Plan(reps=2, updates=8)


class Audience:
    """The parent's end of bench/_viewers.py."""

    def __init__(self, running: Running, *, deflate: bool = False) -> None:
        spec = {"host": running.host, "port": running.port, "ref": running.ref, "deflate": deflate}
        command = [sys.executable, "-m", "bench._viewers", json.dumps(spec)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, *order: Any) -> Any:
        """Give an order and wait for the answer, at most HOLDS_WITHIN_S."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        watchdog = threading.Timer(HOLDS_WITHIN_S, self._process.kill)
        watchdog.start()
        try:
            return json.loads(self._process.stdout.readline())
        finally:
            watchdog.cancel()

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


def measure(plan: Plan, figures: Figures, quiet: Quiet, systems: list[str]) -> None:
    """Measure every scenario on every system, one repetition of each in turn."""
    for _ in range(plan.reps):
        for count in plan.crowds:
            for system in systems:
                if count <= MOST.get(system, count):
                    noisy = quiet.wait()
                    with SYSTEMS[system]() as running, audience(running) as viewers:
                        _fan_out(figures, f"emit-{count}", system, running, viewers, count, plan, noisy=noisy)
        for system in systems:
            noisy = quiet.wait()
            with SYSTEMS[system]() as running, audience(running) as viewers:
                viewers.ask("slow", SLOW)
                _fan_out(figures, "slow-readers", system, running, viewers, plan.few, plan, noisy=noisy)
            with SYSTEMS[system]() as running, audience(running, deflate=True) as viewers:
                _fan_out(figures, "deflate", system, running, viewers, plan.few, plan, noisy=noisy)
        _mixed(figures, plan, quiet, [one for one in systems if one not in MOST])


def _fan_out(
    figures: Figures,
    scenario: str,
    system: str,
    running: Running,
    viewers: Audience,
    count: int,
    plan: Plan,
    *,
    noisy: bool,
    counts_cpu: bool = True,
) -> None:
    pids = running.pids()
    before = memory_kb(pids)
    per_s = viewers.ask("connect", count)
    viewers.ask("idle", 1)
    held = (memory_kb(pids) - before) / count
    viewers.ask("emit", 1)  # whatever is made on first use has been made now
    used, lasts, got = cpu_us(pids), list[float](), 0
    for number in range(2, plan.updates + 2):
        last, seen = viewers.ask("emit", number)
        lasts.append(last)
        got += seen
    used = cpu_us(pids) - used
    found = {
        "last_p50_ms": percentile(lasts, 50),
        "last_p99_ms": percentile(lasts, 99),
        "delivered_ratio": got / (count * plan.updates),
    }
    if counts_cpu:
        found["cpu_us_per_delivery"] = used / max(1, got)
    figures.add(scenario, system, noisy=noisy, **found)
    if scenario.startswith("emit-"):
        figures.add(scenario, system, noisy=noisy, kb_per_conn=max(0.0, held))
    if scenario == f"emit-{CROWD}":
        figures.add("connect", system, noisy=noisy, connects_per_s=per_s)


def _mixed(figures: Figures, plan: Plan, quiet: Quiet, systems: list[str]) -> None:
    """2,000 viewers while the API of a Nameplate is saturated: live beside it, and live within it."""
    for system in systems:
        noisy = quiet.wait()
        with ExitStack() as stack:
            api = stack.enter_context(_peers.nameplate(role="api"))
            running = stack.enter_context(SYSTEMS[system]())
            viewers = stack.enter_context(audience(running))
            stack.enter_context(_saturated(api))
            _fan_out(figures, "mixed", system, running, viewers, 2 * plan.few, plan, noisy=noisy, counts_cpu=False)
    with _peers.nameplate() as running, audience(running) as viewers, _saturated(running):
        _fan_out(
            figures,
            "mixed-one-process",
            OURS,
            running,
            viewers,
            2 * plan.few,
            plan,
            noisy=quiet.wait(),
            counts_cpu=False,
        )


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
    measure(QUICK if is_quick() else Plan(), figures, Quiet(), wanted)
    figures.publish()


if __name__ == "__main__":
    main()
