"""The scripts of the pages, in Chromium against a real Socket.IO server: nothing lost, nothing twice, said in words."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.live_stage import REF, LiveStage
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tracker import clock

REFUSED = "socket.io|503|entries"
EMPTY = "document.querySelector('#tickets ul').replaceChildren()"


def opened(page: Page, scene: LiveStage) -> Page:
    page.goto(f"{scene.url}/t/{REF}")
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    return page


def shown(page: Page) -> list[int]:
    return page.eval_on_selector_all(".timeline > li", "found => found.map(each => Number(each.dataset.seq))")


def module(page: Page, scene: LiveStage, name: str, body: str, argument: object = None) -> object:
    """Run `body` with the exports of a script as `m` and the argument as `a`, on a page of its own origin."""
    page.goto(f"{scene.url}/missing")
    return page.evaluate(f"async a => {{ const m = await import('/static/js/{name}'); {body} }}", argument)


# What the pure helpers say


def test_frames_are_read_as_the_protocol_has_them(page: Page, scene: LiveStage) -> None:
    frames = [
        '0{"sid":"x","pingInterval":25000}',
        "2",
        "40",
        '42["event",{"seq":4}]',
        '4313[{"last":4}]',
        "41",
        "1",
        "4{",
    ]
    read = module(page, scene, "socket.js", "return a.map(m.decode)", frames)
    assert [each and each["type"] for each in read] == [  # type: ignore[attr-defined]
        "open", "ping", "connect", "event", "ack", "disconnect", "close", None,
    ]  # fmt: skip
    assert read[4] == {"type": "ack", "id": 13, "payload": [{"last": 4}]}  # type: ignore[index]
    assert read[3]["payload"] == ["event", {"seq": 4}]  # type: ignore[index]


def test_waiting_between_tries_doubles_up_to_a_limit_and_is_spread(page: Page, scene: LiveStage) -> None:
    waits = module(
        page, scene, "socket.js", "return [0, 1, 2, 20].map((n) => [0, 1].map((r) => m.backOff(n, () => r)))"
    )
    assert waits == [[250, 750], [500, 1500], [1000, 3000], [15_000, 45_000]]


def test_an_event_is_appended_asked_for_or_dropped_by_its_numbers(page: Page, scene: LiveStage) -> None:
    cases = [
        {"seq": 8, "prev": 7},
        {"seq": 8, "prev": 5},
        {"seq": 9, "prev": 8},
        {"seq": 7, "prev": 6},
        {"seq": 3, "prev": 2},
    ]
    verdicts = module(page, scene, "page-parts.js", "return a.map((each) => m.judge(each, 7))", cases)
    assert verdicts == ["append", "append", "ask", "drop", "drop"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"])
def test_scripts_and_server_say_times_in_the_same_words(
    visitors: Callable[..., Visitor], scene: LiveStage, zone: str
) -> None:
    chance = random.Random(zone)
    now = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)  # the night before clocks change in Europe
    spans = [0, 59, 60, 3_599, 86_399, 86_400, 60 * 86_400, 730 * 86_400] + [
        int(10 ** chance.uniform(0, 8.2)) for _ in range(200)
    ]
    ats = [now + timedelta(seconds=span * sign) for span in spans for sign in (1, -1)]
    asked = [[round(at.timestamp() * 1000) for at in ats], round(now.timestamp() * 1000), spans, zone]
    body = """const [ats, now, spans, zone] = a, days = ats.map((each) => new Date(each)), today = new Date(now);
      return [days.map((at) => m.relative(at, today)), days.map((at) => m.dueText(at, today, zone)),
              spans.map((each) => m.humanise(each)), spans.map((each) => m.humanise(each, true))]"""
    said = module(visitors(timezone_id=zone).page, scene, "times.js", body, asked)
    lengths = [timedelta(seconds=span) for span in spans]
    assert said == [
        [clock.relative(at, now) for at in ats],
        [clock.due_text(at, now, zone) for at in ats],
        [clock.humanise(length) for length in lengths],
        [clock.humanise(length, short=True) for length in lengths],
    ]


# The timeline


def test_a_new_word_appears_by_itself_with_the_new_head(page: Page, scene: LiveStage) -> None:
    opened(page, scene)
    scene.ticket["subject"] = "Water is back"
    scene.say(words="Water is back.")
    expect(page.locator("#e4")).to_contain_text("Water is back.")
    expect(page.locator("h1")).to_have_text("Water is back")
    assert shown(page) == [1, 2, 3, 4]
    assert scene.count(f"/t/{REF}") == 1


def test_hidden_notes_leave_no_gap_and_cause_no_question(page: Page, scene: LiveStage) -> None:
    opened(page, scene)
    scene.say(seq=6, prev=3)
    expect(page.locator("#e6")).to_be_visible()
    assert scene.count(f"/t/{REF}/entries") == 0


def test_what_was_missed_is_asked_for_and_shown_once(page: Page, scene: LiveStage) -> None:
    opened(page, scene)
    for _ in range(3):
        scene.say(quietly=True)
    scene.say()
    scene.say()
    expect(page.locator("#e8")).to_be_visible()
    assert shown(page) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_after_a_cut_everything_is_there_once_and_the_status_says_so(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive(REFUSED)
    page = opened(visitor.page, scene)
    scene.cut()
    expect(page.locator(".live")).not_to_have_attribute("data-state", "live")
    scene.say(quietly=True)
    scene.say(quietly=True)
    scene.restore()
    expect(page.locator(".live")).to_have_text("Live: new words appear by themselves", timeout=20_000)
    assert shown(page) == [1, 2, 3, 4, 5]


def test_without_sockets_the_page_asks_every_few_seconds(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive(REFUSED)
    scene.refuses = True
    visitor.page.goto(f"{scene.url}/t/{REF}")
    scene.say(quietly=True)
    expect(visitor.page.locator("#e4")).to_be_visible(timeout=20_000)
    expect(visitor.page.locator(".live")).to_have_text("Checking for new words every few seconds")


def test_a_page_that_becomes_live_moves_nothing(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive(REFUSED)
    scene.refuses = True
    visitor.page.goto(f"{scene.url}/t/{REF}")
    words = visitor.page.locator("#e1")
    before = words.bounding_box()
    scene.refuses = False
    expect(visitor.page.locator(".live")).to_have_attribute("data-state", "live")
    assert words.bounding_box() == before


def test_a_full_server_is_polled_until_there_is_room(page: Page, scene: LiveStage) -> None:
    scene.is_full = True
    page.goto(f"{scene.url}/t/{REF}")
    expect(page.locator(".live")).to_have_attribute("data-state", "polling")
    scene.is_full = False
    expect(page.locator(".live")).to_have_attribute("data-state", "live", timeout=20_000)


def test_a_server_that_is_gone_is_said_in_words_and_healed(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive(REFUSED)
    page = opened(visitor.page, scene)
    scene.is_down = True
    scene.cut()
    expect(page.locator(".live")).to_contain_text("Not up to date", timeout=20_000)
    scene.say(quietly=True)
    scene.is_down = False
    scene.restore()
    expect(page.locator("#e4")).to_be_visible(timeout=20_000)
    assert shown(page) == [1, 2, 3, 4]


def test_a_correction_replaces_the_old_entry_in_its_place(page: Page, scene: LiveStage) -> None:
    opened(page, scene)
    better = scene.entries[1] | {"body_html": "<p>Better words.</p>"}
    news = scene.pushed(scene.entries[1] | {"kind": "corrected", "seq": 4, "prev": 3, "target": 2, "reason": "a slip"})
    scene.sockets.emit("event", news | {"replaces": {"seq": 2, "html": scene.pushed(better)["html"]}}, to="viewers")
    expect(page.locator("#e2")).to_contain_text("Better words.")
    assert shown(page) == [1, 2, 3, 4]


def test_a_new_head_leaves_the_focus_where_it_was(page: Page, scene: LiveStage) -> None:
    opened(page, scene)
    page.locator("#head a.who__name").focus()
    scene.say()
    expect(page.locator("#e4")).to_be_visible()
    expect(page.locator("#head a.who__name")).to_be_focused()


def test_a_new_epoch_starts_the_page_afresh(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive(REFUSED)
    page = opened(visitor.page, scene)
    scene.cut()
    scene.ticket["epoch"] = "e2"
    scene.restore()
    expect(page.locator("ticket-timeline")).to_have_attribute("epoch", "e2", timeout=20_000)


def test_a_ticket_that_was_taken_back_says_so_and_stops(page: Page, scene: LiveStage) -> None:
    opened(page, scene)
    scene.sockets.emit("gone", {"ref": REF}, to="viewers")
    expect(page.locator(".live")).to_contain_text("no longer shown to you")
    scene.say()
    expect(page.locator(".live")).to_have_attribute("data-state", "gone")
    assert shown(page) == [1, 2, 3]


def test_a_ticket_taken_back_while_sockets_were_away_says_so_too(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive(f"{REFUSED}|404")
    scene.refuses = True
    visitor.page.goto(f"{scene.url}/t/{REF}")
    scene.is_hidden = True
    expect(visitor.page.locator(".live")).to_contain_text("no longer shown to you", timeout=20_000)


def test_a_changed_list_is_fetched_again_and_swapped(page: Page, scene: LiveStage) -> None:
    page.goto(f"{scene.url}/")
    expect(page.locator("#tickets .ticket")).to_have_count(8)
    lists = page.locator("live-list").count()
    wait_until(lambda: page.evaluate("true") and scene.listed >= lists, what="the lists are watched")
    page.evaluate("document.querySelector('#tickets ul').replaceChildren()")
    scene.sockets.emit("changed", {"ref": REF}, to="list")
    expect(page.locator("#tickets .ticket")).to_have_count(8)


def test_a_list_that_got_no_answer_asks_again(visitor: Visitor, scene: LiveStage) -> None:
    visitor.forgive("503")
    page, failed = visitor.page, list[str]()

    def fail(route: Route) -> None:
        failed.append(route.request.url)
        route.fulfill(status=503)

    page.clock.install()
    page.goto(f"{scene.url}/")
    lists = page.locator("live-list").count()
    wait_until(lambda: page.clock.run_for(100) or scene.listed >= lists, what="the lists are watched")
    page.evaluate(EMPTY)
    page.route(f"{scene.url}/", fail)
    scene.sockets.emit("changed", {"ref": REF}, to="list")
    wait_until(lambda: page.clock.run_for(100) or len(failed) >= lists, what="questions that are not answered")
    page.unroute(f"{scene.url}/")
    for _ in range(20):  # 20 s: sooner than a socket that hears no ping is given up
        page.clock.run_for(1_000)
    expect(page.locator("#tickets .ticket")).to_have_count(8)


@pytest.mark.parametrize("loss", ["refused", "gone", "cut"])
def test_a_list_that_nobody_tells_anything_asks_by_itself(visitor: Visitor, scene: LiveStage, loss: str) -> None:
    visitor.forgive(REFUSED)
    page, tickets = visitor.page, visitor.page.locator("#tickets .ticket")
    scene.is_full = loss == "refused"
    page.clock.install()
    page.add_init_script("Math.random = () => 0.5")
    page.goto(f"{scene.url}/")
    wait_until(lambda: page.clock.run_for(100) or scene.listed, what="the list is watched, or refused")
    if loss == "gone":
        scene.is_full = True
        page.evaluate(EMPTY)
        scene.sockets.emit("gone", {"ref": None, "embed": None}, to="list")
        scene.sockets.emit("changed", {"ref": None}, to="list")
        wait_until(lambda: page.clock.run_for(100) or tickets.count() == 8, what="both are heard")
    elif loss == "cut":
        scene.asked.clear()
        scene.cut()
        wait_until(lambda: page.clock.run_for(100) or "/socket.io/" in scene.asked, what="the loss is noticed")
    page.evaluate(EMPTY)
    expect(tickets).to_have_count(0)
    for _ in range(8):  # 40 s: sooner than a socket that hears no ping is given up
        page.clock.run_for(5_000)
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)  # nor is it while the list is on its way
    expect(tickets).to_have_count(8)


def test_a_long_timeline_completes_itself(page: Page, scene: LiveStage) -> None:
    scene.page_size = 1
    opened(page, scene)
    assert shown(page) == [1, 2, 3]
    expect(page.get_by_role("link", name="Later words")).to_have_count(0)


# What is typed


def test_typed_words_survive_a_reload_but_no_password_is_kept(page: Page, scene: LiveStage) -> None:
    page.goto(f"{scene.url}/try")
    page.locator("textarea").fill("Long words, hard to type again")
    page.locator("[type=password]").fill("hunter2")
    page.locator("[type=checkbox]").check()
    page.reload()
    expect(page.locator("textarea")).to_have_value("Long words, hard to type again")
    expect(page.locator("[type=checkbox]")).to_be_checked()
    expect(page.locator("[data-kept]")).to_contain_text("is back")
    assert "hunter2" not in str(page.evaluate("JSON.stringify(localStorage)"))


def test_words_typed_before_the_script_has_come_are_kept(page: Page, scene: LiveStage) -> None:
    held: list[Route] = []
    page.route("**/keep-typed.js", lambda route: held.append(route))
    page.goto(f"{scene.url}/try", wait_until="commit")
    page.locator("textarea").fill("Quicker than the network")
    wait_until(lambda: page.evaluate("true") and held, what="the script is asked for")
    held[0].continue_()
    expect(page.locator("[data-kept]")).to_have_text("Kept on this device until it is sent.")
    assert "Quicker than the network" in str(page.evaluate("JSON.stringify(localStorage)"))


def test_typed_words_are_forgotten_once_they_arrived(page: Page, scene: LiveStage) -> None:
    page.goto(f"{scene.url}/try")
    page.locator("textarea").fill("They will arrive")
    page.locator("button").click()
    page.wait_for_url("**/try")
    wait_until(lambda: page.evaluate("localStorage.length === 0"), what="the words are forgotten")
    page.reload()
    expect(page.locator("textarea")).to_have_value("")


@pytest.mark.parametrize("failure", ["refused", "down"])
def test_typed_words_that_did_not_arrive_are_kept(visitor: Visitor, scene: LiveStage, failure: str) -> None:
    visitor.forgive("422|503|favicon")
    page = visitor.page
    page.goto(f"{scene.url}/try")
    page.locator("textarea").fill("no" if failure == "refused" else "Long enough, but nobody is there")
    scene.is_down = failure == "down"
    page.locator("button").click()
    page.wait_for_load_state()
    scene.is_down = False
    page.goto(f"{scene.url}/try")
    expect(page.locator("textarea")).to_have_value("no" if failure == "refused" else "Long enough, but nobody is there")


def test_a_copy_button_copies_and_says_so(visitors: Callable[..., Visitor], scene: LiveStage) -> None:
    page = visitors(permissions=["clipboard-read", "clipboard-write"]).page
    page.goto(f"{scene.url}/message")
    page.get_by_role("button", name="Copy the link").click()
    expect(page.locator("copy-button button")).to_have_text("Copied")
    assert "8f3k2m9q4t7w?key=" in str(page.evaluate("navigator.clipboard.readText()"))
