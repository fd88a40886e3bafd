"""Widgets: what they show, to whom, how long caches may keep it; grey, never broken, when there is nothing to show."""

import html
import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from time_machine import Traveller

from tests import make
from tests.attacks import payloads
from tests.houses import Visitor
from tracker import embeds, links, promises
from tracker.errors import Forbidden, Invalid, Unauthorized
from tracker.models import Embed, Ticket
from tracker.permissions import ANYONE
from tracker.settings import STATIC
from widgets import _found, _svg, badge_svg, live_badge

SVG = "{http://www.w3.org/2000/svg}"
GREY = {"status": "unknown"}


def contrast(colour: str) -> float:
    """Return the contrast of white text on a colour (WCAG 2.2)."""
    digits = colour.lstrip("#") * (2 if len(colour) == 4 else 1)
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def message(svg: str) -> str:
    title = ElementTree.fromstring(svg).find(f"{SVG}title")
    assert title is not None
    assert title.text
    return title.text


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_text_makes_well_formed_svg(label: str, said: str) -> None:
    shown = [badge_svg.one_line(text) for text in (label, said)]
    svg = ElementTree.fromstring(_svg.draw(*shown, colour="#0b5c96"))
    assert int(svg.attrib["width"]) >= 0
    assert [one.text or "" for one in svg.iter(f"{SVG}text") if "aria-hidden" not in one.attrib] == [
        text for text in shown if text
    ]


def test_the_same_words_make_the_same_bytes() -> None:
    first, second = (_svg.draw("ticket", "open 3 d", colour="#0b5c96") for _ in range(2))
    assert first == second


def test_wide_scripts_get_the_room_they_need() -> None:
    assert _svg.width("水が出ない") == 55
    assert _svg.width("e\u0301") == _svg.width("e")
    assert _svg.width("WWW") > _svg.width("iii")
    assert _svg.width("محمد") < _svg.width("田中田中")
    assert _svg.width("👨\u200d👩\u200d👧") == _svg.width("👨") == _svg.width("👍🏽") == _svg.width("🇩🇪")
    assert _svg.width("1\ufe0f\u20e3") == _svg.width("1")


def test_only_letters_of_other_fonts_are_stretched() -> None:
    assert "spacingAndGlyphs" not in _svg.draw("ticket", "open 3 d · Rosa", colour="#0b5c96")
    assert "spacingAndGlyphs" in _svg.draw("ticket", "open 3 d · محمد", colour="#0b5c96")


def test_every_naughty_string_makes_a_badge_that_parses(client: Visitor) -> None:
    for text in payloads.everything():
        shown = badge_svg.one_line(text)
        ElementTree.fromstring(_svg.draw(shown, shown, colour="#0b5c96", classes=("label", "open")))
    address = f"/e/{make.worn(make.ticket()).eid}/badge.svg"
    for text in payloads.sample(60):
        asked = dict.fromkeys(("label", "color", "labelColor", "theme", "style", "idSuffix", "cacheSeconds"), text)
        svg = ElementTree.fromstring(client.get(address, query_string=asked).text)
        assert {one.tag.removeprefix(SVG) for one in svg.iter()} <= {
            "svg",
            "title",
            "style",
            "clipPath",
            "rect",
            "g",
            "text",
        }


def test_every_white_text_of_ours_can_be_read() -> None:
    for colours in (_svg.LIGHT, _svg.DARK):
        for tone, colour in colours.items():
            assert contrast(colour) >= 4.5, tone


def test_a_badge_wears_the_theme_of_its_embed_or_the_one_asked_for(client: Visitor) -> None:
    auto, dark = make.worn(make.ticket()).eid, make.worn(make.ticket(), theme="dark").eid
    svg = client.get(f"/e/{auto}/badge.svg").text
    assert f"<style>{_svg.STYLE}</style>" in svg
    assert 'class="open"' in svg
    for address in (f"/e/{dark}/badge.svg", f"/e/{auto}/badge.svg?theme=dark"):
        svg = client.get(address).text
        assert "<style>" not in svg
        assert _svg.DARK["open"] in svg
        assert _svg.DARK["label"] in svg
    chosen = client.get(f"/e/{auto}/badge.svg?color=ff0&labelColor=000").text
    assert "<style>" not in chosen, "what was asked for stays on dark pages"


