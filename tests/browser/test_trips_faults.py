"""Cables cut, servers killed, sockets refused: what people see stays whole, and the page says how it stands."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.trips import (
    SOON,
    Office,
    become_customer,
    expect_live,
    expect_shown,
    listen_for_entries,
    pill,
    reply,
    watch,
    wear,
)
from tests.browser.visitor import Visitor
from tests.servers.ground import wait_until
from tests.servers.instance import Instance, instance
from tests.servers.relay import Relay, relay
from tests.servers.site import ForeignSite
from tests.servers.smtp import Mailserver, mailserver

LOST = "ERR_|WebSocket|socket.io|503|Failed to load"
BACK = 40
"""Seconds within which a page has come back: the client waits ever longer between its tries."""


@pytest.fixture(scope="module")
def sink() -> Iterator[Mailserver]:
    with mailserver() as one:
        yield one


@pytest.fixture(scope="module")
def wire() -> Iterator[Relay]:
    """What lies between the browsers and the server."""
    with relay() as one:
        yield one


@pytest.fixture(scope="module")
def nameplate(sink: Mailserver, wire: Relay) -> Iterator[Instance]:
    """A server of this file's own, to be killed: behind a wire that can be cut, its mail goes to the sink."""
    with instance(demo=True, smtp_url=sink.url, public_url=wire.url) as running:
        wire.lead_to(running.port)
        yield running


@pytest.fixture(scope="module")
def behind(nameplate: Instance, wire: Relay) -> Iterator[Office]:
    """The office, whose addresses go through the wire."""
    one = Office(nameplate, url=wire.url)
    yield one
    one.close()


def expect_whole(page: Page, office: Office, ref: str, audience: str = "public") -> None:
    """Wait until a page shows what the database holds for its reader: nothing missed, nothing twice, in order."""
    expect_shown(page, [seq for seq, _ in office.said(ref, audience)], within=BACK)


def test_a_cut_wire_loses_no_word_doubles_none_and_is_said(
    behind: Office, wire: Relay, visitors: Callable[..., Visitor]
) -> None:
    reader, cara = visitors(), visitors()
    for one in (reader, cara):
        one.forgive(LOST)
    ref = behind.ticket(subject="The cable car stands still")
    become_customer(cara, behind, ref)
    seen, mine = watch(reader, behind, ref), watch(cara, behind, ref)
    behind.say(ref, text="Before the cut.")
    expect(seen.locator(".entry--update")).to_contain_text("Before", timeout=SOON)
    wire.cut()
    for page in (seen, mine):
        expect(page.locator(".live")).to_have_attribute("data-state", "stale", timeout=15_000)
        expect(page.locator(".live")).to_contain_text("Not up to date")
    behind.say(ref, "note", text="zxq: between us")
    behind.say(ref, text="During the cut.")
    behind.say(ref, "reply", text="For you alone.", publish=False)
    behind.say(ref, text="Later during the cut.")
    wire.mend()
    for page, audience in ((seen, "public"), (mine, "customer")):
        expect_live(page, within=BACK * 1000)
        expect_whole(page, behind, ref, audience)
        assert "zxq" not in page.content()
    assert "For you alone" not in seen.content()
    asked = [listen_for_entries(seen), listen_for_entries(mine)]
    behind.say(ref, "note", text="zxq: again")
    behind.say(ref, text="After the cut.")
    for page, audience in ((seen, "public"), (mine, "customer")):
        expect(page.locator(".entry--update").last).to_contain_text("After", timeout=SOON)
        expect_whole(page, behind, ref, audience)
    assert asked == [[], []], "back on its socket, a page asks for nothing"


def test_a_restart_of_the_server_loses_no_word(
    nameplate: Instance, behind: Office, visitors: Callable[..., Visitor], blog: ForeignSite
) -> None:
    reader, stranger = visitors(), visitors()
    for one in (reader, stranger):
        one.forgive(LOST)
    ref = behind.ticket(subject="The server room is warm")
    wear(blog, behind, ref, behind.embed(ref))
    stranger.page.goto(blog.url)
    expect(pill(stranger.page)).to_contain_text("has this")
    seen = watch(reader, behind, ref)
    nameplate.stop()
    expect(seen.locator(".live")).not_to_have_attribute("data-state", "live", timeout=15_000)
    behind.say(ref, "note", text="zxq: a note")
    behind.say(ref, text="While it was away.")
    behind.say(ref, "resolved", text="It is cool again.")
    nameplate.start()
    expect_live(seen, within=BACK * 1000)
    expect_whole(seen, behind, ref)
    expect(seen.locator("#head")).to_contain_text("Solved")
    expect(pill(stranger.page)).to_contain_text("Solved in", timeout=BACK * 1000)


def test_a_kill_between_commit_and_delivery_costs_nobody_a_word_or_a_mail(
    nameplate: Instance, behind: Office, sink: Mailserver, visitors: Callable[..., Visitor]
) -> None:
    reader, cara = visitors(), visitors()
    for one in (reader, cara):
        one.forgive(LOST)
    ref = behind.ticket(subject="The siren wails at noon")
    become_customer(cara, behind, ref)
    seen = watch(reader, behind, ref)
    wait_until(lambda: [mail for mail in sink.mails if "siren" in mail.message["Subject"]], within=20)
    sink.behaviour = "drop"  # the mail server dies after it took the words and before it said so
    tried = len(sink.tried)
    reply(cara.page, "Every noon, for an hour.", publish=True)
    wait_until(lambda: len(sink.tried) > tried, within=20, what="a first attempt to deliver")
    nameplate.kill()
    behind.let_claims_run_out()
    first = sink.tried[tried].message
    sink.behaviour = "accept"
    behind.say(ref, text="Said by nobody's server: it is dead.")
    nameplate.start()
    again = sink.wait_for(lambda mail: mail.message["Message-ID"] == first["Message-ID"], within=BACK)
    assert again.message["To"] == first["To"]
    assert again.message["Subject"] == first["Subject"]
    expect_live(seen, within=BACK * 1000)
    expect_whole(seen, behind, ref)
    told = [mail for mail in sink.mails if mail.message["Message-ID"] == first["Message-ID"]]
    assert len(told) == 1


def test_where_sockets_are_refused_the_page_polls_and_says_so(visitors: Callable[..., Visitor]) -> None:
    reader = visitors()
    reader.forgive("socket.io")
    with instance(demo=True, sockets=0) as running:
        office = Office(running)
        ref = office.ticket(subject="The tunnel is dark")
        page = reader.page
        page.clock.install()
        page.goto(f"{office.url}/t/{ref}")
        polls = page.locator(".live", has_text="Checking for new words every few seconds")
        wait_until(lambda: page.clock.run_for(1_000) or polls.count(), what="it says that it asks")
        office.say(ref, "note", text="zxq: a note")
        office.say(ref, text="A lamp is on its way.")
        office.say(ref, text="The lamp hangs.")
        wait_until(lambda: page.clock.run_for(1_000) or page.locator(".entry--update", has_text="hangs").count())
        expect_whole(page, office, ref)
        assert "zxq" not in page.content()
        reader.leave()
        office.close()
