"""What a form sent: as a payload for a command, and as it was typed, so that nothing is lost."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from marshmallow import fields

from tracker import kinds, masks
from tracker.errors import Invalid

DAYS = 7
SPAN = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))?\s*[-–—]\s*([0-9]{1,2})(?::([0-9]{2}))?")


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


def wish(typed: Mapping[str, str]) -> masks.Wish:
    """Return what a form says about personal data in it: to be asked, unless it was. Raises Invalid, also to edit."""
    if typed.get("personal") == "edit":
        raise Invalid(fields={"text": "Change your words, then send them again."})
    return masks.wish(typed.get("personal") or "ask", typed.get("personal_reason", ""))


def moment(text: str, zone: str) -> str:
    """Return a date and time as typed (`2026-03-02T14:00`) with the zone it was meant in; other text as it is."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


def at(text: str, zone: str, *, field: str) -> datetime | None:
    """Return a typed date and time, None when nothing was typed; raise Invalid when it is none."""
    try:
        return datetime.fromisoformat(moment(text, zone)).astimezone(UTC) if text.strip() else None
    except (ValueError, OverflowError):
        raise Invalid(fields={field: "Write a date and a time."}) from None


def local(at: datetime | None, zone: str) -> str:
    """Return a moment as a date-and-time field shows it, on the clock of `zone`."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M") if at else ""


def number(text: str | None) -> int:
    """Return a whole number from an address, 0 when it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else 0


def opening(typed: Mapping[str, str]) -> dict[str, list[list[str]]]:
    """Return opening hours typed by day ("9:00–12:00, 13:00–17:00"; empty: closed); raise Invalid by field."""
    found, wrong = {}, {}
    for day in range(DAYS):
        text = typed.get(f"day{day}", "").strip()
        spans = [SPAN.fullmatch(part.strip()) for part in text.split(",")] if text else []
        try:
            times = [[_time(*span.group(1, 2)), _time(*span.group(3, 4))] if span else None for span in spans]
        except ValueError:
            times = [None]
        if None in times:
            wrong[f"day{day}"] = "Write hours as 9:00–17:00, with a comma between two spans; nothing means closed."
        found[str(day)] = [one for one in times if one]
    if wrong:
        raise Invalid(fields=wrong)
    return found


def typed_opening(kept: Mapping[str, Sequence[Sequence[str]]]) -> dict[str, str]:
    """Return kept opening hours as fields of a form."""
    return {f"day{day}": ", ".join(f"{a}–{b}" for a, b in kept.get(str(day), ())) for day in range(DAYS)}


def _time(hour: str, minute: str | None) -> str:
    return time(0 if hour == "24" else int(hour), int(minute or 0)).isoformat("minutes")
