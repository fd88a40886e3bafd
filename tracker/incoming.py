"""COMMANDS of mail that comes in: a reply lands on its ticket, a new mail opens one, the rest is refused or listed."""

import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tracker import (
    addresses,
    arrivals,
    attachments,
    desks,
    following,
    limits,
    links,
    mime,
    outbox,
    people,
    quoting,
    richtext,
    settings,
    store,
    tickets,
)
from tracker.errors import Invalid, NotFound, TooSoon, TrackerError
from tracker.kinds._fields import SUBJECT, TEXT
from tracker.mime import Mail
from tracker.models import Desk, IncomingMail, News, Ticket
from tracker.permissions import SYSTEM, Viewer

CUT = "\n\n… (the mail went on)"
NOT_TAKEN = "\n\n(Not taken with this mail: {names}.)"
NO_WORDS = "(This mail had no words.)"
NO_SUBJECT = "A mail without a subject"
REPLY = re.compile(rf"reply\+([{links.CROCKFORD}]{{{links.REF_LENGTH}}})\.([0-9a-f]{{24}})")
LEAVE = re.compile(rf"leave\+([{links.CROCKFORD}]{{{links.REF_LENGTH}}}[0-9a-f]{{24}})")
NO_ANSWER = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply)@")
MESSAGE_ID = re.compile(r"(?=.{3,250}$)<[\x21-;=?-\x7e]+@[\x21-;=?-\x7e]+>")
"""One that a header of ours can carry."""
PREFIX = re.compile(r"(?:(?:re|aw|antw|fwd?|wg|tr|rv|réf|sv)\s?:\s*)+", re.IGNORECASE)
LOGO = 10_000
"""Bytes up to which a picture within the words is taken for a logo of the signature."""
ASKED_EVERY = timedelta(days=1)
Given = dict[str, Any]
"""Files kept for the words, and the names of those that were not taken."""


@dataclass(frozen=True)
class Writer:
    """Who a signed address proves to write: to which ticket, as which role, from which address."""

    ticket: Ticket
    role: str
    viewer: Viewer
    address: str


def is_ours(address: str) -> bool:
    """Say whether mail to this address is taken: one to reply or to leave, a desk's, or the one we write from."""
    address = address.lower()
    local, _, domain = address.rpartition("@")
    if address == parseaddr(settings.current().mail_from)[1].lower() or _desk_at(address):
        return True
    return domain == settings.current().mail_in_domain and bool(REPLY.fullmatch(local) or LEAVE.fullmatch(local))


def take(raw: bytes, *, recipient: str = "", bounced: bool = False, again: IncomingMail | None = None) -> IncomingMail:
    """Take one mail, durably, and say what became of it; taking it twice changes nothing.

    `recipient` as the envelope has it (else the mail's own lines count); `bounced`: its envelope names no sender;
    `again`: the refused or dead mail this was; who was refused counts as a person now. Raises Unavailable or TooSoon
    when it must be offered later; never anything else.
    """
    fingerprint = arrivals.fingerprint("", raw, recipient)
    try:
        mail = mime.read(raw)
        fingerprint = arrivals.fingerprint(mail.message_id, raw, recipient)
        return _take(mail, raw, recipient, fingerprint, bounced=bounced, again=again)
    except (*store.AWAY, TooSoon):
        raise
    except mime.Unreadable as error:
        reason, sender = str(error), ""
    except TrackerError as error:
        reason, sender = " ".join([error.message, *error.fields.values()]), mail.sender
    except Exception as error:  # a fault of ours must lose nobody's mail, nor stop those behind it
        current_app.logger.exception("mail in: a mail could not be taken")
        reason, sender = f"a fault of ours: {type(error).__name__}", ""
    return arrivals.bury(raw, fingerprint, reason, sender=sender, recipient=recipient)


def retry(number: int) -> IncomingMail:
    """Take a refused or dead mail once more, because somebody says so or what was wrong is mended. Raises NotFound."""
    kept = arrivals.find(number)
    if kept.state not in ("refused", "dead") or not kept.source:
        raise NotFound(f"Mail {number} is not kept.")
    return take(kept.source, recipient=kept.recipient, again=kept)


