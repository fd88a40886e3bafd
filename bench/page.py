"""bench page: what live badges cost a page of somebody else in Chromium, and how soon they show an agent's word."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select

from bench._figures import Figures, percentile
from bench._machine import Quiet, is_quick
from bench._stage import SQLITE, Poster, Stage, staged
from tests import houses, make
from tests.servers.ground import program
from tests.servers.instance import Instance
from tests.servers.site import ForeignSite, foreign_site
from tests.servers.site import Page as SitePage
from tracker import embeds, store
from tracker.models import Ticket

OURS, PLAIN = "nameplate", "plain links"
"""The page with our script, and the same page without it: what it costs anyway."""
TICKETS = 50
WORN = {
    "100 badges": ("badge", 2 * TICKETS),
    "50 cards": ("card", TICKETS),
    "50 timelines": ("timeline", TICKETS),
}
"""Which variant, how often; each ticket is worn by equally many."""
NEWS = "news"
WORD = "<p>Some words of a post, such as stand between one badge and the next on other people’s pages.</p>"
DRAWN = """() => [...document.querySelectorAll("ticket-badge")].every((one) => {
  const { top, bottom } = one.getBoundingClientRect();
  return top < 0 || bottom > innerHeight || one.shadowRoot?.querySelector(".face") })"""
"""All in sight: what was never looked at is never asked for."""
ALL_SEEN = "() => scrollY + innerHeight >= document.documentElement.scrollHeight - 1"
STEP = "scrollBy(0, innerHeight / 2)"
SHIFTS = """window.shifted = 0; new PerformanceObserver((list) => {
  for (const each of list.getEntries()) shifted += each.value;
}).observe({ type: "layout-shift", buffered: true })"""
FLAGS = ("--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run")
PAUSE_MS = 100
BETWEEN_MS = 700
"""One word after the other was shown, not so fast that they are told of together."""
LISTENS = """() => { window.changedAt = 0;
  document.querySelector("ticket-badge").addEventListener("change", () => { window.changedAt = Date.now() }) }"""
SETTLES_MS = 3_000
"""Sockets watch one ticket each 125 ms; the first twenty in sight."""
TASKS = ("RunTask", "ThreadControllerImpl::RunTask")
"""What the browser's trace calls a task, one within the other where it says both."""
CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    reps: int = 5
    worn: tuple[str, ...] = tuple(WORN)
    words: int = 20


QUICK = Plan(reps=2, worn=("100 badges",), words=10)


def measure(plan: Plan, figures: Figures, quiet: Quiet) -> None:
    """Read each page to its end with and without our script, in turns, each time in a browser that has no copies;
    then listen to an agent."""
    with ExitStack() as stack:
        stage = stack.enter_context(staged(SQLITE, {"sockets_per_address": 1000}, tickets=TICKETS, updates=2))
        worn, url = _wear(stage.server), stage.server.url
        site, browser = stack.enter_context(foreign_site()), stack.enter_context(_chromium())
        for _ in range(plan.reps):
            for scenario in plan.worn:
                variant, count = WORN[scenario]
                for system in (OURS, PLAIN):
                    _publish(site, url, worn, variant, count, is_ours=system == OURS)
                    noisy = quiet.wait()
                    figures.add(scenario, system, noisy=noisy, **_read(browser, site, is_ours=system == OURS))
            _publish(site, url, worn[:1], "card", 1, is_ours=True)
            noisy = quiet.wait()
            figures.add(NEWS, OURS, noisy=noisy, **_hear(plan, browser, site, stage, worn[0][1]))


def _wear(server: Instance) -> list[tuple[str, str]]:
    """Make an embed of every ticket; return their ids with the tickets' refs."""
    with houses.beside(server):
        tickets = store.session().scalars(select(Ticket)).all()
        return [(embeds.create(one, by=make.customer(one)).eid, one.ref) for one in tickets]


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program("chromium", package="chromium"), args=list(FLAGS))
        yield browser
        browser.close()


def _publish(
    site: ForeignSite, url: str, worn: list[tuple[str, str]], variant: str, count: int, *, is_ours: bool
) -> None:
    room = {"badge": "", "card": "min-height:294px", "timeline": "min-height:448px"}[variant]
    badges = [
        f'{WORD}<ticket-badge embed="{eid}" variant="{variant}" style="display:block;{room}">'
        f'<a href="{url}/t/{ref}">Our ticket</a></ticket-badge>'
        for eid, ref in worn * (count // len(worn))
    ]
    script = f'<script async src="{url}/embed.js"></script>' if is_ours else ""
    head = '<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">'
    site.pages["/"] = SitePage(f"{head}<main>{''.join(badges)}</main>{script}")


def _read(browser: Browser, site: ForeignSite, *, is_ours: bool) -> dict[str, float]:
    """Open the page, scroll to its end, each time after what is in sight was drawn; rest there."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, asked, sockets = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.add_init_script(SHIFTS)
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto(site.url)
    _scroll(page, until=DRAWN if is_ours else "true")
    page.wait_for_timeout(SETTLES_MS)
    tasks = _tasks(json.loads(browser.stop_tracing())["traceEvents"])
    shifted = page.evaluate("shifted")
    context.close()
    return {
        "longest_task_ms": max(took for took, _ in tasks),
        "longest_cpu_ms": max(worked for _, worked in tasks),
        "all_tasks_ms": sum(took for took, _ in tasks),
        "shift_score": shifted,
        "requests_count": len(asked) - 1,
        "sockets_count": len(sockets),
    }


def _hear(plan: Plan, browser: Browser, site: ForeignSite, stage: Stage, ref: str) -> dict[str, float]:
    """Post words while a reader has the page open; measure from sending each until the card there shows it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.url)
    page.get_by_text("Live").wait_for()
    page.evaluate(LISTENS)
    waits = []
    with Poster(stage) as poster:
        for number in range(plan.words):
            sent_at = 1000 * time.time()
            poster.post(ref, number)
            shown = page.wait_for_function("after => changedAt > after && changedAt", arg=sent_at)
            waits.append(shown.json_value() - sent_at)
            page.wait_for_timeout(BETWEEN_MS)
    context.close()
    return {"seen_p50_ms": percentile(waits, 50), "seen_p99_ms": percentile(waits, 99)}


def _scroll(page: Page, *, until: str) -> None:
    page.wait_for_function(until)
    while not page.evaluate(ALL_SEEN):
        page.evaluate(STEP)
        page.wait_for_timeout(PAUSE_MS)
        page.wait_for_function(until)


def _tasks(events: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return how long each task of a page's main thread took, and how much of it the thread had a core, in ms."""
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    spans = sorted(
        (one["ts"], -one["dur"], one.get("tdur", 0))
        for one in events
        if one["name"] in TASKS and one.get("dur") and (one["pid"], one["tid"]) in mains
    )
    found, until = [], 0
    for begins, less, worked in spans:
        if begins >= until:
            found.append((-less / 1000, worked / 1000))
            until = begins - less
    return found


def main() -> None:
    """Measure and publish."""
    figures = Figures("page")
    measure(QUICK if is_quick() else Plan(), figures, Quiet(5.0) if is_quick() else Quiet(look_s=0.3))
    figures.publish()


if __name__ == "__main__":
    main()
