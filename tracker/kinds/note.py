"""Staff write something down for each other; nobody else ever sees it."""

from tracker.kinds import Entry, Kind
from tracker.kinds._fields import TEXT, Payload, attached, words


class Note(Payload):
    text = words(TEXT, audience="staff")
    files = attached(audience="staff")


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} left a note."


KIND = Kind(
    schema=Note,
    example={"text": "Ask the riser team first."},
    sentence=sentence,
    posted_by=frozenset({"staff"}),
    audience="staff",
    body="text",
    moves=False,
)
