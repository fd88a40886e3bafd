"""Mails that came in: that each was taken once, and the whole of those that were refused or could not be taken."""

import hashlib
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from tracker import mime, richtext, store
from tracker.errors import NotFound
from tracker.models import IncomingMail, Ticket

REMEMBERED = timedelta(days=90)
"""How long a mail is known again; what is kept of it goes with it."""
MOST_REFUSED, LARGEST_REFUSED = 1_000, 1024 * 1024
"""How many refused mails are kept whole, the newest, and up to how many bytes: anybody may have machines write."""
TAKEN = ("reply", "note", "opened", "left")
NOTHING: dict[str, Any] = {"sender": "", "recipient": "", "source": None}


def fingerprint(message_id: str, raw: bytes, recipient: str) -> str:
    """Return what a mail to an address is known by, however often it is offered."""
    named = message_id.encode("utf-8", "replace") or hashlib.sha256(raw).hexdigest().encode()
    return hashlib.sha256(named + b"\n" + recipient.lower().encode("utf-8", "replace")).hexdigest()


def known(fingerprint: str) -> IncomingMail | None:
    """Return the mail that came before under this fingerprint."""
    return store.session().scalars(select(IncomingMail).where(IncomingMail.fingerprint == fingerprint)).first()


def find(number: int) -> IncomingMail:
    """Return one mail; raise NotFound."""
    found = store.session().get(IncomingMail, number)
    if found is None:
        raise NotFound(f"There is no mail {number}.")
    return found


def newest(state: str | None = None, *, limit: int) -> list[IncomingMail]:
    """Return mails, the newest first, all or those in one state."""
    query = select(IncomingMail).where(IncomingMail.state == state) if state else select(IncomingMail)
    return list(store.session().scalars(query.order_by(IncomingMail.id.desc()).limit(limit)))


def totals() -> dict[str, int]:
    """Return how many mails are in each state."""
    query = select(IncomingMail.state, func.count()).group_by(IncomingMail.state)
    return {row[0]: row[1] for row in store.session().execute(query)}


def refuse(raw: bytes, reason: str, *, sender: str, recipient: str) -> IncomingMail:
    """Return a refused mail for the caller to add, whole unless it is large; the oldest such are kept whole no more."""
    refused = IncomingMail(state="refused", reason=reason)
    if len(raw) <= LARGEST_REFUSED:
        whole = (IncomingMail.state == "refused", IncomingMail.source.is_not(None))
        newest_first = select(IncomingMail.id).where(*whole).order_by(IncomingMail.received_at.desc())
        surplus = newest_first.offset(MOST_REFUSED - 1).limit(1)
        store.session().execute(update(IncomingMail).where(IncomingMail.id.in_(surplus)).values(source=None))
        refused.source = raw
    return _named(refused, sender, recipient)


def bury(raw: bytes, fingerprint: str, reason: str, *, sender: str, recipient: str) -> IncomingMail:
    """Keep a mail that could not be taken, as dead."""
    with store.transaction() as session:
        dead = known(fingerprint)
        if dead is None:
            dead = IncomingMail(fingerprint=fingerprint, state="dead", source=raw[: mime.LARGEST])
            session.add(_named(dead, sender, recipient))
        if dead.state in TAKEN:  # it was offered twice at once, and the other was
            return dead
        dead.received_at, dead.state, dead.reason = store.now(), "dead", reason[:300]
        return dead


def forget_ticket(one: Ticket) -> None:
    """Forget who sent and what said the mails that are kept and were sent to a ticket."""
    ours = f"reply+{one.ref}."
    to_it = (IncomingMail.ticket_id == one.id) | IncomingMail.recipient.startswith(ours) | _naming(ours)
    store.session().execute(update(IncomingMail).where(to_it).values(NOTHING))


def forget_person(address: str) -> None:
    """Forget what is kept of the mails from an address, and of those that name it: a mail server's report may."""
    theirs = (IncomingMail.sender == address) | _naming(address)
    store.session().execute(update(IncomingMail).where(theirs).values(NOTHING))


def forget_old() -> int:
    """Delete what was remembered of old mails; due work of the outbox worker."""
    return store.forget(IncomingMail, IncomingMail.received_at < store.now() - REMEMBERED)


def _naming(text: str) -> ColumnElement[bool]:
    """Match mails whose source holds a text in small letters: where it came from a mailbox, no recipient is known."""
    kept = select(IncomingMail.id, IncomingMail.source).where(IncomingMail.source.is_not(None))
    rows = store.session().execute(kept.execution_options(yield_per=10))
    return IncomingMail.id.in_([row.id for row in rows if row.source and text.encode() in row.source.lower()])


def _named(mail: IncomingMail, sender: str, recipient: str) -> IncomingMail:
    mail.sender, mail.recipient = richtext.storable(sender.lower())[:254], richtext.storable(recipient.lower())[:254]
    return mail
