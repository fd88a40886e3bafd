"""A badge is a good guest: nothing a page did to its styles, prototypes or policies matters, and it harms nothing."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import stage
from tests.browser.embed_pages import SHIFTS, badge, link, panel, pill, publish, watched
from tests.browser.live_stage import REF, LiveStage
from tests.browser.visitor import Visitor, visiting
from tests.servers.ground import wait_until
from tests.servers.site import ForeignSite

SAYS = "Rosa Ortega has this · open 12 d 4 h"
EVERY = badge() + badge(variant="card") + badge(variant="timeline") + badge("wall", variant="wall")
POLLUTION = """
for (const name of ["toJSON", "each", "url", "ended_at", "items", "status", "timeZone", "body", "cache", "variant"])
  Object.prototype[name] = function () { return "polluted"; };
for (const name of ["map", "filter", "find", "forEach", "includes", "join", "slice", "push", "flat", "at"])
  Array.prototype[name] = function () { throw new Error("this page's own " + name); };
Array.prototype.toJSON = () => "polluted";
const parse = JSON.parse;
JSON.parse = (...given) => Object.freeze({ wrapped: parse(...given) });
JSON.stringify = () => "polluted";
"""
LONG_TASKS = """window.longest = 0; new PerformanceObserver((list) => {
  for (const each of list.getEntries()) longest = Math.max(longest, each.duration);
}).observe({ type: "longtask", buffered: true })"""


def strict(scene: LiveStage, *more: str) -> str:
    wire = scene.url.replace("http", "ws")
    allowed = f"script-src {scene.url}; connect-src {scene.url} {wire}; img-src data: {scene.url}"
    return "; ".join(("default-src 'none'", allowed, *more))


def expect_all(page: Page) -> None:
    expect(pill(page)).to_contain_text(SAYS)
    expect(panel(page, 0)).to_contain_text("tap in the yard")
    expect(panel(page, 1)).to_contain_text("An inspector goes there tomorrow")
    expect(panel(page, 2)).to_contain_text("Alley light flickers")


def test_a_strict_policy_with_trusted_types_is_enough_for_every_variant(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, EVERY, policy=strict(scene, "require-trusted-types-for 'script'", "trusted-types 'none'"))
    page.goto(blog.url)
    expect_all(page)
    assert panel(page).evaluate("panel => getComputedStyle(panel).display") == "flex"
    scene.facts = {"assignee": {"name": "Ben Adeyemi", "face": {"initials": "BA", "hue": 9, "url": None}}}
    scene.say()
    expect(pill(page)).to_contain_text("Ben Adeyemi has this")
    assert "290" in pill(page).locator(".face").evaluate("face => getComputedStyle(face).backgroundColor")


def test_styles_that_unset_everything_reach_nothing_inside(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(
        blog,
        scene,
        f"<style>* {{ all: unset !important }} style, script, title {{ display: none !important }}</style>{EVERY}",
    )
    page.goto(blog.url)
    expect_all(page)
    sizes = page.eval_on_selector_all(
        "ticket-badge", "all => all.map(one => one.shadowRoot.firstChild.getBoundingClientRect().height)"
    )
    assert [round(size) for size in sizes] == [36, 294, 448, 448]
    assert pill(page).evaluate("pill => getComputedStyle(pill).borderTopStyle") == "solid"


def test_a_page_that_changed_its_prototypes_has_its_badges(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    page.add_init_script(POLLUTION)
    publish(blog, scene, EVERY)
    page.goto(blog.url)
    expect_all(page)
    expect(panel(page)).to_contain_text("Live")
    scene.facts = {"status": "waiting"}
    scene.say()
    expect(pill(page)).to_contain_text("awaits an answer")


def test_two_copies_are_one(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge() + link(), scripts=2)
    page.goto(blog.url)
    expect(pill(page)).to_contain_text(SAYS)
    expect(pill(page, 1)).to_contain_text(SAYS)
    page.wait_for_load_state("networkidle")
    watched(page, scene)
    assert scene.count("/e/good/badge.json") == 1
    assert scene.count("/socket.io/") == 1


@pytest.mark.parametrize(
    "how", ["<script>{}</script>", '<script type="module">{}</script>'], ids=["pasted", "a module"]
)
def test_where_the_script_cannot_know_whence_it_came_it_does_nothing_and_the_link_stays(
    page: Page, blog: ForeignSite, scene: LiveStage, how: str
) -> None:
    publish(blog, scene, badge() + link(), scripts=0)
    shown = blog.pages["/"]
    script = (stage.ROOT / "static/embed/badge.js").read_text()
    blog.pages["/"] = replace(shown, body=shown.body + how.format(script))
    page.goto(blog.url)
    expect(page.get_by_role("link", name="Our ticket")).to_have_count(2)
    assert page.evaluate("!customElements.get('ticket-badge')")


def test_nothing_is_kept_in_the_reader_s_browser(visitor: Visitor, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, EVERY)
    visitor.page.goto(blog.url)
    expect_all(visitor.page)
    assert visitor.context.cookies() == []
    assert visitor.context.storage_state()["origins"] == []


def test_a_hundred_badges_hold_nothing_up(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, "".join(f"<p>{badge(f'many{number}')}</p>" for number in range(50)) + f"<p>{badge()}</p>" * 50)
    page.add_init_script(SHIFTS)
    page.add_init_script(LONG_TASKS)
    page.goto(blog.url)
    page.wait_for_load_state("networkidle")
    for _ in range(8):
        page.mouse.wheel(0, 600)
        page.wait_for_function("document.readyState")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(pill(page, 99)).to_contain_text(SAYS)
    wait_until(lambda: page.evaluate("true") and scene.watched, what="a badge being watched")
    print(f"100 badges: longest task {page.evaluate('longest'):.0f} ms, layout shift {page.evaluate('shifted')}")
    asked = [path for path in scene.asked if path.endswith(".json")]
    assert len(asked) == len(set(asked)) <= 51
    assert scene.count("/socket.io/") == 1
    assert page.evaluate("shifted") == 0


def test_the_space_of_every_variant_is_kept_for_it(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    heights = {"card": 294, "timeline": 448, "wall": 448}
    room = "".join(f"[variant={name}] {{ display: block; min-height: {height}px }}" for name, height in heights.items())
    worn = "".join(f"<div>{badge('wall' if name == 'wall' else 'good', variant=name)}</div>" for name in heights)
    publish(blog, scene, f"<style>{room}</style>{worn}")
    page.add_init_script(SHIFTS)
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("tap in the yard")
    page.evaluate("scrollTo(0, 900)")
    expect(panel(page, 2)).to_contain_text("Alley light flickers")
    assert page.evaluate("shifted") == 0


def test_without_scripts_the_author_s_link_is_a_link(chromium: Browser, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge() + link())
    with visiting(chromium, java_script_enabled=False) as reader:
        reader.page.goto(blog.url)
        for number in range(2):
            expect(reader.page.get_by_role("link", name="Our ticket").nth(number)).to_have_attribute(
                "href", f"{scene.url}/t/{REF}"
            )


REL = "nofollow ugc noopener noreferrer"
WORDS: list[tuple[str, str]] = [
    ("<p>a <b>b</b> <strong>c</strong></p>", "<p>a b <strong>c</strong></p>"),
    ('<img src=x onerror=alert(1)><p onclick="x()">a</p>', "<p>a</p>"),
    ('<a href="javascript:alert(1)">a</a>', "<a>a</a>"),
    ('<a href="//evil.example">a</a>', "<a>a</a>"),
    ('<a href="https://a.example/?b=1&amp;c=2">a</a>', f'<a href="https://a.example/?b=1&amp;c=2" rel="{REL}">a</a>'),
    ("<script>alert(1)</script><style>a</style>", "alert(1)a"),
    ("&lt;img src=x&gt; &amp;amp; &#39;&#x27;&quot;", "&lt;img src=x&gt; &amp;amp; ''\""),
    ("<ul><li>a</li><li>b<br>c</li></ul>", "<ul><li>a</li><li>b<br>c</li></ul>"),
    ("</p></li><p>a", "<p>a</p>"),
]  # fmt: skip


def test_written_words_become_nodes_of_an_allow_list(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, "")
    page.goto(blog.url)
    show = """async ([from, said]) => { const { written } = await import(`${from}/embed/any/card.js`);
      return said.map((html) => { const box = document.createElement("div"); box.append(written(html));
        return box.innerHTML }) }"""
    shown: Any = page.evaluate(show, [scene.url, [html for html, _ in WORDS]])
    assert shown == [wanted for _, wanted in WORDS]


def test_what_a_name_or_subject_holds_is_text(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    said = {"at": "2026-01-01T00:00:00Z", "html": f"<p>{hostile}</p>"}
    face = {"initials": hostile, "hue": 1, "url": None}
    scene.facts = {"subject": hostile, "latest": said, "assignee": {"name": hostile, "face": face}}
    publish(blog, scene, EVERY)
    page.goto(blog.url)
    expect(panel(page)).to_contain_text(hostile)
    assert page.locator("ticket-badge img[src='x']").count() == 0
    assert json.dumps(hostile)[1:-1] in json.dumps(pill(page).inner_text())


def test_another_origin_s_link_brings_no_badge(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge().replace("{url}", "http://127.0.0.9") + badge())
    page.goto(blog.url)
    expect(pill(page)).to_contain_text(SAYS)
    assert page.locator("ticket-badge").first.evaluate("one => one.shadowRoot") is None
    assert not [path for path in scene.asked if re.search(r"^/e/(?!good)", path)]


@pytest.mark.parametrize("attribute", ["", 'embed=""', 'embed="../x"'])
def test_an_element_without_an_embed_is_left_alone(
    page: Page, blog: ForeignSite, scene: LiveStage, attribute: str
) -> None:
    publish(blog, scene, f"<ticket-badge {attribute}>As it was</ticket-badge>{badge()}")
    page.goto(blog.url)
    expect(pill(page)).to_contain_text(SAYS)
    assert page.locator("ticket-badge").first.evaluate("one => one.shadowRoot") is None
