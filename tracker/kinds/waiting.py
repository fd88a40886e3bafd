"""The assignee needs something from the customer, and says when they check in."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, attached, flag, when, words
from tracker.kinds._standing import make, turn, word
from tracker.models import Event, Ticket


class Waiting(Payload):
    text = words(TEXT)
    files = attached()
    check_in_at = when()
    standard = flag(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} is waiting for an answer."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    word(ticket, event)
    turn(ticket, event, "waiting")
    make(ticket, event, loaded["check_in_at"], check_in=True, settled="kept")


KIND = Kind(
    schema=Waiting,
    example={"text": "When can the plumber come in?", "check_in_at": "2026-03-05T09:00:00Z"},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=("open",),
    body="text",
    is_word=True,
    tells=frozenset({"customer", "follower"}),
)
