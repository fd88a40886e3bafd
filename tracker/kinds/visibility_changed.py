"""The customer decides who may read this, and which name they read."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, Payload, choice, flag, words
from tracker.models import Event, Ticket

WORDS = {"private": "only the two sides", "unlisted": "whoever has the address", "public": "everyone"}


class VisibilityChanged(Payload):
    visibility = choice("private", "unlisted", "public")
    name_shown = choice("own", "pseudonym", "none", default="own")
    pseudonym = words(80, low=0, multiline=False, audience="customer")
    shares_feelings = flag()
    reason = words(REASON, low=0, multiline=False)
    """Why the company took it from the public; customers need none."""


def sentence(entry: Entry) -> str:
    because = f": {entry['reason']}" if entry["reason"] else "."
    return f"{entry['actor']['name']} lets {WORDS[entry['visibility']]} read this{because}"


def apply(ticket: Ticket, event: Event, loaded: Loaded) -> None:
    ticket.visibility, ticket.wanted_visibility = loaded["visibility"], None
    ticket.name_shown, ticket.pseudonym = loaded["name_shown"], loaded["pseudonym"]
    ticket.shares_feelings = loaded["shares_feelings"]


KIND = Kind(
    schema=VisibilityChanged,
    example={"visibility": "public", "name_shown": "pseudonym", "pseudonym": "M."},
    sentence=sentence,
    apply=apply,
    posted_by=frozenset({"customer", "lead", "admin"}),
    tells=frozenset({"customer"}),
    moves=False,
)
