"""COMMANDS of hearing by mail or chat: ask at an address, confirm it there, choose how often, leave, be forgotten."""

from collections.abc import Sequence
from datetime import timedelta

from flask import current_app
from sqlalchemy import or_, select, update

from tracker import clock, deliveries, links, outbox, permissions, recipients, speech, store, timeline
from tracker.errors import Conflict, Invalid, NotFound
from tracker.models import Delivery, Subscription, Ticket
from tracker.permissions import Viewer

CHANNELS = ("email", "chat")
FREQUENCIES = ("once", "hourly", "daily")
NEVER = "never"
"""What a customer may choose besides; followers leave."""
FORGOTTEN = "This link is unknown, or was forgotten because nobody used it."
UNCONFIRMED_LIVES = timedelta(days=7)
ENDED_LIVES = timedelta(days=30)
"""How long somebody who left may come back by the same link; then their address is forgotten."""


def follow(ref: str, target: str, *, by: Viewer, language: str, zone: str, channel: str = "email") -> None:
    """Ask an address, of a mail or a chat, whether it wants news of a ticket; nothing else is sent before it says yes.

    Alike for addresses that follow already: they are sent their link again. Raises NotFound, or Conflict on a ticket
    that is private, for followers hear only what everybody may read; Invalid when we could not reach the address.
    """
    if channel not in CHANNELS:
        raise Invalid(fields={"channel": f"Choose one of: {', '.join(CHANNELS)}."})
    wiring: outbox.Wiring = current_app.extensions["tracker_outbox"]
    target = wiring.check_target[channel](target)
    with store.transaction() as session:
        ticket = timeline.lock(ref)
        permissions.require(by, "see", ticket)
        require_readable(ticket)
        query = select(Subscription).where(Subscription.ticket_id == ticket.id, Subscription.channel == channel)
        found = session.scalars(query.where(Subscription.target == target)).first()
        if found is None:
            facts = {"channel": channel, "target": target, "ticket_id": ticket.id, "role": "public"}
            found = Subscription(sid=links.new_ref(), created_at=store.now(), **facts)
            session.add(found)
        if not found.hears:
            found.language, found.zone = speech.pick(language), zone if clock.is_zone(zone) else ""
        session.flush()
        if found.role == "public" or channel == "email":
            address = target if channel == "email" else links.stamp(target)
            outbox.letter("follow", ticket_id=ticket.id, subscription_id=found.id, address=address)


def require_readable(ticket: Ticket) -> None:
    """Raise Conflict for a ticket whose followers would hear nothing, for only its two sides may read it."""
    if ticket.visibility == "private":
        raise Conflict("Only tickets that others may read can be followed.")


def find(token: str) -> Subscription:
    """Return the subscription whose own link carries this token; raise NotFound."""
    sid = links.follow_sid(token)
    query = select(Subscription).where(Subscription.sid == sid).execution_options(populate_existing=True)
    found = store.session().scalars(query).first() if sid else None
    if found is None:
        raise NotFound(FORGOTTEN)
    return found


def together(token: str) -> Sequence[Subscription]:
    """Return all that reaches an address as a digest, or did before it left, by the link in one; raise NotFound."""
    named = select(Subscription.channel, Subscription.target).where(Subscription.sid == links.digest_sid(token))
    whose = store.session().execute(named).first() if links.digest_sid(token) else None
    if whose is None:
        raise NotFound(FORGOTTEN)
    theirs = (Subscription.channel == whose.channel, Subscription.target == whose.target)
    bound = (Subscription.frequency != FREQUENCIES[0], Subscription.confirmed_at.is_not(None))
    query = select(Subscription).where(*theirs, *bound).order_by(Subscription.id)
    return store.session().scalars(query.execution_options(populate_existing=True)).all()


def confirm(token: str) -> None:
    """Let news begin: whoever holds the token reads mail at the address. Saying it again changes nothing."""
    with store.transaction():
        found = find(token)
        if not found.hears:
            found.confirmed_at, found.ended_at, found.ended_why = store.now(), None, ""
            found.failures, found.failing_since = 0, None


def change(token: str, *, frequency: str, language: str) -> None:
    """Choose how often, and in which language. Raises Invalid."""
    with store.transaction():
        found = find(token)
        _pace(found, frequency)
        found.language = speech.pick(language)


def choose(ref: str, frequency: str, *, by: Viewer) -> None:
    """Let a ticket's customer say how often they are mailed of it, or NEVER. Raises Invalid, NotFound, Forbidden.

    Who has it, ways back in, the two questions and that a program was switched off are mailed all the same.
    """
    with store.transaction():
        ticket = timeline.lock(ref)
        permissions.require(by, "hook", ticket)
        if not ticket.email:
            raise Conflict("There is no address here that we could write to.")
        own = recipients.of_customer(ticket)
        if frequency == NEVER:
            _end(own)
        else:
            _pace(own, frequency)
            own.ended_at, own.ended_why = None, ""


def chosen(ticket: Ticket) -> str:
    """Return how often a ticket's customer is mailed of it, or NEVER."""
    own = (Subscription.ticket_id == ticket.id, Subscription.channel == "email", Subscription.target == ticket.email)
    found = store.session().scalars(select(Subscription).where(*own, Subscription.role == "customer")).first()
    return FREQUENCIES[0] if found is None else found.frequency if found.hears else NEVER


def leave(token: str) -> Sequence[Subscription]:
    """Hear nothing more; what still waits is not sent. Leaving twice is fine. Return what was left.

    By the link of a digest that is all that reaches the address so, by any other one ticket's news.
    """
    with store.transaction():
        left = together(token) if links.digest_sid(token) else [find(token)]
        for one in left:
            _end(one)
    return left


def shown(one: Subscription) -> dict[str, str]:
    """Return a subscription to whoever holds its link: where it stands, never the address."""
    state = "asked" if one.confirmed_at is None else "hears"
    if one.ended_at:
        state = "left" if one.ended_why == "left" else "ended"
    how = {"channel": one.channel, "frequency": one.frequency, "language": one.language}
    return how | {"state": state, "role": one.role}


def forget_old() -> int:
    """Erase addresses that never said yes, or left long ago; due work of the outbox worker.

    A customer's choice stays with their ticket: forgetting that they want no mail would send them some.
    """
    now = store.now()
    left = (Subscription.ended_at < now - ENDED_LIVES) & ~(
        (Subscription.role == "customer") & (Subscription.channel == "email")
    )
    unconfirmed = (Subscription.confirmed_at.is_(None)) & (Subscription.created_at < now - UNCONFIRMED_LIVES)
    return deliveries.forget(or_(unconfirmed, left))


def _pace(found: Subscription, frequency: str) -> None:
    """Set how often; what waits for its time leaves by the new choice."""
    if frequency not in FREQUENCIES:
        raise Invalid(fields={"frequency": f"Choose one of: {', '.join(FREQUENCIES)}."})
    found.frequency = frequency
    waits = (Delivery.subscription_id == found.id, Delivery.upto_seq.is_not(None), Delivery.attempts == 0)
    anew = {"next_at": recipients.digest(found, store.now()) or store.now(), "digest": recipients.pace(found)}
    store.session().execute(update(Delivery).where(*waits, Delivery.state == "waiting").values(anew))


def _end(found: Subscription) -> None:
    found.ended_at, found.ended_why = found.ended_at or store.now(), found.ended_why or "left"
