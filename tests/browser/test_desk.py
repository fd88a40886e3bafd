"""Two agents on one ticket, words that outlive their browser, and readers who see that somebody writes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import APIResponse, Page, Response, Route, expect

from tests import make
from tests.browser.test_workspace import at_desk
from tests.browser.trips import Office, expect_live, open_ticket, open_watching, sign_in_as, watch
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tracker import desks

BEAT_MS = 7_000
WORDS = "I stand in your stairwell at 8, with a ladder."
TELL_STATUS = """const line = document.querySelector('[data-draft]');
  new MutationObserver(() => console.log(line.textContent)).observe(line, { childList: true });"""
Visitors = Callable[..., Visitor]


@pytest.fixture
def ref(office: Office) -> str:
    return office.ticket(impact="I fell yesterday.", feeling="worried", subject="No light in the stairwell")


def write(page: Page, words: str = WORDS) -> None:
    """Type words and wait until the server has all of them, not only those before a pause in the typing."""

    def has_them_all(answer: Response) -> bool:
        sent = parse_qs(answer.request.post_data or "").get("text", [""])
        return answer.url.endswith("/draft") and answer.ok and sent[0].endswith(words)

    with page.expect_response(has_them_all):
        page.locator("#update-text").press_sequentially(words)
    expect(page.locator("[data-draft]")).to_have_text("Draft kept.")


def present(page: Page, words: str) -> None:
    """Let the page's own clock run, which beats every seven seconds, until it tells who is there."""
    line = page.locator("[data-present]")
    wait_until(lambda: page.clock.run_for(BEAT_MS) or (line.text_content() or "").strip().endswith(words), what=words)


def test_two_agents_on_one_ticket_see_each_other(office: Office, ref: str, visitors: Visitors) -> None:
    colleague = next(one for one in ("rosa@example.org", "ben@example.org") if one != office.sign_in_address(ref))
    first, second = visitors(), visitors()
    for one in (first, second):
        one.page.clock.install()
    ann = at_desk(first, office, ref)
    sign_in_as(second, office, colleague)
    second.page.goto(f"{office.url}/workspace/t/{ref}")
    present(ann, "is looking at this too.")
    write(ann)
    present(second.page, "is writing here.")
    second.assert_accessible(of="workspace-present")
    second.leave()
    line = ann.locator("[data-present]")

    def is_alone() -> bool:
        office.let_presence_run_out(ref)  # again: a sign of who left may still have been on its way
        ann.clock.run_for(BEAT_MS)
        return not line.text_content()

    wait_until(is_alone, what="nobody else is here")


def test_nothing_that_comes_by_itself_moves_the_button_from_under_a_finger(
    office: Office, ref: str, visitors: Visitors
) -> None:
    colleague = next(one for one in ("rosa@example.org", "ben@example.org") if one != office.sign_in_address(ref))
    first, second = visitors(), visitors()
    first.page.clock.install()
    page = at_desk(first, office, ref)
    expect_live(page)
    button = page.locator("[data-send]")
    before = button.bounding_box()
    seq = office.say(ref, "reply", text="And the door is locked.")
    expect(page.locator(f"[data-news] a[href='#e{seq}']")).to_be_visible()
    assert button.bounding_box() == before, "news"
    sign_in_as(second, office, colleague)
    second.page.goto(f"{office.url}/workspace/t/{ref}")
    present(page, "is looking at this too.")
    assert button.bounding_box() == before, "a colleague"


def test_two_who_write_notes_see_each_other(office: Office, ref: str, visitors: Visitors) -> None:
    colleague = next(one for one in ("rosa@example.org", "ben@example.org") if one != office.sign_in_address(ref))
    first, second = visitors(), visitors()
    for one in (first, second):
        one.page.clock.install()
    at_desk(first, office, ref)
    sign_in_as(second, office, colleague)
    second.page.goto(f"{office.url}/workspace/t/{ref}")
    for one, other in ((first, second), (second, first)):
        one.page.locator("#act-note summary").click()
        one.page.locator("#act-note textarea").press_sequentially("Mind the dog.")
        present(other.page, "is writing here.")


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


def test_words_that_the_server_gets_while_the_next_page_is_on_its_way_are_on_that_page(
    office: Office, ref: str, visitor: Visitor
) -> None:
    visitor.forgive("LOCAL_NETWORK_ACCESS")  # to the browser, a page that a test hands over comes from elsewhere
    page, drafts_held, pages = at_desk(visitor, office, ref), list[Route](), list[tuple[Route, APIResponse]]()

    def make_early(route: Route) -> None:
        if route.request.resource_type == "document":
            pages.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/draft", lambda route: drafts_held.append(route))
    page.route(f"**/workspace/t/{ref}", make_early)
    page.locator("#update-text").fill(WORDS)
    wait_until(lambda: page.evaluate("true") and drafts_held, what="the words leave")
    page.evaluate(TELL_STATUS)
    page.evaluate("location.reload()")
    # A page that is being left answers no questions; letting time pass lets the browser's events in.
    wait_until(lambda: page.wait_for_timeout(20) or pages, what="the next page is made")
    with page.expect_console_message(lambda message: message.text == "Draft kept."):
        drafts_held[0].continue_()
    page.unroute("**/draft")
    with page.expect_navigation():
        pages[0][0].fulfill(response=pages[0][1])
    expect(page.locator("#update-text")).to_have_value(WORDS)
    expect(page.locator("[data-draft]")).to_have_text("Draft kept.")


