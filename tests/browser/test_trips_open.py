"""Opening a ticket in a real browser: what is typed stays, a secret is shown once, mailed links wait for a button."""

import re
import time
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.sync_api import Locator, Route, expect

from tests.browser.trips import FASTEST_S, Office, answer, fill_opening, open_ticket, reply, send_opening, sign_in
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.servers.instance import Instance
from tracker import store
from tracker.models import Ticket

LINK = re.compile(r"http://[\d.:]+/link/(confirm|signin)/[\w-]+")


def mailed_link(visitor: Visitor, url: str, subject: str) -> str:
    """Wait for a mail in the development mailbox and return the link in it."""
    page = visitor.page

    def found() -> str | None:
        page.goto(f"{url}/dev/mailbox")
        mails = page.locator("article", has=page.get_by_role("heading", name=subject)).all_inner_texts()
        return next((link[0] for link in map(LINK.search, mails) if link), None)

    return wait_until(found, within=20, what=f"a mail about {subject}")


def test_opening_names_a_person_and_says_when_they_answer_on_the_readers_clock(
    nameplate: Instance, visitors: Callable[..., Visitor]
) -> None:
    visitor = visitors(timezone_id="Asia/Kathmandu")
    open_ticket(visitor, nameplate.url, subject="The bell is broken")
    page = visitor.page
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^\w+ \w+ has this now$"))
    answer = page.get_by_text("and answers you by").locator("time").first
    expect(answer).to_have_text(re.compile(r"\d\d:\d\d \(your time\)$"))
    said, due = answer.inner_text(), answer.get_attribute("datetime")
    assert f"{datetime.fromisoformat(str(due)).astimezone(ZoneInfo('Asia/Kathmandu')):%H:%M} (your time)" in said
    page.get_by_role("link", name="Go to your ticket").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The bell is broken")
    expect(page.get_by_text("private: only you and the desk see it")).to_be_visible()


def press_twice(button: Locator, address: str) -> list[int]:
    """Press, and again a second later, when the server has done it and its answer is still on its way."""
    pressed: list[Route] = []
    done: list[int] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            pressed.append(route)
        if pressed == [route]:
            done.append(route.fetch(max_redirects=0).status)
        else:
            route.continue_()

    button.page.route(address, hold)
    button.evaluate("button => void setTimeout(() => button.click(), 1000)")
    button.click(no_wait_after=True)
    return done


def test_a_button_pressed_twice_opens_one_ticket_and_says_each_word_once(
    office: Office, visitor: Visitor, nameplate: Instance
) -> None:
    page, subject = visitor.page, "The bell rings twice"
    page.goto(f"{nameplate.url}/new")
    made = time.time()
    fill_opening(page, subject=subject)
    wait_until(lambda: time.time() > made + FASTEST_S)
    done = press_twice(page.get_by_role("button", name="Send it"), "**/new")
    expect(page).to_have_url(re.compile("/opened$"))
    assert done == [303]
    page.get_by_role("link", name="Go to your ticket").click()
    page.locator("#reply textarea").fill("Can you hear it?")
    done = press_twice(page.locator("#reply").get_by_role("button", name="Send"), "**/say/reply")
    expect(page).to_have_url(re.compile("#e"))
    assert done == [303]
    expect(page.locator(".entry--reply")).to_have_count(1)
    with office.open():
        assert store.session().query(Ticket).filter_by(subject=subject).count() == 1


def test_what_was_typed_comes_back_with_what_is_wrong(nameplate: Instance, visitor: Visitor) -> None:
    visitor.forgive("422")
    page = visitor.page
    page.goto(f"{nameplate.url}/new?desk=streets")
    made = time.time()
    fill_opening(page, subject="The lamp is dark", impact="I fall over things.", phone="030 1234")
    page.get_by_label("Another one").check()
    page.get_by_label("worried").check()
    page.get_by_label("Whoever has the link").check()
    send_opening(page, made)
    expect(page.get_by_role("alert")).to_contain_text("Write the name to show")
    for name, text in (("subject", "The lamp is dark"), ("impact", "I fall over things."), ("phone", "030 1234")):
        expect(page.locator(f"[name={name}]")).to_have_value(text)
    for label in ("Another one", "worried", "Whoever has the link"):
        expect(page.get_by_label(label)).to_be_checked()
    expect(page.locator("[name=desk]")).to_have_value("streets")
    page.locator("[name=pseudonym]").fill("Night owl")
    page.get_by_role("button", name="Send it").click()  # at once: whoever comes back has been here long enough
    page.wait_for_url("**/opened")


STAMP_AND_SEND = """async () => { const form = document.querySelector("form:has([name=made])");
  const fresh = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
  form.elements.made.value = fresh.querySelector("[name=made]").value; form.requestSubmit() }"""
