"""What several trips share: the office that acts beside the browsers, and what people do on the pages."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import event, select, update

from tests import houses, make
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.servers.instance import Instance
from tests.servers.site import ForeignSite
from tests.servers.site import Page as SitePage
from tracker import desks, drafts, links, people, store, tickets
from tracker.models import Delivery, Draft, Ticket

SOON = 15_000
"""How long live news may take on a busy machine, in ms: less than the 20 s after which a badge asks by itself."""
FASTEST_S = 2
"""A form that is sent sooner is taken for a machine's."""


class Office:
    """Staff and customers who act beside the browsers, on the same data: what a trip needs done but does not show.

    It is a process of its own, as a second instance would be: pages hear of its words by the tail, once a second.
    """

    def __init__(self, running: Instance, *, url: str = "") -> None:
        self.url = url or running.url
        database = houses.sqlite_url(running.data_dir / "nameplate.sqlite3")
        self.app: Flask = houses.build(database, running.data_dir, public_url=self.url)
        with self.open():
            event.listen(store.db.engine, "connect", _patient)

    @contextmanager
    def open(self) -> Iterator[None]:
        with self.app.app_context():
            try:
                yield
            finally:
                store.db.session.remove()

    def close(self) -> None:
        with self.app.app_context():
            store.db.engine.dispose()

    def ticket(self, *, desk: str = "buildings", **given: Any) -> str:
        """Open a ticket, public and confirmed unless told otherwise; return its ref."""
        with self.open():
            return make.ticket(desks.find(desk), **given).ref

    def say(self, ref: str, kind: str = "update", **given: Any) -> int:
        """Post one event by whoever usually does; return its seq."""
        with self.open():
            return make.post(self._find(ref), kind, **given).seq

    def say_often(self, ref: str, count: int) -> None:
        """Post many updates, in one transaction."""
        with self.open(), store.transaction():
            one = self._find(ref)
            for number in range(count):
                make.post(one, "update", text=f"Word number {number}.")

    def said(self, ref: str, audience: str = "public") -> list[tuple[int, str]]:
        """Return the seqs and kinds that an audience is to see, from the database: what every page is held to."""
        with self.open():
            return [(event.seq, event.kind) for event in make.events_of(self._find(ref), audience)]

    def embed(self, ref: str, **given: Any) -> str:
        """Make a badge; return its id."""
        with self.open():
            return make.worn(self._find(ref), **given).eid

    def key(self, ref: str) -> str:
        """Return the path of another secret link for the customer."""
        with self.open():
            return f"/k/{tickets.give_key(self._find(ref))}"

    def sign_in_address(self, ref: str) -> str:
        """Return the mail address of who has a ticket."""
        with self.open():
            return self._find(ref).assignee.email

    def link(self, purpose: str, ref: str) -> str:
        """Return the path of a mailed link."""
        with self.open():
            one = self._find(ref)
            return f"/link/{purpose}/{people.mint_link(purpose, ticket_id=one.id, address=one.email)}"

    def let_claims_run_out(self) -> None:
        """Do what two minutes do for deliveries that a dead worker had begun: they are free again."""
        with self.open(), store.transaction() as session:
            session.execute(update(Delivery).values(claimed_until=None))

    def let_presence_run_out(self, ref: str) -> None:
        """Do what fifteen seconds do for whoever has a ticket's desk open: those who are gone are gone."""
        with self.open(), store.transaction() as session:
            old = store.now() - drafts.PRESENT_FOR
            session.execute(update(Draft).where(Draft.ticket_id == self._find(ref).id).values(seen_at=old))

    def _find(self, ref: str) -> Ticket:
        return store.session().scalars(select(Ticket).where(Ticket.ref == ref)).one()


def _patient(connection: Any, _record: object) -> None:
    """Wait for SQLite's one writer as long as a busy server takes: two processes have no turns, and one may starve."""
    connection.execute("PRAGMA busy_timeout = 30000").close()


# What people do


def fill_opening(page: Page, **typed: str) -> None:
    """Fill the form that opens a ticket; a value for a group of choices is the words beside the one to take."""
    given = {
        "subject": "No light in the stairwell",
        "text": "It has been dark since Monday.",
        "email": f"{links.new_ref()}@home.example",
        "name": "Cara Lindt",
        **typed,
    }
    for name, text in given.items():
        page.locator(f"[name={name}]").fill(text)


def send_opening(page: Page, made: float) -> None:
    """Press the button as soon as a person could: `made` is when the form had come."""
    wait_until(lambda: time.time() > made + FASTEST_S, within=30)
    page.get_by_role("button", name="Send it").click()


def open_ticket(visitor: Visitor, url: str, *, readers: str = "", **typed: str) -> str:
    """Open a ticket by the form; return its ref, with the page of the secret link open."""
    visitor.page.goto(f"{url}/new")
    made = time.time()
    fill_opening(visitor.page, **typed)
    if readers:
        visitor.page.get_by_label(readers).check()
    send_opening(visitor.page, made)
    visitor.page.wait_for_url("**/opened")
    return ref_of(visitor.page)


def ref_of(page: Page) -> str:
    found = re.search(r"/t/(\w{12})", page.url)
    assert found, page.url
    return found[1]


