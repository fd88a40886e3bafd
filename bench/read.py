"""bench read: what reading costs, by page: requests a second, the slowest of a hundred, and CPU per request."""

from contextlib import ExitStack
from dataclasses import dataclass

from bench import _load
from bench._figures import Figures, percentile
from bench._load import Load
from bench._machine import Quiet, cpu_us, is_quick
from bench._stage import Stage, staged, systems

ALMOST_A_CORE = 0.85
MISSED = 5
"""How many entries a client that asks again has typically missed."""


@dataclass(frozen=True)
class Plan:
    """How much is measured, in a house of how many tickets with how many updates."""

    reps: int = 5
    seconds: float = 3.0
    readers: int = 4
    tickets: int = 200
    updates: int = 10


QUICK = Plan(reps=2, seconds=0.7, tickets=40)


def paths(stage: Stage, updates: int) -> dict[str, str]:
    """Return the scenarios, each with the path that is asked."""
    ref = stage.refs[0]
    return {
        "json": f"/e/{stage.embed}/badge.json",
        "svg": f"/e/{stage.embed}/badge.svg",
        "ticket": f"/t/{ref}",
        "list": "/",
        "events": f"/api/v1/tickets/{ref}/events?after={max(0, 2 * updates - MISSED)}",
    }


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Measure every page on every database here, one repetition of each in turn."""
    with ExitStack() as stack:
        stages = [
            stack.enter_context(staged(name, given, tickets=plan.tickets, updates=plan.updates))
            for name, given in systems(stack).items()
        ]
        for _ in range(plan.reps):
            for scenario in paths(stages[0], plan.updates):
                for stage in stages:
                    noisy = quiet.wait()
                    found = _repetition(plan, stage, paths(stage, plan.updates)[scenario])
                    figures.add(scenario, stage.system, noisy=noisy, **found)


def _repetition(plan: Plan, stage: Stage, path: str) -> dict[str, float]:
    workers = stage.server.workers()
    before = cpu_us(workers)
    heard = _load.run(Load(stage.server.host, stage.server.port, path, plan.readers, plan.seconds))
    # The first request of each reader opens its connection: the server works for it, the readers don't count it.
    used, asked = cpu_us(workers) - before, len(heard.times_ms) + plan.readers
    if heard.failed:
        raise RuntimeError(f"{path}: {heard.failed} of {asked} requests were not answered with 200")
    if heard.busy > ALMOST_A_CORE:
        print(f"{path}: the readers used {heard.busy:.0%} of a core; the server may be faster than they could ask.")
    return {
        "req_per_s": len(heard.times_ms) / heard.seconds,
        "p50_ms": percentile(heard.times_ms, 50),
        "p99_ms": percentile(heard.times_ms, 99),
        "cpu_us_per_req": used / asked,
        "answer_kb": heard.bytes / 1000,
    }


def main() -> None:
    """Measure, print and write the results."""
    figures = Figures("read")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet())
    figures.publish()


if __name__ == "__main__":
    main()