def _take(
    mail: Mail, raw: bytes, recipient: str, fingerprint: str, *, bounced: bool, again: IncomingMail | None
) -> IncomingMail:
    known = arrivals.known(fingerprint)
    if known and known is not again:
        return known
    recipients = [recipient.lower()] if recipient else list(mail.recipients)
    writer = next((found for one in recipients if (found := _writer(one))), None)
    is_vouched_for = again is not None and again.state == "refused"
    if refusal := "" if is_vouched_for else _refusal(mail, writer, recipients, bounced=bounced):
        act = partial(arrivals.refuse, raw, refusal, sender=mail.sender, recipient=recipient)
    elif token := _leaving(recipients):
        act = partial(_leave, token)
    else:
        act = partial(_act, mail, _admitted(mail, writer), writer, recipients)
    try:
        return _once(act, writer, fingerprint, again)
    except IntegrityError:
        if known := arrivals.known(fingerprint):  # it was offered twice at once: the other was first
            return known
        raise


def _once(
    act: Callable[[], IncomingMail], writer: Writer | None, fingerprint: str, again: IncomingMail | None
) -> IncomingMail:
    with store.transaction() as session:
        if again is not None:
            session.delete(again)
            session.flush()
        if known := arrivals.known(fingerprint):
            return known
        taken = act()
        taken.fingerprint, taken.received_at = fingerprint, store.now()
        if writer:
            taken.ticket_id = writer.ticket.id
        session.add(taken)
        return taken


def _admitted(mail: Mail, writer: Writer | None) -> Given:
    """Count a mail as its writer's and keep its files; raise TooSoon before those of a flood are kept."""
    if writer:
        limits.hit("writes", writer.viewer.principal)
    else:
        limits.hit("opens", f"mail:{addresses.checked(mail.sender)}")
    return _keep_files(mail)


def _keep_files(mail: Mail) -> Given:
    """Keep what a ticket takes of a mail's files, before its transaction: pictures are drawn anew, which takes time."""
    kept: list[dict[str, str]] = []
    left = []
    for one in mail.files:
        if one.is_inline and len(one.content) <= LOGO:
            continue
        try:
            if len(kept) == attachments.MOST_OF_EVENT:
                raise Invalid()
            kept.append({"file": attachments.keep(one.content, one.name).key, "alt": one.name})
        except Invalid:
            left.append(richtext.storable(one.name or one.content_type))
    return {"files": kept, "left": left}


def _act(mail: Mail, given: Given, writer: Writer | None, recipients: Sequence[str]) -> IncomingMail:
    if writer is None:
        return _open(mail, given, _desk(recipients))
    if writer.role == "staff":
        return _note(mail, given, writer)
    return _reply(mail, given, writer)


def _refusal(mail: Mail, writer: Writer | None, recipients: Sequence[str], *, bounced: bool) -> str:
    """Say why nobody wrote this; "" when somebody may have. An answer would let two programs write for ever."""
    own = settings.current()
    host = str(urlsplit(own.public_url).hostname)
    sender = mail.sender.lower()
    if bounced or mail.automatic:
        return mail.automatic or "it is a report of a mail server"
    if host in mail.loops or re.fullmatch(rf"<[0-9a-f]{{24}}@{re.escape(host)}>", mail.message_id):
        return "it is a mail of our own"
    if sender == parseaddr(own.mail_from)[1].lower() or REPLY.fullmatch(sender.rpartition("@")[0]):
        return "it says to come from ourselves"
    if mail.listed and (writer or not any(map(_desk_at, recipients))):
        return mail.listed
    return "its sender takes no answer" if NO_ANSWER.match(sender) else ""


def _writer(address: str) -> Writer | None:
    """Return who may write through a signed address; None for any other, whether its ticket exists or not."""
    local, _, domain = address.rpartition("@")
    signed = REPLY.fullmatch(local)
    if signed is None or domain != settings.current().mail_in_domain:
        return None
    ticket = store.session().scalars(select(Ticket).where(Ticket.ref == signed[1])).first()
    if ticket is None:
        return None
    if ticket.email and _is_signed_for(address, ticket, "customer", ticket.email):
        own = Viewer(tickets=frozenset({ticket.id}), principal=f"customer:{ticket.id}")
        return Writer(ticket, "customer", own, ticket.email)
    for person in people.everyone():
        if _is_signed_for(address, ticket, "staff", person.email):
            return Writer(ticket, "staff", Viewer(person=person, principal=f"person:{person.id}"), person.email)
    return None


def _is_signed_for(address: str, ticket: Ticket, role: str, reader: str) -> bool:
    return hmac.compare_digest(address.encode(), links.reply_address(ticket.ref, role, reader).encode())


