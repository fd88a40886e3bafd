"""A customer's badges on other sites: made in the builder, kept to some sites, taken back, grey at once."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests.browser.trips import (
    SOON,
    Office,
    answer,
    become_customer,
    change_visibility,
    open_watching,
    pill,
    sign_in,
    wear,
)
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.servers.site import ForeignSite, foreign_site
from tests.servers.site import Page as SitePage
from tracker import embeds, store
from tracker.models import Ticket
from widgets import card

LIVE = re.compile(r"has this · open ")
GREY = "Ticket status unknown"


@pytest.fixture
def other_blog() -> Iterator[ForeignSite]:
    """A third origin."""
    with foreign_site("127.0.0.3") as site:
        yield site


def make_badge(page: Page, office: Office, ref: str, *, sites: str = "") -> str:
    """Make a badge in the builder and return its id."""
    page.goto(f"{office.url}/t/{ref}/embeds")
    page.locator("#sites").fill(sites)
    page.get_by_role("button", name="Make a badge").click()
    page.wait_for_url("**#embed-*")
    return page.url.partition("#embed-")[2]


def ticket_of(ref: str) -> Ticket:
    return store.session().scalars(select(Ticket).where(Ticket.ref == ref)).one()


def looks(office: Office, eid: str) -> tuple[str, str]:
    with office.open():
        found = embeds.get(eid)
        assert found
        return found.variant, found.theme


def unfold(page: Page, eid: str) -> None:
    page.locator(f"#embed-{eid} .change > summary").first.click()


def test_a_badge_shows_itself_and_its_lines_in_the_builder(office: Office, visitor: Visitor) -> None:
    ref = office.ticket(subject="The clock tower is late")
    become_customer(visitor, office, ref)
    eid = make_badge(visitor.page, office, ref)
    box = visitor.page.locator(f"#embed-{eid}")
    expect(box.locator("ticket-badge .pill").first).to_contain_text(LIVE)
    assert box.locator("img").first.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 100
    for line in (f'data-embed="{eid}"', "<img src=", "[!["):
        expect(box.locator("pre", has_text=line).first).to_be_visible()


def test_a_badge_taken_back_turns_grey_where_it_stands_and_stays_grey(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite
) -> None:
    cara, stranger = visitors(), visitors()
    ref = office.ticket(subject="The bench is broken")
    become_customer(cara, office, ref)
    eid, kept = make_badge(cara.page, office, ref), make_badge(cara.page, office, ref)
    wear(blog, office, ref, eid, kept)
    open_watching(stranger.page, blog.url, things=2)
    expect(pill(stranger.page)).to_contain_text(LIVE)
    expect(pill(stranger.page, 1)).to_contain_text(LIVE)
    cara.page.locator(f"#embed-{eid}").get_by_text("Take it back: One line").click()
    cara.page.locator(f"#embed-{eid}").get_by_role("button", name="Take it back for good").click()
    expect(cara.page.locator(f"#embed-{eid}")).to_have_count(0)
    expect(pill(stranger.page)).to_have_text(GREY, timeout=SOON)
    expect(pill(stranger.page, 1)).to_contain_text(LIVE)
    stranger.page.reload()
    expect(pill(stranger.page)).to_have_text(GREY)
    picture = stranger.context.request.get(f"{office.url}/e/{eid}/badge.svg")
    assert picture.status == 200
    assert "unknown" in picture.text()


def test_a_badge_kept_to_one_site_is_grey_on_another(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite, other_blog: ForeignSite
) -> None:
    cara, stranger = visitors(), visitors()
    ref = office.ticket(subject="The fountain is dry")
    become_customer(cara, office, ref)
    eid = make_badge(cara.page, office, ref, sites=blog.url)
    for site in (blog, other_blog):
        wear(site, office, ref, eid)
    elsewhere = stranger.context.new_page()
    stranger.page.goto(blog.url)
    expect(pill(stranger.page)).to_contain_text(LIVE)
    elsewhere.goto(other_blog.url)
    expect(pill(elsewhere)).to_have_text(GREY)
    office.say(ref, "resolved", text="It runs again.")
    expect(pill(stranger.page)).to_contain_text("Solved in", timeout=SOON)
    expect(pill(elsewhere)).to_have_text(GREY)


def test_a_badge_kept_to_a_site_while_it_is_shown_turns_grey_elsewhere(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite, other_blog: ForeignSite
) -> None:
    cara, stranger = visitors(), visitors()
    ref = office.ticket(subject="The swing creaks")
    become_customer(cara, office, ref)
    eid = make_badge(cara.page, office, ref)
    elsewhere = stranger.context.new_page()
    for page, site in ((stranger.page, blog), (elsewhere, other_blog)):
        wear(site, office, ref, eid)
        open_watching(page, site.url)
        expect(pill(page)).to_contain_text(LIVE)
    unfold(cara.page, eid)
    box = cara.page.locator(f"#embed-{eid}")
    box.locator("textarea").fill(other_blog.url)
    box.get_by_role("button", name="Keep this").click()
    expect(pill(stranger.page)).to_have_text(GREY, timeout=SOON)
    expect(pill(elsewhere)).to_contain_text(LIVE)


def test_a_frame_turns_grey_on_a_site_that_is_shut_out_and_comes_back(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite, other_blog: ForeignSite
) -> None:
    cara, stranger = visitors(), visitors()
    ref = office.ticket(subject="The swing hangs low")
    become_customer(cara, office, ref)
    eids = [office.embed(ref, variant="card"), office.embed(ref, variant="wall")]
    pages = [stranger.page, stranger.context.new_page()]
    for page, site in zip(pages, (blog, other_blog), strict=True):
        frames = "".join(card.frame(f"{office.url}/e/{eid}", "Who has it") for eid in eids)
        site.pages["/"] = SitePage(f'<!doctype html><html lang="en"><title>Blog</title>{frames}')
        open_watching(page, site.url, things=len(eids))
        for place in range(2):
            expect(page.frame_locator("iframe").nth(place).get_by_text("The swing hangs low")).to_be_visible()

    def allow(sites: str) -> None:
        for eid in eids:
            address = f"{office.url}/t/{ref}/embeds/{eid}"
            assert cara.context.request.post(address, form={"sites": sites}, headers={"Origin": office.url}).ok

    for sites, is_shut_out in ((other_blog.url, True), ("", False)):
        allow(sites)
        for place in range(2):
            here, elsewhere = (page.frame_locator("iframe").nth(place) for page in pages)
            expect(here.get_by_text(GREY)).to_have_count(int(is_shut_out), timeout=SOON)
            expect(here.get_by_text("The swing hangs low")).to_have_count(int(not is_shut_out), timeout=SOON)
            expect(elsewhere.get_by_text("The swing hangs low")).to_be_visible()


def test_what_is_restyled_while_it_is_shown_goes_on_hearing_of_news(
    office: Office, page: Page, visitor: Visitor, blog: ForeignSite
) -> None:
    ref = office.ticket(subject="The swing hangs low")
    become_customer(visitor, office, ref)
    shown, wall = office.embed(ref, variant="card"), office.embed(ref, variant="wall")
    plain = f'<a href="{office.url}/t/{ref}">Ours</a>'
    worn = f'<ticket-badge embed="{shown}">{plain}</ticket-badge>'
    frames = "".join(card.frame(f"{office.url}/e/{eid}", "Who has it") for eid in (shown, wall))
    script = f'<script async src="{office.url}/embed.js"></script>'
    blog.pages["/"] = SitePage(f'<!doctype html><html lang="en"><title>Blog</title>{worn}{frames}{script}')
    open_watching(page, blog.url, things=3)
    box, frame = page.locator("ticket-badge .box"), page.frame_locator("iframe")
    expect(box).to_contain_text("Live")
    expect(frame.last.get_by_role("listitem")).to_have_count(1)
    for eid in (shown, wall):
        dark = {"theme": "dark", "variant": "timeline"}
        address = f"{office.url}/t/{ref}/embeds/{eid}"
        assert visitor.context.request.post(address, form=dark, headers={"Origin": office.url}).ok
    expect(box).to_have_class(re.compile("timeline .*dark"), timeout=SOON)
    for place in range(2):
        expect(frame.nth(place).locator("html")).to_have_class(re.compile("theme--dark"), timeout=SOON)
    office.say(ref, text="The rope is shorter now.")
    for one in (box, frame.first, frame.last):
        expect(one.get_by_text("The rope is shorter now.")).to_be_visible(timeout=SOON)


def test_a_site_that_is_none_is_said_and_what_was_typed_stays(office: Office, visitor: Visitor) -> None:
    visitor.forgive("422")
    ref = office.ticket(subject="The hedge is high")
    become_customer(visitor, office, ref)
    visitor.page.goto(f"{office.url}/t/{ref}/embeds")
    visitor.page.locator("#sites").fill("my blog, somewhere")
    visitor.page.get_by_role("button", name="Make a badge").click()
    expect(visitor.page.get_by_role("alert")).to_contain_text("is no site")
    expect(visitor.page.locator("#sites")).to_have_value("my blog, somewhere")


def test_a_badge_of_a_private_ticket_is_grey_until_the_customer_opens_it(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite
) -> None:
    cara, stranger = visitors(), visitors()
    ref = office.ticket(subject="The cellar is wet", visibility="private")
    become_customer(cara, office, ref)
    wear(blog, office, ref, make_badge(cara.page, office, ref))
    stranger.page.goto(blog.url)
    expect(pill(stranger.page)).to_have_text(GREY)
    cara.page.goto(f"{office.url}/t/{ref}")
    change_visibility(cara.page, "Whoever has the link")
    expect(cara.page.get_by_text("unlisted: whoever has the link sees it")).to_be_visible()

    def status() -> bool:
        with stranger.page.expect_response("**/badge.json") as answer:
            stranger.page.reload()
        return bool(answer.value.json()["status"] == "open")

    wait_until(status, within=20, what="the badge after the two seconds that a copy may live")
    expect(pill(stranger.page)).to_contain_text(LIVE)


CAME = """words => { const root = document.querySelector("ticket-badge").shadowRoot; window.cameAt = 0;
new MutationObserver(() => { if (!cameAt && root.textContent.includes(words)) window.cameAt = Date.now() })
.observe(root, { childList: true, subtree: true, characterData: true }) }"""


def test_an_agent_s_word_reaches_a_card_on_another_site(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite
) -> None:
    agent, reader = visitors(), visitors()
    ref = office.ticket(subject="The gutter leaks")
    plain = f'<a href="{office.url}/t/{ref}">Ours</a>'
    worn = f'<ticket-badge embed="{office.embed(ref)}" variant="card">{plain}</ticket-badge>'
    script = f'<script async src="{office.url}/embed.js"></script>'
    blog.pages["/"] = SitePage(f'<!doctype html><html lang="en"><title>Blog</title>{worn}{script}')
    reader.page.goto(blog.url)
    panel = reader.page.locator("ticket-badge .panel")
    expect(panel).to_contain_text("Live")
    agent.page.add_init_script("document.addEventListener('submit', () => (localStorage.sent = Date.now()), true)")
    sign_in(agent, office, ref)
    reader.page.evaluate(CAME, "on a ladder right now")
    answer(agent.page, office, ref, "I am **on a ladder** right now.")
    expect(panel.locator("strong")).to_have_text("on a ladder", timeout=SOON)
    expect(agent.page.locator(".entry--update")).to_contain_text("on a ladder")
    took = reader.page.evaluate("cameAt") - int(agent.page.evaluate("localStorage.sent"))
    print(f"on another site {took} ms after it was sent")
