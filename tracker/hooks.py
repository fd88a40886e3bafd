"""COMMANDS of places that programs and chats listen at: a ticket's (its customer's) or a desk's (its lead's)."""

import base64
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import ColumnElement, func, select

from tracker import deliveries, links, outbox, permissions, store
from tracker.errors import Conflict, Forbidden, Invalid, NotFound
from tracker.models import Delivery, Desk, Event, News, Person, Subscription, Ticket
from tracker.permissions import Viewer

Place = Ticket | Desk | Person
"""What a place hears of: a ticket, a desk's tickets, or what one person is told by mail."""
CHANNELS = ("webhook", "chat")
MOST = 10
LOG = 50
FAILS_FOR = timedelta(hours=1)
FAILS_TIMES = 10
"""A place that failed so often in a row, and for so long, is switched off, and who set it up is told."""
BOTH_SECRETS_LAST = timedelta(hours=24)
"""After a new secret was made the old one signs too, so that nothing is refused while programs change."""


def create(on: Place, channel: str, target: str, *, by: Viewer) -> tuple[Subscription, str]:
    """Let a place hear of it; return it with its secret ("" for chats), which is shown once.

    It hears what both sides of a ticket see: notes and briefings stay in the house. Raises Invalid, Conflict.
    """
    _require(by, on)
    if channel not in CHANNELS or (isinstance(on, Person) and channel != "chat"):
        raise Invalid(fields={"channel": f"Choose one of: {', '.join(CHANNELS)}."})
    wiring: outbox.Wiring = current_app.extensions["tracker_outbox"]
    target = wiring.check_target[channel](target)
    with store.transaction() as session:
        _hold(on)
        kept = of(on, by=by)
        if len([one for one in kept if one.ended_at is None]) >= MOST:
            raise Conflict(f"{MOST} places are the most there can be here. Remove one.")
        same = (_owned(on), Subscription.channel == channel, Subscription.target == target)
        found = session.scalars(select(Subscription).where(*same)).first()
        if found and found.ended_at is None and found.role != "public":
            raise Conflict("News goes there already.")
        now = store.now()
        hook = found or Subscription(sid=links.new_ref(), channel=channel, target=target)
        hook.role, hook.created_at, hook.confirmed_at = _role(on), now, now
        hook.ended_at, hook.ended_why, hook.failures, hook.failing_since = None, "", 0, None
        hook.turn = (hook.turn or 0) + (1 if found else 0)
        hook.made_by_id = by.person.id if by.person else None
        hook.ticket_id = on.id if isinstance(on, Ticket) else None
        hook.desk_id = on.id if isinstance(on, Desk) else None
        session.add(hook)
        session.flush()
    return hook, secret(hook) if channel == "webhook" else ""


def of(on: Place, *, by: Viewer) -> Sequence[Subscription]:
    """Return the places of a ticket, desk or person, those switched off too but not those removed, oldest first."""
    _require(by, on)
    places = (Subscription.channel.in_(CHANNELS), Subscription.role == _role(on), Subscription.ended_why != "left")
    query = select(Subscription).where(_owned(on), *places).order_by(Subscription.id)
    return store.session().scalars(query).all()


def find(on: Place, sid: str, *, by: Viewer) -> Subscription:
    """Return one place; raise NotFound."""
    for one in of(on, by=by):
        if one.sid == sid:
            return one
    raise NotFound()


def remove(hook: Subscription) -> None:
    """Send nothing there any more."""
    with store.transaction():
        hook.ended_at, hook.ended_why = hook.ended_at or store.now(), hook.ended_why or "left"


def test(hook: Subscription) -> None:
    """Send a word that means nothing, to see whether it arrives."""
    with store.transaction():
        outbox.letter("hooktest", subscription_id=hook.id)


def turn(hook: Subscription) -> str:
    """Give a webhook another secret and return it; the one before signs too for a day."""
    with store.transaction():
        hook.turn, hook.confirmed_at = hook.turn + 1, store.now()
    return secret(hook)


def secret(hook: Subscription, *, before: int = 0) -> str:
    """Return what a webhook is signed with, as Standard Webhooks spells it; derived from our key, kept nowhere."""
    raw = links.keyed(f"hook.{hook.sid}.{hook.turn - before}")
    return f"whsec_{base64.b64encode(raw).decode()}"


def secrets(hook: Subscription) -> list[str]:
    """Return what signs now: the newest, and for a day the one before."""
    is_new = hook.confirmed_at is not None and store.now() < hook.confirmed_at + BOTH_SECRETS_LAST
    return [secret(hook)] + ([secret(hook, before=1)] if hook.turn and is_new else [])


