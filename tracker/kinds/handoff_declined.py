"""The person who was asked says no, or the offer to them is taken back; the reason stays with staff."""

from tracker.kinds import Entry, Kind
from tracker.kinds._fields import REASON, Payload, person, words
from tracker.models import OPEN


class HandoffDeclined(Payload):
    reason = words(REASON, audience="staff", multiline=False)
    to = person(system=True)


def sentence(entry: Entry) -> str:
    actor, to = entry["actor"], entry.get("to")
    if not to or to["slug"] == actor.get("slug"):
        return f"{actor['name']} could not take this; it stays where it is."
    if actor["role"] == "system":
        return f"The offer to {to['name']} has ended; it stays where it is."
    return f"{actor['name']} took the offer to {to['name']} back; it stays where it is."


KIND = Kind(
    schema=HandoffDeclined,
    example={"reason": "I am away from Thursday."},
    sentence=sentence,
    posted_by=frozenset({"offered", "assignee", "lead", "admin"}),
    when=OPEN,
    tells=frozenset({"assignee"}),
)
