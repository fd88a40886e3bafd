"""The assignee says it is solved, and how."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, attached, flag, words
from tracker.kinds._standing import end, turn, word
from tracker.models import OPEN, Event, Ticket


class Resolved(Payload):
    text = words(TEXT)
    files = attached()
    standard = flag(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} says it is solved."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    word(ticket, event)
    end(ticket, event, settled="kept")
    turn(ticket, event, "resolved")


KIND = Kind(
    schema=Resolved,
    example={"text": "The riser is mended and the water runs."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=OPEN,
    body="text",
    is_word=True,
    tells=frozenset({"customer", "follower"}),
)
