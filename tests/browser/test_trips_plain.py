"""Without scripts, and without a mouse: the whole job can still be done."""

import re
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.trips import (
    Office,
    become_customer,
    change_visibility,
    expect_shown,
    fill_opening,
    open_ticket,
    press,
    ref_of,
    reply,
    send_opening,
    shown,
    sign_in,
)
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.servers.instance import Instance

MOST_TABS = 80
LONG = 215
"""As many updates, each with a promise kept, make three pages of the timeline."""


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element has the focus, as somebody without a mouse does; it must show that it has it."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none", f"{wanted} does not show that it has the focus"
            return
    raise AssertionError(f"no way to {wanted} by Tab")


def type_into(page: Page, name: str, text: str) -> None:
    tab_to(page, f"[name={name}]")
    page.keyboard.type(text)


def test_without_scripts_a_ticket_is_opened_read_answered_and_shown(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    cara, agent, reader = (visitors(java_script_enabled=False) for _ in range(3))
    ref = open_ticket(cara, office.url, subject="The fence leans", readers="Everyone, also search engines")
    cara.page.goto(f"{office.url}{office.link('confirm', ref)}")
    cara.page.get_by_role("button", name="Open my ticket").click()
    reply(cara.page, "It leans on my roses.", publish=True)
    expect(cara.page.locator(".entry--reply")).to_contain_text("It leans on my roses.")
    sign_in(agent, office, ref)
    agent.page.get_by_role("link", name=re.compile("The fence leans")).first.click()
    agent.page.locator("#update-text").fill("I bring a post and a hammer.")
    agent.page.locator("label", has=agent.page.locator("[data-key='3']")).click()
    agent.page.get_by_role("button", name="Say it").click()
    expect(agent.page.locator(".entry--update")).to_contain_text("a post and a hammer")
    reader.page.goto(office.url)
    press(reader.page.locator("#tickets").get_by_role("link", name="The fence leans"))
    assert shown(reader.page) == [seq for seq, _ in office.said(ref)]
    for words in ("It leans on my roses.", "a post and a hammer", "Next word from"):
        expect(reader.page.locator("main")).to_contain_text(words)
    expect(reader.page.locator(".live")).to_be_empty()
    change_visibility(cara.page, "Only you and the desk")
    expect(cara.page.get_by_text("private: only you and the desk see it")).to_be_visible()
    reader.forgive("404")
    answer = reader.page.reload()
    assert answer
    assert answer.status == 404


def test_without_scripts_lists_are_searched_and_narrowed(office: Office, visitors: Callable[..., Visitor]) -> None:
    office.ticket(desk="streets", subject="A zebra crossing fades")
    page = visitors(java_script_enabled=False).page
    page.goto(office.url)
    page.get_by_label("Search").fill("zebra")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".ticket__subject")).to_have_text(["A zebra crossing fades"])
    page.get_by_label("Desk").select_option("buildings")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".ticket__subject")).to_have_count(0)
    expect(page.locator(".empty")).to_be_visible()


def test_without_scripts_a_long_timeline_is_read_page_by_page(office: Office, visitors: Callable[..., Visitor]) -> None:
    ref = office.ticket(subject="The bridge sways")
    office.say_often(ref, LONG)
    page = visitors(java_script_enabled=False).page
    page.goto(f"{office.url}/t/{ref}")
    seqs = shown(page)
    while page.get_by_role("link", name="Later words").count():
        press(page.get_by_role("link", name="Later words"))
        seqs += shown(page)
    assert seqs == [seq for seq, _ in office.said(ref)]


def test_with_scripts_a_long_timeline_grows_to_its_end_by_itself(office: Office, visitor: Visitor) -> None:
    ref = office.ticket(subject="The tower leans")
    office.say_often(ref, LONG)
    visitor.page.goto(f"{office.url}/t/{ref}")
    wanted = [seq for seq, _ in office.said(ref)]
    expect_shown(visitor.page, wanted)


def test_by_keyboard_alone_a_ticket_is_opened_and_answered(
    nameplate: Instance, office: Office, visitors: Callable[..., Visitor]
) -> None:
    cara, agent = visitors(), visitors()
    page = cara.page
    page.goto(f"{nameplate.url}/")
    tab_to(page, "a[href='/new']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new")
    made = time.time()
    type_into(page, "subject", "The pump is loud")
    type_into(page, "text", "It wakes the house at five.")
    tab_to(page, "[name=feeling]")
    page.keyboard.press("ArrowDown")
    type_into(page, "email", "pump@home.example")
    type_into(page, "name", "Pia Pump")
    wait_until(lambda: time.time() > made + 2, within=30)
    page.keyboard.press("Enter")
    page.wait_for_url("**/opened")
    ref = ref_of(page)
    tab_to(page, f"a[href='/t/{ref}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/t/{ref}")
    type_into(page, "text", "Now it stopped, for a while.")
    tab_to(page, "#reply button")
    page.keyboard.press("Enter")
    expect(page.locator(".entry--reply")).to_contain_text("for a while")

    page = agent.page
    sign_in(agent, office, ref)
    tab_to(page, f"a[href='/workspace/t/{ref}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/workspace/t/{ref}")
    type_into(page, "text", "I come at five and listen with you.")
    page.keyboard.press("Alt+3")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".entry--update")).to_contain_text("I come at five")
    expect(cara.page.locator(".entry--update")).to_contain_text("I come at five")


def test_what_was_typed_survives_a_reload_and_is_forgotten_once_it_has_arrived(
    office: Office, visitor: Visitor
) -> None:
    ref = office.ticket(subject="The roof is loud")
    become_customer(visitor, office, ref)
    page = visitor.page
    words = page.locator("#reply").get_by_label("Your words")
    words.fill("Half a thought")
    expect(page.locator("#reply [data-kept]")).to_contain_text("Kept on this device")
    page.reload()
    expect(words).to_have_value("Half a thought")
    reply(page, "Half a thought, and the other half.")
    expect(page.locator(".entry--reply")).to_contain_text("the other half")
    expect(words).to_have_value("")
    page.reload()
    expect(words).to_have_value("")


def test_a_form_without_scripts_gives_back_what_was_typed(
    nameplate: Instance, visitors: Callable[..., Visitor]
) -> None:
    visitor = visitors(java_script_enabled=False)
    visitor.forgive("422")
    page = visitor.page
    page.goto(f"{nameplate.url}/new")
    made = time.time()
    fill_opening(page, subject="The gutter drips", email="gutter@home..example")
    page.locator("form.form").evaluate("form => (form.noValidate = true)")
    send_opening(page, made)
    expect(page.get_by_role("alert")).to_contain_text("could not write to this address")
    expect(page.locator("[name=subject]")).to_have_value("The gutter drips")
    expect(page.locator("[name=email]")).to_have_value("gutter@home..example")
