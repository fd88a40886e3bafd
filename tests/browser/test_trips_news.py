"""News on another device: a reader follows by mail without scripts, a customer answers two questions in two taps."""

import re
from collections.abc import Callable
from email.message import EmailMessage

from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.trips import Office, become_customer, press
from tests.browser.visitor import PHONE, Visitor
from tests.servers.ground import wait_until
from tracker import links, mailbox, store
from tracker.models import Subscription, Ticket

READER, CUSTOMER = "reader@home.example", "asks@home.example"


def arrived(office: Office, to: str, pattern: str) -> tuple[EmailMessage, str]:
    """Wait for a mail to an address whose words match; return it with what matched."""

    def look() -> tuple[EmailMessage, str] | None:
        with office.open():
            for _name, mail in mailbox.newest():
                body = mail.get_body(("plain",))
                if mail["To"] == to and body and (found := re.search(pattern, str(body.get_content()))):
                    return mail, found.group(0)
        return None

    return wait_until(look, within=20, what=f"a mail to {to} with {pattern}")


def mailed(office: Office, to: str, pattern: str) -> str:
    """Wait for the same; return what matched."""
    return arrived(office, to, pattern)[1]


def test_a_reader_follows_by_mail_chooses_how_often_and_leaves(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    ref = office.ticket(subject="The lift sticks")
    desk, phone = visitors(java_script_enabled=False), visitors(viewport=PHONE, java_script_enabled=False)
    desk.page.goto(f"{office.url}/t/{ref}")
    desk.page.locator("#follow").get_by_label("By mail").fill(READER)
    desk.page.get_by_role("button", name="Follow by mail").click()
    expect(desk.page.get_by_role("heading", level=1)).to_have_text("Look what we sent you")
    phone.page.goto(mailed(office, READER, r"http\S+/follow/\w+"))
    phone.page.get_by_role("button", name="Yes, send me the news").click()
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("You follow this")
    phone.page.get_by_label("Once a day at most").check()
    press(phone.page.get_by_role("button", name="Keep this"))
    expect(phone.page.get_by_label("Once a day at most")).to_be_checked()
    phone.page.get_by_role("button", name="Stop the news").click()
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("You do not follow this any more")


def test_a_reader_gets_a_word_by_mail_opens_it_and_leaves_by_one_click(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    ref = office.ticket(subject="The bridge is shut")
    phone = visitors(viewport=PHONE)
    phone.page.goto(f"{office.url}/t/{ref}/follow")
    phone.page.get_by_label("Your mail address").fill("bridge@home.example")
    press(phone.page.get_by_role("button", name="Follow by mail"))
    phone.page.goto(mailed(office, "bridge@home.example", r"http\S+/follow/\w+"))
    press(phone.page.get_by_role("button", name="Yes, send me the news"))
    seq = office.say(ref, "update", text="The new planks are here.")
    news, link = arrived(office, "bridge@home.example", rf"(?<=planks are here)[\s\S]*?http\S+/t/{ref}")
    phone.page.goto(link.split()[-1])
    expect(phone.page.locator(f"#e{seq}")).to_contain_text("The new planks are here.")
    leave = news["List-Unsubscribe"].partition(">")[0].strip(" <")
    phone.page.goto(leave)
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("You follow this")
    by_program = {"form": {"List-Unsubscribe": "One-Click"}, "headers": {"Sec-Fetch-Site": "cross-site"}}
    assert visitors().context.request.post(leave, **by_program).ok  # type: ignore[arg-type]
    phone.page.reload()
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("You do not follow this any more")


def test_a_reader_of_several_tickets_sees_what_comes_in_one_mail_and_stops_it_all(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    refs = [office.ticket(subject=f"The {what} of the long bridge over the river") for what in ("railing", "lamp")]
    with office.open():
        tokens = [digest_link(ref) for ref in refs]
    reader = visitors()
    reader.page.goto(f"{office.url}{tokens[0]}")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("Your news in one mail")
    expect(reader.page.get_by_role("main").get_by_role("listitem")).to_have_count(2)
    reader.assert_accessible(of="digest")
    reader.page.get_by_role("button", name="Stop the news of all of these").click()
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("You get no more news of these")
    reader.assert_accessible(of="digest-stopped")
    reader.page.get_by_role("link", name="The lamp of the long bridge").click()
    reader.page.get_by_role("button", name="Follow it again").click()
    expect(reader.page.get_by_label("Once a day at most")).to_be_checked()


def digest_link(ref: str) -> str:
    """Let somebody follow a ticket once a day; return the address behind the link in their digest."""
    with store.transaction() as session:
        followed = session.scalars(select(Ticket).where(Ticket.ref == ref)).one()
        at = {"created_at": store.now(), "confirmed_at": store.now()}
        how = {"channel": "email", "target": "bridges@home.example", "frequency": "daily"}
        one = Subscription(sid=links.new_ref(), ticket_id=followed.id, **how, **at)
        session.add(one)
    return links.follow(links.digest_token(one.sid))


def test_a_customer_chooses_on_their_page_how_often_they_are_mailed_and_stops_it_by_one_click(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    ref = office.ticket(subject="The gate squeaks", email="gate@home.example")
    cara = visitors()
    become_customer(cara, office, ref)
    cara.page.get_by_text("How often we mail you: at once").click()
    cara.page.get_by_label("Once an hour at most").check()
    cara.assert_accessible(of="customer-news")
    cara.page.locator("#news").get_by_role("button", name="Keep this").click()
    expect(cara.page.get_by_text("How often we mail you: once an hour at most")).to_be_visible()
    acknowledged, link = arrived(office, "gate@home.example", r"http\S+/follow/\w+")
    cara.page.goto(link)
    expect(cara.page.get_by_label("Once an hour at most")).to_be_checked()
    leave = acknowledged["List-Unsubscribe"].partition(">")[0].strip(" <")
    assert visitors().context.request.post(leave, form={"List-Unsubscribe": "One-Click"}).ok
    cara.page.reload()
    expect(cara.page.get_by_text("the two questions still come")).to_be_visible()
    cara.assert_accessible(of="customer-news-stopped")
    cara.page.goto(f"{office.url}/t/{ref}")
    expect(cara.page.get_by_text("How often we mail you: not at all")).to_be_visible()


def test_a_customer_says_on_another_device_that_it_is_not_solved(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    ref = office.ticket(subject="The tap drips", email=CUSTOMER)
    office.say(ref, "resolved")
    phone = visitors(viewport=PHONE)
    phone.page.goto(mailed(office, CUSTOMER, r"http\S+/answer/\S+solved=no"))
    phone.page.get_by_label("What is still wrong?").fill("It drips again.")
    phone.page.get_by_role("button", name="Partly").click()
    expect(phone.page.get_by_text("It is open again.")).to_be_visible()
    assert [kind for _seq, kind in office.said(ref, "customer")][-2:] == ["feedback", "reopened"]


def test_what_followers_and_customers_get_to_see_is_accessible(
    office: Office, visitors: Callable[..., Visitor]
) -> None:
    ref = office.ticket(subject="The hall is dark", email="dark@home.example")
    office.say(ref, "resolved")
    reader, customer = visitors(), visitors()
    reader.page.goto(f"{office.url}/t/{ref}/follow")
    reader.assert_accessible(of="follow")
    reader.page.get_by_label("Your mail address").fill("hall@home.example")
    press(reader.page.get_by_role("button", name="Follow by mail"))
    reader.page.goto(mailed(office, "hall@home.example", r"http\S+/follow/\w+"))
    press(reader.page.get_by_role("button", name="Yes, send me the news"))
    reader.assert_accessible(of="follows")
    customer.page.goto(mailed(office, "dark@home.example", r"http\S+/answer/\S+solved=no"))
    customer.assert_accessible(of="two-questions")
    become_customer(customer, office, ref)
    customer.page.goto(f"{office.url}/t/{ref}/hooks")
    customer.page.get_by_label("Its address").fill("https://hooks.example/x")
    customer.page.get_by_role("button", name="Add it").click()
    expect(customer.page.get_by_text("shown only now")).to_be_visible()
    customer.assert_accessible(of="hooks")
