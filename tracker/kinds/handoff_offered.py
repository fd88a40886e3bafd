"""The assignee offers the ticket to someone else, says why, and briefs them; until then they still have it."""

from tracker.kinds import Entry, Kind
from tracker.kinds._fields import REASON, TEXT, Payload, person, words
from tracker.models import OPEN


class HandoffOffered(Payload):
    to = person()
    reason = words(REASON, multiline=False)
    briefing = words(TEXT, audience="staff")


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} asked {entry['to']['name']} to take this: {entry['reason']}"


KIND = Kind(
    schema=HandoffOffered,
    example={"to": "rosa-ortega", "reason": "It is the riser.", "briefing": "She was told about the yard tap."},
    sentence=sentence,
    posted_by=frozenset({"assignee"}),
    when=OPEN,
    tells=frozenset({"taker"}),
)
