"""The promised word did not come in time. Recorded by the system, once, at the time it was due."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload, when
from tracker.kinds._standing import current
from tracker.models import Event, Ticket


class PromiseMissed(Payload):
    due_at = when(system=True)


def sentence(entry: Entry) -> str:
    return "The promised word did not come in time."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    promise = current(ticket)
    if promise:
        promise.state, promise.settled_at = "missed", event.at
    ticket.overdue = True


KIND = Kind(
    schema=PromiseMissed,
    example={},
    sentence=sentence,
    apply=apply,
    tells=frozenset({"customer", "follower", "assignee"}),
    moves=False,
)
