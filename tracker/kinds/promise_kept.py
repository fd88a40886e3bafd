"""The promised word came in time. Recorded by the system."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import Payload, seconds, when
from tracker.models import Event, Ticket


class PromiseKept(Payload):
    due_at = when(system=True)
    early_s = seconds()


def sentence(entry: Entry) -> str:
    return "The word came when it was promised."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    pass  # the word itself settled the promise


KIND = Kind(schema=PromiseKept, example={}, sentence=sentence, apply=apply, moves=False)