def test_a_viewer_sees_that_somebody_writes_and_then_the_words(office: Office, ref: str, visitors: Visitors) -> None:
    readers = visitors()
    reader = watch(readers, office, ref)
    page = at_desk(visitors(), office, ref)
    line = reader.locator(".is-writing")
    expect(line).to_be_empty()
    write(page)
    expect(line).to_contain_text("is writing")
    readers.assert_accessible(of="ticket-writing")
    page.locator("#update-text").press("End")
    page.keyboard.type(" And more.")
    expect(line).to_contain_text("is writing")
    page.locator("#update-text").fill("")
    expect(line).to_be_empty()
    write(page)
    expect(line).to_contain_text("is writing")
    with page.expect_navigation():
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
    visitor.assert_accessible(of="workspace-preview")
    assert page.url.endswith(f"/workspace/t/{ref}")


def test_a_preview_that_comes_late_takes_no_words_from_who_went_on_writing(
    office: Office, ref: str, visitor: Visitor
) -> None:
    page, held = at_desk(visitor, office, ref), list[Route]()
    page.route("**/preview", lambda route: held.append(route))
    page.locator("#update-text").fill("It is *mended*.")
    page.locator("#update-text").press("Alt+p")
    wait_until(lambda: page.evaluate("true") and held, what="the preview is asked for")
    page.keyboard.type(" And")
    held[0].continue_()
    expect(page.locator("#preview em")).to_have_text("mended")
    page.keyboard.type(" under warranty.")
    expect(page.locator("#update-text")).to_have_value("It is *mended*. And under warranty.")


