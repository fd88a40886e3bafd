"""Every page of the stage: valid HTML, nothing for axe to find, nothing wider than the phone, nothing inline."""

from collections.abc import Callable

import html5lib
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser import stage
from tests.browser.live_stage import LiveStage
from tests.browser.visitor import Visitor, told

PATHS = [path for path, _, _ in stage.pages()]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_valid_html(path: str) -> None:
    with stage.make_app().test_client() as client:
        html5lib.HTMLParser(strict=True).parse(client.get(path).text)


def test_the_parser_would_notice_a_slip() -> None:
    with pytest.raises(html5lib.html5parser.ParseError):
        html5lib.HTMLParser(strict=True).parse("<!doctype html><title>x</title><p><div></p>")


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_accessible_and_fits_in_every_light_and_size(visitor: Visitor, scene: LiveStage, path: str) -> None:
    visitor.forgive("socket.io")
    visitor.page.goto(scene.url + path)
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.evaluate("for (const one of document.querySelectorAll('#figures details')) one.open = true")
    visitor.assert_accessible(of=f"look-{path.strip('/').replace('/', '-') or 'home'}", fits=True)


@pytest.mark.parametrize("path", ["/", "/new", "/scene/8f3k2m9q4t7w"])
def test_a_page_reads_from_right_to_left(visitor: Visitor, scene: LiveStage, path: str) -> None:
    visitor.page.goto(scene.url + path)
    visitor.page.evaluate("document.documentElement.dir = 'rtl'")
    for look, page in visitor.looks(f"rtl-{path.strip('/').replace('/', '-') or 'home'}"):
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, look


def test_from_right_to_left_the_face_stands_at_the_right(visitor: Visitor, scene: LiveStage) -> None:
    visitor.page.goto(f"{scene.url}/scene/8f3k2m9q4t7w")
    visitor.page.evaluate("document.documentElement.dir = 'rtl'")
    face, who = (visitor.page.locator(place).bounding_box() for place in ("#head .face", "#head .who__name"))
    assert face
    assert who
    assert face["x"] > who["x"]


def test_a_page_says_everything_without_scripts(visitors: Callable[..., Visitor], scene: LiveStage) -> None:
    visitor = visitors(java_script_enabled=False)
    visitor.page.goto(f"{scene.url}/scene/8f3k2m9q4t7w")
    text = visitor.page.locator("main").inner_text()
    assert "Rosa Ortega promised the next word by" in text
    assert "12 days 4 h" in text
    assert "11 days ago" in text


def test_the_keyboard_reaches_the_content_first(visitor: Visitor, scene: LiveStage) -> None:
    visitor.page.goto(f"{scene.url}/new")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")
    expect(visitor.page.locator("#desk")).to_be_focused()


def test_on_paper_the_words_stay_and_the_buttons_go(visitor: Visitor, scene: LiveStage) -> None:
    visitor.page.goto(f"{scene.url}/scene/8f3k2m9q4t7w")
    visitor.page.emulate_media(media="print")
    expect(visitor.page.locator("#e2")).to_be_visible()
    expect(visitor.page.locator(".side")).to_be_hidden()
    expect(visitor.page.locator(".bar nav")).to_be_hidden()
    expect(visitor.page.locator("#thanks")).to_be_hidden()
    visitor.screenshot("print")


def test_every_accent_and_face_has_contrast_in_light_and_dark(visitor: Visitor, scene: LiveStage) -> None:
    visitor.page.goto(f"{scene.url}/desk")
    paint = """hue => {
      document.body.className = `accent--h${hue}`;
      for (const face of document.querySelectorAll('span.face')) {
        face.className = `face face--h${hue}`;
        face.removeAttribute('aria-hidden');
      }
    }"""
    wrong = []
    for hue in range(12):
        visitor.page.evaluate(paint, hue)
        for light in ("light", "dark"):
            visitor.page.emulate_media(color_scheme=light)  # type: ignore[arg-type]
            found = Axe().run(visitor.page, options={"runOnly": ["color-contrast"]}).response["violations"]
            wrong += [f"hue {hue}, {light}: {told(each)}" for each in found]
    assert not wrong, "\n".join(wrong)
