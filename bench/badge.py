"""bench badge: what a widget costs beside a file of nginx and the badges of others, and how fresh it is under load."""

import json
import os
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import _badges
from bench._badges import OTHERS_CORE, Server
from bench._figures import Figures, percentile
from bench._machine import Quiet, cpu_us, is_quick, pin
from bench._stage import Poster, Stage
from bench._wrk import Wrk

OURS, NGINX = "nameplate", "nginx"
PEERS: dict[str, Callable[[Path], AbstractContextManager[Server]]] = {
    NGINX: _badges.nginx,
    "badge-maker": _badges.node("made"),
    "badge-maker-cached": _badges.node("cached"),
    "express": _badges.node("express"),
}
SCENARIOS = {
    "json": "badge.json",
    "svg": "badge.svg",
    "embed": "embed.js",
    "304": "badge.json",
    "strangers": "badge.json",
}
STRANGERS, FORMS = (Path(__file__).resolve().parent / name for name in ("strangers.lua", "forms.lua"))
EVERY_S = 0.1
LONGEST_S = 600.0
"""How long the updates of one repetition may take."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    reps: int = 5
    seconds: float = 1.0
    posts: int = 100
    hot_s: float = 10.0


QUICK = Plan(reps=2, posts=30)


def measure(plan: Plan, figures: Figures, quiet: Quiet, peers: Collection[str] = PEERS.keys()) -> None:
    """Measure all servers, in turns within a repetition; then how fresh ours is."""
    with ExitStack() as stack:
        server, stage = stack.enter_context(_badges.ours())
        folder = stack.enter_context(_badges.bodies(server))
        servers = {OURS: server, **{name: stack.enter_context(PEERS[name](folder)) for name in peers}}
        for _ in range(plan.reps):
            for scenario in SCENARIOS:
                for system, one in servers.items():
                    if scenario == "strangers" and system not in (OURS, NGINX):
                        continue
                    noisy = quiet.wait()
                    figures.add(scenario, system, noisy=noisy, **_repetition(plan, one, scenario))
        noisy = quiet.wait()
        figures.add("hot", OURS, noisy=noisy, **_hot(plan, server, stage))
        figures.add("changing", OURS, noisy=noisy, **_changing(plan, server, stage))


def _repetition(plan: Plan, server: Server, scenario: str) -> dict[str, float]:
    url = server.url(SCENARIOS[scenario])
    with urllib.request.urlopen(url, timeout=10) as answer:
        known = f"If-None-Match: {answer.headers['ETag']}"
    if scenario == "304":
        return _not_modified(plan, server, url, known)
    return _asked(plan, server, url, script=STRANGERS if scenario == "strangers" else None)


def _asked(plan: Plan, server: Server, url: str, *headers: str, script: Path | None = None) -> dict[str, float]:
    before = cpu_us(server.pids())
    heard = Wrk(url, plan.seconds, *headers, script=script).heard()
    used = cpu_us(server.pids()) - before
    return {"req_per_s": heard.req_per_s, "cpu_us_per_req": used / heard.requests, "p99_ms": heard.p99_ms}


def _not_modified(plan: Plan, server: Server, url: str, known: str) -> dict[str, float]:
    """Ask for the same in full right before and after, so that the machine's mood is the same for both."""
    first = _asked(plan, server, url)
    unchanged = _asked(plan, server, url, known)
    in_full = (first["req_per_s"] + _asked(plan, server, url)["req_per_s"]) / 2
    return unchanged | {"of_200_ratio": unchanged["req_per_s"] / in_full}


def _hot(plan: Plan, server: Server, stage: Stage) -> dict[str, float]:
    """One ticket that everybody asks for in all its forms and nothing changes: how often is the database asked."""
    forms = _forms(stage)
    began, before = time.monotonic(), _runs(stage)
    heard = Wrk(server.url("badge.json"), plan.hot_s, script=FORMS, given=forms).heard()
    ran, seconds = _runs(stage) - before, time.monotonic() - began
    views, asked = (sum(ran[f"{which}{form}"] for form in forms) for which in ("copy ", "asked copy "))
    return {"req_per_s": heard.req_per_s, "views_per_s": views / seconds, "asked_per_s": asked / seconds}


def _forms(stage: Stage) -> list[str]:
    """Return the addresses at which the first ticket is to be had."""
    of_embed = ("", "/badge.json", "/badge.svg", "/timeline.json", "/shields.json")
    of_ticket = ("/badge.json", "/badge.svg", "/card")
    return [f"/e/{stage.embed}{one}" for one in of_embed] + [f"/t/{stage.refs[0]}{one}" for one in of_ticket]


def _changing(plan: Plan, server: Server, stage: Stage) -> dict[str, float]:
    """Updates while the badge is asked for without a pause: from the word that it is stored until a badge shows it."""
    waits: list[float] = []
    before, began, shown = _runs(stage), time.monotonic(), f"copy {server.paths['badge.json']}"
    with Wrk(server.url("badge.json"), LONGEST_S) as load, Poster(stage) as poster:
        for number in range(plan.posts):
            posted = poster.post(stage.refs[0], number)
            while _shown(server) < posted.seq:
                """Ask again."""
            waits.append(1000 * (time.monotonic() - posted.stored_at))
            time.sleep(EVERY_S)
        views, seconds = (_runs(stage) - before)[shown], time.monotonic() - began
        if load.has_ended:
            raise RuntimeError("nobody asked any more when the last updates were posted")
        heard = load.stop()
    return {
        "req_per_s": heard.req_per_s,
        "stale_p50_ms": percentile(waits, 50),
        "stale_p99_ms": percentile(waits, 99),
        "posts_per_s": plan.posts / seconds,
        "views_per_s": views / seconds,
    }


def _shown(server: Server) -> int:
    with urllib.request.urlopen(server.url("badge.json"), timeout=10) as answer:
        return int(json.loads(answer.read())["last"])


def _runs(stage: Stage) -> Counter[str]:
    """Return how often views ran for copies, and how often that asked the database, by address."""
    with urllib.request.urlopen(f"{stage.server.url}/test/reached", timeout=10) as answer:
        return Counter(json.loads(answer.read()))


def main() -> None:
    """Install the peers, measure, publish."""
    _badges.install()
    figures = Figures("badge")
    pin([os.getpid()], OTHERS_CORE)
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0, look_s=0.3) if is_quick() else Quiet(look_s=0.3))
    figures.publish()


if __name__ == "__main__":
    main()
