"""The main job in three browsers and on somebody else's site: asked, answered by name, seen live, solved."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.trips import (
    SOON,
    Office,
    answer,
    arrived_at,
    become_customer,
    expect_live,
    expect_shown,
    listen_for_entries,
    listen_to_sockets,
    open_ticket,
    open_watching,
    pill,
    press,
    reply,
    sign_in,
    time_arrival,
    watch,
    wear,
)
from tests.browser.visitor import Visitor
from tests.servers.instance import Instance
from tests.servers.site import ForeignSite

WORDS = "I stand in your stairwell tomorrow at eight."


def test_a_ticket_goes_from_the_form_to_solved_while_others_watch_here_and_elsewhere(
    nameplate: Instance, office: Office, visitors: Callable[..., Visitor], blog: ForeignSite
) -> None:
    cara, agent, reader, stranger = visitors(), visitors(), visitors(), visitors()
    ref = open_ticket(cara, nameplate.url, readers="Everyone, also search engines")
    cara.page.goto(f"{nameplate.url}{office.link('confirm', ref)}")
    cara.page.get_by_role("button", name="Open my ticket").click()
    cara.page.get_by_role("link", name="Put this on your site").click()
    press(cara.page.get_by_role("button", name="Make a badge"))
    snippet = cara.page.locator("pre", has_text="data-embed").first.inner_text()
    wear(blog, office, ref)
    blog.pages["/"] = type(blog.pages["/"])(blog.pages["/"].body.replace("</main>", f"<p>{snippet}</p></main>"))
    stranger.page.goto(blog.url)
    expect(pill(stranger.page)).to_contain_text(re.compile(r"has this · open .* · next word by "))
    before = pill(stranger.page).inner_text()

    seen = watch(reader, office, ref)
    asked = listen_for_entries(seen)
    sign_in(agent, office, ref)
    agent.page.goto(f"{nameplate.url}/workspace/t/{ref}")
    time_arrival(seen, WORDS)
    with agent.page.expect_response(
        lambda response: response.request.method == "POST" and "/say/" in response.url
    ) as said:
        answer(agent.page, office, ref, WORDS)
    timing = said.value.request.timing
    acknowledged = timing["startTime"] + timing["responseStart"]
    entry = seen.locator(".entry--update")
    expect(entry).to_contain_text(WORDS, timeout=SOON)
    print(f"seen {arrived_at(seen) - acknowledged:+.0f} ms after the server's acknowledgement")
    expect(pill(stranger.page)).not_to_have_text(before, timeout=SOON)
    expect_shown(seen, [seq for seq, _ in office.said(ref)])
    assert not asked, "the push carried everything: nothing had to be asked for"

    answer(agent.page, office, ref, "The lamp is new, and it is bright.", key="5")
    expect(seen.locator(".entry--resolved")).to_contain_text("it is bright", timeout=SOON)
    expect(seen.locator("#head")).to_contain_text("Solved")
    name = seen.locator(".who__name").inner_text()
    expect(pill(stranger.page)).to_have_text(re.compile(rf"Solved in .* by {name}$"), timeout=SOON)
    cara.page.goto(f"{nameplate.url}/t/{ref}")
    cara.page.get_by_role("button", name="Yes, it is solved").click()
    expect(seen.locator("#head")).to_contain_text("Solved and confirmed", timeout=SOON)
    expect_shown(seen, [seq for seq, _ in office.said(ref)])


def test_what_staff_note_reaches_nobody_else_and_makes_no_page_ask(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    reader, cara, agent = visitors(), visitors(), visitors()
    ref = office.ticket(subject="The lift is stuck")
    seen = watch(reader, office, ref)
    become_customer(cara, office, ref)
    mine = watch(cara, office, ref)
    sign_in(agent, office, ref)
    agent.page.goto(f"{office.url}/workspace/t/{ref}")
    frames = [listen_to_sockets(page) for page in (seen, mine)]
    for page in (seen, mine):
        page.reload()
        expect_live(page)
    asked = [listen_for_entries(page) for page in (seen, mine)]
    agent.page.locator("#act-note summary").click()
    agent.page.locator("#note-text").fill("zxq: she shouted at me")
    press(agent.page.get_by_role("button", name="Keep the note"))
    expect(agent.page.locator(".entry--note")).to_contain_text("zxq")
    answer(agent.page, office, ref, "The technician is on her way.")
    for page, audience in ((seen, "public"), (mine, "customer")):
        expect(page.locator(".entry--update")).to_contain_text("on her way", timeout=SOON)
        expect_shown(page, [seq for seq, _ in office.said(ref, audience)])
        assert "zxq" not in page.content()
    for heard in frames:
        assert any("on her way" in frame for frame in heard)
        assert not any("zxq" in frame for frame in heard)
    assert asked == [[], []], "a hidden note must look like nothing, not like something missed"


def test_a_private_reply_reaches_the_agent_and_not_the_public(office: Office, visitors: Callable[..., Visitor]) -> None:
    reader, cara, agent = visitors(), visitors(), visitors()
    ref = office.ticket(subject="Dust in the reading room")
    become_customer(cara, office, ref)
    seen = watch(reader, office, ref)
    sign_in(agent, office, ref)
    agent.page.goto(f"{office.url}/workspace/t/{ref}")
    expect(agent.page.locator(".live")).to_have_attribute("data-state", "live")
    reply(cara.page, "My asthma makes this hard.")
    expect(agent.page.locator(".entry--reply")).to_contain_text("asthma", timeout=SOON)
    reply(cara.page, "Everyone may know that it is dusty.", publish=True)
    expect(seen.locator(".entry--reply")).to_contain_text("it is dusty", timeout=SOON)
    assert "asthma" not in seen.content()
    expect_shown(seen, [seq for seq, _ in office.said(ref)])


def test_a_new_public_ticket_and_new_words_appear_on_the_home_page_by_themselves(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    reader, cara, agent = visitors(), visitors(), visitors()
    open_watching(reader.page, office.url)
    ref = open_ticket(cara, office.url, readers="Everyone, also search engines", subject="A swan in the fountain")
    cara.page.goto(f"{office.url}{office.link('confirm', ref)}")
    line = reader.page.locator(f"#t-{ref}")
    assert not line.count(), "nobody has confirmed it yet"
    cara.page.get_by_role("button", name="Open my ticket").click()
    expect(line).to_contain_text("A swan in the fountain", timeout=SOON)
    sign_in(agent, office, ref)
    answer(agent.page, office, ref, "The swan went home.", key="5")
    expect(line).to_contain_text("Solved", timeout=SOON)


def test_the_queue_of_who_has_it_counts_a_new_ticket_by_itself(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    agent, cara = visitors(), visitors()
    ref = office.ticket(desk="streets", subject="A first one")
    sign_in(agent, office, ref)
    open_watching(agent.page, f"{office.url}/workspace/")
    become_customer(cara, office, ref)
    reply(cara.page, "It is me again.")
    expect(agent.page.locator(".queue")).to_contain_text("replied", timeout=SOON)
    expect(agent.page).to_have_title(re.compile(r"^\(\d+\) "))