def logs(those: Sequence[Subscription]) -> dict[int | None, list[tuple[Delivery, str]]]:
    """Return what was sent to each, by its id, with the kind of event each told of, newest first."""
    newest = func.row_number().over(partition_by=Delivery.subscription_id, order_by=Delivery.id.desc())
    ranked = select(Delivery.id, newest.label("place")).where(Delivery.subscription_id.in_([one.id for one in those]))
    kept = ranked.subquery()
    query = select(Delivery, Event.kind).join(kept, kept.c.id == Delivery.id).where(kept.c.place <= LOG)
    query = query.join(News, News.id == Delivery.news_id).join(Event, Event.id == News.event_id, isouter=True)
    query = query.order_by(Delivery.id.desc()).execution_options(populate_existing=True)
    found: dict[int | None, list[tuple[Delivery, str]]] = {one.id: [] for one in those}
    for delivery, kind in store.session().execute(query):
        found[delivery.subscription_id].append((delivery, kind or "test"))
    return found


def log(hook: Subscription) -> list[tuple[Delivery, str]]:
    """Return the same of one."""
    return logs([hook])[hook.id]


def replay(hook: Subscription, name: str) -> None:
    """Send one entry of the log once more, under the same id; raise NotFound."""
    if not any(deliveries.replay(one.id) for one, _kind in log(hook) if links.stamp(f"delivery.{one.id}") == name):
        raise NotFound()


def name(one: Subscription) -> str:
    """Return what a place is called where its secrets must not be: a webhook's host; a chat's service, for many of
    these have a key where a host would stand."""
    if one.channel == "webhook":
        return urlsplit(one.target).hostname or one.channel
    return _scheme(one) if one.channel == "chat" else one.channel


def shown(one: Subscription) -> dict[str, Any]:
    """Return a place that programs or chats listen at, to its owner, by its name: the rest may be secret."""
    return {
        "sid": one.sid,
        "channel": one.channel,
        "place": f"{_scheme(one)}://{name(one) if one.channel == 'webhook' else '…'}",
        "made_at": one.created_at,
        "ended_at": one.ended_at,
        "ended_why": one.ended_why,
        "failures": one.failures,
    }


def entry(one: Delivery, kind: str) -> dict[str, Any]:
    """Return one entry of a place's log: what was sent, when, and what came of it."""
    return {
        "name": links.stamp(f"delivery.{one.id}"),
        "kind": kind,
        "state": one.state,
        "attempts": one.attempts,
        "next_at": one.next_at if one.state == "waiting" else None,
        "sent_at": one.sent_at,
        "problem": one.last_error,
    }


def arrived(hook: Subscription) -> None:
    """Note that the place took what we sent."""
    if hook.failures:
        with store.transaction():
            if kept := _locked(hook):
                kept.failures, kept.failing_since = 0, None


def failed(hook: Subscription, *, for_good: bool) -> None:
    """Note that it did not; switch it off when it says so itself, or has failed for long, and tell who set it up."""
    with store.transaction():
        kept, now = _locked(hook), store.now()
        if kept is None:
            return
        kept.failures, kept.failing_since = kept.failures + 1, kept.failing_since or now
        for_long = kept.failures >= FAILS_TIMES and now - kept.failing_since >= FAILS_FOR
        if kept.ended_at is None and (for_good or for_long):
            kept.ended_at, kept.ended_why = now, "gone" if for_good else "failed"
            _tell_owner(kept)


def _hold(on: Place) -> None:
    """Let nobody else add a place here until the transaction ends: there is to be one of each, and MOST of all."""
    query = select(type(on).id).where(type(on).id == on.id)
    store.session().execute(query.with_for_update(key_share=True))


def _locked(hook: Subscription) -> Subscription | None:
    """Read a place again for others deliver there too, and its owner may have changed it; None once it is forgotten."""
    query = select(Subscription).where(Subscription.id == hook.id).with_for_update(of=Subscription)
    return store.session().scalars(query.execution_options(populate_existing=True)).first()


def _scheme(one: Subscription) -> str:
    return one.target.partition("://")[0].lower()


def _tell_owner(hook: Subscription) -> None:
    if hook.made_by_id:
        outbox.letter("hookoff", person_id=hook.made_by_id, subscription_id=hook.id)
    elif hook.ticket and hook.ticket.email:
        outbox.letter("hookoff", ticket_id=hook.ticket_id, subscription_id=hook.id, address=hook.ticket.email)


def _owned(on: Place) -> ColumnElement[bool]:
    if isinstance(on, Ticket):
        return Subscription.ticket_id == on.id
    if isinstance(on, Desk):
        return Subscription.desk_id == on.id
    nobody_elses = Subscription.ticket_id.is_(None) & Subscription.desk_id.is_(None)
    return (Subscription.made_by_id == on.id) & nobody_elses


def _role(on: Place) -> str:
    return "staff" if isinstance(on, Person) else "customer"


def _require(by: Viewer, on: Place) -> None:
    if isinstance(on, Person):
        permissions.require(by, "keep_profile")
        if by.person is None or by.person.id != on.id:
            raise Forbidden()
    else:
        permissions.require(by, "hook" if isinstance(on, Ticket) else "run_desk", on)
