"""What a form sent: as a payload for a command, and as it was typed, so that nothing is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from marshmallow import fields

from tracker import kinds

EMPTY = ("honey", "made", "next_choice", "version")


@dataclass(frozen=True)
class Form:
    """A form as it goes back to whom filled it in: which one, what was typed, what is wrong with it by field."""

    name: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    """Put before the ids of its fields, where a page holds several forms."""


def payload(kind: str, typed: Mapping[str, str], *, zone: str = "UTC") -> dict[str, object]:
    """Return the fields of a kind as a form sends them: empty ones left out, local times read in `zone`."""
    known = kinds.find(kind).schema().fields
    given: dict[str, object] = {}
    for name, one in known.items():
        text = typed.get(name, "").strip() if not isinstance(one, fields.Boolean) else typed.get(name, "")
        if text == "" or one.dump_only:
            continue
        given[name] = moment(text, zone) if one.metadata.get("moment") else typed[name]
    return given


def moment(text: str, zone: str) -> str:
    """Return a date and time as typed (`2026-03-02T14:00`) with the zone it was meant in; other text as it is."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


def number(text: str | None) -> int:
    """Return a whole number from an address, 0 when it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0
