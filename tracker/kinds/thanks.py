"""Someone thanks the people on this ticket; the customer decides whether everyone reads it."""

from tracker.kinds import Entry, Kind
from tracker.kinds._fields import REASON, Payload, words


class Thanks(Payload):
    text = words(REASON)


def sentence(entry: Entry) -> str:
    return "Someone said thank you."


KIND = Kind(
    schema=Thanks,
    example={"text": "Thank you for the tap in the yard!"},
    sentence=sentence,
    posted_by=frozenset({"public", "customer"}),
    audience="customer",
    body="text",
    tells=frozenset({"customer"}),
    moves=False,
)
