"""News by mail: composed from what the recipient may see, sent by SMTP or kept in the development mailbox."""

import binascii
import email
import email.policy
import re
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from urllib.parse import urlsplit

from flask import current_app

from tracker import addresses, links, mailbox, permissions, present, settings, store
from tracker.channels import _digest, _letters, _smtp
from tracker.channels._letters import Letter
from tracker.models import Delivery, News, Subscription, Ticket
from tracker.outbox import Dropped, Undeliverable
from tracker.speech import Speech

PLAIN_ADDRESS = re.compile(r"[\x21-\x7e]+@[\x21-\x7e]+")
TOKEN = f"token{secrets.token_hex(12)}"
"""Stands in a sheet for what opens one follower's own page; nobody can type it, for nobody knows it."""
MOST_SHEETS = 64


def check_target(text: str) -> str:
    """Return a mail address as we store it; raise Invalid when we could not write to it."""
    return addresses.checked(text)


def deliver(delivery: Delivery, news: News) -> None:
    """Compose and send one mail; raise Undeliverable, permanent or not, or Dropped."""
    _send(_compose(delivery, news), delivery)


def digest(those: Sequence[tuple[Delivery, News]]) -> Collection[int]:
    """Send one mail for several deliveries to one address; return those that had nothing to say any more.

    Raises Undeliverable as `deliver` does, and Dropped when nothing is left to say.
    """
    heard = [(delivery, news) for delivery, news in those if _is_heard(delivery)]
    if not heard:
        raise Dropped
    first = heard[0][0]
    assert first.subscription
    speech = _letters.speech_of(first, first.subscription.ticket)
    written = _digest.write(heard, speech)
    if not written:
        raise Dropped
    first = written[0][0]
    if len(written) == 1:
        deliver(*next(pair for pair in heard if pair[0] is first))
    else:
        _send(_bound(written, speech), first)
    return {delivery.id for delivery, _news in those} - {delivery.id for delivery, _letter in written}


def _send(content: bytes, delivery: Delivery) -> None:
    chosen = settings.current()
    if chosen.smtp_url:
        if delivery.bulk and chosen.mails_per_second:
            _smtp.pace(chosen.mails_per_second)
        _smtp.send(content, _plain_sender(chosen.mail_from), delivery.address, chosen.smtp_url)
    elif chosen.mode == "development":
        mailbox.put(_parsed(content), delivery.id)
    else:
        raise Undeliverable("TRACKER_SMTP_URL is not set", permanent=False)


def rest() -> None:
    """Say goodbye to the mail server until there is more to send, and forget what was rendered."""
    _smtp.close()
    _sheets().clear()


def check() -> str:
    """Say in words what keeps mail from leaving now; "" when the server answers, or none is needed."""
    chosen = settings.current()
    if not chosen.smtp_url:
        return "" if chosen.mode == "development" else "TRACKER_SMTP_URL is not set, so no mail leaves."
    return _smtp.check(chosen.smtp_url)


def _compose(delivery: Delivery, news: News) -> bytes:
    """Return the mail: plain words and HTML, threaded by ticket, with an id that stays the same on every attempt.

    What is one recipient's own is put around and into the sheet; many followers share one, rendered once.
    """
    found = _subscription(delivery)
    key = _sheet_key(delivery, news, found) if delivery.bulk and found else None
    sheet = _sheets().get(key) if key else None
    if sheet is None:
        sheet = _sheet(delivery, news)
        if key and len(_sheets()) < MOST_SHEETS:
            _sheets()[key] = sheet
    own = links.follow_token(found.sid) if found else ""
    return _lines(_own_headers(delivery, news, own)) + sheet.replace(TOKEN.encode(), own.encode())


def _bound(written: _digest.Written, speech: Speech) -> bytes:
    """Return the mail that brings several tickets' news; its id is made of what it says, as it is on every attempt.

    It belongs to no ticket's thread. A reply reaches the first ticket that is its reader's own.
    """
    first = written[0][0]
    assert first.subscription
    assert first.subscription.ticket
    token = links.digest_token(first.subscription.sid)
    letter = _digest.letter(written, speech, manage_url=links.absolute(links.follow(token)))
    spelled = ".".join(f"{one.id}-{one.from_seq}-{one.upto_seq}" for one, _letter in written)
    headers = _to(first, store.now(), f"digest.{spelled}") + _ways_out(token)
    headers += [("Reply-To", back)] if (back := _letters.reply_to(first, first.subscription.ticket)) else []
    return _lines(headers) + _message(letter, _named(_digest.sender(written)), is_bulk=True)


