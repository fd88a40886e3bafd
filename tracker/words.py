"""COMMANDS of what people say, and of words said earlier: publish, correct, redact, erase."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from tracker import (
    attachments,
    drafts,
    erasure,
    limits,
    masks,
    permissions,
    promises,
    store,
    timeline,
    unscripted,
)
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.kinds import AMENDING, KINDS, _standing, _targets
from tracker.models import Event, Ticket
from tracker.permissions import Viewer, actor

CORRECTABLE = frozenset({"update", "waiting", "resolved", "declined", "note"})
MOST_AMENDABLE = 200
COMPOSED = frozenset({"update", "resolved"})
"""Kinds said with the composer, whose draft they were."""
PUBLISHABLE = frozenset({"reply", "thanks", "feedback"})
Loaded = Mapping[str, Any]


@dataclass(frozen=True)
class Amendable:
    """An entry whose words may be amended: its newest source as typed, and by which kinds of events."""

    event: Event
    source: str
    acts: frozenset[str]


def update(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Say what is going on, and when the next word comes."""
    promises.check_due("next_word_at", loaded["next_word_at"])
    return say(ticket, "update", loaded, by)


def say(ticket: Ticket, kind: str, loaded: Loaded, by: Viewer) -> Event:
    """Append a public word of the assignee, marked when it is standard text; a promise it is in time for is kept."""
    before = _standing.current(ticket)
    copied = by.person is not None and unscripted.twin(ticket, loaded["text"], by.person) is not None
    event = timeline.append(ticket, kind, {**loaded, "standard": copied}, by=actor(by, ticket, kind))
    promises.keep(ticket, before, event)
    if kind in COMPOSED:
        drafts.drop(ticket, by)
    return event


def reply(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Answer as the customer. It ends waiting, and brings a far check-in forward."""
    was_waiting = ticket.status == "waiting"
    event = timeline.append(ticket, "reply", loaded, by=actor(by, ticket, "reply"))
    if was_waiting:
        promises.bring_forward(ticket)
    return event


def thank(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Say thank you; the customer decides whether everyone reads it. Raises TooSoon when a ticket is flooded."""
    limits.hit("thanks", ticket.ref)
    return timeline.append(ticket, "thanks", loaded, by=actor(by, ticket, "thanks"))


def publish(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Let everyone read a reply, a thank-you or feedback."""
    target = _targets.find(ticket, loaded["target"])
    if target.kind not in PUBLISHABLE or target.redacted_by:
        raise Invalid(fields={"target": "Only replies, thanks and feedback can be published."})
    if target.audience == "public":
        raise Conflict("Everyone can read this already.")
    return timeline.append(ticket, "reply_published", loaded, by=actor(by, ticket, "reply_published"))


def correct(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Correct words of one's own; the old ones stay readable beside the new, which are looked at like the old."""
    target = _targets.find(ticket, loaded["target"])
    if target.kind not in CORRECTABLE:
        raise Invalid(fields={"target": "Only an agent's own words can be corrected."})
    if by.person is None or target.actor_id != by.person.id:
        raise Forbidden("Only who wrote it can correct it.")
    if target.redacted_by:
        raise Conflict("These words have been hidden; there is nothing left to correct.")
    is_word = KINDS[target.kind].is_word
    copied = is_word and unscripted.twin(ticket, loaded["text"], by.person, besides=target) is not None
    return timeline.append(ticket, "corrected", {**loaded, "standard": copied}, by=actor(by, ticket, "corrected"))


def redact(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Hide words from everyone, and with the first entry the subject when asked to, with a public reason."""
    target = _require_words(ticket, loaded["target"])
    if loaded["subject"] and target.kind != "opened":
        raise Invalid(fields={"subject": "The subject goes with the first entry only."})
    if target.redacted_by and not (loaded["subject"] and ticket.subject != _targets.NO_SUBJECT):
        raise Conflict("These words are hidden already.")
    return timeline.append(ticket, "redacted", loaded, by=actor(by, ticket, "redacted"))


def erase(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Remove words for good, with a public reason."""
    target = _require_words(ticket, loaded["target"])
    erasure.note(ticket, target)
    event = timeline.append(ticket, "erased", loaded, by=actor(by, ticket, "erased"))
    attachments.drop(ticket, [target.seq])
    return event


def _require_words(ticket: Ticket, seq: int) -> Event:
    target = _targets.find(ticket, seq)
    if target.kind == "corrected":
        raise Invalid(fields={"target": f"Choose entry {target.target_seq}, which this corrects: both go together."})
    if not KINDS[target.kind].word_fields:
        raise Invalid(fields={"target": "This entry holds no words of anybody."})
    return target


def amendable(ticket: Ticket, by: Viewer) -> list[Amendable]:
    """Return the entries of a ticket whose words somebody may correct, hide or erase, newest first."""
    query = select(Event).where(Event.ticket_id == ticket.id, Event.kind != "corrected")
    may = {kind for kind in AMENDING if permissions.may(by, kind, ticket)}
    found = []
    for event in store.session().scalars(query.order_by(Event.seq.desc()).limit(MOST_AMENDABLE)):
        if acts := may & _amendments(event, by):
            found.append(Amendable(event, _newest_source(ticket, event), frozenset(acts)))
    return found


def _amendments(event: Event, by: Viewer) -> set[str]:
    """Return what can still be done to the words of an entry: erased once they are hidden, nothing once erased."""
    if not KINDS[event.kind].has_words(event):
        return set()
    if event.redacted_by:
        return {"erased"}
    own = event.kind in CORRECTABLE and by.person is not None and event.actor_id == by.person.id
    return {"corrected", "redacted", "erased"} if own else {"redacted", "erased"}


def _newest_source(ticket: Ticket, event: Event) -> str:
    return masks.source(_targets.find(ticket, event.corrected_by) if event.corrected_by else event)
