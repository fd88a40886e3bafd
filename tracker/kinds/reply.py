"""The customer answers; private unless they publish it."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import TEXT, Payload, attached, flag, words
from tracker.kinds._standing import turn
from tracker.models import Event, Ticket


class Reply(Payload):
    text = words(TEXT)
    files = attached()
    publish = flag()


def audience(loaded: Loaded) -> str:
    return "public" if loaded["publish"] else "customer"


def sentence(entry: Entry) -> str:
    return f"{entry['actor']['name']} replied."


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    if ticket.status == "waiting":
        turn(ticket, event, "open")


KIND = Kind(
    schema=Reply,
    example={"text": "It is still dry here.", "publish": True},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"customer"}),
    audience=audience,
    body="text",
    tells=frozenset({"assignee", "follower"}),
)
