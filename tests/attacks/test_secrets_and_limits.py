"""Secrets that open something, the limits in front of them, and where a redirect may lead."""

import threading
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
import time_machine
from argon2 import PasswordHasher, extract_parameters
from flask import Flask

from tests import houses, make
from tests.houses import Visitor
from tracker import idempotency, people, tickets
from tracker.errors import Invalid, TooSoon, Unauthorized
from tracker.permissions import ANYONE

OPENING = {"subject": "No water", "text": "Dry.", "name": "Cara Lindt", "email": "cara@home.example"}


def low(tmp_path: Path, template: Path, **settings: object) -> Flask:
    return houses.build(houses.copied(template, tmp_path), tmp_path, **settings)


def test_each_limit_answers_429_with_the_seconds_to_wait(tmp_path: Path, sqlite_template: Path) -> None:
    app = low(tmp_path, sqlite_template, opens_per_hour=2, requests_per_minute=60, writes_per_minute=3)
    with app.app_context():
        desk = make.desk()
        make.agent(desk)
        slug = desk.slug
    here, there = app.test_client(), app.test_client()
    there.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    answers = [here.post("/api/v1/tickets", json=OPENING | {"desk": slug}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 3601
    neighbour = app.test_client()
    neighbour.environ_base["REMOTE_ADDR"] = "127.0.0.99"
    assert neighbour.post("/api/v1/tickets", json=OPENING | {"desk": slug}).status_code == 429
    assert there.post("/api/v1/tickets", json=OPENING | {"desk": slug}).status_code == 201
    statuses = [
        here.post("/signin", data={"email": "a@b.example", "password": "x" * 12}).status_code for _ in range(11)
    ]
    assert statuses == [401] * 10 + [429]
    assert 429 in [here.get("/").status_code for _ in range(60)]
    assert here.get("/healthz").status_code == 200


def test_an_office_of_many_desks_is_not_one_reader(tmp_path: Path, sqlite_template: Path) -> None:
    app = low(tmp_path, sqlite_template, requests_per_minute=4)
    colleagues = [app.test_client() for _ in range(2)]
    with app.app_context():
        desk = make.desk()
        for browser in colleagues:
            make.sign_in(browser, make.agent(desk))
    for browser in colleagues:
        assert [browser.get("/workspace/").status_code for _ in range(5)] == [200] * 4 + [429]
    stranger = app.test_client()
    assert [stranger.get("/workspace/").status_code for _ in range(5)] == [303] * 4 + [429]


def test_a_wrong_token_at_the_workspace_counts_like_anybody(tmp_path: Path, sqlite_template: Path) -> None:
    browser = low(tmp_path, sqlite_template, requests_per_minute=4).test_client()
    wrong = {"Authorization": "Bearer npt_guessed"}
    statuses = [browser.get("/workspace/", headers=wrong).status_code for _ in range(6)]
    assert 429 not in statuses[:4]
    assert statuses[4:] == [429, 429]


def test_limits_hold_when_redis_is_away(tmp_path: Path, sqlite_template: Path) -> None:
    app = low(tmp_path, sqlite_template, redis_url="redis://127.0.0.1:1/0", requests_per_minute=3)
    browser = app.test_client()
    browser.environ_base["REMOTE_ADDR"] = "192.0.2.44"
    assert [browser.get("/signin").status_code for _ in range(5)] == [200, 200, 200, 429, 429]


def test_a_link_opens_once_even_when_pressed_twice_at_the_same_moment(house: Flask) -> None:
    ticket = make.ticket(confirmed=False)
    secret = people.mint_link("signin", address=ticket.email)
    gate, statuses = threading.Barrier(4), []

    def press() -> None:
        browser = house.test_client()
        gate.wait(10)
        statuses.append(browser.post(f"/link/signin/{secret}").status_code)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(statuses) == [303, 401, 401, 401]


def test_looking_at_a_secret_link_changes_nothing_and_is_kept_by_no_cache(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(confirmed=False)
    confirm = people.mint_link("confirm", ticket_id=ticket.id)
    for address in (f"/link/confirm/{confirm}", f"/k/{tickets.give_key(ticket)}", "/link/signin/unknown", "/k/unknown"):
        for method in ("GET", "HEAD"):
            answer = client.open(address, method=method)
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), address
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert "Set-Cookie" not in answer.headers
    assert make.fresh(ticket).email_confirmed_at is None
    assert client.post(f"/link/confirm/{confirm}").status_code == 303


def test_a_link_runs_out_and_serves_its_own_purpose_only(
    house: Flask, client: Visitor, travel: time_machine.Traveller
) -> None:
    ticket = make.ticket(confirmed=False)
    secret = people.mint_link("confirm", ticket_id=ticket.id)
    for purpose in ("signin", "reset", "invite"):
        sent = {"password": "a sentence of hers"}
        assert client.post(f"/link/{purpose}/{secret}", data=sent).status_code == 401
    travel.shift(timedelta(days=7, seconds=1))
    assert client.post(f"/link/confirm/{secret}").status_code == 401


class Noting(PasswordHasher):
    """Hashes as cheaply as the others in tests, and remembers what it was asked to verify."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.verified.append(str(hash))
        return super().verify(hash, password)


def test_an_unknown_address_costs_as_much_as_a_known_one(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    known, hasher = make.agent(password="a sentence of hers").email, Noting()
    monkeypatch.setattr(people, "_hasher", hasher)
    for email in (known, "nobody@desk.example"):
        with pytest.raises(Unauthorized, match="do not go together"):
            people.sign_in(email, "not her sentence")
    one, other = hasher.verified
    assert one != other
    assert extract_parameters(one) == extract_parameters(other)


def test_asking_for_a_link_answers_alike_for_known_and_unknown_addresses(house: Flask, client: Visitor) -> None:
    ticket, person = make.ticket(), make.agent()
    for what, known in (("tickets", ticket.email), ("password", person.email)):
        answers = [
            client.post("/signin/link", data={"email": email, "what": what}) for email in (known, "x@unknown.example")
        ]
        assert answers[0].data == answers[1].data
        assert answers[0].headers.items() == answers[1].headers.items() or answers[0].status == answers[1].status
    assert not [mail for mail in make.deliver() if "unknown.example" in str(mail["To"])]


@pytest.mark.usefixtures("travel")
def test_what_fills_the_hidden_field_or_the_form_in_no_time_opens_nothing(house: Flask, client: Visitor) -> None:
    desk = make.desk()
    make.agent(desk)
    stamp = client.get("/new").text.partition('name="made" value="')[2].partition('"')[0]
    assert stamp
    sent = {**OPENING, "desk": desk.slug, "visibility": "private", "name_shown": "own"}
    for wrong in (
        {"made": stamp},
        {"made": ""},
        {"made": "forged"},
        {"made": stamp, "website": "https://evil.example"},
    ):
        assert client.post("/new", data=sent | wrong).status_code == 422, wrong
    assert make.deliver() == []


def test_mail_links_lead_to_the_public_address_whatever_host_was_asked(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(confirmed=False)
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "9.9.9.9",
        "Forwarded": "host=evil.example",
    }
    answer = client.post("/signin/link", data={"email": ticket.email}, headers=forged)
    assert answer.status_code == 200
    assert "evil.example" not in answer.text
    mails = make.deliver()
    assert len(mails) >= 2
    assert not [mail for mail in mails if "evil.example" in mail.as_string()]


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example/",
        "/\\evil.example",
        "//evil.example/%2e%2e",
        "/https://evil.example",
        "/workspace//evil.example",
        "/workspace/?next=//evil.example",
        "/signin?next=https://evil.example",
    ],
)
def test_no_address_leads_to_another_site(house: Flask, client: Visitor, address: str) -> None:
    person = make.agent(password="a sentence of hers")
    for _ in range(2):
        answer = client.get(address)
        place = answer.headers.get("Location", "/")
        assert place.startswith(("/", "http://localhost/")), place
        assert not place.startswith(("//", "/\\")), place
        signed = client.post(
            "/signin", data={"email": person.email, "password": "a sentence of hers", "next": "//evil.example"}
        )
        assert signed.status_code == 303
        assert signed.headers["Location"].startswith("/workspace/")


def test_cookies_are_guarded_by_name_and_flags_on_https(tmp_path: Path, sqlite_template: Path) -> None:
    app = low(tmp_path, sqlite_template, public_url="https://tickets.example")
    with app.app_context():
        person = make.agent(password="a sentence of hers")
        email = person.email
    answer = app.test_client().post("/signin", data={"email": email, "password": "a sentence of hers"})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-nameplate=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_an_idempotency_key_is_bound_to_who_where_and_what(house: Flask, client: Visitor) -> None:
    desk = make.desk()
    make.agent(desk)
    key = {"Idempotency-Key": "k"}
    first = client.post("/api/v1/tickets", json=OPENING | {"desk": desk.slug}, headers=key)
    assert (first.status_code, "secret" in first.text) == (201, True)
    again = client.post("/api/v1/tickets", json=OPENING | {"desk": desk.slug}, headers=key)
    assert again.status_code in (200, 201)
    assert first.json["secret"] not in again.text
    other = client.post("/api/v1/tickets", json=OPENING | {"desk": desk.slug, "text": "Other"}, headers=key)
    assert other.status_code == 422
    far = house.test_client()
    far.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    fresh = far.post("/api/v1/tickets", json=OPENING | {"desk": desk.slug}, headers=key)
    assert fresh.status_code == 201
    assert fresh.headers["Location"] != first.headers["Location"]


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb", "\x00", "\u202e"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        idempotency.once(key, principal="p", route="r", body={})


def test_one_ticket_takes_only_so_many_thanks(tmp_path: Path, sqlite_template: Path) -> None:
    app = low(tmp_path, sqlite_template, thanks_per_hour=2)
    with app.app_context():
        ticket = make.ticket()
        for number in range(2):
            make.post(ticket, "thanks", by=ANYONE, text=f"Thank you {number}")
        with pytest.raises(TooSoon):
            make.post(ticket, "thanks", by=ANYONE, text="And again")
        assert make.kinds_of(ticket).count("thanks") == 2


def test_an_address_gets_five_sign_in_mails_an_hour_whoever_asks(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    for _ in range(7):
        client.post("/signin/link", data={"email": ticket.email})
    assert len([one for one in make.deliver() if one["Subject"] == "Your way back to your tickets"]) == 5


def test_a_sign_in_link_publishes_nothing_that_somebody_else_opened_in_this_name(house: Flask, client: Visitor) -> None:
    forged = make.ticket(confirmed=False, visibility="public")
    tickets.come_back(people.mint_link("signin", address=forged.email))
    assert make.fresh(forged).visibility == "private"
    assert forged.email_confirmed_at is not None
