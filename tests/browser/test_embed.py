"""The badge on somebody else's site: true, live, and a good guest."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import scenes, stage
from tests.browser.embed_pages import HIDE, SHIFTS, link, pill, publish, watched
from tests.browser.embed_stage import iso
from tests.browser.live_stage import REF, LiveStage
from tests.browser.visitor import Visitor
from tests.servers.site import ForeignSite

ENDED = iso(scenes.NOW)
HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_link_becomes_a_badge_that_names_the_person_and_the_time(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, link())
    page.goto(blog.url)
    expect(pill(page)).to_contain_text("Rosa Ortega has this · open 12 d 4 h")
    expect(pill(page)).to_contain_text("next word by")
    expect(page.get_by_role("link")).to_have_attribute("href", f"{scene.url}/t/{REF}")


def test_a_badge_is_accessible_in_every_light_and_size(visitor: Visitor, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, f"<p>{link()}</p><p>{link('revoked')}</p>")
    visitor.page.goto(blog.url)
    expect(pill(visitor.page)).to_contain_text("Rosa Ortega has this")
    visitor.assert_accessible()


def test_a_badge_changes_with_the_news_and_what_has_ended_holds_no_socket(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, link())
    with page.expect_websocket() as wire:
        page.goto(blog.url)
    watched(page, scene)
    scene.facts = {"status": "resolved", "ended_at": ENDED, "promise": None}
    scene.say("resolved")
    expect(pill(page)).to_have_text(re.compile("^ROSolved in 12 d 4 h by Rosa Ortega$"))
    assert wire.value.is_closed() or wire.value.wait_for_event("close")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": "waiting"}, "Rosa Ortega awaits an answer · 12 d 4 h"),
        ({"status": "declined", "ended_at": ENDED, "promise": None}, "Declined after 12 d 4 h by Rosa Ortega"),
        ({"status": "closed", "ended_at": ENDED, "promise": None}, "Solved in 12 d 4 h by Rosa Ortega"),
        ({"promise": {"due_at": iso(scenes.ago(hours=1)), "state": "missed"}}, "Rosa Ortega: ▲ a word is overdue"),
        ({"assignee": {"name": HOSTILE, "face": scenes.BEN["face"]}}, f"{HOSTILE} has"),
    ],
    ids=["waiting", "declined", "closed", "overdue", "hostile-name"],
)  # fmt: skip
def test_each_state_is_said_in_words(
    page: Page, blog: ForeignSite, scene: LiveStage, facts: dict[str, object], words: str
) -> None:
    scene.facts |= facts
    publish(blog, scene, link())
    page.goto(blog.url)
    expect(pill(page)).to_contain_text(words)


def test_an_unknown_or_revoked_badge_is_grey_and_keeps_its_link(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, link("revoked"))
    page.goto(blog.url)
    expect(pill(page)).to_have_text("Ticket status unknown")
    expect(page.get_by_role("link")).to_have_attribute("href", f"{scene.url}/t/{REF}")
    assert "/socket.io/" not in scene.asked


def test_without_the_server_the_authors_own_link_stays(visitor: Visitor, blog: ForeignSite, scene: LiveStage) -> None:
    visitor.forgive("503|CORS|ERR_FAILED")
    publish(blog, scene, link())
    script = (stage.ROOT / "static/embed/badge.js").read_bytes()
    visitor.page.route("**/embed.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    scene.is_down = True
    visitor.page.goto(blog.url)
    visitor.page.wait_for_load_state("networkidle")
    expect(visitor.page.get_by_role("link")).to_have_text("Our ticket")
    expect(visitor.page.locator(".ticket-badge")).to_be_visible()


def test_without_sockets_the_badge_still_tells(visitor: Visitor, blog: ForeignSite, scene: LiveStage) -> None:
    visitor.forgive("socket.io")
    scene.refuses = True
    publish(blog, scene, link())
    visitor.page.goto(blog.url)
    expect(pill(visitor.page)).to_contain_text("Rosa Ortega has this")


def test_a_strict_host_needs_to_allow_nothing_but_our_origin(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    wire = scene.url.replace("http", "ws")
    policy = f"default-src 'none'; script-src {scene.url}; connect-src {scene.url} {wire}; img-src data:"
    publish(blog, scene, link(), policy=policy)
    page.goto(blog.url)
    expect(pill(page)).to_contain_text("Rosa Ortega has this")
    assert pill(page).evaluate("pill => getComputedStyle(pill).borderRadius") == "18.2px"


def test_many_badges_share_one_question_one_socket_and_one_global(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(
        blog,
        scene,
        f"{link()} <ticket-badge embed=good>{link('x').replace('class', 'name')}</ticket-badge> {link()}",
        scripts=2,
    )
    page.add_init_script("window.before = new Set(Object.getOwnPropertyNames(window))")
    with page.expect_websocket():
        page.goto(blog.url)
    for place in range(3):
        expect(pill(page, place)).to_contain_text("Rosa Ortega has this")
    page.wait_for_load_state("networkidle")
    watched(page, scene)
    assert scene.count("/e/good/badge.json") == 1
    assert scene.count("/socket.io/") == 1
    added = page.evaluate("Object.getOwnPropertyNames(window).filter((name) => !before.has(name) && name !== 'before')")
    assert added in ([], ["after"])


def test_a_badge_added_later_is_found(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, "")
    page.goto(blog.url)
    page.wait_for_function("!!customElements.get('ticket-badge')")
    page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", link().format(url=scene.url, ref=REF))
    expect(pill(page)).to_contain_text("Rosa Ortega has this")


def test_links_to_another_tracker_are_left_alone(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, link().replace("{url}", "http://127.0.0.9"))
    page.goto(blog.url)
    page.wait_for_function("!!customElements.get('ticket-badge')")
    expect(page.locator(".ticket-badge")).to_have_text("Our ticket")
    assert page.locator(".ticket-badge span").count() == 0


@pytest.mark.parametrize("width", [1000, 320])
def test_nothing_on_the_page_moves(visitor: Visitor, blog: ForeignSite, scene: LiveStage, width: int) -> None:
    publish(blog, scene, f"<p>Before.</p><p>{link()}</p>")
    page = visitor.page
    page.set_viewport_size({"width": width, "height": 700})
    page.add_init_script(SHIFTS)
    page.route("**/embed.js", lambda route: route.abort())
    visitor.forgive("ERR_FAILED")
    page.goto(blog.url)
    alone = page.locator("#after").bounding_box()
    page.unroute("**/embed.js")
    page.goto(blog.url)
    expect(pill(page)).to_contain_text("has this")
    assert page.locator("#after").bounding_box() == alone
    assert page.evaluate("shifted") == 0
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_hidden_page_holds_no_socket(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, link())
    with page.expect_websocket() as wire:
        page.goto(blog.url)
    watched(page, scene)
    page.evaluate(HIDE % "true")
    if not wire.value.is_closed():
        wire.value.wait_for_event("close")
    scene.say(quietly=True)
    scene.facts["status"] = "waiting"
    with page.expect_websocket():
        page.evaluate(HIDE % "false")
    expect(pill(page)).to_contain_text("awaits an answer")
