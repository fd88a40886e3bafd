"""The lines that the builder copies, pasted where people write: pages, isolated ones, Markdown, Hugo, WordPress."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from markdown_it import MarkdownIt
from PIL import Image
from playwright.sync_api import Page, expect

from tests import make
from tests.browser.test_embeds import make_badge, ticket_of
from tests.browser.trips import SOON, Office, become_customer, pill, wear
from tests.browser.visitor import Visitor
from tests.servers.ground import ROOT, program, there
from tests.servers.site import ForeignSite
from tests.servers.site import Page as SitePage
from tracker import profiles

SAYS = "has this · open"
LINES = ("Script", "Image", "Markdown", "Iframe", "oEmbed")
HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Blog</title><link rel="icon" href="data:,">'
RECIPES = (ROOT / "docs/widgets.md").read_text()
WORDPRESS = Path("/usr/share/wordpress/wp-includes")
PARTS = ("compat", "load", "plugin", "l10n", "formatting", "kses", "functions", "class-wp-oembed", "embed")
FILTER = f"""
define('ABSPATH', '{WORDPRESS.parent}/'); define('WPINC', 'wp-includes');
foreach (explode(' ', '{" ".join(PARTS)}') as $part) require_once ABSPATH . WPINC . "/$part.php";
function home_url($path = '') {{ return 'https://blog.example' . $path; }}
function wp_generate_password() {{ return 'secretsecret'; }}
$told = json_decode(stream_get_contents(STDIN));
echo wp_filter_oembed_result($told->html, $told, $argv[1]);
"""
"""WordPress's own filter of what an address becomes, without its database: it asks nothing of that."""


def copied(page: Page, eid: str, name: str) -> str:
    """Press the button beside a line of the builder and return what it copied."""
    line = page.locator(f"#embed-{eid} .snippets > div", has=page.get_by_role("heading", name=re.compile(f"^{name}")))
    line.get_by_role("button").click()
    expect(line.get_by_role("button")).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_every_line_that_the_builder_copies_works_where_it_is_pasted(
    office: Office, visitors: Callable[..., Visitor], page: Page, blog: ForeignSite
) -> None:
    cara = visitors(permissions=["clipboard-read", "clipboard-write"])
    ref = office.ticket(subject="The clock tower is late")
    become_customer(cara, office, ref)
    eid = make_badge(cara.page, office, ref)
    lines = {name: copied(cara.page, eid, name) for name in LINES}
    readme = MarkdownIt().render(f"# A project\n\n{lines['Markdown']}\n")
    with urllib.request.urlopen(f"{office.url}/oembed?url={urllib.parse.quote(lines['oEmbed'])}", timeout=30) as answer:
        pasted = json.load(answer)["html"]
    blog.pages["/"] = SitePage(f"{HEAD}{lines['Script']}{lines['Image']}{readme}{lines['Iframe']}{pasted}")
    page.goto(blog.url)
    expect(page.locator(".ticket-badge .pill")).to_contain_text(SAYS)
    for place in range(2):
        picture = page.get_by_role("link", name="Who has my ticket").nth(place)
        expect(picture).to_have_attribute("href", f"{office.url}/t/{ref}")
        wide = picture.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)")
        assert wide > 100
        expect(page.frame_locator("iframe").nth(place).get_by_text("The clock tower is late")).to_be_visible()


def test_hugo_shows_the_picture_and_the_live_badge_by_the_recipe(
    office: Office, page: Page, blog: ForeignSite, tmp_path: Path
) -> None:
    hugo = program("hugo", package="hugo")
    ref = office.ticket(subject="The bell is silent")
    eid = office.embed(ref)
    recipe = re.search(r"ticket\.html`:\n```html\n(.*?)```", RECIPES, re.DOTALL)
    assert recipe
    picture = f"[![Who has my ticket]({office.url}/e/{eid}/badge.svg)]({office.url}/t/{ref})"
    shortcode = f'{{{{< ticket embed="{eid}" page="/t/{ref}" >}}}}'
    for name, text in {
        "config.toml": f'baseURL = "{blog.url}"\n[params]\ntickets = "{office.url}"\n',
        "layouts/shortcodes/ticket.html": recipe[1],
        "layouts/index.html": f"{HEAD}{{{{ .Content }}}}",
        "content/_index.md": f"{picture}\n\n{shortcode}\n\nTwice: {shortcode}\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run([hugo, "--quiet", "--source", tmp_path], check=True, timeout=60)
    made = (tmp_path / "public/index.html").read_text()
    assert made.count("/embed.js") == 1
    blog.pages["/"] = SitePage(made)
    page.goto(blog.url)
    assert page.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") > 100
    for place in range(2):
        expect(page.locator("ticket-badge .pill").nth(place)).to_contain_text(SAYS)


def test_wordpress_turns_the_address_into_a_frame_that_grows_and_stays_true(
    office: Office, page: Page, blog: ForeignSite
) -> None:
    php = program("php", package="php-cli")
    script = there(WORDPRESS / "js/wp-embed.js", package="wordpress")
    ref = office.ticket(subject="The pond is green")
    address = f"{office.url}/e/{office.embed(ref)}"
    asked = urllib.request.Request(
        f"{office.url}/oembed?url={urllib.parse.quote(address)}",
        headers={"User-Agent": "WordPress/6.1; https://blog.example"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:
        told = answer.read()
    kept = subprocess.run([php, "-r", FILTER, address], input=told, capture_output=True, check=True, timeout=60).stdout
    blog.pages["/"] = SitePage(f"{HEAD}{kept.decode()}<script>{script.read_text()}</script>")
    page.goto(blog.url)
    frame = page.frame_locator("iframe")
    expect(page.locator("iframe")).to_have_attribute("sandbox", "allow-scripts")
    expect(page.locator("iframe")).to_be_in_viewport(ratio=0.9)
    expect(page.locator("blockquote")).to_be_hidden()
    expect(frame.get_by_role("heading")).to_have_text("The pond is green")
    office.say(ref, text="The pump runs again.")
    expect(frame.get_by_text("The pump runs again.")).to_be_visible(timeout=SOON)


def test_a_page_that_isolates_itself_has_its_badge_with_a_face_and_its_picture_and_nothing_to_complain_of(
    office: Office, page: Page, blog: ForeignSite
) -> None:
    ref = office.ticket(subject="The vault is locked", desk="streets")
    eid, face = office.embed(ref), BytesIO()
    Image.new("RGB", (256, 256), "#ff0000").save(face, "PNG")
    with office.open():
        has_it = ticket_of(ref).assignee
        profiles.set_face(has_it, face.getvalue(), "image/png", by=make.viewer(has_it))
    wear(blog, office, ref, eid)
    worn = blog.pages["/"].body + f'<img class="after" src="{office.url}/e/{eid}/badge.svg" alt="">'
    isolated = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin"}
    blog.pages["/"] = SitePage(worn, headers=isolated)
    with page.expect_request_finished(lambda asked: asked.url.endswith("/seen")):
        page.goto(blog.url)
    expect(pill(page)).to_contain_text(SAYS)
    for picture, wide in ((pill(page).locator("img"), 1), (page.locator("img.after"), 100)):
        assert picture.evaluate("one => one.decode().then(() => one.naturalWidth)") > wide