def become_customer(visitor: Visitor, office: Office, ref: str) -> None:
    """Open a ticket as its customer, by a secret link."""
    visitor.page.goto(f"{office.url}{office.key(ref)}")
    visitor.page.get_by_role("button", name="Open my ticket").click()
    visitor.page.wait_for_url(f"**/t/{ref}")


def sign_in(visitor: Visitor, office: Office, ref: str) -> None:
    """Sign in as the person who has a ticket."""
    sign_in_as(visitor, office, office.sign_in_address(ref))


def sign_in_as(visitor: Visitor, office: Office, address: str, *, password: str = "") -> None:
    """Sign in as somebody who answers; the demo's people have passwords that follow from their names."""
    visitor.page.goto(f"{office.url}/signin")
    visitor.page.locator("#who").fill(address)
    visitor.page.locator("#password").fill(password or f"{address.split('@')[0]} answers here")
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    visitor.page.wait_for_url("**/workspace/**")


def press(button: Locator) -> None:
    """Press what leads to a page, and wait for it: it may have the address of the one that is there already."""
    with button.page.expect_navigation():
        button.click()


def answer(page: Page, office: Office, ref: str, words: str, *, key: str = "3") -> None:
    """Say something as the person who has the ticket, at the ticket desk; `key` picks the next promise."""
    if not page.url.partition("#")[0].endswith(f"/workspace/t/{ref}"):
        page.goto(f"{office.url}/workspace/t/{ref}")
    page.locator("#update-text").fill(words)
    page.locator("label", has=page.locator(f"[data-key='{key}']")).click()
    press(page.get_by_role("button", name="Say it"))


def reply(page: Page, words: str, *, publish: bool = False) -> None:
    """Write as the customer, on the ticket's page."""
    form = page.locator("#reply")
    form.get_by_label("Your words").fill(words)
    if publish:
        form.get_by_label("Show this reply").check()
    press(form.get_by_role("button", name="Send"))


def change_visibility(page: Page, words: str) -> None:
    """Say who may read the ticket, as its customer."""
    fold = page.locator("#visibility")
    if fold.get_attribute("open") is None:
        fold.locator("summary").click()
    fold.get_by_label(words).check()
    press(fold.get_by_role("button", name="Keep this"))


# What people see


def watch(visitor: Visitor, office: Office, ref: str) -> Page:
    """Open a ticket's page and wait until it says that it is live."""
    visitor.page.goto(f"{office.url}/t/{ref}")
    expect_live(visitor.page)
    return visitor.page


def expect_live(page: Page, *, within: float = 15_000) -> None:
    expect(page.locator(".live")).to_have_attribute("data-state", "live", timeout=within)


def shown(page: Page) -> list[int]:
    """Return the seqs of the entries on a page, in their order."""
    return page.eval_on_selector_all(".timeline > li[data-seq]", "found => found.map(one => Number(one.dataset.seq))")


def expect_shown(page: Page, seqs: list[int], *, within: float = 15) -> None:
    """Wait until a page shows exactly these entries, each once, in order."""
    try:
        wait_until(lambda: shown(page) == seqs, within=within)
    except TimeoutError:
        assert shown(page) == seqs


WHEN = """words => { window.cameAt = 0; new MutationObserver((_, watch) => {
  if (!document.querySelector(".timeline").textContent.includes(words)) return;
  window.cameAt = Date.now(); watch.disconnect();
}).observe(document.body, { childList: true, subtree: true }) }"""


def time_arrival(page: Page, words: str) -> None:
    """From now on, note in the page when these words appear; `arrived_at` reads it."""
    page.evaluate(WHEN, words)


def arrived_at(page: Page) -> float:
    """Return when the words appeared, in ms since 1970, waiting for them."""
    # Playwright's own waiting for a function asks once: the second time our Content-Security-Policy forbids it.
    return float(wait_until(lambda: page.evaluate("window.cameAt"), within=SOON / 1000, what="the words appear"))


def listen_for_entries(page: Page) -> list[str]:
    """Return a list that grows with every request for what was missed."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/entries" in request.url else None)
    return asked


def listen_to_sockets(page: Page) -> list[str]:
    """Return a list that grows with every frame that the page's sockets receive."""
    frames: list[str] = []
    page.on("websocket", lambda wire: wire.on("framereceived", lambda frame: frames.append(str(frame))))
    return frames


def open_watching(page: Page, url: str, *, things: int = 1) -> None:
    """Open a page with live lists, badges or frames, and wait until the server says that so many are watched."""
    frames = listen_to_sockets(page)
    page.goto(url)
    # Asking the page something lets the browser's events in.
    wait_until(lambda: page.evaluate("true") and sum(one.startswith("43") for one in frames) >= things, what="watching")


def wear(blog: ForeignSite, office: Office, ref: str, *embeds_worn: str) -> None:
    """Let a foreign site wear badges, as their customer copied them."""
    worn = "".join(
        f'<p><a class="ticket-badge" href="{office.url}/t/{ref}" data-embed="{one}">Our ticket</a></p>'
        for one in embeds_worn
    )
    head = '<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">'
    script = f'<script async src="{office.url}/embed.js"></script>'
    blog.pages["/"] = SitePage(f"{head}<main><h1>Blog</h1>{worn}</main>{script}")


def pill(page: Page, place: int = 0) -> Locator:
    """The badge on a foreign page."""
    return page.locator(".ticket-badge .pill").nth(place)
