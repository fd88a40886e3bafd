"""The customer answers two questions: is it solved, did you feel understood. Never how long anybody worked."""

from tracker.kinds import Entry, Kind, Loaded
from tracker.kinds._fields import REASON, TEXT, Payload, choice, flag, words
from tracker.models import ENDED


class Feedback(Payload):
    solved = flag(required=True)
    understood = choice("yes", "partly", "no")
    text = words(REASON, low=0)
    publish = flag()
    why = words(TEXT, low=0, load_only=True)
    """What is still wrong: it becomes the reopening that follows a "not solved"."""


def audience(loaded: Loaded) -> str:
    return "public" if loaded["publish"] else "customer"


def sentence(entry: Entry) -> str:
    solved = "solved" if entry["solved"] else "not solved"
    understood = {"yes": "understood", "partly": "partly understood", "no": "not understood"}[entry["understood"]]
    return f"{entry['actor']['name']} says: {solved}, and felt {understood}."


KIND = Kind(
    schema=Feedback,
    example={"solved": True, "understood": "yes", "text": "Rosa called twice.", "publish": True},
    sentence=sentence,
    posted_by=frozenset({"customer"}),
    when=ENDED,
    audience=audience,
    body="text",
    tells=frozenset({"assignee"}),
    moves=False,
)
