"""News by mail: composed from what the recipient may see, sent by SMTP or kept in the development mailbox."""

import binascii
import email
import email.policy
import re
import secrets
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from flask import current_app

from tracker import links, mailbox, present, settings, store, tickets
from tracker.channels import _letters, _smtp
from tracker.models import Delivery, News, Subscription, Ticket
from tracker.outbox import Dropped, Undeliverable

PLAIN_ADDRESS = re.compile(r"[\x21-\x7e]+@[\x21-\x7e]+")
TOKEN = f"token{secrets.token_hex(12)}"
"""Stands in a sheet for what opens one follower's own page; nobody can type it, for nobody knows it."""
MOST_SHEETS = 64


def check_target(text: str) -> str:
    """Return a mail address as we store it; raise Invalid when we could not write to it."""
    return tickets.address(text)


def deliver(delivery: Delivery, news: News) -> None:
    """Compose and send one mail; raise Undeliverable, permanent or not, or Dropped."""
    content = _compose(delivery, news)
    chosen = settings.current()
    if chosen.smtp_url:
        _smtp.send(content, parseaddr(chosen.mail_from)[1], delivery.address, chosen.smtp_url)
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
    headers = _own_headers(delivery, news, own)
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + sheet.replace(
        TOKEN.encode(), own.encode()
    )


def _own_headers(delivery: Delivery, news: News, token: str) -> list[tuple[str, str]]:
    """Return the headers that differ between recipients of the same sheet."""
    if not PLAIN_ADDRESS.fullmatch(delivery.address):
        raise Undeliverable("this address can not be written in a header", permanent=True)
    host = urlsplit(settings.current().public_url).hostname
    written_at = store.now() if delivery.upto_seq else news.created_at  # a digest waited for its time
    found = [
        ("To", delivery.address),
        ("Date", format_datetime(written_at)),
        ("Message-ID", f"<{links.stamp(f'{news.id}.{delivery.id}')}@{host}>"),
    ]
    ticket = store.session().get(Ticket, news.ticket_id) if news.ticket_id else None
    if ticket:
        root = f"<{ticket.ref}@{host}>"
        asked = ticket.mail_id if delivery.role == "customer" else ""
        found += [("In-Reply-To", asked or root), ("References", f"{asked} {root}".strip())]
        found += [("Reply-To", back)] if (back := _letters.reply_to(delivery, ticket)) else []
    if token and news.topic == "event":
        ways = [links.absolute(links.leave(token))]
        ways += [f"mailto:{address}"] if (address := links.leave_address(token)) else []
        found.append(("List-Unsubscribe", ", ".join(f"<{way}>" for way in ways)))
        found.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return found


def _sheet(delivery: Delivery, news: News) -> bytes:
    """Render what all readers alike get: shared headers, plain words and HTML."""
    ticket = store.session().get(Ticket, news.ticket_id) if news.ticket_id else None
    manage_url = links.absolute(links.follow(TOKEN)) if delivery.subscription_id else ""
    letter = _letters.write(delivery, news, manage_url=manage_url)
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = " ".join(letter.subject.split())[:250]
    message["From"] = _sender(ticket)
    message["X-Loop"] = urlsplit(settings.current().public_url).hostname
    message["Auto-Submitted"] = "auto-replied" if letter.answers else "auto-generated"
    if delivery.bulk:
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
    found = delivery.subscription
    if found is None or (delivery.bulk and not found.hears):
        raise Dropped
    if found.ticket and found.ticket.visibility == "private" and found.role == "public":
        raise Dropped
    return found


def _sheets() -> dict[tuple[object, ...], bytes]:
    found: dict[tuple[object, ...], bytes] = current_app.extensions.setdefault("tracker_sheets", {})
    return found


def _parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def _sender(ticket: Ticket | None) -> Address:
    name, address = parseaddr(settings.current().mail_from)
    if ticket:
        name = f"{ticket.assignee.name}, {ticket.desk.name}"
    return Address(display_name=name, addr_spec=address)
