"""News by mail: composed from what the recipient may see, sent by SMTP or kept in the development mailbox."""

import re
import smtplib
import ssl
import unicodedata
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from tracker import disclosure, links, mailbox, people, present, richtext, settings, store, tickets
from tracker.models import Delivery, Event, News, Person, Ticket
from tracker.outbox import Undeliverable

TIMEOUT_S = 20
SUBJECT_LENGTH = 80
LINK = re.compile(r"://|@|mailto:|\bwww\.|\w[.\u3002]\w*[^\W\d_]", re.IGNORECASE)
"""A word that some mail program would turn into a link."""
PURPOSES = {"signin": "signin", "reset": "reset", "invite": "invite"}


def check_target(text: str) -> str:
    """Return a mail address as we store it; raise Invalid when we could not write to it."""
    return tickets.address(text)


def deliver(delivery: Delivery, news: News) -> None:
    """Compose and send one mail; raise Undeliverable, permanent or not."""
    message = compose(delivery, news)
    chosen = settings.current()
    if chosen.smtp_url:
        _send(message, chosen.smtp_url)
    elif chosen.mode == "development":
        mailbox.put(message, delivery.id)
    else:
        raise Undeliverable("TRACKER_SMTP_URL is not set", permanent=False)


def check() -> str:
    """Say in words what keeps mail from leaving now; "" when the server answers, or none is needed."""
    chosen = settings.current()
    if not chosen.smtp_url:
        return "" if chosen.mode == "development" else "TRACKER_SMTP_URL is not set, so no mail leaves."
    parts = urlsplit(chosen.smtp_url)
    try:
        with _connect(parts.scheme, parts.hostname or "", parts.port) as server:
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
    except (OSError, smtplib.SMTPException) as error:
        return f"The mail server {parts.hostname} does not take our mail: {error}"
    return ""


def compose(delivery: Delivery, news: News) -> EmailMessage:
    """Return the mail: plain words and HTML, threaded by ticket, with an id that stays the same on every attempt."""
    ticket = store.session().get(Ticket, news.ticket_id) if news.ticket_id else None
    person = store.session().get(Person, news.person_id) if news.person_id else None
    name, facts = _facts(delivery, news, ticket, person)
    message = EmailMessage()
    subject = present.render(f"email/{name}.subject.txt", **facts)
    message["Subject"] = " ".join(subject.split())[:250]
    message["From"] = _sender(ticket)
    message["To"] = delivery.address
    message["Date"] = format_datetime(news.created_at)
    host = urlsplit(settings.current().public_url).hostname
    message["Message-ID"] = f"<{links.stamp(f'{news.id}.{delivery.id}')}@{host}>"
    if ticket:
        message["References"] = f"<{ticket.ref}@{host}>"
        message["In-Reply-To"] = f"<{ticket.ref}@{host}>"
    is_acknowledgement = facts.get("kind") == "opened" and delivery.role == "customer"
    message["Auto-Submitted"] = "auto-replied" if is_acknowledgement else "auto-generated"
    message.set_content(present.render(f"email/{name}.txt", **facts))
    message.add_alternative(present.render(f"email/{name}.html", **facts), subtype="html")
    return message


def _facts(
    delivery: Delivery, news: News, ticket: Ticket | None, person: Person | None
) -> tuple[str, dict[str, object]]:
    facts: dict[str, object] = {"site": links.absolute("/"), "role": delivery.role}
    if ticket:
        view = disclosure.ticket(ticket, delivery.role)
        path = links.workspace_ticket(ticket.ref) if delivery.role == "staff" else links.ticket(ticket.ref)
        facts |= {"ticket": view, "url": links.absolute(path), "subject": short_subject(ticket)}
        facts["zone"] = (ticket.zone if delivery.role == "customer" else "") or ticket.desk.zone
    if person:
        facts["person"] = disclosure.person(person)
    if news.topic == "event" and ticket:
        return _event_facts(delivery, news, ticket, facts)
    if news.topic in PURPOSES:
        secret = people.mint_link(PURPOSES[news.topic], person_id=news.person_id, address=news.address)
        facts["link"] = links.absolute(f"/link/{PURPOSES[news.topic]}/{secret}")
    return news.topic, facts


def _event_facts(
    delivery: Delivery, news: News, ticket: Ticket, facts: dict[str, object]
) -> tuple[str, dict[str, object]]:
    event = store.session().get(Event, news.event_id)
    events = [event] if event else []
    shown = disclosure.entries(ticket, events, delivery.role)
    if not shown:
        raise Undeliverable("this address may not see the event", permanent=True)
    entry = shown[0]
    facts |= {"entry": entry, "kind": entry["kind"], "words": richtext.plain(entry["body_html"])}
    if entry["kind"] == "opened" and delivery.role == "customer":
        secret = people.mint_link("confirm", ticket_id=ticket.id, address=ticket.email)
        facts["link"] = links.absolute(f"/link/confirm/{secret}")
        return "acknowledgement", facts
    return "event", facts


def short_subject(ticket: Ticket) -> str:
    """Return a ticket's subject as a stranger's mail may carry it: no links, 80 characters."""
    words = [word for word in ticket.subject.split() if not LINK.search(unicodedata.normalize("NFKC", word))]
    return " ".join(words)[:SUBJECT_LENGTH] or "your ticket"


def _sender(ticket: Ticket | None) -> Address:
    name, address = parseaddr(settings.current().mail_from)
    if ticket:
        name = f"{ticket.assignee.name}, {ticket.desk.name}"
    return Address(display_name=name, addr_spec=address)


def _send(message: EmailMessage, url: str) -> None:
    parts = urlsplit(url)
    try:
        with _connect(parts.scheme, parts.hostname or "", parts.port) as server:
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise Undeliverable(f"{error.smtp_code} {error.smtp_error!r}", permanent=error.smtp_code >= 500) from error
    except smtplib.SMTPRecipientsRefused as error:
        code = max((reply[0] for reply in error.recipients.values()), default=450)
        raise Undeliverable(f"recipient refused ({code})", permanent=code >= 500) from error
    except (OSError, smtplib.SMTPException) as error:
        raise Undeliverable(f"{type(error).__name__}: {error}", permanent=False) from error


def _connect(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT_S, context=context)
    server = smtplib.SMTP(host, port or 25, timeout=TIMEOUT_S)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=context)
    return server
