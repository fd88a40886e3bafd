"""The card in a frame on somebody else's site: it stands where it may, in every light and size, and nowhere else."""

import re

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.trips import SOON, Office
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
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
    opened.value.wait_for_url(f"{office.url}/t/{ref}")
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
    with page.expect_console_message(lambda said: "frame-ancestors 'self' https://other.example" in said.text):
        page.goto(blog.url)
    expect(page.frame_locator("iframe").locator("body")).not_to_contain_text("The gate squeaks")


LISTENER = """<script>
addEventListener("message", (told) => {
  for (const frame of document.querySelectorAll("iframe")) {
    const isIts = told.source === frame.contentWindow && told.data?.type === "nameplate-height";
    if (isIts) frame.height = Math.min(told.data.height, 2000);
  }
});
</script>"""
"""As docs/widgets.md has it."""


def test_a_card_changes_when_its_person_says_something(page: Page, office: Office, blog: ForeignSite) -> None:
    ref = office.ticket(subject="The fountain is dry")
    publish(blog, framed(office, office.embed(ref, variant="timeline")))
    page.goto(blog.url)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("The fountain is dry")
    office.say(ref, text="The pump is on order.")
    expect(frame.get_by_text("The pump is on order.")).to_be_visible(timeout=SOON)
    office.say(ref, "visibility_changed", visibility="private")
    expect(frame.get_by_role("heading")).to_have_text("Ticket status unknown", timeout=SOON)


def test_a_wall_in_a_frame_gains_and_loses_tickets_by_itself(
    visitor: Visitor, office: Office, blog: ForeignSite
) -> None:
    page, many = visitor.page, {"email": "cara@walls.example"}
    first = office.ticket(subject="No light on the stairs between the second and the third floor", **many)
    second = office.ticket(subject="The door sticks", **many)
    eid = office.embed(first, variant="wall", picks=[first, second], title="What I wait for")
    publish(blog, framed(office, eid))
    page.goto(blog.url)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("listitem")).to_have_count(2)
    visitor.assert_accessible(of="wall")
    office.say(second, "visibility_changed", visibility="private")
    expect(frame.get_by_role("listitem")).to_have_count(1, timeout=SOON)
    expect(frame.get_by_text("The door sticks")).to_have_count(0)


def test_a_frame_grows_to_what_it_holds_where_its_site_listens(
    visitor: Visitor, office: Office, blog: ForeignSite
) -> None:
    ref = office.ticket(subject="The lift is stuck")
    for number in range(4):
        office.say(ref, text=f"Word {number}: the technician is on the way and brings the part. " * 3)
    publish(blog, framed(office, office.embed(ref, variant="timeline")) + LISTENER)
    visitor.page.goto(blog.url)
    held = visitor.page.frame_locator("iframe").locator(".card__events")
    expect(visitor.page.locator("iframe")).not_to_have_attribute("height", "330")
    wait_until(lambda: held.evaluate(BEYOND) == [0, 0], what="all of the timeline fits")
    visitor.assert_accessible(of="timeline")


def test_a_frame_is_counted_on_the_site_it_stands_on(page: Page, office: Office, blog: ForeignSite) -> None:
    ref = office.ticket()
    eid = office.embed(ref)
    publish(blog, framed(office, eid))
    with page.expect_request(re.compile(f"/e/{eid}/seen")) as told:
        page.goto(blog.url)
    response = told.value.response()
    assert told.value.url.endswith("?on=127.0.0.2")
    assert response is not None
    assert response.status == 204


WORDPRESS = """<script>
window.told = [];
addEventListener("message", ({ data }) => data?.secret === "abc" && told.push([data.message, data.value]));
</script>"""


def test_in_a_sandbox_as_wordpress_frames_it_a_card_stays_true_and_asks_for_room_and_links(
    page: Page, office: Office, blog: ForeignSite
) -> None:
    ref = office.ticket(subject="The bell is silent")
    sandboxed = framed(office, f"{office.embed(ref)}#?secret=abc").replace("<iframe", '<iframe sandbox="allow-scripts"')
    publish(blog, WORDPRESS + sandboxed)
    page.goto(blog.url)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("The bell is silent")
    wait_until(lambda: page.evaluate("told.some(([what, high]) => what === 'height' && high > 100)"), what="room")
    frame.get_by_role("link", name="Say thanks").click()
    link = ["link", f"{office.url}/t/{ref}#thanks"]
    wait_until(lambda: page.evaluate("told.at(-1)") == link, what="the page around it opens the link")
    office.say(ref, text="The clapper is found.")
    expect(frame.get_by_text("The clapper is found.")).to_be_visible(timeout=SOON)


