"""Publicity belongs to the customer, and sockets to whoever may still listen: taken back means gone, everywhere."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.trips import (
    SOON,
    Office,
    answer,
    become_customer,
    change_visibility,
    expect_live,
    expect_shown,
    listen_to_sockets,
    open_watching,
    pill,
    sign_in,
    watch,
    wear,
)
from tests.browser.visitor import Visitor
from tests.servers.site import ForeignSite

NO_LONGER = "no longer shown to you"


def expect_gone(page: Page) -> None:
    expect(page.locator(".live")).to_contain_text(NO_LONGER, timeout=SOON)


def test_a_ticket_made_private_leaves_every_stranger_and_stays_with_its_own(
    office: Office, visitors: Callable[..., Visitor], blog: ForeignSite
) -> None:
    cara, agent, reader, stranger = visitors(), visitors(), visitors(), visitors()
    ref = office.ticket(subject="Somebody reads my post")
    become_customer(cara, office, ref)
    wear(blog, office, ref, office.embed(ref))
    open_watching(stranger.page, blog.url)
    expect(pill(stranger.page)).to_contain_text("has this")
    sign_in(agent, office, ref)
    agent.page.goto(f"{office.url}/workspace/t/{ref}")
    frames = listen_to_sockets(reader.page)
    seen = watch(reader, office, ref)
    change_visibility(cara.page, "Only you and the desk")
    expect_gone(seen)
    expect(pill(stranger.page)).to_have_text("Ticket status unknown", timeout=SOON)
    expect_shown(agent.page, [seq for seq, _ in office.said(ref, "staff")])  # what is not seen is asked about first
    answer(agent.page, office, ref, "zxq: I keep this between us.")
    cara.page.goto(f"{office.url}/t/{ref}")
    expect(cara.page.locator(".entry--update")).to_contain_text("zxq")
    assert "zxq" not in seen.content()
    assert not any("zxq" in frame for frame in frames)
    for page in (seen, stranger.page):
        answered = page.context.request.get(f"{office.url}/t/{ref}")
        assert answered.status == 404
        assert "zxq" not in answered.text()
    for path in ("entries", "feed.atom", "pass"):
        assert reader.context.request.get(f"{office.url}/t/{ref}/{path}").status in (404, 405)
    reader.page.goto(office.url)
    assert not reader.page.locator(f"#t-{ref}").count()


def test_strangers_are_shut_out_when_the_news_of_it_was_lost(office: Office, visitors: Callable[..., Visitor]) -> None:
    reader = visitors()
    ref = office.ticket(subject="A letter in the wrong box")
    frames = listen_to_sockets(reader.page)
    seen = watch(reader, office, ref)
    office.say(ref, "visibility_changed", visibility="private", name_shown="none")
    office.say(ref, "update", text="zxq: only for you.")
    expect_gone(seen)
    assert "zxq" not in seen.content()
    assert not any("zxq" in frame for frame in frames)


def test_a_name_taken_back_is_gone_from_the_page(office: Office, visitors: Callable[..., Visitor]) -> None:
    cara, reader = visitors(), visitors()
    ref = office.ticket(subject="The neighbour's dog", name="Cara Lindt")
    become_customer(cara, office, ref)
    seen = watch(reader, office, ref)
    expect(seen.locator("#head")).to_contain_text("Cara Lindt")
    cara.page.locator("#visibility summary").click()
    cara.page.locator("#visibility").get_by_label("No name").check()
    cara.page.locator("#visibility").get_by_role("button", name="Keep this").click()
    for part in ("#head", ".timeline"):
        expect(seen.locator(part)).not_to_contain_text("Cara Lindt", timeout=SOON)
    office.say(ref, "visibility_changed", visibility="public", name_shown="pseudonym", pseudonym="Dog lover")
    expect(seen.locator(".timeline .entry--opened")).to_contain_text("Dog lover", timeout=SOON)
    seen.reload()
    expect(seen.locator("#head")).to_be_visible()
    assert "Cara Lindt" not in seen.content()


def test_signing_out_silences_what_the_session_had_open(office: Office, visitors: Callable[..., Visitor]) -> None:
    agent, colleague = visitors(), visitors()
    agent.forgive("401")  # its page asks once more to keep a draft, every few seconds, before it stops
    ref = office.ticket(subject="The archive is damp")
    sign_in(agent, office, ref)
    frames = listen_to_sockets(agent.page)
    agent.page.goto(f"{office.url}/workspace/t/{ref}")
    expect_live(agent.page)
    office.say(ref, "note", text="heard before")
    expect(agent.page.locator(".entry--note")).to_contain_text("heard before", timeout=SOON)
    other = agent.context.new_page()
    other.goto(f"{office.url}/workspace/")
    other.get_by_role("button", name="Sign out").click()
    other.wait_for_url(f"{office.url}/")
    expect_gone(agent.page)
    office.say(ref, "note", text="qxz: heard after")
    sign_in(colleague, office, ref)
    colleague.page.goto(f"{office.url}/workspace/t/{ref}")
    expect(colleague.page.locator(".entry--note").last).to_contain_text("qxz")
    office.say(ref, "update", text="A word for everyone.")
    expect(colleague.page.locator(".entry--update")).to_contain_text("A word", timeout=SOON)
    assert "qxz" not in agent.page.content()
    assert not any("qxz" in frame for frame in frames)


def test_a_customer_hears_private_words_live_and_a_stranger_does_not(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    cara, reader = visitors(), visitors()
    ref = office.ticket(subject="The stove smells")
    become_customer(cara, office, ref)
    mine, seen = watch(cara, office, ref), watch(reader, office, ref)
    office.say(ref, "reply", text="zxq: I am afraid to cook.", publish=False)
    office.say(ref, "update", text="Do not use it, I come now.")
    for page, audience in ((mine, "customer"), (seen, "public")):
        expect(page.locator(".entry--update")).to_contain_text("I come now", timeout=SOON)
        expect_shown(page, [seq for seq, _ in office.said(ref, audience)])
    expect(mine.locator(".entry--reply")).to_contain_text("zxq")
    assert "zxq" not in seen.content()
