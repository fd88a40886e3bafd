"""The card in a frame on somebody else's site: it stands where it may, in every light and size, and nowhere else."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.trips import Office
from tests.browser.visitor import Visitor
from tests.servers.site import ForeignSite
from tests.servers.site import Page as SitePage
from widgets import card

BEYOND = "one => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]"


def publish(blog: ForeignSite, *frames: str, policy: str = "") -> None:
    head = '<!doctype html><html lang="en"><title>Blog</title><link rel="icon" href="data:,">'
    body = "".join(f"<p>{one}</p>" for one in frames)
    headers = {"Content-Security-Policy": policy} if policy else {}
    blog.pages["/"] = SitePage(f"{head}<main><h1>Blog</h1>{body}</main>", headers=headers)


def framed(office: Office, eid: str) -> str:
    return card.frame(f"{office.url}/e/{eid}", "Who has my ticket")


def test_a_card_stands_on_a_site_that_allows_no_script_and_no_style(
    visitor: Visitor, office: Office, blog: ForeignSite
) -> None:
    subject = "The lift between the second and the third floor has been stuck since Friday and somebody is in it"
    ref = office.ticket(subject=subject)
    office.say(ref, text="The technician is on the way. " * 12)
    publish(
        blog,
        framed(office, office.embed(ref)),
        framed(office, office.embed(ref, theme="dark")),
        framed(office, "000000000000"),
        policy=f"default-src 'none'; img-src data:; frame-src {office.url}",
    )
    visitor.page.goto(blog.url)
    shown = [visitor.page.frame_locator("iframe").nth(place) for place in range(3)]
    for one in shown[:2]:
        expect(one.get_by_role("heading")).to_have_text(subject)
        expect(one.get_by_text("Next word from")).to_be_visible()
        expect(one.get_by_role("link", name="Every word")).to_be_in_viewport()
        room = one.locator(".card").evaluate(
            "one => [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]"
        )
        assert room == [0, 0], "all of it fits into the frame"
    expect(shown[2].get_by_role("heading")).to_have_text("Ticket status unknown")
    visitor.assert_accessible(of="card")


def test_a_link_in_a_card_opens_the_ticket_beside_the_blog(page: Page, office: Office, blog: ForeignSite) -> None:
    ref = office.ticket(subject="The bench is broken")
    publish(blog, framed(office, office.embed(ref)))
    page.goto(blog.url)
    with page.expect_popup() as opened:
        page.frame_locator("iframe").get_by_role("link", name="The bench is broken").click()
    assert opened.value.url == f"{office.url}/t/{ref}"
    assert opened.value.evaluate("opener") is None
    assert page.url.rstrip("/") == blog.url


@pytest.mark.parametrize("allowed", [True, False])
def test_a_card_stands_on_its_customer_s_sites_alone(
    visitor: Visitor, office: Office, blog: ForeignSite, allowed: bool
) -> None:
    page = visitor.page
    ref = office.ticket(subject="The gate squeaks")
    publish(blog, framed(office, office.embed(ref, sites=[blog.url if allowed else "https://other.example"])))
    if allowed:
        page.goto(blog.url)
        expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("The gate squeaks")
        return
    visitor.forgive("frame-ancestors")
    with page.expect_console_message(lambda said: "frame-ancestors https://other.example" in said.text):
        page.goto(blog.url)
    assert "The gate squeaks" not in page.frames[1].content()
