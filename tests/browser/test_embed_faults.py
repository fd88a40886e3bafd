"""What badges do when the line, the server or the reader is away: ask less, say nothing false, come back."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.browser.embed_clock import MINUTES, in_time, later, opened
from tests.browser.embed_pages import HIDE, badge, note_events, panel, pill, publish, told, watched
from tests.browser.embed_stage import facts
from tests.browser.live_stage import REF, LiveStage
from tests.browser.test_embed import ENDED
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.servers.site import ForeignSite

SAYS = "Rosa Ortega has this"
NOTE_KINDS = """() => { window.kinds = []; const ask = fetch;
window.fetch = (url, options) => (kinds.push(options.cache), ask(url, options)) }"""
NOTES_SENT = """window.sent = []; const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (said) { sent.push({ said, at: Date.now() }); send.call(this, said) }"""
OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*"}


def says(page: Page, words: str) -> Callable[[], bool]:
    return lambda: (
        words in (page.locator("ticket-badge [part=pill], ticket-badge [part=panel]").first.text_content() or "")
    )


def ask_count(scene: LiveStage) -> int:
    return sum(path.endswith(".json") for path in scene.asked)


def test_where_sockets_are_refused_the_badge_asks_again_with_what_it_has(
    visitor: Visitor, blog: ForeignSite, scene: LiveStage
) -> None:
    visitor.forgive("socket.io")
    scene.refuses = True
    sent: list[Any] = []
    visitor.page.on("response", lambda answer: sent.append(answer.status) if "badge.json" in answer.url else None)
    page = opened(visitor.page, blog, scene, badge())
    expect(pill(page)).to_contain_text(SAYS)
    in_time(page, lambda: ask_count(scene) >= 2, "a second question")
    assert scene.conditional, "the second question names the ETag of the first answer"
    scene.facts = {"status": "waiting"}
    in_time(page, says(page, "awaits an answer"), "the news without a socket")


def test_a_badge_that_was_grey_comes_back_by_itself(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    scene.hidden = ["good"]
    opened(page, blog, scene, badge())
    expect(pill(page)).to_have_text("Ticket status unknown")
    scene.hidden = []
    in_time(page, says(page, SAYS), "colours again")


def test_a_server_that_was_down_is_asked_again_and_the_author_s_link_stays_meanwhile(
    visitor: Visitor, blog: ForeignSite, scene: LiveStage
) -> None:
    visitor.forgive("503|CORS|ERR_FAILED")
    note_events(visitor.page)
    scene.is_away = True
    page = opened(visitor.page, blog, scene, badge())
    wait_until(lambda: told(page) == ["error"], what="the error being told once")
    expect(page.get_by_role("link")).to_have_text("Our ticket")
    later(page, 20_000)
    scene.is_away = False
    in_time(page, says(page, SAYS), "the badge when the server is back")
    assert told(page) == ["error", "load open"]


def test_a_server_that_goes_leaves_the_last_facts_and_is_caught_up_with(
    visitor: Visitor, blog: ForeignSite, scene: LiveStage
) -> None:
    visitor.forgive("503|CORS|ERR_FAILED|socket.io")
    page = opened(visitor.page, blog, scene, badge(variant="card"))
    expect(panel(page)).to_contain_text("Live")
    scene.is_away = True
    scene.cut()
    expect(panel(page)).not_to_contain_text("Live")
    expect(panel(page)).to_contain_text("tap in the yard")
    scene.facts = {"status": "waiting"}
    scene.say(quietly=True)
    scene.is_away = scene.refuses = False
    in_time(page, says(page, "Waiting for an answer"), "what was missed")
    in_time(page, says(page, "Live"), "being live again")


def test_a_server_that_stops_for_a_while_is_not_called_before_it_said(
    visitor: Visitor, blog: ForeignSite, scene: LiveStage
) -> None:
    visitor.forgive("socket.io")
    page = visitor.page
    with page.expect_websocket() as opening:
        opened(page, blog, scene, badge())
    wire, heard = opening.value, list[str]()
    wire.on("framereceived", lambda frame: heard.append(str(frame)))
    in_time(page, lambda: scene.watched == ["good"], "it being watched")
    scene.sockets.emit("retry", {"ms": 60_000}, to="viewers")
    wait_until(lambda: page.evaluate("true") and any('"retry"' in frame for frame in heard), what="the wish")
    scene.cut()
    wait_until(lambda: page.evaluate("true") and wire.is_closed(), what="the end of the socket")
    scene.restore()
    before, asked = scene.count("/socket.io/"), ask_count(scene)
    later(page, 45_000)
    assert scene.count("/socket.io/") == before
    assert ask_count(scene) > asked, "meanwhile it asks without a socket"
    in_time(page, lambda: len(scene.watched) == 2, "it being watched again")


def test_nothing_is_asked_while_the_page_is_hidden(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    scene.is_full = True
    opened(page, blog, scene, badge())
    expect(pill(page)).to_contain_text(SAYS)
    page.evaluate(HIDE % "true")
    before = ask_count(scene)
    later(page)
    assert ask_count(scene) == before
    page.evaluate(HIDE % "false")
    wait_until(lambda: page.evaluate("true") and ask_count(scene) > before, what="a question at the return")


def test_nothing_is_asked_while_the_reader_is_offline(
    visitor: Visitor, page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    visitor.forgive("ERR_INTERNET_DISCONNECTED")  # a socket that was about to open
    scene.is_full = True
    opened(page, blog, scene, badge())
    expect(pill(page)).to_contain_text(SAYS)
    page.context.set_offline(True)
    page.wait_for_function("!navigator.onLine")
    before = ask_count(scene)
    page.clock.run_for(MINUTES)  # in one go: offline, nothing is answered on the way
    assert ask_count(scene) == before
    scene.facts = {"status": "waiting"}
    page.context.set_offline(False)
    expect(pill(page)).to_contain_text("awaits an answer")


def test_a_solved_badge_asks_for_nothing_more(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    scene.facts = {"status": "resolved", "ended_at": ENDED, "promise": None}
    opened(page, blog, scene, badge())
    expect(pill(page)).to_contain_text("Solved in")
    before = ask_count(scene)
    later(page)
    assert ask_count(scene) == before
    assert not scene.count("/socket.io/")


def test_a_badge_that_shall_not_be_live_is_read_once(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    opened(page, blog, scene, badge(live="off"))
    expect(pill(page)).to_contain_text(SAYS)
    before = ask_count(scene)
    later(page)
    assert (ask_count(scene), scene.count("/socket.io/")) == (before, 0)


def test_being_live_is_switched_on_and_off_while_the_page_is_open(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    opened(page, blog, scene, badge(live="off"))
    expect(pill(page)).to_contain_text(SAYS)
    one = page.locator("ticket-badge")
    one.evaluate("one => one.setAttribute('live', 'on')")
    in_time(page, lambda: scene.watched == ["good"], "it being watched")
    scene.facts = {"status": "waiting"}
    scene.say()
    in_time(page, says(page, "awaits an answer"), "the news")
    one.evaluate("one => one.setAttribute('live', 'off')")
    in_time(page, lambda: scene.unwatched == ["good"], "it being left")
    before = ask_count(scene)
    scene.facts = {"status": "open"}
    scene.say(quietly=True)
    later(page)
    assert ask_count(scene) == before
    expect(pill(page)).to_contain_text("awaits an answer")


def test_until_a_slow_server_has_answered_the_author_s_link_is_there(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    note_events(page)
    held: list[Route] = []
    page.route("**/badge.json", lambda route: held.append(route))
    opened(page, blog, scene, badge())
    wait_until(lambda: page.evaluate("true") and held, what="a question")
    page.clock.run_for(10_000)
    expect(page.get_by_role("link")).to_have_text("Our ticket")
    assert len(held) == 1, "it is not asked again while it may answer"
    held[0].fulfill(json=facts(scene, "good"), headers=OPEN_TO_ALL)
    expect(pill(page)).to_contain_text(SAYS)
    assert told(page) == ["load open"]


def test_twenty_in_sight_watch_and_the_others_ask(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    many = "".join(badge(f"many{number}") for number in range(30))
    opened(page, blog, scene, many)
    expect(pill(page, 29)).to_contain_text(SAYS)
    in_time(page, lambda: len(scene.watched) == 20, "twenty being watched")
    watched = {f"/e/{embed}/badge.json" for embed in scene.watched}
    before = ask_count(scene)
    in_time(page, lambda: ask_count(scene) > before + 20 and not watched & set(scene.asked[-20:]), "others asking")
    assert len(set(scene.watched)) == len(watched) == 20, "again after a silence of the page's own clock, but the same"


def test_what_is_out_of_sight_is_left_and_met_again(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    space = '<p style="height: 3000px">far</p>'
    opened(page, blog, scene, badge() + space + badge("many1"))
    expect(pill(page)).to_contain_text(SAYS)
    in_time(page, lambda: scene.watched == ["good"], "the first being watched")
    assert "/e/many1/badge.json" not in scene.asked
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(pill(page, 1)).to_contain_text(SAYS)
    in_time(page, lambda: scene.unwatched == ["good"], "the first being left")
    scene.facts = {"status": "waiting"}
    scene.say(quietly=True)
    page.evaluate("scrollTo(0, 0)")
    in_time(page, says(page, "awaits an answer"), "what was said meanwhile")


def test_an_element_that_leaves_the_page_is_left_and_met_again_when_it_is_put_back(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    opened(page, blog, scene, badge())
    in_time(page, lambda: scene.watched == ["good"], "it being watched")
    page.evaluate("window.kept = document.querySelector('ticket-badge'); kept.remove()")
    in_time(page, lambda: scene.unwatched == ["good"], "it being left")
    before = ask_count(scene)
    scene.facts = {"status": "waiting"}
    scene.say(quietly=True)
    later(page)
    assert ask_count(scene) == before
    page.evaluate("document.querySelector('main').append(kept)")
    in_time(page, says(page, "awaits an answer"), "what was said meanwhile")
    in_time(page, lambda: len(scene.watched) == 2, "it being watched again")


def test_many_seen_at_once_are_watched_one_after_the_other(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    page.add_init_script(NOTES_SENT)
    opened(page, blog, scene, "".join(badge(f"many{number}") for number in range(40)))
    expect(pill(page, 39)).to_contain_text(SAYS)
    in_time(page, lambda: len(scene.watched) == 20, "twenty being watched")
    said = [one for one in page.evaluate("sent") if "watch" in one["said"]]
    for first, ninth in zip(said, said[8:], strict=False):
        assert ninth["at"] - first["at"] >= 1_000, "eight a second: ten are too many for the server"
    assert all(re.fullmatch(r'42\d+\["watch",\{"embed":"many\d+","after":\d+\}\]', one["said"]) for one in said)


def test_an_answer_that_comes_after_a_newer_one_is_not_believed(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    note_events(page)
    publish(blog, scene, badge())
    page.goto(blog.url)
    watched(page, scene)
    held: list[Route] = []
    page.route("**/badge.json", lambda route: route.fallback() if held else held.append(route))
    scene.say()
    wait_until(lambda: page.evaluate("true") and held, what="a question about the first news")
    late = facts(scene, "good")
    scene.facts = {"status": "waiting"}
    scene.say()
    expect(pill(page)).to_contain_text("awaits an answer")
    with page.expect_response("**/badge.json"):
        held[0].fulfill(json=late, headers=OPEN_TO_ALL)
    scene.facts = {"status": "resolved", "ended_at": ENDED, "promise": None}
    scene.say("resolved")
    expect(pill(page)).to_contain_text("Solved in")
    assert told(page) == ["load open", "change waiting", "change resolved"]


def test_news_that_copies_on_the_way_do_not_know_yet_is_asked_for_until_they_do(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    opened(page, blog, scene, badge())
    watched(page, scene)
    copy = facts(scene, "good")
    page.evaluate(NOTE_KINDS)
    page.route("**/badge.json", lambda route: route.fulfill(json=copy, headers=OPEN_TO_ALL), times=3)
    scene.facts = {"status": "waiting"}
    scene.say()
    in_time(page, says(page, "awaits an answer"), "the news")
    assert page.evaluate("kinds") == ["no-cache"] * 4, "the browser's own copy answers none"


def test_news_that_overtakes_the_answer_to_its_watch_is_asked_for(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    def watch(wanted: dict[str, Any]) -> dict[str, Any]:
        answer = scene.watch(wanted)
        scene.facts = {"status": "waiting"}
        scene.say()
        return answer

    scene.sockets.on_event("watch", watch)
    publish(blog, scene, badge())
    page.goto(blog.url)
    expect(pill(page)).to_contain_text("awaits an answer")


def test_a_badge_that_was_taken_back_before_it_was_watched_is_grey_at_once(
    page: Page, blog: ForeignSite, scene: LiveStage
) -> None:
    def watch(_wanted: dict[str, Any]) -> dict[str, str]:
        scene.hidden = ["good"]
        return {"error": "not_found"}

    scene.sockets.on_event("watch", watch)
    publish(blog, scene, badge())
    page.goto(blog.url)
    expect(pill(page)).to_have_text("Ticket status unknown")


def test_a_wall_that_changed_before_it_was_watched_asks_again(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    def watch_list(_wanted: dict[str, Any]) -> dict[str, bool]:
        scene.wall = {"items": []}
        return {"ok": True}

    scene.sockets.on_event("watch_list", watch_list)
    publish(blog, scene, badge("wall"))
    page.goto(blog.url)
    expect(panel(page)).to_contain_text("Nothing to show")


def test_a_badge_that_was_restyled_goes_on_hearing_of_news(page: Page, blog: ForeignSite, scene: LiveStage) -> None:
    publish(blog, scene, badge())
    page.goto(blog.url)
    watched(page, scene)
    scene.sockets.emit("gone", {"ref": REF, "embed": "good"}, to="viewers")
    watched(page, scene, times=2)
