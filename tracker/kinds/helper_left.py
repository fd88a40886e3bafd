"""Somebody no longer helps: they are done, or others thank them. Nobody outside sees it."""

from sqlalchemy import delete

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload, person
from tracker.kinds._standing import person as named
from tracker.models import Event, Helper, Ticket
from tracker.store import session


class HelperLeft(Payload):
    to = person(audience="staff")


def sentence(entry: Entry) -> str:
    return f"{entry['to']['name']} no longer helps here."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    who = named(loaded["to"]).id
    session().execute(delete(Helper).where(Helper.ticket_id == ticket.id, Helper.person_id == who))


KIND = Kind(
    schema=HelperLeft,
    example={"to": "rosa-ortega"},
    sentence=sentence,
    apply=apply,
    audience="staff",
    posted_by=frozenset({"assignee", "lead", "admin", "helper"}),
    moves=False,
)
