"""Badges as pictures, as Chromium draws them: dark where the page is dark, with room for what they say."""

from io import BytesIO

import pytest
from PIL import Image, ImageColor
from playwright.sync_api import Page

from tests.browser.trips import Office
from tests.servers.site import ForeignSite
from tests.servers.site import Page as SitePage
from widgets import _svg

HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
HEAD += '<title>Blog</title><link rel="icon" href="data:,"><style>body { margin: 0 } img { display: block }</style>'
HALVES = {"label": 20, "open": 60}
"""A place in each half, near its upper edge, where no letter is."""
FILLS = """() => [...document.querySelectorAll("svg text:not([aria-hidden])")].map((one) => {
  const room = one.textLength.baseVal.value; one.removeAttribute("textLength");
  return one.getComputedTextLength() / room })"""

HAS_ITS_FONT = """() => { const pen = document.createElement("canvas").getContext("2d");
  const wide = (fonts) => { pen.font = `11px ${fonts}`; return pen.measureText("iiWW").width };
  return wide('Verdana, "DejaVu Sans", monospace') !== wide("monospace") }"""


@pytest.mark.parametrize("light", ["light", "dark"])
def test_a_picture_is_dark_where_its_page_is_unless_it_was_asked_to_be_otherwise(
    page: Page, office: Office, blog: ForeignSite, light: str
) -> None:
    address = f"{office.url}/e/{office.embed(office.ticket())}/badge.svg"
    asked = {"": light, "?theme=light": "light", "?theme=dark": "dark"}
    blog.pages["/"] = SitePage(HEAD + "".join(f'<img src="{address}{query}" alt="">' for query in asked))
    page.emulate_media(color_scheme=light)  # type: ignore[arg-type]
    page.goto(blog.url)
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    for row, theme in enumerate(asked.values()):
        for tone, left in HALVES.items():
            wanted = ImageColor.getrgb(_svg.DARK[tone] if theme == "dark" else _svg.LIGHT[tone])
            assert shot.getpixel((left, 2 + row * _svg.HEIGHT)) == wanted, (row, tone)


@pytest.mark.parametrize(
    "said",
    [
        *("ticket", "open 3 d 4 h · Rosa Ortega", "waiting for customer, 3 d 4 h · WWWilliam MMoss"),
        *("solved in 3 d 4 h · Łukasz Żółć", "Zoë Ñandú", "Ελένη Παπαδοπούλου", "Иван Петров", "iiiiiillll"),
        *("محمد بن عبد الله", "مقعد مكسور في الحديقة"),
    ],
)
def test_the_room_for_words_is_what_a_browser_needs_for_them(page: Page, said: str) -> None:
    page.set_content(_svg.draw("", said, colour="#0b5c96"))
    if not page.evaluate(HAS_ITS_FONT):
        pytest.skip("neither Verdana nor DejaVu Sans is here: apt-get install fonts-dejavu-core")
    (filled,) = page.evaluate(FILLS)
    assert 0.85 <= filled <= 1.12, "neither squeezed nor torn apart"
