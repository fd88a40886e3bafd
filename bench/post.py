"""bench post: how long an update takes to be stored, and until everybody who watches has seen it."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

from bench._crowd import Crowd, Seen, Spec
from bench._figures import Figures, percentile
from bench._machine import Quiet, cpu_us, is_quick
from bench._stage import Posted, Poster, Stage, staged, systems


@dataclass(frozen=True)
class Plan:
    """How much is measured. `crowds` are (sockets, pollers); `every_s` keeps posts apart: none share a frame."""

    reps: int = 5
    posts: int = 40
    every_s: float = 0.25
    crowds: tuple[tuple[int, int], ...] = ((1, 0), (50, 0), (100, 0), (100, 100))
    poll_every_s: float = 5.0


QUICK = Plan(reps=1, posts=15)


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Measure every scenario on every database here, one repetition of each in turn."""
    with ExitStack() as stack:
        tickets = plan.reps * len(plan.crowds)
        stages = [
            stack.enter_context(staged(name, given, tickets=tickets, updates=2))
            for name, given in systems(stack).items()
        ]
        for number in range(plan.reps):
            for place, (sockets, polls) in enumerate(plan.crowds):
                for stage in stages:
                    ref, noisy = stage.refs[number * len(plan.crowds) + place], quiet.wait()
                    found = _repetition(plan, stage, ref, sockets, polls)
                    figures.add(_scenario(sockets, polls), stage.system, noisy=noisy, **found)


def _repetition(plan: Plan, stage: Stage, ref: str, sockets: int, polls: int) -> dict[str, float]:
    server = stage.server
    spec = Spec(server.host, server.port, ref, sockets, polls, plan.poll_every_s)
    with Crowd(spec) as crowd, Poster(stage) as poster:
        workers, posted = server.workers(), list[Posted]()
        before, began = cpu_us(workers), time.monotonic()
        for number in range(plan.posts):
            time.sleep(max(0.0, began + number * plan.every_s - time.monotonic()))
            posted.append(poster.post(ref, number))
        used = cpu_us(workers) - before
        seen = crowd.finish(posted[-1].seq)
    if seen.refused or seen.lost:
        raise RuntimeError(f"{seen.refused} viewers were refused, {seen.lost} lost their connection")
    return figures_of(posted, seen) | {"cpu_per_post_ms": used / 1000 / plan.posts}


def figures_of(posted: list[Posted], seen: Seen) -> dict[str, float]:
    """Join what was posted with what arrived at the viewers."""
    live, polled = (_delays(posted, viewers) for viewers in (seen.sockets, seen.polls))
    stored = [1000 * (one.stored_at - one.sent_at) for one in posted]
    last = [max(delays) for delays in live.values() if delays]
    seen_ms, polled_ms = (sorted(chain.from_iterable(found.values())) for found in (live, polled))
    found = {
        "post_p50_ms": percentile(stored, 50),
        "post_p99_ms": percentile(stored, 99),
        "seen_p50_ms": percentile(seen_ms, 50),
        "seen_p99_ms": percentile(seen_ms, 99),
        "last_p50_ms": percentile(last, 50),
        "delivered_ratio": (len(seen_ms) + len(polled_ms)) / (len(posted) * (len(seen.sockets) + len(seen.polls))),
    }
    if seen.polls:
        found["polled_p50_ms"] = percentile(polled_ms, 50)
        found["polled_p99_ms"] = percentile(polled_ms, 99)
    return found


def _delays(posted: list[Posted], viewers: list[list[tuple[int, float]]]) -> dict[int, list[float]]:
    """Return per posted seq how many ms after sending each viewer had it."""
    sent = {one.seq: one.sent_at for one in posted}
    delays: dict[int, list[float]] = {seq: [] for seq in sent}
    for arrivals in viewers:
        for seq, at in arrivals:
            if seq in sent:
                delays[seq].append(1000 * (at - sent[seq]))
    return delays


def _scenario(sockets: int, polls: int) -> str:
    viewers = f"{sockets} viewer{'s' if sockets > 1 else ''}"
    return f"{viewers} + {polls} polling" if polls else viewers


def main() -> None:
    """Measure, print and write the results."""
    figures = Figures("post")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet())
    figures.publish()


if __name__ == "__main__":
    main()
