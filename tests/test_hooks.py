"""Programs and chats hear of every word: signed, tried again, never lured into our own network."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select
from standardwebhooks import Webhook
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tests.servers.receiver import Receiver, receiver
from tracker import deliveries, hooks, outbox, outward, store
from tracker.channels import webhook
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.models import Delivery, Subscription, Ticket

pytestmark = pytest.mark.slow


def work() -> None:
    for _ in range(50):
        if not outbox.step():
            return
    raise AssertionError("the outbox never rests")


def quiet() -> Ticket:
    """Return a ticket of which all has been told that is to tell."""
    one = make.ticket()
    make.deliver()
    return one


def states() -> list[str]:
    query = select(Delivery.state).where(Delivery.channel != "email").order_by(Delivery.id)
    store.session().expire_all()
    return list(store.session().scalars(query))


def test_the_standards_own_test_vector() -> None:
    signed = webhook.sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_an_independent_library_verifies_what_arrives(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    _hook, secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    make.post(ticket, "update", text="The part is here.")
    make.post(ticket, "note", text="Canary note")
    work()
    told = [Webhook(secret).verify(one.body, one.headers) for one in far.posted]
    assert [one["type"] for one in told] == ["ticket.update", "ticket.promise_kept"]
    assert "The part is here." in told[0]["data"]["body_html"]
    assert told[0]["data"]["ref"] == ticket.ref
    assert "Canary" not in str(far.posted)
    assert "dummy" not in json.dumps(told)
    forged = far.posted[0].body.replace(b"part", b"cart")
    with pytest.raises(Exception, match="signature"):
        Webhook(secret).verify(forged, far.posted[0].headers)
    assert states() == ["sent", "sent"]


def test_a_new_secret_signs_beside_the_old_one_for_a_day(open_house: Flask, far: Receiver, travel: Traveller) -> None:
    ticket = quiet()
    hook, old = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    new = hooks.turn(hook)
    assert new != old
    hooks.test(hook)
    work()
    for secret in (old, new):
        assert Webhook(secret).verify(far.posted[-1].body, far.posted[-1].headers)["type"] == "test"
    travel.shift(timedelta(hours=25))
    hooks.test(hook)
    work()
    Webhook(new).verify(far.posted[-1].body, far.posted[-1].headers)
    with pytest.raises(Exception, match="signature"):
        Webhook(old).verify(far.posted[-1].body, far.posted[-1].headers)


def test_a_failure_is_tried_again_under_the_same_id_and_a_later_time(
    open_house: Flask, far: Receiver, travel: Traveller
) -> None:
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    far.status = 500
    hooks.test(hook)
    work()
    travel.shift(timedelta(seconds=7))
    far.status = 200
    work()
    first, second = far.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 7
    assert states() == ["sent"]
    (entry, kind) = hooks.log(hook)[0]
    assert (entry.attempts, kind) == (2, "test")


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        ("600", timedelta(seconds=600)),
        ("Mon, 02 Mar 2026 10:10:00 GMT", timedelta(seconds=600)),
        ("Fri, 31 Dec 2100 23:59:59 GMT", timedelta(days=1)),
        ("9" * 4_000, timedelta(days=1)),
    ],
)
def test_a_busy_place_says_when_to_come_back_within_reason(
    open_house: Flask, far: Receiver, travel: Traveller, said: str, waits: timedelta
) -> None:
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    far.status, far.headers = 429, {"Retry-After": said}
    hooks.test(hook)
    work()
    assert hooks.log(hook)[0][0].next_at == store.now() + waits


@pytest.mark.parametrize("said", ["", "soon", "-5", "²", "Mon, 02 Mar 2020 10:10:00 GMT"])
def test_a_busy_place_that_says_nothing_of_use_is_asked_again_as_ever(
    open_house: Flask, far: Receiver, travel: Traveller, said: str
) -> None:
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    far.status, far.headers = 429, {"Retry-After": said} if said else {}
    hooks.test(hook)
    work()
    assert hooks.log(hook)[0][0].next_at <= store.now() + timedelta(seconds=6)


def test_a_redirect_is_a_failure_and_is_not_followed(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    with receiver() as other:
        hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
        far.status, far.headers = 307, {"Location": other.url}
        hooks.test(hook)
        work()
        assert not other.posted
    assert "307" in hooks.log(hook)[0][0].last_error


def test_a_place_that_says_gone_hears_nothing_more(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    far.status = 410
    hooks.test(hook)
    work()
    make.post(ticket, "update")
    work()
    assert len(far.posted) == 1
    assert hook.ended_why == "gone"


def test_a_place_that_fails_for_long_is_switched_off_and_its_owner_told(
    open_house: Flask, far: Receiver, travel: Traveller
) -> None:
    ticket = make.ticket(language="de")
    hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    far.status = 500
    for _ in range(12):
        hooks.test(hook)
        work()
        travel.shift(timedelta(minutes=10))
    assert hook.ended_why == "failed"
    (told,) = [mail for mail in make.deliver() if "127.0.0.1" in str(mail["Subject"])]
    assert told["To"] == ticket.email
    assert "Wir schicken keine" in told["Subject"]
    assert "/hook" not in told.as_string(), "the rest of the address may be a secret"


def test_what_arrived_can_be_sent_once_more(open_house: Flask, far: Receiver, client: Visitor) -> None:
    ticket = quiet()
    make.own(client, ticket)
    page = client.post(f"/t/{ticket.ref}/hooks", data={"channel": "webhook", "target": far.url}, follow_redirects=True)
    assert page.text.count("whsec_") == 1
    assert "whsec_" not in client.get(f"/t/{ticket.ref}/hooks").text, "shown once"
    (hook,) = store.session().scalars(select(Subscription).where(Subscription.channel == "webhook")).all()
    client.post(f"/t/{ticket.ref}/hooks/{hook.sid}", data={"do": "test"})
    work()
    listed = client.get(f"/t/{ticket.ref}/hooks").text
    name = listed.split('name="name" value="')[1].split('"')[0]
    assert client.post(f"/t/{ticket.ref}/hooks/{hook.sid}", data={"do": "replay", "name": name}).status_code == 303
    work()
    assert len({one.headers["webhook-id"] for one in far.posted}) == 1
    assert len(far.posted) == 2
    assert client.post(f"/t/{ticket.ref}/hooks/{hook.sid}", data={"do": "replay", "name": "x"}).status_code == 404
    client.post(f"/t/{ticket.ref}/hooks/{hook.sid}", data={"do": "remove"})
    make.post(ticket, "update")
    work()
    assert len(far.posted) == 2


def test_a_desks_place_hears_of_all_its_tickets_and_no_others(open_house: Flask, far: Receiver) -> None:
    desk, other = make.desk(), make.desk("streets")
    lead = make.lead(desk)
    hooks.create(desk, "webhook", far.url, by=make.viewer(lead))
    make.post(make.ticket(desk, visibility="private"), "update", text="Ours")
    make.post(make.ticket(other), "update", text="Theirs")
    work()
    bodies = b"".join(one.body for one in far.posted)
    assert b"Ours" in bodies
    assert b"Theirs" not in bodies
    assert b"link/confirm" not in bodies


def test_failures_that_several_workers_see_are_all_counted(open_house: Flask, far: Receiver) -> None:
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "webhook", far.url, by=make.customer(ticket))
    with open_house.app_context():
        elsewhere = store.session().get_one(Subscription, hook.id)
        hooks.failed(elsewhere, for_good=False)
    hooks.failed(hook, for_good=False)
    assert hook.failures == 2
    with open_house.app_context():
        hooks.remove(store.session().get_one(Subscription, hook.id))
    hooks.failed(hook, for_good=True)
    assert hook.ended_why == "left", "its owner was first, and needs no mail"
    with open_house.app_context():
        deliveries.forget(Subscription.id == hook.id)
    hooks.failed(hook, for_good=False)
    hooks.arrived(hook)


def test_a_page_with_many_places_asks_the_database_no_more_often(open_house: Flask, client: Visitor) -> None:
    ticket = quiet()
    make.own(client, ticket)

    def asked() -> int:
        heard: list[str] = []

        def listener(*given: Any) -> None:
            heard.append(given[2])

        event.listen(store.db.engine, "before_cursor_execute", listener)
        assert client.get(f"/t/{ticket.ref}/hooks").status_code == 200
        event.remove(store.db.engine, "before_cursor_execute", listener)
        return len(heard)

    by, urls = make.customer(ticket), [f"http://127.0.0.1:1/{number}" for number in range(5)]
    hooks.create(ticket, "webhook", urls[0], by=by)
    asked()
    before = asked()
    for url in urls[1:]:
        hooks.create(ticket, "webhook", url, by=by)
    assert asked() == before


def test_a_place_that_was_removed_is_listed_no_more_and_may_come_back(open_house: Flask, client: Visitor) -> None:
    ticket = quiet()
    make.own(client, ticket)
    page, target = f"/t/{ticket.ref}/hooks", "http://127.0.0.1:1/x"
    client.post(page, data={"channel": "webhook", "target": target})
    (hook,) = store.session().scalars(select(Subscription).where(Subscription.channel == "webhook")).all()
    client.post(f"{page}/{hook.sid}", data={"do": "remove"})
    assert hook.sid not in client.get(page).text
    assert client.post(f"{page}/{hook.sid}", data={"do": "test"}).status_code == 404
    client.post(page, data={"channel": "webhook", "target": target})
    assert hook.sid in client.get(page).text


def test_only_owners_set_up_places(open_house: Flask, far: Receiver) -> None:
    desk = make.desk()
    agent, ticket = make.agent(desk), make.ticket(desk)
    for on in (ticket, desk):
        with pytest.raises(Forbidden):
            hooks.create(on, "webhook", far.url, by=make.viewer(agent))
    by = make.customer(ticket)
    hooks.create(ticket, "webhook", far.url, by=by)
    with pytest.raises(Conflict):
        hooks.create(ticket, "webhook", far.url, by=by)
    for number in range(hooks.MOST - 1):
        hooks.create(ticket, "webhook", f"{far.url}{number}", by=by)
    with pytest.raises(Conflict, match="most"):
        hooks.create(ticket, "webhook", f"{far.url}more", by=by)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "ff02::1", "192.0.2.1", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_the_public_internet_are_refused(house: Flask, address: str) -> None:
    assert not outward.may_reach(ip_address(address))


def test_the_public_internet_is_reachable(house: Flask) -> None:
    assert outward.may_reach(ip_address("93.184.216.34"))
    assert outward.may_reach(ip_address("2606:4700::1111"))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x", "https://user:pw@example.org/", "https://127.0.0.1/x", "https://[::1]/x", "ftp://a.b/",
        "https://", "javascript:alert(1)", "https://a.example/\r\nX: y", "https://a b/", "https://a.example:0/",
        "https://a.example:99999/", "https://[::1", "file:///etc/passwd", "https://" + "a" * 600,
    ],
)  # fmt: skip
def test_an_address_we_would_not_post_to_is_refused_when_typed(house: Flask, url: str) -> None:
    with pytest.raises(Invalid):
        webhook.check_target(url)


def test_a_name_that_leads_inside_is_refused_when_we_connect(
    house: Flask, far: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leads(*answers: str) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, far.port)) for one in answers]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)

    for answers in (("127.0.0.1",), ("93.184.216.34", "127.0.0.1")):
        leads(*answers)
        with pytest.raises(outward.Refused):
            outward.post(f"https://innocent.example:{far.port}/x", b"{}", {})
    ticket = quiet()
    hook, _secret = hooks.create(ticket, "webhook", "https://innocent.example/x", by=make.customer(ticket))
    hooks.test(hook)
    work()
    assert "not on the public internet" in hooks.log(hook)[0][0].last_error
    assert not far.posted


def test_we_connect_to_the_address_that_was_judged(
    open_house: Flask, far: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time (DNS rebinding) finds no second time."""
    asked: list[str] = []

    def once(host: str, port: int, **_more: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *a, **k: once(host, *a, **k) if "." in host and host[0].isalpha() else real(host, *a, **k),
    )
    assert outward.post(f"http://rebinding.example:{far.port}/x", b"{}", {}).status == 200
    assert asked == ["rebinding.example"]
    assert far.posted[0].headers["Host"] == f"rebinding.example:{far.port}"


