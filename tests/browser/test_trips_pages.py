"""Every page as the running server gives it to each reader: valid, accessible, whole in every light and size."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from werkzeug.serving import make_server

from tests import houses
from tests.browser.trips import Office, become_customer, open_ticket, press, send_opening, sign_in
from tests.browser.visitor import Visitor
from tests.html import parse_errors
from tests.servers.instance import Instance

LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff Maria Magdalena von und zu Hohenlohe-Schillingsfürst"[:80]
LONG_SUBJECT = "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger" * 2
RTL = "المصعد في المبنى الثالث متوقف منذ يوم الأحد"


def check(visitor: Visitor, url: str, name: str, *, status: int = 200, open_folds: bool = False) -> None:
    answer = visitor.page.goto(url)
    assert answer
    assert answer.status == status
    judge(visitor, answer.text(), name, open_folds=open_folds)


def judge(visitor: Visitor, text: str, name: str, *, open_folds: bool = False) -> None:
    """Fail on a parse error, an axe finding, or a page wider than the phone."""
    assert not parse_errors(text), name
    if open_folds:
        visitor.page.eval_on_selector_all(
            "details", "folds => folds.forEach(fold => (fold.name = '', fold.open = true))"
        )
    visitor.assert_accessible(of=f"trip-{name}", fits=True)


@pytest.fixture(scope="module")
def rich(office: Office) -> str:
    """A ticket to which everything has happened; return its ref."""
    ref = office.ticket(
        subject=LONG_SUBJECT, name=LONG_NAME, impact="x" * 300, feeling="angry", urgency_on="2027-01-01"
    )
    office.say(
        ref, text=f"First word.\n\n`{'code' * 40}`\n\n> quoted\n\n* one\n* two\n\n<https://example.org/{'long' * 40}>"
    )
    office.say(ref, "reply", text="A private answer.", publish=False)
    office.say(ref, "reply", text="A public answer.", publish=True)
    office.say(ref, "note", text="A note for staff.")
    office.say(ref, "promise_moved", reason="The part is late. " * 10)
    office.say(ref, "waiting", text="Which floor is it?")
    office.say(ref, "reply", text="The third.", publish=True)
    office.say(ref, "corrected", target=3, text="First word, corrected.", reason="A slip.")
    office.say(ref, "resolved", text="Done.")
    office.say(ref, "reopened", text="It is not.")
    return ref


@pytest.fixture(scope="module")
def rtl(office: Office) -> str:
    """A ticket in a language that runs from right to left."""
    ref = office.ticket(subject=RTL, text="لا يستطيع والدي النزول.", name="ليلى حداد")
    office.say(ref, text="أنا في الطريق.")
    return ref


@pytest.mark.parametrize("reader", ["public", "customer", "staff"])
def test_a_ticket_that_has_seen_everything_is_whole_for(
    office: Office, visitor: Visitor, rich: str, reader: str
) -> None:
    if reader == "customer":
        become_customer(visitor, office, rich)
    if reader == "staff":
        sign_in(visitor, office, rich)
    path = f"/workspace/t/{rich}" if reader == "staff" else f"/t/{rich}"
    check(visitor, f"{office.url}{path}", f"rich-{reader}", open_folds=True)


@pytest.mark.parametrize("what", ["embeds", "hooks", "erase", "follow", "report"])
def test_what_belongs_to_a_ticket_holds_the_longest_subject(office: Office, visitor: Visitor, what: str) -> None:
    ref = office.ticket(subject=LONG_SUBJECT, name=LONG_NAME)
    become_customer(visitor, office, ref)
    check(visitor, f"{office.url}/t/{ref}/{what}", f"long-{what}", open_folds=True)


def test_a_right_to_left_ticket_is_whole(office: Office, visitor: Visitor, rtl: str) -> None:
    check(visitor, f"{office.url}/t/{rtl}", "rtl")
    assert visitor.page.locator("h1").evaluate("one => getComputedStyle(one).direction") == "rtl"
    check(visitor, f"{office.url}/?q=المصعد", "rtl-list")


@pytest.mark.parametrize("ending", ["resolved", "declined", "waiting", "private"])
def test_a_ticket_in_each_state_is_whole_for_its_customer(office: Office, visitor: Visitor, ending: str) -> None:
    ref = office.ticket(subject=f"A ticket, {ending}", visibility="private" if ending == "private" else "public")
    if ending != "private":
        office.say(ref, ending)
    become_customer(visitor, office, ref)
    check(visitor, f"{office.url}/t/{ref}", f"state-{ending}", open_folds=True)


def test_the_badges_of_a_ticket_are_whole_before_and_after_one_is_made(office: Office, visitor: Visitor) -> None:
    ref = office.ticket(subject="The badge maker")
    become_customer(visitor, office, ref)
    check(visitor, f"{office.url}/t/{ref}/embeds", "builder-empty")
    office.embed(ref, sites=["https://blog.example.org"])
    check(visitor, f"{office.url}/t/{ref}/embeds", "builder", open_folds=True)


def test_opening_is_whole_with_errors_and_after_it(nameplate: Instance, visitor: Visitor) -> None:
    visitor.forgive("422")
    page = visitor.page
    page.goto(f"{nameplate.url}/new")
    made = time.time()
    page.locator("form.form").evaluate("form => (form.noValidate = true)")
    with page.expect_navigation() as sent:
        send_opening(page, made)
    judge(visitor, sent.value.text(), "new-errors")
    open_ticket(visitor, nameplate.url, subject="Looked at")
    judge(visitor, page.content(), "opened")


def test_the_ways_in_are_whole(nameplate: Instance, office: Office, visitor: Visitor) -> None:
    ref = office.ticket(subject="A way in", confirmed=False)
    for name in ("confirm", "signin"):
        check(visitor, f"{nameplate.url}{office.link(name, ref)}", f"link-{name}")
    check(visitor, f"{nameplate.url}{office.key(ref)}", "key")
    visitor.page.goto(f"{nameplate.url}/signin")
    visitor.page.locator("#email").fill("somebody@home.example")
    visitor.page.get_by_role("button", name="Mail me a link").click()
    visitor.page.wait_for_url("**/signin/link")
    judge(visitor, visitor.page.content(), "mailed")
    visitor.forgive("401")
    visitor.page.goto(f"{nameplate.url}/signin")
    visitor.page.locator("#who").fill("rosa@example.org")
    visitor.page.locator("#password").fill("not her password")
    press(visitor.page.get_by_role("button", name="Sign in", exact=True))
    judge(visitor, visitor.page.content(), "signin-error", open_folds=True)


STAFF = [
    "/workspace/",
    "/workspace/new",
    "/workspace/profile",
    "/workspace/desks/buildings",
    "/workspace/desk/buildings",
]


@pytest.mark.parametrize("path", STAFF)
def test_a_page_of_the_workspace_is_whole(nameplate: Instance, office: Office, visitor: Visitor, path: str) -> None:
    lead(visitor, nameplate)
    check(visitor, f"{nameplate.url}{path}", f"staff{path.replace('/', '-')}", open_folds=True)


def lead(visitor: Visitor, nameplate: Instance) -> None:
    visitor.page.goto(f"{nameplate.url}/signin")
    visitor.page.locator("#who").fill("rosa@example.org")
    visitor.page.locator("#password").fill("rosa answers here")
    visitor.page.get_by_role("button", name="Sign in", exact=True).click()
    visitor.page.wait_for_url("**/workspace/**")


PUBLIC = ["/", "/?q=nothing+like+it", "/?status=resolved", "/new", "/signin", "/dev/mailbox", "/api/v1/docs"]


@pytest.mark.parametrize("path", [*PUBLIC, "/desks/buildings", "/people/rosa-ortega"])
def test_a_public_page_is_whole(nameplate: Instance, office: Office, visitor: Visitor, rich: str, path: str) -> None:
    check(visitor, f"{nameplate.url}{path}", f"public{path.replace('/', '-').replace('?', '-')}")


@pytest.fixture
def broken(sqlite_template: Path, tmp_path: Path) -> Iterator[str]:
    """A house where pages break, are too much, or wait for a database; its address."""
    app = houses.build(houses.copied(sqlite_template, tmp_path), tmp_path, requests_per_minute=20)
    app.config.update(TESTING=False, PROPAGATE_EXCEPTIONS=False)
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_pages_of_errors_are_whole_and_say_what_to_do(broken: str, visitor: Visitor) -> None:
    visitor.forgive("Failed to load resource")
    check(visitor, f"{broken}/t/0123456789ab", "error-404", status=404)
    check(visitor, f"{broken}/signout", "error-405", status=405)
    check(visitor, f"{broken}/broken", "error-500", status=500)
    assert "ZeroDivisionError" not in visitor.page.content()


def test_who_asks_too_often_is_told_when_to_try_again(broken: str, visitor: Visitor) -> None:
    visitor.forgive("Failed to load resource")
    for _ in range(30):
        if visitor.context.request.get(f"{broken}/").status == 429:
            break
    check(visitor, f"{broken}/", "error-429", status=429)
    assert "Try again in" in visitor.page.locator("main").inner_text()


def test_an_empty_house_says_what_to_do(broken: str, visitor: Visitor) -> None:
    check(visitor, f"{broken}/", "empty-home")
    check(visitor, f"{broken}/new", "empty-new")


def test_an_unlinked_address_is_refused_in_plain_words(
    nameplate: Instance, visitors: Callable[..., Visitor], office: Office, rich: str
) -> None:
    visitor = visitors()
    visitor.forgive("Failed to load resource")
    check(visitor, f"{nameplate.url}/t/{rich}/embeds", "error-401", status=401)
    check(visitor, f"{nameplate.url}/nowhere", "error-404-served", status=404)
