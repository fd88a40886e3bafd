"""Chromium for the tests in this folder: one browser for the run, a profile of its own for every person in a test."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.live_stage import LiveStage, live_stage
from tests.browser.trips import Office
from tests.browser.visitor import PRESENT, Visitor, visiting
from tests.servers.ground import program
from tests.servers.instance import Instance

HERE = Path(__file__).parent
# Bounds for a hang, not targets; below the 20 s after which a badge asks by itself what it was not told.
expect.set_options(timeout=15_000)
# Nothing but this machine is ever asked for anything: no updates, no hints, no names outside.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-features=OptimizationHints,MediaRouter,Translate,InterestFeedContentSuggestions",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.*",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell of a failed test where its people were and what they were waiting for."""
    report = yield
    if call.when == "call" and report.failed:
        report.sections += [("a browser", visitor.whereabouts()) for visitor in PRESENT]
    return report


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = program("chromium", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def scene(chromium: Browser) -> Iterator[LiveStage]:
    """A ticket to speak on, with the real templates and scripts; readers leave before it closes."""
    with live_stage() as found:
        yield found
        for page in [page for context in chromium.contexts for page in context.pages]:
            page.goto("about:blank")


@pytest.fixture
def visitors(chromium: Browser, pytestconfig: pytest.Config) -> Iterator[Callable[..., Visitor]]:
    """Let people in: `ann = visitors()`, each with cookies of their own; options go to Playwright's new_context."""
    with ExitStack() as stack:

        def let_in(**options: Any) -> Visitor:
            wanted = bool(pytestconfig.getoption("--screenshots"))
            return stack.enter_context(visiting(chromium, screenshots=wanted, **options))

        yield let_in


@pytest.fixture
def visitor(visitors: Callable[..., Visitor]) -> Visitor:
    """One person with a browser."""
    return visitors()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The first page of one person's browser."""
    return visitor.page


@pytest.fixture(scope="module")
def office(nameplate: Instance) -> Iterator[Office]:
    """Who acts beside the browsers on the running server's data."""
    one = Office(nameplate)
    yield one
    one.close()
