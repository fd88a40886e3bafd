"""What a program sends that no form would: forged cursors, huge numbers, zones and addresses made to break us."""

import base64
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tests import make
from tests.houses import Visitor, build
from tracker import limits, tickets
from tracker.channels._letters import short_subject
from tracker.errors import Unavailable
from tracker.permissions import ANYONE
from tracker.store import transaction

FORGED = {
    "nested endlessly": "[" * 2500,
    "an infinite number": '["2026-01-01T00:00:00+00:00", Infinity]',
    "a number beyond floats": '["2026-01-01T00:00:00+00:00", 1e999]',
    "before the first year": '["0001-01-01T00:00:00+14:00", 1]',
    "after the last year": '["9999-12-31T23:59:59-14:00", 1]',
    "an object": '{"0": "2026-01-01T00:00:00+00:00"}',
    "an object without keys": "{}",
    "nothing": "null",
    "a number as time": "[1, 1]",
    "no zone": '["2026-01-01T00:00:00", 1]',
    "half a character": '["\\ud800", 1]',
    "an id beyond the database": '["2026-01-01T00:00:00+00:00", 9223372036854775808]',
    "not even text": "\udcff",
}


@pytest.mark.parametrize("said", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("address", ["/?before=", "/api/v1/tickets?cursor="])
def test_a_forged_cursor_is_told_off_and_breaks_nothing(client: Visitor, address: str, said: str) -> None:
    cursor = base64.urlsafe_b64encode(said.encode(errors="surrogateescape")).decode().rstrip("=")
    assert client.get(address + cursor).status_code == 422


@pytest.mark.parametrize(
    "number", ["9" * 5000, "-1", "1e9", "٣", "0x10", "99999999999999999999", ""], ids=lambda text: text[:20]
)
@pytest.mark.parametrize("address", ["/t/{}/entries?after=", "/t/{}?after=", "/t/{}/badge.svg?cacheSeconds="])
def test_a_huge_or_strange_number_in_an_address_counts_as_none(
    house: Flask, client: Visitor, address: str, number: str
) -> None:
    ticket = make.ticket()
    assert client.get(address.format(ticket.ref) + number).status_code == 200


@pytest.mark.parametrize(
    "zone", ["Nowhere/Land", "../../etc/passwd", "/etc/passwd", "win cash at evil.example", "Etc/", "."]
)
def test_a_time_zone_that_is_none_neither_stops_the_mail_nor_is_printed_in_it(house: Flask, zone: str) -> None:
    ticket = make.ticket(zone=zone, confirmed=False)
    letters = [mail for mail in make.deliver() if ticket.email in str(mail["To"])]
    assert len(letters) == 1
    assert zone not in str(letters[0].get_body(("plain",)).get_content()) or zone == "."  # type: ignore[union-attr]


def test_an_address_has_one_flood_cap_however_it_is_spelled(house: Flask) -> None:
    spellings = [
        "victim@home.example",
        "Victim@home.example",
        "VICTIM@HOME.EXAMPLE",
        "vicTim@Home.example",
        "victiM@home.example",
    ]
    for spelled in spellings:
        make.ticket(email=spelled, confirmed=False)
    letters = [mail for mail in make.deliver() if "victim" in str(mail["To"]).lower()]
    assert len(letters) == 3


@pytest.mark.parametrize(
    "lure",
    [
        "https://evil.example/win",
        "HTTP://EVIL.EXAMPLE",
        "(www.evil.example)",
        "evil.example/pay",
        "evil。example",
        "evil．example",
        "me@evil.example",
        "mailto:x",
        "“evil.example”",
        "ftp://x",
    ],
)
def test_the_subject_in_an_acknowledgement_carries_nothing_a_mail_program_makes_a_link_of(
    house: Flask, lure: str
) -> None:
    ticket = make.ticket(subject=f"You have won {lure} today", confirmed=False)
    assert short_subject(ticket).replace("‹mail address hidden› ", "") == "You have won today"
    (letter,) = [mail for mail in make.deliver() if ticket.email in str(mail["To"])]
    for part in letter.walk():
        if not part.is_multipart():
            assert lure not in part.get_content()
    assert lure not in str(letter["Subject"])


def test_a_subject_keeps_times_and_numbers(house: Flask) -> None:
    ticket = make.ticket(subject="Since 10:30 on 3/12/2026 only 3.5 bar, why?")
    assert short_subject(ticket) == ticket.subject


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_ipv4_seen_through_ipv6_is_counted_as_itself_and_no_address_breaks_the_count(
    address: str, network: str
) -> None:
    assert limits.network(address) == network


def test_clients_behind_a_proxy_are_told_apart_before_sockets_are_counted(tmp_path: Path) -> None:
    app = build(f"sqlite:///{tmp_path / 'x.sqlite3'}", tmp_path, proxies=1)
    assert type(app.wsgi_app).__name__ == "ProxyFix"


def test_an_error_of_the_database_names_no_values(house: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A log line of a lock that was not had would otherwise carry somebody's address."""
    with pytest.raises((Unavailable, ProgrammingError)) as failed, transaction() as session:
        session.execute(text("SELECT * FROM nowhere WHERE email = :who"), {"who": "cara@home.example"})
    told = f"{failed.value} {failed.value.__cause__} {caplog.text}"
    assert "nowhere" in told
    assert "cara@home.example" not in told


def test_nobody_can_put_a_line_break_into_a_mail_header(house: Flask) -> None:
    desk = make.desk()
    make.agent(desk)
    given = {"text": "x", "name": "Cara", "email": "a@b.example", "desk": desk.slug}
    ticket, _ = tickets.open(given | {"subject": "Hello\r\nBcc: all@evil.example\u2028X-Two: 2"}, by=ANYONE)
    assert "\n" not in ticket.subject
    for mail in make.deliver():
        assert "Bcc" not in mail
        assert "X-Two" not in mail
        head = mail.as_bytes().partition(b"\n\n")[0]
        assert b"\nBcc" not in head
        assert b"\nX-Two" not in head


@pytest.mark.parametrize(
    "email",
    [
        "a@b.example\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "<a@b.example>",
        "a b@c.example",
        "@",
        "a@[127.0.0.1]",
    ],
)
def test_an_address_that_is_more_than_one_is_refused(client: Visitor, email: str) -> None:
    desk = make.desk()
    make.agent(desk)
    sent = {"subject": "A long one", "text": "x", "name": "Cara", "email": email, "desk": desk.slug}
    answer = client.post("/api/v1/tickets", json=sent)
    assert (answer.status_code, list(answer.json["error"]["fields"])) == (422, ["email"])


def test_an_address_beyond_ascii_gets_its_mail_or_is_refused_but_breaks_nothing(house: Flask) -> None:
    ticket = make.ticket(email="jörg@bücher.example", confirmed=False)
    assert [mail for mail in make.deliver() if mail["To"]]
    assert ticket.email == "jörg@bücher.example"
