"""COMMANDS of those who help on another's ticket: they see what its staff see; the assignee alone answers."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from tracker import people, permissions, store, timeline
from tracker.errors import Conflict, Forbidden, Invalid
from tracker.models import Event, Helper, Person, Ticket
from tracker.permissions import Viewer


def add(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Let somebody help."""
    helper = people.get_many([loaded["to"]]).get(loaded["to"])
    if helper is None or not helper.active:
        raise Invalid(fields={"to": "Choose somebody who works here."})
    if helper.id == ticket.assignee_id:
        raise Invalid(fields={"to": f"{helper.name} has this ticket."})
    if _find(ticket, helper):
        raise Conflict(f"{helper.name} helps here already.")
    store.notice("queue", helper.id)
    return timeline.append(ticket, "helper_added", loaded, by=permissions.actor(by, ticket, "helper_added"))


def leave(ticket: Ticket, loaded: Mapping[str, Any], by: Viewer) -> Event:
    """Let somebody help no longer; helpers themselves may only go."""
    helper = people.get_many([loaded["to"]]).get(loaded["to"])
    if helper is None or not _find(ticket, helper):
        raise Conflict("They do not help here any more.")
    is_own = by.person is not None and by.person.id == helper.id
    if not is_own and not permissions.may(by, "helper_added", ticket):
        raise Forbidden()
    store.notice("queue", helper.id)
    return timeline.append(ticket, "helper_left", loaded, by=permissions.actor(by, ticket, "helper_left"))


def of(ticket: Ticket) -> list[Person]:
    """Return who helps on a ticket, those who came first before the others."""
    query = select(Helper).where(Helper.ticket_id == ticket.id).order_by(Helper.since_at, Helper.person_id)
    return [one.person for one in store.session().scalars(query) if one.person.active]


def _find(ticket: Ticket, person: Person) -> bool:
    query = select(Helper.person_id).where(Helper.ticket_id == ticket.id, Helper.person_id == person.id)
    return store.session().execute(query).first() is not None