"""Sends what was filled in as if the form had come only now, however long a busy machine took to fill it in."""


def test_a_form_that_a_machine_filled_is_not_taken(nameplate: Instance, visitor: Visitor) -> None:
    visitor.forgive("422")
    page = visitor.page
    page.goto(f"{nameplate.url}/new")
    fill_opening(page)
    page.evaluate(STAMP_AND_SEND)
    expect(page.get_by_role("alert")).to_contain_text("very fast")
    page.locator("[name=website]").evaluate("trap => (trap.value = 'https://spam.example')")
    send_opening(page, time.time())
    expect(page.get_by_role("alert")).to_contain_text("catch machines")
    expect(page.locator("[name=website]")).to_have_value("")
    expect(page.locator("[name=subject]")).to_have_value("No light in the stairwell")


def test_the_secret_link_is_shown_once_and_opens_the_ticket_in_another_browser(
    nameplate: Instance, visitors: Callable[..., Visitor]
) -> None:
    cara, elsewhere = visitors(), visitors()
    ref = open_ticket(cara, nameplate.url, subject="The door sticks")
    secret = cara.page.locator("#secret").inner_text()
    cara.page.reload()
    cara.page.wait_for_url(f"**/t/{ref}")
    assert secret.rpartition("/")[2] not in cara.page.content()
    elsewhere.forgive("404")
    answer = elsewhere.page.goto(f"{nameplate.url}/t/{ref}")
    assert answer
    assert answer.status == 404
    elsewhere.page.goto(secret)
    expect(elsewhere.page.get_by_role("heading", name="Your ticket")).to_be_visible()
    answer = elsewhere.context.request.get(f"{nameplate.url}/t/{ref}")
    assert answer.status == 404, "showing the link must not open the ticket: mail scanners follow links"
    elsewhere.page.get_by_role("button", name="Open my ticket").click()
    expect(elsewhere.page.get_by_role("heading", level=1)).to_have_text("The door sticks")
    expect(elsewhere.page.locator("#reply")).to_be_visible()


def test_a_mailed_link_changes_nothing_until_its_button_is_pressed_and_works_once(
    nameplate: Instance, visitors: Callable[..., Visitor]
) -> None:
    cara, reader, scanner = visitors(), visitors(), visitors()
    ref = open_ticket(cara, nameplate.url, readers="Everyone, also search engines", subject="The gate squeaks")
    link = mailed_link(reader, nameplate.url, "The gate squeaks")
    for _ in range(2):
        scanner.page.goto(link)
    reader.forgive("404")
    answer = reader.page.goto(f"{nameplate.url}/t/{ref}")
    assert answer
    assert answer.status == 404, "following the link made the ticket public"
    scanner.page.get_by_role("button", name="Open my ticket").click()
    scanner.page.wait_for_url(f"**/t/{ref}")
    reader.page.goto(f"{nameplate.url}/t/{ref}")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("The gate squeaks")
    scanner.forgive("401")
    scanner.page.goto(link)
    scanner.page.get_by_role("button", name="Open my ticket").click()
    expect(scanner.page.get_by_role("heading", level=1)).to_have_text("Please sign in")


def test_who_lost_the_link_comes_back_by_mail(nameplate: Instance, visitors: Callable[..., Visitor]) -> None:
    cara, anew = visitors(), visitors()
    open_ticket(cara, nameplate.url, subject="The tap drips", email="lost@home.example")
    anew.page.goto(f"{nameplate.url}/signin")
    anew.page.locator("#email").fill("lost@home.example")
    anew.page.get_by_role("button", name="Mail me a link").click()
    expect(anew.page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    anew.page.goto(mailed_link(cara, nameplate.url, "Your tickets"))
    anew.page.get_by_role("button", name="Open my tickets").click()
    anew.page.wait_for_url(f"{nameplate.url}/")
    expect(anew.page.locator("#mine").get_by_role("link", name="The tap drips")).to_be_visible()


def test_two_roles_in_one_browser_keep_their_own_names(
    nameplate: Instance, office: Office, visitors: Callable[..., Visitor]
) -> None:
    both = visitors()
    ref = open_ticket(both, nameplate.url, subject="The heating hums", name="Petra Holm")
    sign_in(both, office, ref)
    both.page.goto(f"{nameplate.url}/t/{ref}")
    reply(both.page, "It hums at night, too.")
    expect(both.page.locator(".entry--reply")).to_contain_text("Petra Holm")
    name = both.page.locator(".who__name").inner_text()
    answer(both.page, office, ref, "I come and listen tonight.")
    entry = both.page.locator(".entry--update")
    expect(entry).to_contain_text(name)
    expect(entry).not_to_contain_text("Petra Holm")
    expect(both.page.locator(".entry--reply")).not_to_contain_text(name)
