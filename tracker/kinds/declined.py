"""The assignee says it will not be solved, and why. Never counted as solved."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, flag, words
from tracker.kinds._standing import end, turn, word
from tracker.models import OPEN, Event, Ticket


class Declined(Payload):
    text = words(TEXT)
    standard = flag(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} can not solve this."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    word(ticket, event)
    end(ticket, event, settled="kept")
    turn(ticket, event, "declined")


KIND = Kind(
    schema=Declined,
    example={"text": "The pipe belongs to your neighbour; we may not touch it."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=OPEN,
    body="text",
    is_word=True,
    tells=frozenset({"customer", "follower"}),
)
