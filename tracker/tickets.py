"""COMMANDS on tickets, the one write path: open() begins one, post() adds to it. Every door goes through these two."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select

from tracker import (
    addresses,
    attachments,
    clock,
    desks,
    handoffs,
    helping,
    idempotency,
    kinds,
    lifecycle,
    links,
    masks,
    people,
    permissions,
    promises,
    speech,
    store,
    timeline,
    words,
)
from tracker.errors import Conflict, Forbidden, Invalid, NotFound
from tracker.idempotency import Once
from tracker.kinds._fields import REASON, SUBJECT, TEXT, Payload, When, attached, choice, day
from tracker.kinds._fields import words as typed
from tracker.kinds.opened import FEELINGS, SOURCES
from tracker.masks import HIDE, Wish
from tracker.models import CustomerKey, Event, Ticket
from tracker.permissions import Viewer

Command = Callable[[Ticket, Mapping[str, Any], Viewer], Event]
COMMANDS: dict[str, Command] = {  # a kind that is not here is recorded as it was given
    "update": words.update,
    "reply": words.reply,
    "reply_published": words.publish,
    "thanks": words.thank,
    "feedback": lifecycle.give_feedback,
    "corrected": words.correct,
    "redacted": words.redact,
    "erased": words.erase,
    "waiting": lifecycle.wait,
    "resumed": lifecycle.resume,
    "resolved": lifecycle.resolve,
    "declined": lifecycle.decline,
    "confirmed": lifecycle.confirm,
    "reopened": lifecycle.reopen,
    "visibility_changed": lifecycle.change_visibility,
    "promise_moved": promises.move,
    "handoff_offered": handoffs.offer,
    "handoff_accepted": handoffs.accept,
    "handoff_declined": handoffs.decline,
    "reassigned": handoffs.reassign,
    "helper_added": helping.add,
    "helper_left": helping.leave,
}
MOST_AT_ONCE = 50
OLDEST_RECEIVED = timedelta(days=366)


class Opening(Payload):
    """What it takes to open a ticket. The last three are for staff who file on behalf."""

    subject = typed(SUBJECT, low=3, multiline=False)
    text = typed(TEXT)
    files = attached()
    impact = typed(REASON, low=0, audience="customer")
    feeling = choice(*FEELINGS, default="", audience="customer")
    urgency_on = day(audience="customer")
    name = typed(80, multiline=False, audience="customer")
    email = typed(254, low=3, multiline=False, audience="customer")
    phone = typed(40, low=0, multiline=False, audience="customer")
    visibility = choice("private", "unlisted", "public", default="private")
    name_shown = choice("own", "pseudonym", "none", default="own")
    pseudonym = typed(80, low=0, multiline=False, audience="customer")
    language = typed(12, low=0, multiline=False)
    zone = typed(64, low=0, multiline=False)
    desk = typed(80, multiline=False)
    source = choice(*SOURCES[:-1], default="web")
    received_at = When(load_default=None, allow_none=True, metadata={"audience": "public"})
    consent = typed(REASON, low=0, audience="staff")


def open(
    given: Mapping[str, Any], *, by: Viewer, once: Once | None = None, personal: Wish = HIDE
) -> tuple[Ticket, str | None]:
    """Open a ticket and return it with the customer's secret, which is shown once.

    No secret on a replay, and none for staff: it is the customer's, who finds a link in the mail.

    The desk's first-answer promise stands at once. Wider than private waits for a confirmed address, unless staff
    file with recorded consent. Raises Invalid by field, PersonalData when `personal` wants to be asked.
    """
    permissions.require(by, "open")
    loaded = _load_opening(given, by)
    with store.transaction() as session:
        done = idempotency.recall(once)
        if done:
            return timeline.lock(done["ref"]), None
        ticket = _new_ticket(loaded, by)
        session.add(ticket)
        session.flush()
        event = _append_opened(ticket, loaded, by)
        attachments.bind(ticket, event, loaded["files"])
        masks.settle(ticket, event, personal, by_public=False)
        secret = give_key(ticket) if by.person is None else None
        idempotency.remember(once, {"ref": ticket.ref})
    return ticket, secret


def post(
    ref: str,
    kind: str,
    given: Mapping[str, Any],
    *,
    by: Viewer,
    version: int | None = None,
    once: Once | None = None,
    personal: Wish = HIDE,
) -> tuple[Ticket, Event]:
    """Add one event of a kind to a ticket. `version` (If-Match) guards against what was not seen.

    Raises NotFound, Unauthorized, Forbidden, Invalid by field, PersonalData when `personal` wants to be asked, or
    Conflict with the current version.
    """
    found = kinds.find(kind)
    if not found.posted_by:
        raise Forbidden("Only the system records this.")
    loaded = kinds.load(kind, given)
    with store.transaction():
        ticket = timeline.lock(ref)
        done = idempotency.recall(once)
        if done:  # before asking who may: accepting a handoff twice, the second time one may no more
            return ticket, timeline.find(ticket, [done["seq"]])[done["seq"]]
        if permissions.may(by, "see_as_staff", ticket):  # whoever had it a moment ago should look again first
            _check_version(ticket, by, version)
        permissions.require(by, kind, ticket)
        _check_version(ticket, by, version)
        _check_status(ticket, kind, by)
        promises.record_if_missed(ticket)
        was_private = ticket.visibility == "private"
        event = COMMANDS.get(kind, partial(_record, kind))(ticket, loaded, by)
        attachments.bind(ticket, event, loaded.get("files", ()))
        masks.settle(ticket, event, personal, by_public=event.actor_role == "public", was_private=was_private)
        idempotency.remember(once, {"seq": event.seq})
    return ticket, event


def _record(kind: str, ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    return timeline.append(ticket, kind, loaded, by=permissions.actor(by, ticket, kind))


def possible(ticket: Ticket, *, by: Viewer) -> frozenset[str]:
    """Return the kinds that somebody may post to a ticket as it stands."""
    now = (name for name, kind in kinds.KINDS.items() if kind.posted_by and ticket.status in kind.when)
    return permissions.among(now, by, ticket)


def give_key(ticket: Ticket) -> str:
    """Make another secret link for the customer; only its fingerprint is kept."""
    secret = links.new_secret()
    with store.transaction() as session:
        key = CustomerKey(ticket_id=ticket.id, fingerprint=links.fingerprint(secret), created_at=store.now())
        session.add(key)
    return secret


def revoke_keys(ref: str, *, by: Viewer, keep: Collection[int]) -> int:
    """Take back every secret link of a ticket but those in `keep`; return how many. Only its customer may."""
    with store.transaction() as session:
        ticket = timeline.lock(ref)
        permissions.require(by, "keep_key", ticket)
        mine = CustomerKey.ticket_id == ticket.id
        query = select(CustomerKey).where(mine, CustomerKey.revoked_at.is_(None), CustomerKey.id.not_in(keep))
        keys = session.scalars(query).all()
        for key in keys:
            key.revoked_at = store.now()
        store.notice("keys", ref)
        return len(keys)


def confirm(secret: str, *, zone: str = "") -> Ticket:
    """Redeem a confirmation link; the visibility the customer asked for takes effect now. Raises Unauthorized.

    `zone` is their clock's, for tickets that came without one.
    """
    with store.transaction() as session:
        token = people.redeem_link("confirm", secret)
        ticket = session.get(Ticket, token.ticket_id) if token.ticket_id else None
        if ticket is None:
            raise NotFound()
        ticket = _confirm_address(ticket.ref, publish=True)
        if not ticket.zone and clock.is_zone(zone):
            ticket.zone = zone
        return ticket


def come_back(secret: str) -> list[Ticket]:
    """Redeem a sign-in link: return the newest tickets of its address, which it has now confirmed.

    It publishes none: somebody else may have opened one in this name, and only its own confirming link says yes to it.
    """
    with store.transaction() as session:
        token = people.redeem_link("signin", secret)
        query = select(Ticket.ref).where(Ticket.email == token.address).order_by(Ticket.id.desc()).limit(MOST_AT_ONCE)
        return [_confirm_address(ref, publish=False) for ref in reversed(session.scalars(query).all())]


def _confirm_address(ref: str, *, publish: bool) -> Ticket:
    with store.transaction():
        ticket = timeline.lock(ref)
        ticket.email_confirmed_at = ticket.email_confirmed_at or store.now()
        if ticket.wanted_visibility and publish:
            facts = {
                "visibility": ticket.wanted_visibility,
                "name_shown": ticket.name_shown,
                "pseudonym": ticket.pseudonym,
                "shares_feelings": ticket.shares_feelings,
                "reason": "",
            }
            timeline.append(ticket, "visibility_changed", facts, by=timeline.Actor("customer"))
            store.notice("visibility", ref)
    return ticket


def _load_opening(given: Mapping[str, Any], by: Viewer) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = Opening().load(given)
    except ValidationError as error:
        raise Invalid(fields=kinds.messages(error)) from None
    loaded["email"] = addresses.checked(loaded["email"])
    loaded["name"] = people.customer_name(loaded["name"], field="name")
    if not clock.is_zone(loaded["zone"]):  # browsers say it by themselves: a strange one must stop nobody
        loaded["zone"] = ""
    if loaded["name_shown"] == "pseudonym":
        if not loaded["pseudonym"]:
            raise Invalid(fields={"pseudonym": "Write the name to show, or choose to show none."})
        loaded["pseudonym"] = people.customer_name(loaded["pseudonym"], field="pseudonym")
    on_behalf = loaded["received_at"] or loaded["consent"] or loaded["source"] != "web"
    if on_behalf and not permissions.may(by, "file") and not by.is_system:
        raise Forbidden("Only staff file on behalf of somebody.")
    _check_received(loaded["received_at"])
    return loaded


def _check_received(at: datetime | None) -> None:
    if at is not None and not store.now() - OLDEST_RECEIVED <= at <= store.now():
        raise Invalid(fields={"received_at": "Choose a time within the past year."})


def _new_ticket(loaded: Mapping[str, Any], by: Viewer) -> Ticket:
    desk = desks.find(loaded["desk"])
    assignee = people.choose_assignee(desk)
    at = loaded["received_at"] or store.now()
    consented = by.person is not None and bool(loaded["consent"])
    wanted = loaded["visibility"]
    ticket = Ticket(
        ref=links.new_ref(),
        desk_id=desk.id,
        assignee_id=assignee.id,
        assigned_at=at,
        subject=loaded["subject"],
        visibility=wanted if consented else "private",
        wanted_visibility=None if consented or wanted == "private" else wanted,
        customer_name=loaded["name"],
        name_shown=loaded["name_shown"],
        pseudonym=loaded["pseudonym"],
        email=loaded["email"],
        phone=loaded["phone"],
        language=loaded["language"] or speech.named(assignee.languages) or "en",
        zone=loaded["zone"],
        source=loaded["source"],
        consent=loaded["consent"],
        filed_by_id=by.person.id if by.person else None,
        opened_at=at,
        status_since=at,
        last_public_at=at,
        status="open",
        spans=[["open", at.isoformat(), None]],
        version=0,
        passed_on=0,
        last_seq=0,
        last_customer_seq=0,
        last_public_seq=0,
    )
    ticket.desk, ticket.assignee = desk, assignee
    masks.cover_subject(ticket)
    return ticket


def _append_opened(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    facts = {name: loaded[name] for name in ("text", "files", "impact", "feeling", "urgency_on", "source")}
    facts |= {
        "assignee": ticket.assignee.slug,
        "next_word_at": desks.first_answer_due(ticket.desk, store.now()),
    }
    return timeline.append(ticket, "opened", facts, by=timeline.Actor("customer"), at=ticket.opened_at)


def _check_version(ticket: Ticket, by: Viewer, version: int | None) -> None:
    if version is not None and version != ticket.version:
        words = "Something happened on this ticket since you looked. Read it, then send again."
        raise Conflict(words, **_current(ticket, by))


def _check_status(ticket: Ticket, kind: str, by: Viewer) -> None:
    if ticket.status not in kinds.KINDS[kind].when:
        raise Conflict(f"This can't be done while the ticket is {ticket.status}.", **_current(ticket, by))


def _current(ticket: Ticket, by: Viewer) -> dict[str, Any]:
    return {"version": ticket.version} if permissions.may(by, "see_as_staff", ticket) else {}
