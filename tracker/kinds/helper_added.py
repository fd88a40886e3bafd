"""The assignee or a lead asks somebody to help; the assignee stays the one who answers. Nobody outside sees it."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, person, words
from tracker.kinds._standing import person as named
from tracker.models import Event, Helper, Ticket
from tracker.store import session


class HelperAdded(Payload):
    to = person(audience="staff")
    reason = words(REASON, low=0, multiline=False, audience="staff")


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} asked {entry['to']['name']} to help."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    helper = named(loaded["to"])
    session().add(Helper(ticket_id=ticket.id, person_id=helper.id, since_at=event.at))


KIND = Kind(
    schema=HelperAdded,
    example={"to": "rosa-ortega", "reason": "She knows the riser."},
    sentence=sentence,
    apply=apply,
    audience="staff",
    posted_by=frozenset({"assignee", "lead", "admin"}),
    moves=False,
    tells=frozenset({"helper"}),
)