def test_the_policy_of_a_picture_allows_its_one_style_and_nothing_else(client: Visitor) -> None:
    policy = client.get(f"/e/{make.worn(make.ticket()).eid}/badge.svg").headers["Content-Security-Policy"]
    digest = b64encode(sha256(_svg.STYLE.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"


def test_badges_in_one_page_keep_their_ids_apart(client: Visitor) -> None:
    svg = client.get(f"/e/{make.worn(make.ticket()).eid}/badge.svg?idSuffix=-2").text
    assert 'id="r-2"' in svg
    assert "url(#r-2)" in svg


@pytest.mark.parametrize(
    ("paper", "ink"), [("#ffffff", "#333"), ("#0b5c96", "#fff"), ("#ff0", "#333"), ("#000", "#fff")]
)
def test_text_stands_out_from_its_background(paper: str, ink: str) -> None:
    texts = list(ElementTree.fromstring(_svg.draw("", "x", colour=paper)).iter(f"{SVG}text"))
    assert texts[-1].attrib["fill"] == ink


def test_a_badge_says_how_long_and_who(client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    embed = make.worn(ticket)
    travel.shift(timedelta(days=3, hours=4))
    address = f"/e/{embed.eid}/badge.svg"
    promises.record_missed()
    assert message(client.get(address).text) == f"ticket: open 3 d 4 h, word overdue · {ticket.assignee.name}"
    make.post(ticket, "update")
    assert message(client.get(address).text) == f"ticket: open 3 d 4 h · {ticket.assignee.name}"
    make.post(ticket, "waiting")
    assert message(client.get(address).text) == f"ticket: waiting for customer, 3 d 4 h · {ticket.assignee.name}"
    make.post(ticket, "resolved")
    travel.shift(timedelta(days=9))
    assert message(client.get(address).text) == f"ticket: solved in 3 d 4 h · {ticket.assignee.name}"


def test_the_facts_are_those_of_the_contract(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", text="The part is ordered.")
    answer = client.get(f"/e/{make.worn(ticket).eid}/badge.json")
    facts = answer.json
    assert facts is not None
    assert set(facts) == {
        *("epoch", "last", "url", "status", "subject", "assignee", "opened_at", "ended_at"),
        *("promise", "latest", "waiting_too", "variant", "theme"),
    }
    assert facts["assignee"]["name"] == ticket.assignee.name
    assert facts["latest"]["html"] == "<p>The part is ordered.</p>"
    assert facts["promise"]["state"] == "standing"
    assert facts["opened_at"].endswith("Z")
    assert answer.headers["Cache-Control"] == "public, max-age=2, stale-if-error=300"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_latest_words_keep_their_author_when_somebody_else_has_the_ticket(client: Visitor) -> None:
    ticket = make.ticket()
    rosa, eid = ticket.assignee.name, make.worn(ticket).eid
    make.post(ticket, "update", text="The part is ordered.")
    named = f"<b><bdi>{rosa}</bdi></b>"
    assert client.get(f"/e/{eid}").text.count(named) == 1, "at the top alone"
    make.post(ticket, "reassigned", make.lead(ticket.desk, on_duty=False), to=make.agent(ticket.desk))
    facts = client.get(f"/e/{eid}/badge.json").json
    assert facts is not None
    assert facts["latest"]["by"] == {"name": rosa} != {"name": facts["assignee"]["name"]}
    assert client.get(f"/e/{eid}").text.count(named) == 1, "beside the words alone"


def test_shields_gets_its_endpoint_form_and_no_other_key(client: Visitor) -> None:
    facts = client.get(f"/e/{make.worn(make.ticket()).eid}/shields.json").json
    assert facts is not None
    assert set(facts) == {"schemaVersion", "label", "message", "color", "isError", "cacheSeconds"}
    assert facts["schemaVersion"] == 1
    assert facts["message"]


def test_unknown_private_and_revoked_are_grey_alike(client: Visitor) -> None:
    private, taken = make.ticket(visibility="private"), make.ticket()
    revoked = make.worn(taken)
    embeds.revoke(revoked.eid, by=make.customer(taken))
    ids = [links.new_ref(), make.worn(private).eid, revoked.eid]
    for part in ("badge.json", "badge.svg"):
        answers = [client.get(f"/e/{eid}/{part}") for eid in ids]
        assert {one.status_code for one in answers} == {200}
        assert len({one.data for one in answers}) == 1
        assert len({one.headers["ETag"] for one in answers}) == 1
    assert client.get(f"/e/{ids[0]}/badge.json").json == GREY


def test_a_badge_turns_grey_when_the_customer_takes_publicity_back(client: Visitor) -> None:
    ticket = make.ticket()
    embed = make.worn(ticket)
    assert client.get(f"/e/{embed.eid}/badge.json").json != GREY
    make.post(ticket, "visibility_changed", visibility="private")
    assert client.get(f"/e/{embed.eid}/badge.json").json == GREY
    assert client.get(f"/t/{ticket.ref}/badge.json").json == GREY


def test_sites_bind_facts_by_origin(client: Visitor) -> None:
    eid = make.worn(make.ticket(), sites=["https://Blog.example"]).eid
    address = f"/e/{eid}/badge.json"
    assert client.get(address, headers={"Origin": "https://blog.example"}).json != GREY
    foreign = client.get(address, headers={"Origin": "https://other.example"})
    assert foreign.json == GREY
    assert foreign.headers["Access-Control-Allow-Origin"] == "*"
    assert "Origin" in foreign.headers["Vary"]
    assert client.get(address).json != GREY, "no Origin is a plain request"


def test_what_has_not_changed_is_not_sent_again(client: Visitor, travel: Traveller) -> None:
    eid = make.worn(make.ticket()).eid
    for part in ("badge.json", "badge.svg"):
        first = client.get(f"/e/{eid}/{part}")
        again = client.get(f"/e/{eid}/{part}", headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert not again.data
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_what_is_the_same_for_all_does_not_vary_by_cookie(client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    for part in ("badge.json", "badge.svg", "feed.atom"):
        assert "Cookie" not in client.get(f"/t/{ticket.ref}/{part}").headers["Vary"], part
    assert "Cookie" in client.get(f"/t/{ticket.ref}").headers["Vary"]


def test_cache_seconds_may_only_lengthen(client: Visitor) -> None:
    address = f"/e/{make.worn(make.ticket()).eid}/badge.svg"
    for asked, kept in (("1", 60), ("600", 600), ("99999999", 86_400), ("-5", 60), ("x", 60)):
        answer = client.get(f"{address}?cacheSeconds={asked}")
        assert answer.headers["Cache-Control"].startswith(f"public, max-age={kept},")


def test_colours_and_labels_can_be_chosen_and_nothing_else_slips_in(client: Visitor) -> None:
    address = f"/e/{make.worn(make.ticket()).eid}/badge.svg"
    svg = client.get(f'{address}?label=my+"water"&color=ff8800&labelColor=%22onload%3D').text
    assert message(svg).startswith('my "water": open')
    assert 'fill="#ff8800"' in svg
    assert "onload" not in svg


def test_the_script_is_kept_for_an_hour_and_for_a_year_under_its_version(client: Visitor) -> None:
    assert client.get("/embed.js").headers["Cache-Control"].startswith("public, max-age=3600")
    answer = client.get(f"/embed.js?v={live_badge._script()[1]}")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_the_parts_that_the_script_names_are_kept_for_good_and_by_older_scripts_found_for_a_while(
    client: Visitor,
) -> None:
    base = re.search(r"/embed/\w+/", client.get("/embed.js").text)
    assert base
    for name in ("ar", "card", "de", "es", "fr", "live"):
        named, older = client.get(f"{base[0]}{name}.js"), client.get(f"/embed/0a1b2c3d/{name}.js")
        assert named.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert older.headers["Cache-Control"].startswith("public, max-age=60,"), "it holds another version's part"
        assert named.data == older.data == (Path(STATIC) / f"embed/{name}.js").read_bytes()
        for answer in (named, older):
            assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("badge", "other", "..", "live.js"):
        assert client.get(f"{base[0]}{name}.js").status_code == 404


def test_every_widget_has_its_parts_and_names_the_embed() -> None:
    modules = _found.modules()
    assert {one.__name__ for one in modules} >= {"widgets.live_badge", "widgets.badge_svg"}


def test_every_snippet_names_the_embed(house: Flask) -> None:
    embed = make.worn(make.ticket())
    for one in _found.modules():
        assert embed.eid in one.snippet(embed), one.__name__
        assert one.ABOUT.endswith(".")
        assert one.NAME


def test_only_the_customer_makes_changes_and_revokes_badges(house: Flask) -> None:
    ticket = make.ticket()
    embed = make.worn(ticket)
    for stranger in (make.assignee(ticket), make.customer(make.ticket())):
        with pytest.raises(Forbidden):
            embeds.create(ticket, by=stranger)
        with pytest.raises(Forbidden):
            embeds.revoke(embed.eid, by=stranger)
    with pytest.raises(Unauthorized):
        embeds.change(embed.eid, by=ANYONE, theme="dark", sites=[])


@pytest.mark.parametrize("site", ["javascript:alert(1)", "ftp://x.example", "https://", "https://u:p@x.example", "*"])
def test_a_site_that_is_none_is_named(house: Flask, site: str) -> None:
    with pytest.raises(Invalid):
        make.worn(make.ticket(), sites=[site])


def test_a_site_is_kept_as_browsers_spell_it(client: Visitor) -> None:
    typed = ["https://Blog.example:443/post", "http://blog.example:80", "http://blog.example:8080", "www.blog.example"]
    embed = make.worn(make.ticket(), sites=typed)
    spelt = ["https://blog.example", "http://blog.example", "http://blog.example:8080", "https://www.blog.example"]
    assert embed.sites == spelt
    facts = client.get(f"/e/{embed.eid}/badge.json", headers={"Origin": "https://blog.example"}).json
    assert facts["status"] == "open"


def test_the_builder_writes_the_line_of_a_picture_that_looks_otherwise(client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    eid, other = make.worn(ticket).eid, make.worn(ticket).eid
    asked = {"picture": eid, "label": 'My "lift" & (I)', "style": "flat-square", "color": "#A1B2C3", "labelColor": "x"}
    shown = client.get(f"/t/{ticket.ref}/embeds", query_string=asked).text
    codes = [html.unescape(code) for code in re.findall(r"<code>(.*?)</code>", shown, re.DOTALL)]
    wanted = "label=My+%22lift%22+%26+%28I%29&style=flat-square&color=a1b2c3"
    assert f"(http://localhost/e/{eid}/badge.svg?{wanted})]" in " ".join(codes)
    assert f'<img src="http://localhost/e/{eid}/badge.svg?{html.escape(wanted)}"' in " ".join(codes)
    assert f"{other}/badge.svg?label" not in shown
    picture = client.get(f"/e/{eid}/badge.svg?{wanted}").text
    assert message(picture).startswith('My "lift" & (I): open')
    assert 'fill="#a1b2c3"' in picture
    assert re.search(r'aria-invalid="true" value="x"', shown), "a colour nobody can read is kept as it was typed"
    assert shown.count("Write it as #") == 1, "and said to be none"


def test_the_builder_says_what_cannot_be_limited_and_how_long_copies_live(client: Visitor) -> None:
    ticket = make.ticket()
    make.own(client, ticket)
    eid = make.worn(ticket).eid
    said = html.unescape(re.sub(r"<[^>]+>", "", client.get(f"/t/{ticket.ref}/embeds").text))
    for words in (
        "pictures can’t be limited: whoever has the address sees them",
        "keep frames and facts two seconds, five minutes when we don’t answer",
        "and pictures a minute",
        "Image caches that ignore us keep them as long as they please",
    ):
        assert words in said
    for address, lasts in (("", 2), ("/badge.json", 2), ("/badge.svg", 60)):
        kept = client.get(f"/e/{eid}{address}").headers["Cache-Control"]
        assert kept == f"public, max-age={lasts}, stale-if-error=300", "as it is said"


def built(client: Visitor, ticket: Ticket, **typed: str) -> tuple[Embed, str]:
    """Make a badge in the builder as the ticket's customer; return it with the builder's address."""
    make.own(client, ticket)
    page = f"/t/{ticket.ref}/embeds"
    assert client.post(page, data=typed).status_code == 303
    (embed,) = embeds.kept(ticket)
    return embed, page


def test_the_builder_makes_restricts_and_takes_back(client: Visitor) -> None:
    embed, page = built(client, make.ticket(), theme="dark", sites="blog.example")
    assert (embed.theme, embed.sites) == ("dark", ["https://blog.example"])
    shown = client.get(page).text
    assert embed.eid in shown
    assert "/embed.js" in shown
    wrong = client.post(f"{page}/{embed.eid}", data={"do": "change", "theme": "dark", "sites": "ftp://x"})
    assert wrong.status_code == 422
    assert "ftp://x" in wrong.text
    client.post(f"{page}/{embed.eid}", data={"do": "revoke"})
    assert client.get(f"/e/{embed.eid}/badge.json").json == GREY
    other = make.ticket()
    assert client.post(f"/t/{other.ref}/embeds/{embed.eid}", data={"do": "revoke"}).status_code in (401, 403, 404)