def test_a_wall_in_a_sandbox_is_loaded_again_when_it_changed_and_counted_once(
    page: Page, office: Office, blog: ForeignSite
) -> None:
    many = {"email": "cara@sandbox.example"}
    first, second = (office.ticket(subject=subject, **many) for subject in ("The gate is open", "The gate is shut"))
    eid = office.embed(first, variant="wall", picks=[first, second])
    publish(blog, framed(office, eid).replace("<iframe", '<iframe sandbox="allow-scripts"'))
    asked: list[str] = []
    heard: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda wire: wire.on("framereceived", lambda frame: heard.append(str(frame))))
    page.add_init_script("Math.random = () => 0")  # news is spread over no time at all
    page.goto(blog.url)
    items = page.frame_locator("iframe").get_by_role("listitem")
    expect(items).to_have_count(2)
    wait_until(lambda: page.evaluate("true") and any(said.startswith("430") for said in heard), what="it being watched")
    page.frames[1].evaluate("new Promise((done) => setTimeout(() => setTimeout(done)))")
    assert items.count() == 2
    assert asked.count(f"{office.url}/e/{eid}") == 1, "nothing has changed: it stays as it is"
    office.say(second, "visibility_changed", visibility="private")
    expect(items).to_have_count(1, timeout=SOON)
    assert sum("/seen?on=" in url for url in asked) == 1


def test_a_card_whose_watch_is_refused_asks_now_and_then(page: Page, office: Office, blog: ForeignSite) -> None:
    ref = office.ticket(subject="The pond is green")
    publish(blog, framed(office, office.embed(ref)))
    watches: list[str] = []

    def refuse(wire: WebSocketRoute) -> None:
        def answer(said: str | bytes) -> None:
            if said == "40":
                wire.send('40{"sid":"x"}')
            elif "watch" in str(said):
                watches.append(str(said))
                wire.send(f'43{str(said)[2 : str(said).index("[")]}[{{"error":"too_soon"}}]')

        wire.on_message(answer)
        wire.send('0{"sid":"x","upgrades":[],"pingInterval":600000,"pingTimeout":600000}')

    page.route_web_socket("**/socket.io/**", refuse)
    page.clock.install()
    page.goto(blog.url)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("The pond is green")
    wait_until(lambda: page.evaluate("true") and watches, what="a watch that is refused")
    office.say(ref, text="The pump runs again.")
    words = frame.get_by_text("The pump runs again.")
    wait_until(lambda: page.clock.run_for(5_000) or words.count() == 1, what="the news, asked for")


def test_a_card_that_is_told_of_more_than_its_copies_show_stops_asking(
    page: Page, office: Office, blog: ForeignSite
) -> None:
    ref = office.ticket(subject="The mill is old")
    eid = office.embed(ref)
    publish(blog, framed(office, eid))
    address, asked, heard = f"{office.url}/e/{eid}", list[str](), list[str]()
    copy = page.context.request.get(address)

    def answer(route: Route) -> None:
        if route.request.is_navigation_request():
            route.fallback()
        else:
            asked.append(route.request.url)
            route.fulfill(response=copy)

    page.route(address, answer)
    page.on("websocket", lambda wire: wire.on("framereceived", lambda frame: heard.append(str(frame))))
    page.clock.install()
    page.goto(blog.url)
    wait_until(lambda: page.evaluate("true") and any(said.startswith("430") for said in heard), what="it being watched")
    office.say(ref, text="The wheel turns.")
    wait_until(lambda: page.evaluate("true") and any(said.startswith("42") for said in heard), what="the news")
    # Not much faster than the wire: a line on which nothing was heard for 45 s is given up, and who returns asks anew.
    wait_until(lambda: page.clock.run_for(100) or len(asked) == 5, what="five tries")
    page.clock.run_for(10_000)
    assert page.evaluate("true")
    assert len(asked) == 5, "a copy lives for two seconds: what still shows less is from before a restore"