def test_words_are_said_from_wherever_the_focus_is_in_their_form(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    for number, place in enumerate(("#preview", "[data-key='2']")):
        page.locator("#update-text").fill(f"Mended, the {number}.")
        page.locator("#update-text").press("Alt+p")
        expect(page.locator("#preview")).to_be_focused()
        with page.expect_navigation():  # its timeline may have the words before the page has gone
            page.locator(place).press("Control+Enter")
        expect(page.locator(".timeline")).to_contain_text(f"Mended, the {number}.")


def test_every_key_is_named_in_the_help_and_does_what_it_says(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    page.keyboard.press("?")
    help_box = page.get_by_role("dialog", name="Keys of the workspace")
    expect(help_box).to_be_visible()
    visitor.assert_accessible(of="workspace-keys")
    page.keyboard.press("Escape")
    expect(help_box).to_be_hidden()
    page.keyboard.press("w")
    expect(page.locator("#update-text")).to_be_focused()
    expect(page.locator("#update-text")).to_have_value("")
    for key, label in (("i", "The note"), ("q", "What do you need from them?"), ("m", "The new time")):
        page.keyboard.press("Escape")
        page.keyboard.press(key)
        expect(page.get_by_label(label)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.wait_for_url("**/workspace/")
    page.keyboard.press("k")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("[data-row]:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/workspace/t/*")


def test_single_keys_can_be_switched_off(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    page.keyboard.press("?")
    page.get_by_label("Single keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.keyboard.press("3")
    page.keyboard.press("w")
    expect(page.locator("#update-text")).not_to_be_focused()
    assert page.url.endswith(f"/workspace/t/{ref}")
    page.locator("#update-text").focus()
    page.keyboard.press("Alt+5")
    expect(page.locator("[data-key='5']")).to_be_checked()


def test_a_word_is_undone_by_a_visible_correction_with_keys_alone(office: Office, ref: str, visitor: Visitor) -> None:
    page = at_desk(visitor, office, ref)
    page.keyboard.press("w")
    page.keyboard.type("The lamp comes on Tuesday.")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**#e*")
    page.keyboard.press("c")
    page.wait_for_url("**amend=*")
    page.get_by_label("The words as they should be").fill("The lamp comes on Thursday.")
    page.locator("[id^=corrected-] [name=reason]").fill("The wrong day.")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workspace/t/*#e*")
    expect(page.locator(".timeline")).to_contain_text("The lamp comes on Thursday.")
    expect(page.locator(".entry__old")).to_contain_text("The wrong day.")


SCRIPT = "Thank you for your patience. We have received your request and come back to you as soon as we possibly can."


def test_a_copy_is_shown_with_its_twin_and_marked_when_it_is_sent_anyway(
    office: Office, ref: str, visitors: Visitors
) -> None:
    visitor = visitors()
    visitor.forgive("422")
    office.say(ref, text=SCRIPT)
    readers = visitors()
    reader = watch(readers, office, ref)
    page = at_desk(visitor, office, ref)
    page.keyboard.press("w")
    page.keyboard.type(SCRIPT)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#advice")).to_contain_text("said nearly the same")
    visitor.assert_accessible(of="workspace-advice")
    page.locator("label", has=page.locator("[data-key='4']")).click()
    page.locator("#update-date").fill(f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%dT10:00}")
    with page.expect_navigation() as sent:
        page.locator("#update-date").press("Enter")
    assert sent.value.status == 422, "Enter does not say it anyway"
    page.get_by_role("button", name="Say it anyway, as standard text").click()
    page.wait_for_url("**#e*")
    expect(reader.locator(".mark", has_text="standard text")).to_be_visible()
    readers.assert_accessible(of="ticket-standard")


def test_a_lead_gives_a_ticket_to_somebody_from_the_board(office: Office, ref: str, visitor: Visitor) -> None:
    sign_in_as(visitor, office, "rosa@example.org")
    page = visitor.page
    page.keyboard.press("b")
    page.wait_for_url("**/workspace/board")
    row = page.locator(f"li:has([href='/workspace/t/{ref}'])").first
    row.locator("[data-row]").focus()
    page.keyboard.press("r")
    page.wait_for_url("**give=*")
    page.get_by_label("To whom?").select_option(index=1)
    page.get_by_label("Why?").fill("Somebody nearer by.")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workspace/board?desk=buildings")
    expect(page.locator(f"li:has([href='/workspace/t/{ref}'])").first).to_contain_text("passed on once")


def test_the_board_changes_by_itself(office: Office, visitors: Visitors) -> None:
    visitor = visitors()
    sign_in_as(visitor, office, "rosa@example.org")
    open_watching(visitor.page, f"{office.url}/workspace/board")
    open_ticket(visitors(), office.url, subject="A lift that sings")
    expect(visitor.page.locator(".board__what", has_text="A lift that sings")).to_be_visible(timeout=15_000)


def test_whoever_is_offered_a_ticket_reads_what_was_told_and_takes_it(
    office: Office, ref: str, visitors: Visitors
) -> None:
    office.say(ref, text="I look at it now. On which floor is the light out? Is the door shut at night?")
    office.say(ref, "reply", text="On the second, and the door stands open.", publish=True)
    office.say(ref, "helper_added", to="tom-baker")
    office.say(ref, "handoff_offered", to="mia-lindqvist", reason="She has lamps.", briefing="The ladder is in 4b.")
    visitor = visitors()
    sign_in_as(visitor, office, "mia@example.org")
    page = visitor.page
    page.goto(f"{office.url}/workspace/t/{ref}")
    offer = page.get_by_role("region", name="Handoff")
    expect(offer).to_contain_text("On which floor is the light out?")
    expect(offer).to_contain_text("On the second, and the door stands open.")
    visitor.assert_accessible(of="workspace-offer")
    page.get_by_role("button", name="Take it", exact=True).click()
    page.wait_for_url("**#e*")
    expect(page.locator("#update-text")).to_be_visible()


def test_a_first_day_and_a_person_of_their_own_words_look_whole(office: Office, visitors: Visitors) -> None:
    with office.open():
        nia = make.agent(desks.find("streets"), name="Nia Brown", on_duty=False, password="nia answers here")
        newcomer = nia.email
    mine = next(
        one for one in (office.ticket(desk="streets") for _ in range(9)) if "mia" in office.sign_in_address(one)
    )
    for number, word in enumerate(("lamp", "ladder", "socket", "switch", "bulb")):
        office.say(mine, text=f"{number}: the {word} at your door is worn, I bring a new {word}.")
    visitor = visitors()
    sign_in_as(visitor, office, newcomer, password="nia answers here")
    expect(visitor.page.get_by_text("Your first day")).to_be_visible()
    visitor.assert_accessible(of="workspace-tour")
    visitor.page.goto(f"{office.url}/people/mia-lindqvist")
    expect(visitor.page.get_by_text("of all public words")).to_be_visible()
    visitor.assert_accessible(of="person-written")


def module(page: Page, office: Office, name: str, body: str, argument: object = None) -> object:
    """Run `body` with the exports of a script as `m` and the argument as `a`, on a page of its own origin."""
    page.goto(f"{office.url}/signin")
    return page.evaluate(f"async a => {{ const m = await import('/static/js/{name}'); {body} }}", argument)


def test_who_is_there_is_said_in_words(office: Office, visitor: Visitor) -> None:
    there = [{"name": "Ann", "writing": True}, {"name": "Ben", "writing": False}]
    said = module(visitor.page, office, "draft-keeper.js", "return [m.presence(a), m.presence([])]", there)
    assert said == ["Ann is writing here. Ben is looking at this too.", ""]


def test_rows_are_walked_from_end_to_end_and_not_beyond(office: Office, visitor: Visitor) -> None:
    steps = [["j", -1], ["k", -1], ["j", 0], ["j", 2], ["k", 0]]
    script = "return a.map(([key, at]) => m.nextRow(key, at, 3))"
    assert module(visitor.page, office, "workspace-keys.js", script, steps) == [0, 2, 1, 2, 0]