def _reply(mail: Mail, given: Given, writer: Writer) -> IncomingMail:
    facts = _answer(mail, given) | {"publish": False}
    ticket, _event = tickets.post(writer.ticket.ref, "reply", facts, by=writer.viewer)
    if not ticket.is_open:
        _ask_whether_solved(ticket)
    return IncomingMail(state="reply")


def _ask_whether_solved(ticket: Ticket) -> None:
    """Let the writer know, once a day, that a mail opens nothing again, and what does."""
    lately = (News.ticket_id == ticket.id, News.created_at > store.now() - ASKED_EVERY)
    asked = select(News.id).where(News.topic == "ended", News.address == ticket.email, *lately).limit(1)
    if store.session().execute(asked).first() is None:
        outbox.letter("ended", ticket_id=ticket.id, address=ticket.email)


def _note(mail: Mail, given: Given, writer: Writer) -> IncomingMail:
    if mail.sender.lower() != writer.address.lower():
        raise Invalid("It came to an address of somebody who works here, from another sender.")
    tickets.post(writer.ticket.ref, "note", _answer(mail, given), by=writer.viewer)
    return IncomingMail(state="note")


def _answer(mail: Mail, given: Given) -> dict[str, Any]:
    """Return what a reply says; where our rules leave nothing of it, all but its signature: it was meant to say it."""
    text = quoting.own_words(mail.words)
    return _words(text if text or given["files"] else quoting.unsigned(mail.words), given)


def _leaving(recipients: Sequence[str]) -> str:
    """Return what stands in an address of ours for those who want no more mail; "" when none of these is one."""
    places = (one.removesuffix(f"@{settings.current().mail_in_domain}") for one in recipients)
    return next((found[1] for place in places if (found := LEAVE.fullmatch(place))), "")


def _leave(token: str) -> IncomingMail:
    try:
        following.leave(token)
    except NotFound as error:
        return IncomingMail(state="refused", reason=error.message)
    return IncomingMail(state="left")


def _open(mail: Mail, given: Given, desk: Desk) -> IncomingMail:
    sender = addresses.checked(mail.sender)
    facts: dict[str, Any] = {
        "subject": _subject(mail.subject),
        "name": _name(mail.sender_name, sender),
        "email": sender,
        "language": mail.language,
        "desk": desk.slug,
        "source": "email",
    }
    ticket, _secret = tickets.open(facts | _words(quoting.unsigned(mail.words) or NO_WORDS, given), by=SYSTEM)
    ticket.mail_id = mail.message_id if MESSAGE_ID.fullmatch(mail.message_id) else ""
    return IncomingMail(state="opened", ticket_id=ticket.id)


def _words(text: str, given: Given) -> dict[str, Any]:
    """Return words and files as a ticket can hold them; raise Invalid when there are neither."""
    text = richtext.storable(text).replace("\ufffd", "").strip() or (NO_WORDS if given["files"] else "")
    if not text:
        raise Invalid("It holds no words of its own.")
    left = NOT_TAKEN.format(names=", ".join(given["left"])[:400]) if given["left"] else ""
    room = TEXT - len(left)
    return {"text": (text if len(text) <= room else text[: room - len(CUT)] + CUT) + left, "files": given["files"]}


def _subject(text: str) -> str:
    text = richtext.shortened(" ".join(richtext.storable(PREFIX.sub("", text, count=1)).replace("\ufffd", "").split()))
    try:
        return richtext.normalise_text(text, field="subject", max_length=SUBJECT, min_length=3, multiline=False)
    except Invalid:
        return NO_SUBJECT


def _name(shown: str, address: str) -> str:
    """Return the name the sender goes by, or what stands before the @, unless it looks like that of staff."""
    for name in (richtext.storable(shown)[: richtext.LONGEST_NAME], address.partition("@")[0]):
        try:
            return people.customer_name(name, field="name")
        except Invalid:
            continue
    return "Somebody by mail"


def _desk(recipients: Sequence[str]) -> Desk:
    if named := next((found for one in recipients if (found := _desk_at(one))), None):
        return named
    chosen = settings.current().mail_in_desk
    first = store.session().scalars(select(Desk).order_by(Desk.id)).first()
    if first is None:
        raise NotFound("There is no desk yet that could have it.")
    return desks.find(chosen) if chosen else first


def _desk_at(address: str) -> Desk | None:
    slug, _, domain = address.rpartition("@")
    if domain != settings.current().mail_in_domain:
        return None
    return store.session().scalars(select(Desk).where(Desk.slug == slug)).first()