def test_a_place_that_hangs_is_left_in_time(open_house: Flask, far: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "TIMEOUT_S", 0.3)
    far.hangs = True
    with pytest.raises(OSError):
        outward.post(far.url, b"{}", {})


@contextmanager
def drips() -> Iterator[tuple[int, threading.Event]]:
    """Greet whoever connects, a byte at a time, for as long as it listens; the event says that it hung up."""
    hung_up = threading.Event()

    def drip() -> None:
        with near.accept()[0] as line:
            try:
                line.sendall(b"\x16\x03\x03\x40\x00")  # TLS: a record of 16 KB follows
                for _ in range(200):
                    line.sendall(b"\0")
                    time.sleep(0.05)
            except OSError:
                hung_up.set()

    with socket.create_server(("127.0.0.1", 0)) as near:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield near.getsockname()[1], hung_up
        thread.join(15)


def test_a_place_that_greets_without_end_is_left_in_time(open_house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "TIMEOUT_S", 0.3)
    with drips() as (port, hung_up):
        with pytest.raises(OSError):
            outward.post(f"https://127.0.0.1:{port}/x", b"{}", {})
        assert hung_up.wait(5)


def test_a_name_server_that_keeps_silent_is_left_in_time(
    open_house: Flask, far: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outward, "TIMEOUT_S", 0.3)
    real = socket.getaddrinfo

    def at_last(host: str, *more: Any, **options: Any) -> Any:
        far.let_go.wait(5)
        return real(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", at_last)
    with pytest.raises(TimeoutError):
        outward.post(far.url, b"{}", {})
    far.let_go.set()
    assert not far.posted
