"""The widgets' variants on foreign pages: what they say, in which language and light, by keyboard and by ear."""

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.browser import scenes
from tests.browser.embed_pages import badge, note_events, panel, pill, publish, told
from tests.browser.embed_stage import facts, iso
from tests.browser.live_stage import REF, LiveStage
from tests.browser.visitor import Visitor
from tests.servers.ground import ROOT
from tests.servers.site import ForeignSite

DOCUMENT = ROOT / "docs" / "widgets.md"
CHOSEN = {
    "--ticket-size": "21px",
    "--ticket-font": "serif",
    "--ticket-paper": "rgb(1, 2, 3)",
    "--ticket-ink": "rgb(250, 251, 252)",
    "--ticket-accent": "rgb(9, 8, 7)",
    "--ticket-radius": "5px",
}
WORN = {"badge": "good", "card": "good", "timeline": "good", "wall": "wall"}


def every(**attributes: str) -> str:
    return "".join(f"<p>{badge(embed, variant=variant, **attributes)}</p>" for variant, embed in WORN.items())


def test_a_card_names_the_person_the_subject_the_clock_the_promise_and_the_latest_words(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    scene.facts = {"waiting_too": 6}
    publish(blog, scene, badge(variant="card"))
    page.goto(blog.url)
    for words in ("Rosa Ortega", "● Open", "No running water on the third floor", "12 d 4 h", "next word by", "yard"):
        expect(panel(page)).to_contain_text(words)
    for name, place in (("Follow", "follow"), ("I’m waiting too · 6", "waiting-too"), ("Say thanks", "thanks")):
        expect(page.get_by_role("link", name=name)).to_have_attribute("href", f"{scene.url}/t/{REF}#{place}")
    assert page.locator("ticket-badge form, ticket-badge button, ticket-badge input").count() == 0


def test_a_timeline_has_the_newest_words_on_top_and_one_question_serves_all_of_its_ticket(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, badge(variant="timeline") + badge() + badge(variant="card"))
    page.goto(blog.url)
    expect(panel(page).locator("li").first).to_contain_text("promise_kept")
    expect(panel(page).locator("li").last).to_contain_text("no water since Friday evening")
    expect(pill(page)).to_contain_text("Rosa Ortega has this")
    assert [path for path in scene.asked if path.endswith(".json")] == ["/e/good/timeline.json"]


def test_a_wall_shows_its_tickets_and_follows_what_changes(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge("wall"))
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("City Buildings Desk")
    expect(panel(page).locator("li")).to_have_count(len(scenes.TICKETS))
    expect(panel(page)).to_contain_text("Live")
    expect(page.get_by_role("link", name="Read it all")).to_have_attribute("href", f"{scene.url}/desks/buildings")
    scene.wall = {"items": []}
    scene.sockets.emit("changed", {"ref": "wait", "embed": "wall"}, to="list")
    expect(panel(page)).to_contain_text("Nothing to show")


def test_what_the_customer_chose_in_the_builder_holds_where_the_page_says_nothing(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    scene.facts = {"variant": "card", "theme": "dark"}
    publish(blog, scene, badge() + badge(variant="badge", theme="light"))
    page.goto(blog.url)
    expect(panel(page)).to_have_css("color-scheme", "dark")
    expect(pill(page)).to_have_css("color-scheme", "light")


def test_a_page_s_own_styles_reach_the_properties_and_parts_that_the_documents_name(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    named = re.search(r"^\*\*Styles\.\*\* (.*?) Parts, for `[^`]*`: (.*)", DOCUMENT.read_text(), re.MULTILINE)
    assert named
    properties, parts = (re.findall(r"`([\w-]+)`", words) for words in named.groups())
    assert sorted(properties) == sorted(CHOSEN)
    chosen = ";".join(f"{name}:{value}" for name, value in CHOSEN.items())
    styles = f"ticket-badge{{{chosen}}} ticket-badge::part(subject){{letter-spacing:3px}}"
    publish(blog, scene, f"<style>{styles}</style>{every()}")
    page.goto(blog.url)
    for place, drawn in enumerate((pill(page), panel(page), panel(page, 1), panel(page, 2))):
        page.locator("ticket-badge").nth(place).scroll_into_view_if_needed()  # out of sight it may wait to be drawn
        expect(drawn).to_be_visible()
    expect(panel(page, 2)).to_contain_text("Alley light flickers")
    expect(panel(page, 2)).to_contain_text("Live")  # a part of its own, of what is in sight
    for shown in (pill(page), panel(page)):
        expect(shown).to_have_css("font-size", "21px")
        expect(shown).to_have_css("font-family", "serif")
        expect(shown).to_have_css("background-color", "rgb(1, 2, 3)")
        expect(shown).to_have_css("color", "rgb(250, 251, 252)")
        expect(shown).to_have_css("border-top-left-radius", "5px")
    expect(panel(page).locator(".link").first).to_have_css("color", "rgb(9, 8, 7)")
    expect(panel(page).locator(".subject")).to_have_css("letter-spacing", "3px")
    there = page.eval_on_selector_all(
        "ticket-badge",
        "all => all.flatMap(one => [...one.shadowRoot.querySelectorAll('[part]')].flatMap(one => [...one.part]))",
    )
    assert set(there) - set(parts) == set()
    assert set(parts) - set(there) <= {"picture", "late", "waiting", "solved", "declined", "unknown"}, (
        "as tickets stand"
    )


def test_changed_attributes_are_obeyed(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge())
    page.goto(blog.url)
    one = page.locator("ticket-badge")
    expect(pill(page)).to_contain_text("Rosa Ortega has this")
    one.evaluate("one => { one.lang = 'de'; one.setAttribute('size', 'large'); one.setAttribute('theme', 'dark') }")
    expect(pill(page)).to_contain_text("Rosa Ortega kümmert sich")
    expect(pill(page)).to_have_css("font-size", "18px")
    expect(pill(page)).to_have_css("color-scheme", "dark")
    one.evaluate("one => one.setAttribute('size', 'small')")
    expect(pill(page)).to_have_css("font-size", "12px")
    one.evaluate("one => one.setAttribute('variant', 'timeline')")
    expect(panel(page)).to_contain_text("Folgen")
    expect(panel(page).locator("li")).not_to_have_count(0)
    one.evaluate("one => { one.removeAttribute('variant'); one.setAttribute('embed', 'revoked') }")
    expect(pill(page)).to_have_text("Ticketstatus unbekannt")


@pytest.mark.parametrize(
    ("language", "words", "direction"),
    [
        ("en-US", "Rosa Ortega has this", "ltr"),
        ("de", "Rosa Ortega kümmert sich · offen seit 12 T 4 Std", "ltr"),
        ("fr-CA", "Rosa Ortega s’en occupe · ouvert depuis 12 j 4 h", "ltr"),
        ("es", "Rosa Ortega se ocupa · abierto hace 12 d 4 h", "ltr"),
        ("ar", "لدى Rosa Ortega · مفتوح منذ 12 ي 4 س", "rtl"),
        ("DE-AT", "Rosa Ortega kümmert sich", "ltr"),
        ("it", "Rosa Ortega has this", "ltr"),
    ],
)
def test_the_language_is_the_element_s_then_the_page_s_then_the_browser_s(
    page: Page, blog: ForeignSite, scene: LiveStage, language: str, words: str, direction: str
) -> None:
    publish(blog, scene, badge(lang=language))
    page.goto(blog.url)
    expect(pill(page)).to_contain_text(words)
    expect(pill(page)).to_have_css("direction", direction)
    fetched = [path.rpartition("/")[2] for path in scene.asked if re.search(r"/embed/\w+/[a-z]{2}\.js$", path)]
    table = language[:2].lower()
    assert fetched == ([f"{table}.js"] if table in ("de", "fr", "es", "ar") else [])


@pytest.mark.parametrize(
    ("language", "words"),
    [(None, "s’en occupe"), ("", "s’en occupe"), ("it", "s’en occupe"), ("de", "kümmert sich"), ("en-GB", "has this")],
)
def test_a_badge_speaks_the_page_s_language_or_the_browser_s_where_it_lacks_that(
    page: Page, blog: ForeignSite, scene: LiveStage, language: str | None, words: str
) -> None:
    publish(blog, scene, badge(), lang=language)
    page.add_init_script("Object.defineProperty(navigator, 'language', { get: () => 'fr-FR' })")
    page.goto(blog.url)
    expect(pill(page)).to_contain_text(words)


def test_a_timeline_in_german_says_all_of_it_in_german(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    scene.entries = [
        scene.entries[0] | {"seq": seq, "kind": kind, "sentence": "In English.", "body_html": "", "actor": actor}
        for seq, (kind, actor) in enumerate(
            [("promise_moved", scenes.BEN | {"role": "agent"}), ("erased", scenes.SYSTEM)]
        )
    ]
    publish(blog, scene, badge(variant="timeline"), lang="de")
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("Ben Adeyemi hat den Termin der nächsten Nachricht verschoben.")
    expect(panel(page)).to_contain_text("Das System hat frühere Worte gelöscht.")
    expect(panel(page)).not_to_contain_text("In English.")


@pytest.mark.parametrize(
    ("language", "mark"),
    [
        ("en", "standard text"),
        ("de", "Standardtext"),
        ("fr", "texte standard"),
        ("es", "texto estándar"),
        ("ar", "نص معتاد"),
    ],
)
def test_words_that_nearly_copy_earlier_ones_say_so(
    page: Page, blog: ForeignSite, scene: LiveStage, language: str, mark: str
) -> None:
    own, copied = scene.entries[0], scene.entries[0] | {"seq": 9, "standard": True}
    scene.entries = [own, copied]
    publish(blog, scene, badge(variant="card") + badge(variant="timeline"), lang=language)
    page.goto(blog.url)
    expect(panel(page, 1).locator("li").first).to_contain_text(mark)
    expect(panel(page, 1).locator("li").last).not_to_contain_text(mark)
    expect(panel(page).locator(".latest")).not_to_contain_text(mark)
    latest = facts(scene, "good")["latest"]
    scene.facts = {"latest": latest | {"standard": True}}
    scene.say()
    expect(panel(page).locator(".latest")).to_contain_text(f"{latest['by']['name']} · {mark}")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_badge_stays_within_its_room_however_narrow_and_still_begins_with_a_name(
    page: Page, blog: ForeignSite, scene: LiveStage, language: str
) -> None:
    publish(blog, scene, f'<div id="room">{badge(lang=language)}</div>')
    page.goto(blog.url)
    page.locator("#room").evaluate("room => (room.style.width = '150px')")
    expect(pill(page)).to_contain_text("Rosa Ortega")
    spills = """pill => { const [room, own] = ['#room', null].map(
      name => (name ? document.querySelector(name) : pill).getBoundingClientRect())
      const words = getComputedStyle(pill.querySelector('.words')).overflow
      return words === 'visible' || own.right > room.right + 1 || own.left < room.left - 1 }"""
    assert pill(page).evaluate(spills) is False
    assert pill(page).locator(".name").evaluate("name => name.clientWidth") >= 28


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("width", [150, 200, 260])
def test_a_card_in_a_narrow_room_keeps_every_link_and_breaks_no_word(
    page: Page, blog: ForeignSite, scene: LiveStage, language: str, width: int
) -> None:
    due = {"due_at": iso(scenes.STANDING["due_at"]), "state": "standing", "check_in": False}
    scene.facts = {"waiting_too": 6, "status": "open", "promise": due}
    publish(blog, scene, f'<div id="room">{badge(variant="card", lang=language)}</div>')
    page.goto(blog.url)
    page.locator("#room").evaluate("(room, width) => (room.style.width = `${width}px`)", width)
    expect(panel(page).locator(".links")).to_contain_text("6")
    ends = "of => of.getBoundingClientRect().bottom"
    assert panel(page).locator(".link").last.evaluate(ends) < panel(page).evaluate(ends)
    assert panel(page).locator(".state").evaluate("state => state.getClientRects().length") == 1


def test_a_card_in_a_narrow_room_cuts_the_latest_words_between_lines(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, f'<div style="width:260px">{badge(variant="card")}</div>')
    page.goto(blog.url)
    expect(panel(page).locator(".latest")).to_contain_text("riser")
    halved = """latest => {
      const [own, range] = [latest.getBoundingClientRect(), document.createRange()]
      range.selectNodeContents(latest)
      const seen = [...range.getClientRects()].filter(line => line.left < own.right && line.top < own.bottom)
      return [seen.length, seen.filter(line => line.bottom > own.bottom + 3).length] }"""
    seen, cut = panel(page).locator(".latest").evaluate(halved)
    assert seen >= 2
    assert cut == 0


def test_a_long_subject_ends_in_dots_within_a_card_that_reads_the_other_way(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    scene.facts = {"subject": "A very long Latin subject that takes more than two lines of a narrow card, and is cut"}
    publish(blog, scene, f'<div style="width:260px">{badge(variant="card", lang="ar")}</div>')
    page.goto(blog.url)
    subject = panel(page).locator(".subject")
    expect(subject).to_have_css("direction", "ltr")
    room = subject.bounding_box()
    assert room
    beyond = {"x": room["x"] + room["width"] + 1, "y": room["y"] + room["height"] / 2, "width": 9, "height": 18}
    shades = Image.open(BytesIO(page.screenshot(clip=beyond))).convert("L").getextrema()  # type: ignore[arg-type]
    assert shades != (255, 255), "no dots stand after the last letter"


def test_the_last_of_attributes_that_change_together_holds_however_slow_a_language_is(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    publish(blog, scene, badge())
    held: list[Route] = []
    page.route("**/embed/*/de.js", lambda route: held.append(route))
    page.goto(blog.url)
    expect(pill(page)).to_contain_text("Rosa Ortega has this")
    change = "(one, [lang, variant]) => { one.lang = lang; one.setAttribute('variant', variant) }"
    with page.expect_request("**/embed/*/de.js"):
        page.locator("ticket-badge").evaluate(change, ["de", "badge"])
    page.locator("ticket-badge").evaluate(change, ["en", "card"])
    expect(panel(page)).to_contain_text("Follow")
    held[0].continue_()
    page.evaluate("address => import(address).then(() => 0)", held[0].request.url)
    expect(panel(page)).to_contain_text("Follow")
    expect(pill(page)).to_have_count(0)


def test_elements_tell_when_they_have_loaded_and_changed(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    note_events(page)
    publish(blog, scene, badge(variant="card"))
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("Live")
    assert told(page) == ["load open"]
    scene.facts = {"status": "waiting"}
    scene.say()
    expect(panel(page)).to_contain_text("Waiting for an answer")
    assert told(page) == ["load open", "change waiting"]


def test_a_new_word_is_said_once_to_screen_readers(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge() + badge() + badge(variant="card"))
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("Live")
    assert page.locator("ticket-badge [role=status]").count() == 0
    words = "<p>The <em>plumber</em> comes &amp; mends it.</p>"
    scene.facts = {"latest": {"at": iso(scenes.NOW), "html": words, "by": {"name": "Ben Adeyemi"}}}
    scene.say()
    voice = page.locator("ticket-badge [role=status]")
    expect(voice).to_have_text("Ben Adeyemi: The plumber comes & mends it.", use_inner_text=False)
    expect(voice).to_have_count(1)
    expect(panel(page).locator(".latest")).to_have_text("Ben AdeyemiThe plumber comes & mends it.")


def test_the_keyboard_reaches_every_link_and_stays_where_it_is(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge() + badge(variant="timeline"))
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("Live")
    focused = "document.activeElement.shadowRoot?.activeElement?.part.value"
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focused))
    assert reached == ["pill", "subject", "list", "link", "link", "link"]
    scene.facts = {"status": "waiting"}
    scene.say()
    expect(panel(page)).to_contain_text("Waiting for an answer")
    assert page.evaluate(focused) == "link"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_variant_is_accessible_in_every_light_and_size(
    visitor: Visitor, blog: ForeignSite, scene: LiveStage, language: str
) -> None:
    scene.entries = scenes.timeline()[:5]
    publish(blog, scene, f"{every(lang=language)}<p>{badge('revoked', lang=language)}</p>", scheme="light dark")
    visitor.page.goto(blog.url)
    for place in range(3):
        panel(visitor.page, 0).scroll_into_view_if_needed()
        visitor.page.locator("ticket-badge").nth(place + 1).locator("xpath=..").scroll_into_view_if_needed()
        expect(panel(visitor.page, place)).to_be_visible()
    visitor.page.locator("#after").scroll_into_view_if_needed()
    expect(pill(visitor.page, 1)).to_be_visible()
    visitor.assert_accessible(of=f"embeds-{language}")
