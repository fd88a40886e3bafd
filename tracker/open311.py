"""Service requests as Open311 APIs publish them, read into cases: pure, with nothing added and nothing hidden."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

from tracker import richtext
from tracker.errors import Invalid

NO_DEPARTMENT: Final = "*"
DEEPEST_ATTRIBUTE: Final = 20
ROSTER_COLUMNS: Final = ("department", "person_name", "person_email")

_STATUSES = ("open", "submitted", "closed")
_UNIT = re.compile(
    r"""[\s,;]*(?:
        \b(?:apt|apartment|unit|suite|ste|room|rm|flat|fl|floor|bldg|building|ph|penthouse)\b\.?\s*[\#№]?\s*
            (?:\d[\w-]*|[a-z]\d*)\b
      | [\#№]\s*[\w-]+
      | \b\d+(?:st|nd|rd|th)\s+(?:fl|flr|floor)\b\.?
      | \b(?:(?:garden|basement|rear|front)\s+(?:apt|apartment|unit)|basement|bsmt|penthouse)\b\.?
      | (?<=\bst|\brd|\bdr|\bpl|\bct|\bln)\.?\s+(?:\d{1,4}[a-z]?|[a-z]\d{1,3})(?=\s*(?:,|$))
      | (?<=\bave)\.?\s+(?:\d{1,4}[a-z]?|[a-z]\d{1,3})(?=\s*(?:,|$))
      | (?<=\bblvd|\bpkwy)\.?\s+(?:\d{1,4}[a-z]?|[a-z]\d{1,3})(?=\s*(?:,|$))
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Entry:
    """One note of a record: its words, and the department or status that the ticket has from then on."""

    at: datetime
    what: Literal["note", "assignee", "status"]
    summary: str
    description: str = ""
    department: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class Discrepancy:
    """Something in which a record contradicts itself, told rather than smoothed over."""

    what: Literal["updated", "requested", "order", "closed", "follow_on"]
    words: str


@dataclass(frozen=True)
class Case:
    """One service request; `private` (attributes, coordinates, the whole address and such) is for staff only."""

    key: str
    subject: str
    text: str
    address: str
    department: str | None
    channel: str
    status_notes: str
    opened_at: datetime
    ended_at: datetime | None
    entries: tuple[Entry, ...]
    discrepancies: tuple[Discrepancy, ...] = ()
    private: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Person:
    """Who answers for a department."""

    name: str
    email: str


class Roster:
    """Which person answers for which department, and for records without one."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = dict(people)

    @classmethod
    def parse(cls, text: str) -> "Roster":
        """Read CSV with the columns department, person_name, person_email, or raise Invalid with every bad line."""
        rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
        if missing := set(ROSTER_COLUMNS) - set(rows.fieldnames or ()):
            raise Invalid(
                f"The roster needs the columns {', '.join(ROSTER_COLUMNS)}; missing: {', '.join(sorted(missing))}."
            )
        people: dict[str, Person] = {}
        wrong = []
        for row in rows:
            department, name, email = (_unguarded((row[column] or "").strip()) for column in ROSTER_COLUMNS)
            if reason := _what_is_wrong(department, name, email, people):
                wrong.append(f"line {rows.line_num} ({department or 'no department'}): {reason}")
            people[department] = Person(name, email)
        if wrong:
            raise Invalid("Correct the roster. " + "; ".join(wrong) + ".")
        return cls(people)

    def person(self, department: str | None) -> Person:
        """Give who answers for a department, or for records without one."""
        self.check([department])
        return self._people[department or NO_DEPARTMENT]

    def missing(self, departments: Iterable[str | None]) -> list[str]:
        """List the departments nobody answers for, in order."""
        return sorted({department or NO_DEPARTMENT for department in departments} - self._people.keys())

    def check(self, departments: Iterable[str | None]) -> None:
        """Raise Invalid that lists every department nobody answers for."""
        if missing := self.missing(departments):
            raise Invalid(
                f"Add a person to the roster for: {'; '.join(missing)}.", fields=dict.fromkeys(missing, "Add a row.")
            )


def read(path: Path) -> Iterator[Any]:
    """Give the records of a JSON file as they are, or raise Invalid when it isn't a list of them."""
    try:
        records = json.loads(path.read_text("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Invalid(f"{path.name} is not UTF-8 text: {error.reason} at byte {error.start}.") from None
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{path.name} is not JSON: {error}.") from None
    if not isinstance(records, list):
        raise Invalid(f"{path.name} holds no list of service requests.")
    return iter(records)


def case(record: Any) -> Case:
    """Read one record, or raise Invalid with the reason why it can't be imported."""
    if not isinstance(record, dict):
        raise Invalid("The record is not an object.")
    discrepancies: list[Discrepancy] = []
    in_order = _notes(record, discrepancies)
    department = _text(record, "agency_responsible").strip() or None
    ended_at = _ended_at(record, in_order, discrepancies)
    entries = tuple(_entries(in_order, department, ended_at, _text(record, "status_notes"), discrepancies))
    discrepancies += _differences(record, in_order[0][0], ended_at)
    service, address = _text(record, "service_name", needed=True), _public_address(_text(record, "address"))
    return Case(
        key=_key(record),
        subject=richtext.shortened(f"{service}, {address}" if address else service),
        text=_text(record, "description") or "\n\n".join(filter(None, (service, address))),
        address=address,
        department=department,
        channel=_text(_mapping(record, "extended_attributes"), "channel"),
        status_notes=_text(record, "status_notes"),
        opened_at=in_order[0][0],
        ended_at=ended_at,
        entries=entries,
        discrepancies=tuple(discrepancies),
        private=_private(record),
    )


def departments(cases: Iterable[Case]) -> set[str]:
    """Give every department that ever has one of the cases, `*` standing for none."""
    return {
        department or NO_DEPARTMENT
        for each in cases
        for department in (each.department, *(entry.department for entry in each.entries if entry.what == "assignee"))
    }


def draft_roster(cases: Iterable[Case]) -> str:
    """Write a roster with a line per department, to be filled with names and addresses."""
    page = io.StringIO()
    rows = csv.writer(page, lineterminator="\n")
    rows.writerow(ROSTER_COLUMNS)
    rows.writerows((richtext.cell(department), "", "") for department in sorted(departments(cases)))
    return page.getvalue()


Note = tuple[datetime, Mapping[str, Any]]


def _notes(record: Mapping[str, Any], discrepancies: list[Discrepancy]) -> list[Note]:
    notes = record.get("notes")
    if not isinstance(notes, list) or not notes:
        raise Invalid("The record has no notes, so nothing says when it started.")
    if not all(isinstance(note, dict) for note in notes):
        raise Invalid("One of the notes is not an object.")
    timed = [(_moment(note, "datetime", "A note's datetime"), note) for note in notes]
    in_order = sorted(timed, key=lambda note: note[0])
    if in_order != timed:
        discrepancies.append(Discrepancy("order", "The notes were not in the order of their times."))
    return in_order


def _ended_at(record: Mapping[str, Any], notes: list[Note], discrepancies: list[Discrepancy]) -> datetime | None:
    status = _text(record, "status", needed=True).lower()
    if status not in _STATUSES:
        raise Invalid(f"The status {status!r} is not one of {', '.join(_STATUSES)}.")
    closings = [at for at, note in notes if note.get("type") == "closed"]
    if status == "closed" and not closings:
        raise Invalid("The record is closed, but no note says when.")
    if status != "closed" and closings:
        discrepancies.append(Discrepancy("closed", f"A note says closed, the record says {status}."))
        return None
    if len(closings) > 1:
        discrepancies.append(Discrepancy("closed", f"It was closed {len(closings)} times; the last one counts."))
    return closings[-1] if closings else None


def _entries(
    notes: list[Note], own: str | None, ended_at: datetime | None, status_notes: str, discrepancies: list[Discrepancy]
) -> Iterator[Entry]:
    """Give one entry per note; a follow-on moves the ticket, and when none is open any more it comes back.

    Follow-ons are told apart by their own id: closing one that was never created moves nothing.
    """
    has_it, follow_ons = own, dict[str, str]()
    said = {_text(note, name) for _, note in notes for name in ("summary", "description")}
    for at, note in notes:
        kind, words = note.get("type"), (_text(note, "summary", needed=True), _text(note, "description"))
        goes_to = _goes_to(kind, note, own, has_it, follow_ons, discrepancies)
        if kind == "closed" and at == ended_at:
            outcome = words[1] or ("" if status_notes in said else status_notes)
            yield Entry(at, "status", words[0], outcome, status="resolved")
        elif goes_to != has_it:
            has_it = goes_to
            yield Entry(at, "assignee", *words, department=has_it)
        else:
            yield Entry(at, "note", *words)
    for name in follow_ons.values():
        discrepancies.append(Discrepancy("follow_on", f"The follow-on to {name} was created and never closed."))


def _goes_to(
    kind: Any,
    note: Mapping[str, Any],
    own: str | None,
    has_it: str | None,
    follow_ons: dict[str, str],
    discrepancies: list[Discrepancy],
) -> str | None:
    if kind not in ("follow_on_created", "follow_on_closed"):
        return has_it
    about = _mapping(note, "extended_attributes")
    department = _text(about, "agency_responsible", needed=True).strip()
    name = _text(about, "service_request_id") or f"{_text(about, 'service_name')} of {department}"
    if kind == "follow_on_created":
        follow_ons[name] = department
        return department
    if follow_ons.pop(name, None) is None:
        discrepancies.append(Discrepancy("follow_on", f"The follow-on to {department} was closed and never created."))
        return has_it
    return has_it if follow_ons else own


def _differences(record: Mapping[str, Any], opened_at: datetime, ended_at: datetime | None) -> Iterator[Discrepancy]:
    requested = _moment(record, "requested_datetime", "requested_datetime")
    if requested != opened_at:
        yield Discrepancy("requested", f"requested_datetime is {_apart(requested, opened_at)} the first note.")
    if ended_at and "updated_datetime" in record:
        updated = _moment(record, "updated_datetime", "updated_datetime")
        if updated != ended_at:
            yield Discrepancy("updated", f"updated_datetime is {_apart(updated, ended_at)} the closing note.")


def _apart(one: datetime, other: datetime) -> str:
    seconds = (one - other).total_seconds()
    return f"{abs(seconds):,.0f} s {'after' if seconds > 0 else 'before'}"


def _key(record: Mapping[str, Any]) -> str:
    if given := _text(record, "service_request_id") or _text(record, "token"):
        return given
    parts = [_text(record, name) for name in ("requested_datetime", "service_code", "address")]
    return "sha256-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _private(record: Mapping[str, Any]) -> dict[str, Any]:
    names = ("attributes", "lat", "long", "zipcode", "address", "address_id", "media_url", "extended_attributes")
    return {name: _storable(record[name]) for name in names if record.get(name) not in (None, "", {})}


def _storable(value: Any, depth: int = 0) -> Any:
    if depth > DEEPEST_ATTRIBUTE:
        raise Invalid(f"The attributes are nested deeper than {DEEPEST_ATTRIBUTE} levels.")
    if isinstance(value, str):
        return richtext.storable(value)
    if isinstance(value, dict):
        return {richtext.storable(name): _storable(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner, depth + 1) for inner in value]
    # JSON can write a number that no float holds; databases refuse the infinity that Python makes of it.
    return str(value) if isinstance(value, float) and not isfinite(value) else value


def _public_address(address: str) -> str:
    return re.sub(r"\s+(?=,)", "", _UNIT.sub("", address)).strip(" ,;")


def _text(record: Mapping[str, Any], name: str, needed: bool = False) -> str:
    value = record.get(name)
    value = "" if value is None else str(value) if isinstance(value, int | str) else value
    if not isinstance(value, str):
        raise Invalid(f"{name} is not text.")
    if len(value) > richtext.LONGEST_SOURCE:
        raise Invalid(f"{name} is longer than {richtext.LONGEST_SOURCE:,} characters.")
    if needed and not value.strip():
        raise Invalid(f"{name} is missing.")
    return richtext.storable(value)


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    if value is not None and not isinstance(value, dict):
        raise Invalid(f"{name} is not an object.")
    return value or {}


def _moment(record: Mapping[str, Any], name: str, label: str) -> datetime:
    text = _text(record, name)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise Invalid(f"{label} ({text}) has no time zone.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{label} ({text[:40]!r}) is no date and time.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _what_is_wrong(department: str, name: str, email: str, people: Mapping[str, Person]) -> str:
    if not department:
        return f"name a department, or {NO_DEPARTMENT} for records without one"
    if department in people:
        return "there is a line for it already"
    if not name:
        return "name the person"
    return "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) else "give the person's mail address"


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(richtext.FORMULA) else cell
