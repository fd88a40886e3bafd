"""Staff write something down for each other; nobody else ever sees it."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, attached, words
from tracker.models import Event, Ticket


class Note(Payload):
    text = words(TEXT, audience="staff")
    files = attached(audience="staff")


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} left a note."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    pass


KIND = Kind(
    schema=Note,
    example={"text": "Ask the riser team first."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"staff"}),
    audience="staff",
    body="text",
    moves=False,
)
