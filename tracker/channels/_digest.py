"""What one mail says that brings an address the news of several tickets."""

from collections.abc import Sequence
from typing import Any

from tracker.channels import _letters
from tracker.channels._letters import Letter
from tracker.models import Delivery, News
from tracker.outbox import Dropped
from tracker.speech import Speech

Written = list[tuple[Delivery, Letter]]
"""Deliveries with what each says, their reader's own tickets first."""


def write(those: Sequence[tuple[Delivery, News]], speech: Speech) -> Written:
    """Return what each of some deliveries says, in one language; those that say nothing any more are left out."""
    found: Written = []
    for delivery, news in those:
        try:
            found.append((delivery, _letters.write(delivery, news, speech=speech)))
        except Dropped:
            continue
    return sorted(found, key=lambda one: one[0].role != "customer")


def letter(written: Written, speech: Speech, *, manage_url: str) -> Letter:
    """Return the mail that holds them all: a part for each ticket, by its person and subject."""
    parts = [one.facts for _delivery, one in written]
    subjects = [part["subject"] for part in parts]
    answered = next((part for part in parts if part["answer"]), None)
    facts: dict[str, Any] = {
        "say": speech.say,
        "speech": speech,
        "parts": parts,
        "accent": parts[0]["accent"],
        "glow": parts[0]["glow"],
        "subject": speech.say("digest_subject", subject=subjects[0], more=len(parts) - 1),
        "preview": " · ".join(subjects[1:]),
        "answer": speech.say("digest_answer", name=_person(answered), subject=answered["subject"]) if answered else "",
        "why": speech.say("to_digest"),
        "manage_url": manage_url,
    }
    return Letter("digest", facts["subject"], facts)


def sender(written: Written) -> str:
    """Return who writes: the person and desk that have all the tickets, the desk alone, or nobody in particular."""
    heads = [one.facts["ticket"] for _delivery, one in written]
    desks = {one["desk"]["name"] for one in heads}
    names = {f"{one['assignee']['name']}, {one['desk']['name']}" for one in heads}
    return str(next(iter(names if len(names) == 1 else desks))) if len(desks) == 1 else ""


def _person(part: Any) -> str:
    return str(part["ticket"]["assignee"]["name"])
