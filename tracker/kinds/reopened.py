"""The customer says it is not solved, and why; a new promise stands and the clock was never reset."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, attached, when, words
from tracker.kinds._standing import make, turn
from tracker.models import ENDED, Event, Ticket


class Reopened(Payload):
    text = words(TEXT)
    files = attached()
    next_word_at = when(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} says: not solved."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    turn(ticket, event, "open")
    make(ticket, event, loaded["next_word_at"])


KIND = Kind(
    schema=Reopened,
    example={"text": "It dripped again this morning."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"customer"}),
    when=ENDED,
    body="text",
    tells=frozenset({"assignee", "customer", "follower"}),
)
