"""Pages of somebody else that wear badges of the live stage, for tests of what badges do there."""

from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser.live_stage import REF, LiveStage
from tests.servers.ground import wait_until
from tests.servers.site import ForeignSite
from tests.servers.site import Page as SitePage

SHIFTS = """window.shifted = 0; new PerformanceObserver((list) => {
  for (const each of list.getEntries()) shifted += each.value;
}).observe({ type: "layout-shift", buffered: true })"""
HIDE = """Object.defineProperty(document, "hidden", { get: () => %s, configurable: true });
document.dispatchEvent(new Event("visibilitychange"))"""
LINK = '<a class="ticket-badge" href="{url}/t/{ref}" data-embed="{embed}">Our ticket</a>'


def publish(
    blog: ForeignSite,
    scene: LiveStage,
    body: str,
    *,
    policy: str = "",
    scripts: int = 1,
    scheme: str = "normal",
    lang: str | None = "en",
) -> None:
    script = f'<script async src="{scene.url}/embed.js"></script>' * scripts
    text = body.replace("{url}", scene.url).replace("{ref}", REF)
    said = "" if lang is None else f' lang="{lang}"'
    head = f'<!doctype html><html{said}><title>Blog</title><link rel="icon" href="data:,">'
    head += f'<meta name="color-scheme" content="{scheme}">'
    html = f'{head}<main><h1>Blog</h1>{text}<p id="after">After.</p></main>{script}'
    blog.pages["/"] = SitePage(html, headers={"Content-Security-Policy": policy} if policy else {})


def link(embed: str = "good") -> str:
    return LINK.replace("{embed}", embed)


def pill(page: Page, place: int = 0) -> Locator:
    return page.locator(".ticket-badge .pill, ticket-badge .pill").nth(place)


def badge(embed: str = "good", **attributes: str) -> str:
    """Return an element with the author's own link in it."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<ticket-badge embed="{embed}"{given}><a href="{{url}}/t/{{ref}}">Our ticket</a></ticket-badge>'


def panel(page: Page, place: int = 0) -> Locator:
    """The card, timeline or wall on a foreign page."""
    return page.locator("ticket-badge .panel").nth(place)


def watched(page: Page, scene: LiveStage, *, times: int = 1) -> None:
    """Wait until the badge `good` is watched, for the n-th time."""
    wait_until(lambda: page.evaluate("true") and scene.watched == ["good"] * times, what="the badge being watched")


def note_events(page: Page) -> None:
    """From now on, keep what the page's elements tell: `told(page)`."""
    page.add_init_script(
        """window.told = []; for (const name of ["load", "error", "change"])
        document.addEventListener(name, (event) => { if (event.target.localName === "ticket-badge")
          told.push(`${name} ${event.detail?.status ?? ""}`.trim()) }, true)"""
    )


def told(page: Page) -> Any:
    return page.evaluate("told")