def _own_headers(delivery: Delivery, news: News, token: str) -> list[tuple[str, str]]:
    """Return the headers that differ between recipients of the same sheet."""
    host = urlsplit(settings.current().public_url).hostname
    written_at = store.now() if delivery.upto_seq else news.created_at  # a digest waited for its time
    found = _to(delivery, written_at, f"{news.id}.{delivery.id}")
    ticket = store.session().get(Ticket, news.ticket_id) if news.ticket_id else None
    if ticket:
        root = f"<{ticket.ref}@{host}>"
        asked = ticket.mail_id if delivery.role == "customer" else ""
        found += [("In-Reply-To", asked or root), ("References", f"{asked} {root}".strip())]
        found += [("Reply-To", back)] if (back := _letters.reply_to(delivery, ticket)) else []
    return found + (_ways_out(token) if token and news.topic == "event" else [])


def _to(delivery: Delivery, written_at: datetime, name: str) -> list[tuple[str, str]]:
    if not PLAIN_ADDRESS.fullmatch(delivery.address):
        raise Undeliverable("this address can not be written in a header", permanent=True)
    host = urlsplit(settings.current().public_url).hostname
    return [
        ("To", delivery.address),
        ("Date", format_datetime(written_at)),
        ("Message-ID", f"<{links.stamp(name)}@{host}>"),
    ]


def _ways_out(token: str) -> list[tuple[str, str]]:
    """Return how a mail program leaves for its reader: one click, and a mail where mail comes in (RFC 8058)."""
    ways = [links.absolute(links.leave(token))]
    ways += [f"mailto:{address}"] if (address := links.leave_address(token)) else []
    told = ", ".join(f"<{way}>" for way in ways)
    return [("List-Unsubscribe", told), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")]


def _lines(headers: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode()


def _sheet(delivery: Delivery, news: News) -> bytes:
    """Render what all readers alike get: shared headers, plain words and HTML."""
    ticket = store.session().get(Ticket, news.ticket_id) if news.ticket_id else None
    manage_url = links.absolute(links.follow(TOKEN)) if delivery.subscription_id else ""
    letter = _letters.write(delivery, news, manage_url=manage_url)
    return _message(letter, _sender(ticket), is_bulk=delivery.bulk)


def _message(letter: Letter, sender: Address, *, is_bulk: bool) -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = " ".join(letter.subject.split())[:250]
    message["From"] = sender
    message["X-Loop"] = urlsplit(settings.current().public_url).hostname
    message["Auto-Submitted"] = "auto-replied" if letter.answers else "auto-generated"
    if is_bulk:
        message["Precedence"] = "list"
    message.make_alternative()
    message["Content-Language"] = letter.facts["speech"].language
    message["MIME-Version"] = "1.0"
    message.attach(_part("plain", present.render(f"email/{letter.name}.txt", **letter.facts)))
    message.attach(_part("html", present.render(f"email/{letter.name}.html", **letter.facts)))
    return message.as_bytes()


def _part(subtype: str, text: str) -> EmailMessage:
    """Return one body, quoted-printable, with soft breaks around TOKEN so that no line break falls into it."""
    part = EmailMessage(policy=email.policy.SMTP)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    pieces = (binascii.b2a_qp(piece.encode(), istext=True).decode() for piece in text.split(TOKEN))
    part.set_payload(f"=\n{TOKEN}=\n".join(pieces))
    return part


def _sheet_key(delivery: Delivery, news: News, found: Subscription) -> tuple[object, ...]:
    """Return what a sheet depends on; whatever happens to the ticket raises `last_seq`, and makes another sheet."""
    last_seq = found.ticket.last_seq if found.ticket else 0
    return (news.id, delivery.from_seq, delivery.upto_seq, delivery.role, found.language, found.zone, last_seq)


def _subscription(delivery: Delivery) -> Subscription | None:
    """Return the place this goes to, if it is one that chose; raise Dropped when they left or may read it no more."""
    if delivery.subscription_id is None:
        return None
    if not _is_heard(delivery):
        raise Dropped
    return delivery.subscription


def _is_heard(delivery: Delivery) -> bool:
    found = delivery.subscription
    if found is None or (delivery.bulk and not found.hears):
        return False
    return found.ticket is None or permissions.is_shown(found.ticket, found.role)


def _sheets() -> dict[tuple[object, ...], bytes]:
    found: dict[tuple[object, ...], bytes] = current_app.extensions.setdefault("tracker_sheets", {})
    return found


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def _sender(ticket: Ticket | None) -> Address:
    return _named(f"{ticket.assignee.name}, {ticket.desk.name}" if ticket else "")


@cache
def _plain_sender(mail_from: str) -> str:
    return parseaddr(mail_from)[1]


def _named(name: str) -> Address:
    usual, address = parseaddr(settings.current().mail_from)
    return Address(display_name=name or usual, addr_spec=address)
