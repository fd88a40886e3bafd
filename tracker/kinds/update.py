"""The assignee says what is going on, and when the next word comes."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, attached, flag, when, words
from tracker.kinds._standing import make, word
from tracker.models import OPEN, Event, Ticket


class Update(Payload):
    text = words(TEXT)
    files = attached()
    next_word_at = when()
    standard = flag(system=True)


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} wrote."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    word(ticket, event)
    make(ticket, event, loaded["next_word_at"], check_in=ticket.status == "waiting", settled="kept")


KIND = Kind(
    schema=Update,
    example={"text": "The part is ordered.", "next_word_at": "2026-03-03T14:00:00Z"},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"assignee"}),
    when=OPEN,
    body="text",
    is_word=True,
    tells=frozenset({"customer", "follower"}),
)
