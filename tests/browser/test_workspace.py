"""The workspace in a real browser: by keyboard alone, with words that survive, and whole in every light and size."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.trips import Office, expect_live, sign_in
from tests.browser.visitor import Visitor
from tests.html import parse_errors
from tests.servers.instance import Instance

WORDS = "I stand in your stairwell at 8."
"""Short enough to be nobody's script: longer words said in two of these tests would be standard text."""
FRESH = "The bulb is out on floor 2 as well."


@pytest.fixture
def ref(office: Office) -> str:
    """A ticket of a desk, with a first word said."""
    found = office.ticket(impact="I fell yesterday.", feeling="worried", subject="No light in the stairwell")
    office.say(found, text="I have it.")
    return found


def at_desk(visitor: Visitor, office: Office, ref: str) -> Page:
    """Sign in as who has the ticket, and open its desk."""
    sign_in(visitor, office, ref)
    visitor.page.goto(f"{office.url}/workspace/t/{ref}")
    return visitor.page


def tab_to(page: Page, place: str, *, most: int = 80) -> None:
    """Press Tab until the focus is there."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("place => document.activeElement?.matches(place) ?? false", place):
            return
    raise AssertionError(f"no Tab leads to {place}")


def test_from_signing_in_to_the_sent_update_by_keyboard_alone(office: Office, ref: str, visitor: Visitor) -> None:
    page = visitor.page
    address = office.sign_in_address(ref)
    page.goto(f"{office.url}/workspace/")
    page.wait_for_url("**/signin")
    tab_to(page, "#who")
    page.keyboard.type(address)
    page.keyboard.press("Tab")
    page.keyboard.type(f"{address.split('@')[0]} answers here")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workspace/")
    tab_to(page, f"[href='/workspace/t/{ref}']")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/workspace/t/{ref}")
    page.keyboard.press("3")
    expect(page.locator("[data-key='3']")).to_be_checked()
    tab_to(page, "#update-text")
    page.keyboard.type(WORDS)
    page.keyboard.press("Alt+2")
    expect(page.locator("[data-key='2']")).to_be_checked()
    expect(page.locator("#update-text")).to_have_value(WORDS)
    page.keyboard.press("Control+Enter")
    page.wait_for_url(f"**/workspace/t/{ref}#e*")
    expect(page.locator(".timeline")).to_contain_text(WORDS)
    assert office.said(ref)[-2][1] == "update"


def test_a_date_is_asked_for_when_it_is_chosen(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    date = page.get_by_label("When they hear from you")
    expect(date).to_be_hidden()
    page.locator("body").press("4")
    expect(date).to_be_focused()


def test_words_survive_a_reload_and_are_gone_once_sent(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    page.locator("#update-text").fill(WORDS)
    page.locator("#update-text").press("Alt+3")
    expect(page.locator("[data-draft]")).to_have_text("Draft kept.")
    page.reload()
    expect(page.locator("#update-text")).to_have_value(WORDS)
    expect(page.locator("[data-key='3']")).to_be_checked()
    page.get_by_role("button", name="Say it").click()
    page.wait_for_url("**#e*")
    expect(page.locator("#update-text")).to_have_value("")
    page.reload()
    expect(page.locator("#update-text")).to_have_value("")


def test_words_that_came_back_are_forgotten_once_they_arrived(office: Office, ref: str, visitor: Visitor) -> None:
    visitor.forgive("422")
    page = at_desk(visitor, office, ref)
    page.locator("#update-text").fill(WORDS)
    page.locator("[data-key='4']").check(force=True)
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#update-text")).to_have_value(WORDS)
    page.locator("[data-key='2']").check(force=True)
    page.get_by_role("button", name="Say it").click()
    page.wait_for_url("**#e*")
    page.reload()
    expect(page.locator("#update-text")).to_have_value("")


def test_what_comes_while_one_writes_is_named_beside_the_button(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    expect_live(page)
    page.locator("#update-text").fill(WORDS)
    seq = office.say(ref, "reply", text=FRESH)
    expect(page.locator(f"[data-news] a[href='#e{seq}']")).to_be_visible()
    expect(page.locator("#update-text")).to_have_value(WORDS)
    page.get_by_role("button", name="Say it").click()
    page.wait_for_url("**#e*")
    expect(page.locator(".timeline")).to_contain_text(WORDS)


def test_without_scripts_words_on_an_old_state_come_back_with_what_happened(
    office: Office, ref: str, visitors: Callable[..., Visitor]
) -> None:
    plain = visitors(java_script_enabled=False)
    plain.forgive("409")
    page = at_desk(plain, office, ref)
    page.locator("#update-text").fill(WORDS)
    office.say(ref, "reply", text=FRESH)
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_role("alert").first).to_contain_text(FRESH)
    expect(page.locator("#update-text")).to_have_value(WORDS)
    page.get_by_role("button", name="Say it").click()
    page.wait_for_url("**#e*")
    expect(page.locator(".timeline")).to_contain_text(WORDS)


def test_a_note_is_kept_apart_from_the_words_for_everyone(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    page.locator("#update-text").fill(WORDS)
    page.get_by_text("Note to staff").click()
    page.get_by_label("The note").fill("Rings are fine.")
    expect(page.locator("#act-note [data-kept]")).not_to_be_empty()
    page.get_by_role("button", name="Keep the note").click()
    page.wait_for_url("**#e*")
    expect(page.locator("#update-text")).to_have_value(WORDS)


def whole(visitor: Visitor, url: str, name: str) -> None:
    answer = visitor.page.goto(url)
    assert answer
    assert answer.ok, f"{url}: {answer.status}"
    assert not parse_errors(answer.text())
    visitor.page.eval_on_selector_all("details", "all => all.forEach(one => { one.name = ''; one.open = true; })")
    visitor.assert_accessible(of=name, fits=True)


@pytest.mark.timeout(300)
def test_the_workspace_is_whole_in_every_light_and_size(
    nameplate: Instance, office: Office, ref: str, visitor: Visitor
) -> None:
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft schweigt " + "a" * 40
    office.ticket(subject=long, name="Maximiliane Freifrau von Hohenstein-Wolfratshausen")
    office.ticket(subject="لا توجد مياه في الطابق الثالث", name="ليلى الخطيب")
    office.say(ref, "reply", text=FRESH)
    visitor.page.goto(f"{nameplate.url}/signin")
    visitor.page.locator("#who").fill("rosa@example.org")
    visitor.page.locator("#password").fill("rosa answers here")
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    visitor.page.wait_for_url("**/workspace/")
    pages = ("", f"t/{ref}", f"t/{ref}?amend=1", "desks/buildings", "board", f"board?give={ref}", "new", "profile")
    for path in (*pages, "desk/buildings"):
        name = path.partition("/")[0].partition("?")[0] or "queue"
        whole(visitor, f"{nameplate.url}/workspace/{path}", f"workspace-{name}")
