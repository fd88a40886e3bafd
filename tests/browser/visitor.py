"""One person's browser in a test: pages that complain are noticed, looked at in every light, and judged by axe."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, WebError

from tests.servers.ground import ROOT

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
LOOKS = [(name, size, light) for name, size in (("phone", PHONE), ("desktop", DESKTOP)) for light in ("light", "dark")]
SCREENSHOTS = ROOT / "var" / "screenshots"
# WCAG 2.2 AA is asked for by name (axe leaves target-size out otherwise), good practice beside it.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}


ARRIVAL_S = 10
"""How long a page on its way is waited for by who leaves: one that a test never lets come is given up."""
PRESENT: list["Visitor"] = []
"""Who has a browser open just now."""


class Visitor:
    """One person: a browser profile of their own (cookies, storage, zone) with a first page open."""

    def __init__(self, browser: Browser, *, screenshots: bool = False, **options: Any) -> None:
        given = {"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Europe/Berlin", "reduced_motion": "reduce"}
        self.context: BrowserContext = browser.new_context(**{**given, **options})
        self.context.set_default_timeout(30_000)
        self.screenshots = screenshots
        self.complaints: list[str] = []
        self.forgiven: list[re.Pattern[str]] = []
        self.context.on("console", self.hear)
        self.context.on("weberror", self.hear_exception)
        self.unanswered: dict[Request, None] = {}
        self.context.on("request", lambda request: self.unanswered.setdefault(request))
        for end in ("requestfinished", "requestfailed"):
            self.context.on(end, lambda request: self.unanswered.pop(request, None))  # type: ignore[call-overload]
        self.page: Page = self.context.new_page()
        PRESENT.append(self)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep console errors; violations of a Content-Security-Policy arrive here too."""
        url = str(message.location.get("url", ""))
        # Chromium asks for this one by itself, also for pages that never named it.
        if message.type == "error" and not url.endswith("/favicon.ico"):
            self.complaints.append(f"{message.text} ({url})")

    def hear_exception(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")

    def forgive(self, pattern: str) -> None:
        """Expect complaints that match, such as the 404 of a page that is meant to be missing."""
        self.forgiven.append(re.compile(pattern))

    def whereabouts(self) -> str:
        """Say for a failed test's report where this person's pages are and what they still wait for."""
        pages = [f"at {page.url}" for page in self.context.pages]
        waits = [f"waits for {request.method} {request.url}" for request in self.unanswered]
        return "\n".join(pages + waits + self.complaints)

    def leave(self) -> None:
        """Close the browser profile; do it before a server goes that its pages still talk to."""
        if self in PRESENT:
            PRESENT.remove(self)
        self._arrive()
        self.context.close()

    def _arrive(self) -> None:
        """Let pages that are on their way come, within bounds: Chromium may never close one in mid-navigation."""
        end = time.monotonic() + ARRIVAL_S
        while self.context.pages and time.monotonic() < end and any(map(is_awaited, self.unanswered)):
            self.context.pages[0].wait_for_timeout(20)

    def unforgiven(self) -> list[str]:
        return [text for text in self.complaints if not any(pattern.search(text) for pattern in self.forgiven)]

    def assert_accessible(self, *, of: str = "", fits: bool = False) -> None:
        """Fail on any axe finding, on phone and desktop, light and dark; `of` names the screenshots.

        A page that `fits` is nowhere wider than the screen.
        """
        found = []
        for name, _ in self.looks(of):
            wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if fits and wider > 0:
                found.append(f"{name}: {wider} px too wide")
            violations = Axe().run(self.page, options=AXE).response["violations"]
            found += [f"{name}: {told(violation)}" for violation in violations]
        assert not found, "\n".join(found)

    def looks(self, of: str = "") -> Iterator[tuple[str, Page]]:
        """Show the page in every look in turn, once its styles have come, and as it was at the end."""
        self.page.wait_for_load_state()
        before = self.page.viewport_size
        for name, size, light in LOOKS:
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            self.page.emulate_media(color_scheme=light)  # type: ignore[arg-type]
            if of:
                self.screenshot(f"{of}-{name}-{light}")
            yield f"{name}, {light}", self.page
        self.page.emulate_media(color_scheme="null")
        if before:
            self.page.set_viewport_size(before)

    def screenshot(self, name: str) -> None:
        """Keep a picture in var/screenshots/ when the run was asked for them (--screenshots)."""
        if self.screenshots:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def is_awaited(request: Request) -> bool:
    """Say whether a page that is still there will become what this request brings."""
    try:
        return request.is_navigation_request() and not request.frame.page.is_closed()
    except Error:  # the page is only being opened
        return True


def told(violation: dict[str, Any]) -> str:
    """Say an axe finding in one line: rule, help, the first places."""
    places = "; ".join(str(node["html"])[:160] for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['help']}): {places}"


@contextmanager
def visiting(browser: Browser, **options: Any) -> Iterator[Visitor]:
    """Open a browser profile; at the end fail on whatever its pages complained about."""
    visitor = Visitor(browser, **options)
    try:
        yield visitor
    finally:
        visitor.leave()
    assert not visitor.unforgiven(), "the page complained:\n" + "\n".join(visitor.unforgiven())
