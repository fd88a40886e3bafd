"""The customer says it is solved indeed."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload
from tracker.kinds._standing import turn
from tracker.models import Event, Ticket


class Confirmed(Payload):
    pass


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} says: yes, solved."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    turn(ticket, event, "closed")


KIND = Kind(
    schema=Confirmed,
    example={},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"customer"}),
    when=("resolved",),
    tells=frozenset({"assignee", "follower"}),
)
