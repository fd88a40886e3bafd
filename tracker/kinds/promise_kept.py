"""The promised word came in time. Recorded by the system."""

from tracker.kinds import Entry, Kind
from tracker.kinds._fields import Payload, seconds, when


class PromiseKept(Payload):
    due_at = when(system=True)
    early_s = seconds()


def sentence(entry: Entry) -> str:
    return "The word came when it was promised."


KIND = Kind(schema=PromiseKept, example={}, sentence=sentence, moves=False)
