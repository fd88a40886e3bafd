"""COMMANDS that change where a ticket stands: waiting, solved, declined, reopened, who may read it."""

from collections.abc import Mapping
from typing import Any

from tracker import desks, masks, people, permissions, promises, store, timeline, words
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.models import Event, Ticket
from tracker.permissions import Viewer, actor

Loaded = Mapping[str, Any]


def wait(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Ask the customer for something, and say when to check in."""
    promises.check_due("check_in_at", loaded["check_in_at"])
    return words.say(ticket, "waiting", loaded, by)


def resume(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Go on without waiting any longer."""
    return timeline.append(ticket, "resumed", loaded, by=actor(by, ticket, "resumed"))


def resolve(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Say it is solved, and how."""
    return words.say(ticket, "resolved", loaded, by)


def decline(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Say it will not be solved, and why."""
    return words.say(ticket, "declined", loaded, by)


def confirm(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Say, as the customer, that it is solved."""
    return timeline.append(ticket, "confirmed", loaded, by=actor(by, ticket, "confirmed"))


def reopen(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Say, as the customer, that it is not solved; the desk's first-answer promise stands anew."""
    facts = {**loaded, "next_word_at": desks.first_answer_due(ticket.desk, store.now())}
    return timeline.append(ticket, "reopened", facts, by=actor(by, ticket, "reopened"))


def give_feedback(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Answer the two questions, as the customer. "Solved" confirms; "not solved" says why, and opens it again."""
    stands = ticket.status
    if not loaded["solved"] and stands != "declined" and not loaded["why"]:
        raise Invalid(fields={"why": "Say what is still wrong: it opens the ticket again."})
    facts = {name: value for name, value in loaded.items() if name != "why"}
    event = timeline.append(ticket, "feedback", facts, by=actor(by, ticket, "feedback"))
    if loaded["solved"] and stands == "resolved":
        confirm(ticket, {}, by)
    if not loaded["solved"] and loaded["why"]:
        reopen(ticket, {"text": loaded["why"]}, by)
    return event


def change_visibility(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Decide, as the customer, who may read this. Wider than private needs a confirmed address."""
    if "customer" not in permissions.relations(by, ticket):
        return _take_from_public(ticket, loaded, by)
    if loaded["visibility"] != "private" and ticket.email_confirmed_at is None:
        raise Conflict("Confirm your address first: open the link in the mail we sent you, then choose again.")
    facts = {**loaded, "reason": ""}
    if facts["name_shown"] == "pseudonym":
        if not facts["pseudonym"]:
            raise Invalid(fields={"pseudonym": "Write the name to show, or choose to show none."})
        facts["pseudonym"] = people.customer_name(facts["pseudonym"], field="pseudonym")
    names = ticket.name_shown, ticket.pseudonym
    event = timeline.append(ticket, "visibility_changed", facts, by=timeline.Actor("customer"))
    if names != (ticket.name_shown, ticket.pseudonym):
        masks.review(ticket)
    store.notice("visibility", ticket.ref)
    return event


def _take_from_public(ticket: Ticket, loaded: Loaded, by: Viewer) -> Event:
    """Hide the whole ticket as who runs the desk, for the law or somebody's privacy. Nothing else is theirs to say."""
    if loaded["visibility"] != "private":
        raise Forbidden(
            "Publicity is the customer's to give; who runs the desk may only take the ticket from the public."
        )
    if not loaded["reason"]:
        raise Invalid(fields={"reason": "Say why."})
    if ticket.visibility == "private":
        raise Conflict("This is private already.")
    kept = {name: getattr(ticket, name) for name in ("name_shown", "pseudonym", "shares_feelings")}
    event = timeline.append(
        ticket, "visibility_changed", {**loaded, **kept}, by=actor(by, ticket, "visibility_changed")
    )
    store.notice("visibility", ticket.ref)
    return event
