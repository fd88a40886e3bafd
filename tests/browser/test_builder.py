"""The builder in a browser: every look before it is kept, with and without script, near and far from a line."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests import make
from tests.browser.test_embeds import LIVE, looks, make_badge, ticket_of, unfold
from tests.browser.trips import SOON, Office, become_customer, sign_in_as
from tests.browser.visitor import Visitor
from tracker import desks, embeds, links

WATCHES_TOPS = """window.tops = {};
  const look = () => { for (const one of document.querySelectorAll("badge-builder .button")) {
    const top = Math.round(one.getBoundingClientRect().top + scrollY);
    const seen = (tops[one.textContent] ??= []);
    if (seen.at(-1) !== top) seen.push(top) }
    requestAnimationFrame(look) };
  requestAnimationFrame(look)"""


def test_the_builder_shows_a_look_before_it_is_kept_on_light_and_on_dark(office: Office, visitor: Visitor) -> None:
    ref = office.ticket(subject="The lift is stuck")
    office.say(ref, text="The technician is on the way.")
    become_customer(visitor, office, ref)
    eid = make_badge(visitor.page, office, ref)
    box = visitor.page.locator(f"#embed-{eid}")
    unfold(visitor.page, eid)
    expect(box.locator("[data-wall]")).to_be_hidden()
    box.get_by_label("Timeline").check()
    box.get_by_label("Colours", exact=True).select_option("dark")
    for place in (0, 1):
        frame = box.frame_locator("iframe").nth(place)
        expect(frame.locator("html")).to_have_class(re.compile("theme--dark"))
        expect(frame.get_by_text("The technician is on the way.")).to_be_visible()
        expect(box.locator("ticket-badge").nth(place)).to_have_attribute("variant", "timeline")
    assert looks(office, eid) == ("badge", "auto"), "nothing is kept yet"
    box.get_by_role("button", name="Keep this").click()
    visitor.page.wait_for_load_state()
    expect(box.get_by_role("heading", level=2)).to_contain_text("Timeline")
    assert looks(office, eid) == ("timeline", "dark")
    expect(box.locator("pre", has_text="<ticket-badge embed")).to_have_count(1)


@pytest.mark.parametrize("where", ["ticket", "desk"])
def test_no_button_moves_from_under_the_pointer_while_previews_come(
    office: Office, visitor: Visitor, where: str
) -> None:
    ref = office.ticket(subject="The lift is stuck", desk="streets")
    if where == "ticket":
        become_customer(visitor, office, ref)
        page, button, shown = f"/t/{ref}/embeds", "Make a badge", ".pill"
    else:
        for _ in range(8):
            office.ticket(subject="The lift is stuck between two floors, and nobody tells us why", desk="streets")
        with office.open():
            address = make.lead(desks.find("streets"), password="a wall for everyone").email
        sign_in_as(visitor, office, address, password="a wall for everyone")
        page, button, shown = "/workspace/desk/streets/embeds", "Put up a wall", ".panel"
    visitor.page.add_init_script(WATCHES_TOPS)
    visitor.page.goto(f"{office.url}{page}")
    form = visitor.page.locator("badge-builder").last
    for place in range(2):
        expect(form.locator("ticket-badge").nth(place).locator(shown)).to_be_visible()
        expect(visitor.page.frame_locator("iframe").nth(place).get_by_role("heading")).to_be_visible()
        expect(form.locator("iframe").nth(place)).not_to_have_attribute("height", re.compile("^(330|420)$"))
    if where == "desk":
        assert int(form.locator("iframe").first.get_attribute("height") or 0) > 420, "the wall is higher than its room"
    tops = visitor.page.evaluate("button => tops[button]", button)
    assert max(tops) - min(tops) < 2, tops


def test_a_choice_made_offline_is_said_kindly_and_shown_once_there_is_a_line_again(
    office: Office, visitor: Visitor
) -> None:
    visitor.forgive("ERR_INTERNET_DISCONNECTED|socket.io")
    ref = office.ticket(subject="The lift is stuck")
    become_customer(visitor, office, ref)
    visitor.page.goto(f"{office.url}/t/{ref}/embeds")
    form = visitor.page.locator("badge-builder").last
    expect(form.locator("ticket-badge .pill").first).to_contain_text(LIVE)
    before = form.locator("iframe").first.get_attribute("src")
    visitor.context.set_offline(True)
    form.get_by_role("radio", name="Card Face").check()
    expect(form.get_by_role("status")).to_contain_text("Nothing is lost")
    assert form.locator("iframe").first.get_attribute("src") == before
    visitor.assert_accessible(of="builder-offline")
    visitor.context.set_offline(False)
    expect(form.locator("ticket-badge .panel").first).to_contain_text("The lift is stuck")
    expect(form.get_by_role("status")).to_be_empty()


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_every_choice_shows_at_once_before_a_badge_is_made(office: Office, visitor: Visitor, visibility: str) -> None:
    ref = office.ticket(subject="The lift is stuck", visibility=visibility)
    office.say(ref, text="The technician is on the way.")
    become_customer(visitor, office, ref)
    visitor.page.goto(f"{office.url}/t/{ref}/embeds")
    form = visitor.page.locator("badge-builder").last
    worn = form.locator("ticket-badge")
    for place in range(2):
        expect(worn.nth(place).locator(".pill")).to_contain_text(LIVE)
    form.get_by_role("radio", name="Card Face").check()
    form.get_by_text("Size and language, and").click()
    form.get_by_label("Size of the live badge").select_option("large")
    form.get_by_label("Language of the live badge").select_option("de")
    form.get_by_label("Left half of the picture").fill("Mein Lift")
    form.get_by_label("Corners of the picture").select_option("flat-square")
    form.get_by_label("Colour of its right half").fill("#7a1fa2")
    for place, light in enumerate(("light", "dark")):
        panel = worn.nth(place).locator(".panel")
        expect(panel).to_contain_text("The technician is on the way.")
        expect(panel).to_contain_text("Folgen")
        expect(panel).to_have_css("font-size", "18px")
        expect(panel).to_have_css("color-scheme", light)
        asked = re.compile(f"theme={light}.*label=Mein\\+Lift&style=flat-square&color=%237a1fa2")
        expect(form.locator("img").nth(place)).to_have_attribute("src", asked)
        assert (
            form.locator("img").nth(place).evaluate("picture => picture.decode().then(() => picture.naturalWidth)")
            > 100
        )
        frame = form.frame_locator("iframe").nth(place)
        expect(frame.locator("html")).to_have_class(re.compile(f"theme--{light}"))
        expect(frame.get_by_text("The technician is on the way.")).to_be_visible()
    with office.open():
        assert not embeds.kept(ticket_of(ref)), "nothing is kept yet"
    visitor.assert_accessible(of=f"badge-tried-{visibility}")
    form.get_by_role("button", name="Make a badge").click()
    visitor.page.wait_for_url("**#embed-*")
    made = visitor.page.locator("badge-builder").first
    lines = made.locator(".snippets")
    for words in (
        'size="large" lang="de"',
        "min-height:378px",
        "badge.svg?label=Mein+Lift&amp;style=flat-square&amp;color=7a1fa2",
    ):
        expect(lines).to_contain_text(words)
    made.get_by_label("Left half of the picture").fill("Unser Lift")
    made.get_by_label("Language of the live badge").select_option("fr")
    expect(lines).to_contain_text("label=Unser+Lift")
    expect(lines).to_contain_text('lang="fr"')
    expect(made.locator("ticket-badge .panel").first).to_contain_text("Suivre")


def test_a_look_is_shown_before_it_is_kept_without_script_too(office: Office, visitors: Callable[..., Visitor]) -> None:
    cara = visitors(java_script_enabled=False)
    ref = office.ticket(subject="The lift is stuck", visibility="private")
    office.say(ref, text="The technician is on the way.")
    become_customer(cara, office, ref)
    cara.page.goto(f"{office.url}/t/{ref}/embeds")
    form = cara.page.locator("badge-builder").last
    form.get_by_role("radio", name="Timeline").check()
    form.get_by_label("Colours", exact=True).select_option("dark")
    form.get_by_label("Sites that may show it").fill("https://blog.example")
    form.get_by_role("button", name="Look at it first").click()
    for place in range(2):
        frame = form.frame_locator("iframe").nth(place)
        expect(frame.locator("html")).to_have_class(re.compile("theme--dark"))
        expect(frame.get_by_label("What was said last")).to_contain_text("The technician is on the way.")
    expect(form.get_by_role("radio", name="Timeline")).to_be_checked()
    expect(form.get_by_label("Sites that may show it")).to_have_value("https://blog.example")
    expect(form.get_by_text("readers see its link").first).to_be_visible()
    with office.open():
        assert not embeds.kept(ticket_of(ref)), "nothing is kept yet"


def test_a_wall_shows_itself_before_it_is_kept(office: Office, visitor: Visitor) -> None:
    many = {"email": f"{links.new_ref()}@walls.example"}
    first, _second = (office.ticket(subject=subject, **many) for subject in ("No light", "The door sticks"))
    eid = office.embed(first, variant="wall")
    become_customer(visitor, office, first)
    visitor.page.goto(f"{office.url}/t/{first}/embeds")
    form, kept = visitor.page.locator("badge-builder").last, visitor.page.locator("badge-builder").first
    expect(form.frame_locator("iframe").first.get_by_role("heading")).to_be_visible()  # its script has run by now
    expect(kept.locator("iframe").first).to_have_attribute("src", f"/e/{eid}?variant=wall&theme=light")
    kept.locator(".change summary").first.click()
    kept.get_by_label("Colours", exact=True).select_option("dark")
    tried = re.compile(r"/embeds/tried/frame\?theme=dark&variant=wall")
    expect(kept.locator("iframe").first).to_have_attribute("src", tried)
    frame = form.frame_locator("iframe").first
    expect(frame.get_by_role("heading")).to_have_text("No light")
    form.get_by_role("radio", name="Wall").check()
    form.get_by_label("The door sticks").check()
    form.get_by_label("What stands above the wall").fill("My house")
    form.get_by_label("Colours", exact=True).select_option("dark")
    for place in range(2):
        expect(form.locator("ticket-badge .panel").nth(place)).to_contain_text("My house")
        expect(form.locator("ticket-badge .panel").nth(place).locator("li")).to_have_count(2)
    form.locator("iframe").first.scroll_into_view_if_needed()  # lazy: out of sight it is not loaded again
    expect(frame.get_by_role("heading")).to_have_text("My house", timeout=SOON)
    expect(frame.get_by_role("listitem")).to_have_count(2)
    expect(frame.locator("html")).to_have_class(re.compile("theme--dark"))
    visitor.assert_accessible(of="wall-tried")
    form.get_by_role("radio", name="Card Face").check()
    form.locator("iframe").first.scroll_into_view_if_needed()
    expect(frame.get_by_role("heading")).to_have_text("No light")


def test_a_wall_is_put_together_and_kept_without_script(office: Office, visitors: Callable[..., Visitor]) -> None:
    cara = visitors(java_script_enabled=False)
    many = {"email": f"{links.new_ref()}@walls.example"}
    first, second = (office.ticket(subject=subject, **many) for subject in ("No light", "The door sticks"))
    become_customer(cara, office, first)
    cara.page.goto(f"{office.url}/t/{first}/embeds")
    form = cara.page.locator("badge-builder").last
    form.get_by_role("radio", name="Wall").check()
    form.get_by_label("The door sticks").check()
    form.get_by_role("button", name="Make a badge").click()
    cara.page.wait_for_url("**#embed-*")
    frame = cara.page.frame_locator("iframe").first
    expect(frame.get_by_role("listitem")).to_have_count(2)
    assert second in frame.locator("body").inner_html()


def test_a_lead_puts_up_a_wall_of_the_desk_s_public_tickets(office: Office, visitor: Visitor) -> None:
    with office.open():
        lead = make.lead(desks.find("buildings"), password="a wall for everyone")
        address = lead.email
    shown = office.ticket(subject="The hall clock is wrong")
    office.ticket(subject="Only for the desk", visibility="private")
    sign_in_as(visitor, office, address, password="a wall for everyone")
    visitor.page.goto(f"{office.url}/workspace/desk/buildings")
    visitor.page.get_by_role("link", name="A wall of its public tickets").click()
    visitor.page.get_by_label("What stands above the wall").fill("In this house")
    visitor.page.get_by_role("button", name="Put up a wall").click()
    visitor.page.wait_for_url("**#embed-*")
    frame = visitor.page.frame_locator("iframe").first
    expect(frame.get_by_role("heading")).to_have_text("In this house")
    expect(frame.locator(f"a[href='/t/{shown}']")).to_be_visible()
    expect(frame.get_by_text("Only for the desk")).to_have_count(0)
    visitor.assert_accessible(of="desk-walls")
