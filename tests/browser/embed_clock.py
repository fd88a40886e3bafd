"""The clock of a page with badges, put forward by tests no faster than what the page asks is answered."""

import re
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from playwright.sync_api import Page, WebSocket

from tests.browser.embed_pages import publish
from tests.browser.live_stage import LiveStage
from tests.servers.ground import wait_until
from tests.servers.site import ForeignSite

MINUTES = 3 * 60_000
STEP = 5_000
PATIENCE_S = 2
"""How long a step waits for answers: what a test holds back, or a server that is away, does not stop the clock."""


class Unanswered:
    """What a page has asked, over HTTP and its sockets, and was not answered yet."""

    def __init__(self, page: Page) -> None:
        self.asked: set[Any] = set()
        page.on("request", lambda asked: self.asked.add(asked))
        page.on("requestfinished", lambda asked: self.asked.discard(asked))
        page.on("requestfailed", lambda asked: self.asked.discard(asked))
        page.on("websocket", self._listen)

    def _listen(self, wire: WebSocket) -> None:
        self.asked.add((wire, "40"))
        wire.on("framesent", lambda said: self._hear(wire, said, r"42(\d+)\[.watch", self.asked.add))
        wire.on("framereceived", lambda said: self._hear(wire, said, r"43(\d+)|40", self.asked.discard))
        wire.on("close", lambda _wire: self._forget(wire))

    def _hear(self, wire: WebSocket, said: str | bytes, pattern: str, act: Callable[[Any], None]) -> None:
        if found := re.match(pattern, str(said)):
            act((wire, found[1] or "40"))

    def _forget(self, wire: WebSocket) -> None:
        self.asked -= {one for one in self.asked if isinstance(one, tuple) and one[0] is wire}


unanswered: WeakKeyDictionary[Page, Unanswered] = WeakKeyDictionary()


def opened(page: Page, blog: ForeignSite, scene: LiveStage, body: str) -> Page:
    """Open a page whose clock the test may put forward."""
    publish(blog, scene, body)
    unanswered[page] = Unanswered(page)
    page.clock.install()
    page.goto(blog.url)
    return page


def later(page: Page, ms: int = MINUTES) -> None:
    """Put the page's clock forward, in steps, so that what it asks for is answered on the way."""
    for _ in range(ms // STEP):
        _step(page)


def in_time(page: Page, found: Callable[[], Any], what: str) -> None:
    """Put the page's clock forward until something is so."""
    wait_until(lambda: _step(page) or found(), what=what)


def _step(page: Page) -> None:
    """A minute without an answer is a lost line to a badge: on a busy machine it must not pass in half a second."""
    page.clock.run_for(STEP)
    end = time.monotonic() + PATIENCE_S
    while page.evaluate("true") and unanswered[page].asked and time.monotonic() < end:
        time.sleep(0.01)
