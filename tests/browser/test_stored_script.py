"""Stored script in a real browser: with our Content-Security-Policy switched off, still nothing runs."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from tests import houses, make
from tests.attacks import payloads, stage
from tests.servers.ground import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
HITS = """window.__hits = [];
for (const name of ['alert', 'confirm', 'prompt', 'print', 'open']) window[name] = () => window.__hits.push(name);"""
POKE = """() => {
  for (const one of document.querySelectorAll('.said, .said *, .entry *, h1, .ticket *, .reason')) {
    for (const name of ['mouseover', 'mouseenter', 'focus', 'pointerover', 'animationstart', 'toggle', 'click'])
      one.dispatchEvent(new Event(name, { bubbles: true, cancelable: true }));
    if (one.tagName === 'DETAILS') one.open = true;
  }
}"""
"""Clicks are made of plain events: handlers would run, links are not followed."""


@pytest.fixture
def served(tmp_path: Path, sqlite_template: Path) -> Iterator[tuple[stage.Scene, str, Callable[[str], str]]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with houses.opened(houses.copied(sqlite_template, tmp_path), tmp_path, public_url=url) as app:
        scene = stage.fill([*payloads.OURS[:50:3], *payloads.sample(8)[-8:]])
        stage.dress_up(scene, "</title><script>alert(1)</script><img src=x onerror=alert(1)>")
        make.deliver()
        server = make_server("127.0.0.1", port, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def cookie_of(who: str) -> str:
            browser = dict(stage.browsers(app, scene))[who]
            found = browser.get_cookie("nameplate")
            return found.value if found else ""

        try:
            yield scene, url, cookie_of
        finally:
            server.shutdown()
            thread.join(10)


def test_nothing_that_was_typed_runs_or_reaches_out(
    chromium: Browser, served: tuple[stage.Scene, str, Callable[[str], str]]
) -> None:
    scene, url, cookie_of = served
    for who in ("public", "customer", "staff"):
        context = chromium.new_context(bypass_csp=True)
        context.add_init_script(HITS)
        asked: list[str] = []
        context.on("request", lambda request, asked=asked: asked.append(request.url))
        if cookie := cookie_of(who):
            context.add_cookies([{"name": "nameplate", "value": cookie, "url": url}])
        page = context.new_page()
        dialogs: list[str] = []
        page.on("dialog", lambda dialog, dialogs=dialogs: (dialogs.append(dialog.message), dialog.dismiss()))
        for address in stage.pages(scene, who):
            page.goto(url + address)
            page.evaluate(POKE)
            assert page.evaluate("window.__hits") == [], (who, address)
            assert page.url == url + address, "the page sent its reader elsewhere"
        assert dialogs == []
        assert [one for one in asked if not one.startswith((url, "data:", "ws://127.0.0.1"))] == []
        context.close()
