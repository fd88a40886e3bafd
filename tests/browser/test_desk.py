"""Two agents on one ticket, words that outlive their browser, and readers who see that somebody writes."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_workspace import at_desk
from tests.browser.trips import SOON, Office, sign_in_as, watch
from tests.browser.visitor import Visitor

WORDS = "I stand in your stairwell at 8, with a ladder."
Visitors = Callable[..., Visitor]


@pytest.fixture
def ref(office: Office) -> str:
    return office.ticket(impact="I fell yesterday.", feeling="worried", subject="No light in the stairwell")


def write(page: Page, words: str = WORDS) -> None:
    page.locator("#update-text").press_sequentially(words)
    expect(page.locator("[data-draft]")).to_have_text("Draft kept.")


def test_two_agents_on_one_ticket_see_each_other(office: Office, ref: str, visitors: Visitors) -> None:
    colleague = next(one for one in ("rosa@example.org", "ben@example.org") if one != office.sign_in_address(ref))
    first, second = visitors(), visitors()
    ann = at_desk(first, office, ref)
    sign_in_as(second, office, colleague)
    second.page.goto(f"{office.url}/workspace/t/{ref}")
    expect(ann.locator("[data-present]")).to_contain_text("is looking at this too", timeout=2 * SOON)
    write(ann)
    expect(second.page.locator("[data-present]")).to_contain_text("is writing here", timeout=2 * SOON)
    second.leave()
    expect(ann.locator("[data-present]")).to_be_empty(timeout=20_000)


def test_a_draft_survives_a_killed_browser(office: Office, ref: str, visitors: Visitors) -> None:
    killed = visitors()
    page = at_desk(killed, office, ref)
    page.locator("[data-key='5']").check(force=True)
    write(page)
    killed.leave()
    fresh = at_desk(visitors(), office, ref)
    expect(fresh.locator("#update-text")).to_have_value(WORDS)
    expect(fresh.locator("[data-key='5']")).to_be_checked()


def test_the_newest_words_win_whichever_device_they_were_written_on(
    office: Office, ref: str, visitors: Visitors
) -> None:
    one, other = at_desk(visitors(), office, ref), at_desk(visitors(), office, ref)
    write(one, "First.")
    other.reload()
    other.locator("#update-text").press("End")
    write(other, " Second.")
    one.reload()
    expect(one.locator("#update-text")).to_have_value("First. Second.")


def test_words_are_kept_on_the_device_while_the_server_is_away(office: Office, ref: str, visitor: Visitor) -> None:
    visitor.forgive("ERR_FAILED|Failed to load")
    page = at_desk(visitor, office, ref)
    page.route("**/draft", lambda route: route.abort())
    page.locator("#update-text").press_sequentially(WORDS)
    expect(page.locator("[data-draft]")).to_have_text("Kept on this device: the server does not answer.")
    page.unroute("**/draft")
    page.reload()
    expect(page.locator("#update-text")).to_have_value(WORDS)
    expect(page.locator("[data-draft]")).to_have_text("Draft kept.")


def test_a_viewer_sees_that_somebody_writes_and_then_the_words(office: Office, ref: str, visitors: Visitors) -> None:
    reader = watch(visitors(), office, ref)
    page = at_desk(visitors(), office, ref)
    line = reader.locator(".is-writing")
    expect(line).to_be_empty()
    write(page)
    expect(line).to_contain_text("is writing")
    page.locator("#update-text").fill("")
    expect(line).to_be_empty()
    write(page)
    expect(line).to_contain_text("is writing")
    page.keyboard.press("Control+Enter")
    expect(reader.locator(".timeline")).to_contain_text(WORDS)
    expect(line).to_be_empty()


def test_a_customer_of_a_private_ticket_does_not_see_it(office: Office, visitors: Visitors) -> None:
    private = office.ticket(visibility="private")
    owner = visitors()
    owner.page.goto(f"{office.url}{office.key(private)}")
    owner.page.get_by_role("button", name="Open my ticket").click()
    expect(owner.page.locator(".live")).to_have_attribute("data-state", "live")
    page = at_desk(visitors(), office, private)
    write(page)
    seq = office.say(private, "update", text="Said meanwhile.")
    expect(owner.page.locator(f"#e{seq}")).to_be_visible()
    expect(owner.page.locator(".is-writing")).to_be_empty()


def test_a_preview_stays_on_the_page(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    page.locator("#update-text").fill("It is *mended*.")
    page.locator("#update-text").press("Alt+p")
    expect(page.locator("#preview em")).to_have_text("mended")
    expect(page.locator("#preview")).to_be_focused()
    assert page.url.endswith(f"/workspace/t/{ref}")
