"""The assignee goes on without waiting any longer; the check-in stands as the promise."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload
from tracker.kinds._standing import current, turn
from tracker.models import Event, Ticket


class Resumed(Payload):
    pass


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} goes on."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    turn(ticket, event, "open")
    promise = current(ticket)
    if promise:
        promise.check_in = False


KIND = Kind(
    schema=Resumed,
    example={},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=("waiting",),
)
