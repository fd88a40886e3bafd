"""WHAT TO KNOW BEFORE SENDING words to a customer: their near copy, and questions that were answered already."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracker import links, permissions, told, unscripted
from tracker.kinds import KINDS
from tracker.models import Ticket
from tracker.permissions import Viewer


@dataclass(frozen=True)
class Advice:
    """What speaks against sending a text as it is. `stamp` names the text: with it the author has read this."""

    stamp: str
    twin: unscripted.Twin | None
    answered: list[told.Question]


def on(ticket: Ticket, kind: str, given: Mapping[str, Any], *, by: Viewer, heeded: str = "") -> Advice | None:
    """Return what somebody should know before they say this; None when there is nothing, or they have heeded it."""
    text = str(given.get("text", ""))
    if by.person is None or not KINDS[kind].is_word or not permissions.may(by, kind, ticket):
        return None
    stamp = links.fingerprint(text)[:16]
    if heeded == stamp:
        return None
    found = Advice(stamp, unscripted.twin(ticket, text, by.person), told.again(ticket, text))
    return found if found.twin or found.answered else None
