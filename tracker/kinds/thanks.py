"""Someone thanks the people on this ticket; the customer decides whether everyone reads it."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, words
from tracker.models import Event, Ticket


class Thanks(Payload):
    text = words(REASON)


def sentence(entry: Entry) -> str:
    return "Someone said thank you."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    pass


KIND = Kind(
    schema=Thanks,
    example={"text": "Thank you for the tap in the yard!"},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"public", "customer"}),
    audience="customer",
    body="text",
    tells=frozenset({"customer"}),
    moves=False,
)
