"""COMMANDS of an import: cases kept elsewhere become tickets with the history they bring, and nothing more."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tracker import desks, links, masks, open311, people, permissions, richtext, store, timeline
from tracker.errors import Invalid
from tracker.models import Desk, Person, Ticket
from tracker.open311 import NO_DEPARTMENT, Case, Discrepancy, Entry, Roster
from tracker.permissions import Viewer

DESK_WITHOUT_DEPARTMENT = "No department"
LONGEST_KEY = 120
LONGEST_DESK = 80
AT_ONCE = 500
Crew = dict[str, Person]
"""Who answers for each department; `*` for cases without one."""


@dataclass(frozen=True)
class Refusal:
    """A record that can't be imported: its place in the file (from 1), its key as far as it has one, and why."""

    number: int
    key: str
    reason: str


@dataclass(frozen=True)
class Reading:
    """What a file holds."""

    cases: tuple[Case, ...]
    refusals: tuple[Refusal, ...]

    @property
    def discrepancies(self) -> list[tuple[str, Discrepancy]]:
        """Everything in which a record contradicts itself, with the record's key."""
        return [(case.key, one) for case in self.cases for one in case.discrepancies]


def read(path: Path) -> Reading:
    """Read a file of service requests; a bad one is refused by name. Raises Invalid when it is no list of them."""
    cases: dict[str, Case] = {}
    refusals = []
    for number, record in enumerate(open311.read(path), start=1):
        try:
            case = open311.case(record)
            _check(case, cases)
        except Invalid as error:
            refusals.append(Refusal(number, _name(record), error.message))
        else:
            cases[case.key] = case
    return Reading(tuple(cases.values()), tuple(refusals))


def known(cases: Iterable[Case]) -> set[str]:
    """Return the keys of those cases that are tickets here already."""
    found: set[str] = set()
    keys = [case.key for case in cases]
    for first in range(0, len(keys), AT_ONCE):
        query = select(Ticket.imported_key).where(Ticket.imported_key.in_(keys[first : first + AT_ONCE]))
        found.update(key for key in store.session().scalars(query) if key)
    return found


def check_roster(cases: Collection[Case], roster: Roster) -> None:
    """Raise Invalid with everything that keeps the roster from serving these cases."""
    departments = open311.departments(cases)
    roster.check(departments)
    wrong, named = [], dict[str, str]()
    for department in sorted(departments):
        person = roster.person(department)
        email = person.email.lower()
        if named.setdefault(email, person.name) != person.name:
            wrong.append(f"{person.email} is both {named[email]} and {person.name}")
        wrong += _what_is_wrong(person)
    if wrong:
        raise Invalid(f"Correct the roster. {'; '.join(dict.fromkeys(wrong))}.")


def crew(cases: Collection[Case], roster: Roster, *, zone: str, by: Viewer) -> Crew:
    """Return who answers for each department of these cases; people and their desks are added when missing.

    A new person sits at a desk named as the first of their departments (in `zone`), works from now on, and has no
    password before they are invited. Whoever is here already stays as they are. Raises Invalid on a bad roster.
    """
    permissions.require(by, "import")
    check_roster(cases, roster)
    desks.check_zone(zone)
    departments = sorted(open311.departments(cases), key=lambda name: (name == NO_DEPARTMENT, name))
    with store.transaction():
        return {department: _person(roster.person(department), department, zone) for department in departments}


def take_in(case: Case, crew: Crew, *, visibility: str, by: Viewer) -> Ticket | None:
    """Make one case a ticket, with all of its history or not at all; None when it is one already.

    Nobody is notified, nothing is promised, and no word is put into anybody's mouth.
    """
    permissions.require(by, "import")
    try:
        with store.transaction() as session:
            if session.scalar(select(Ticket.id).where(Ticket.imported_key == case.key)):
                return None
            ticket = _new_ticket(case, crew, visibility)
            session.add(ticket)
            session.flush()
            _begin(ticket, case)
            for entry in case.entries:
                _go_on(ticket, entry, crew)
            return ticket
    except IntegrityError:
        # Another import was faster between our look and our insert.
        if known([case]):
            return None
        raise


def _check(case: Case, before: Collection[str]) -> None:
    if len(case.key) > LONGEST_KEY:
        raise Invalid(f"Its id is longer than {LONGEST_KEY} characters.")
    if case.key in before:
        raise Invalid("An earlier record of this file has the same id.")
    if (latest := case.entries[-1].at) > store.now():
        raise Invalid(f"A note is dated in the future ({latest:%Y-%m-%d %H:%M} UTC).")


def _name(record: Any) -> str:
    given = record if isinstance(record, dict) else {}
    name = next((given[one] for one in ("service_request_id", "token") if isinstance(given.get(one), str)), "")
    return richtext.storable(name)[:LONGEST_KEY]


def _what_is_wrong(person: open311.Person) -> Iterator[str]:
    try:
        richtext.normalise_name(person.name, field="name")
    except Invalid as error:
        yield f"{person.name!r}: {error.fields.get('name', error.message)}"
    found = store.session().scalars(select(Person).where(Person.email == person.email.lower())).first()
    if found and not found.active:
        yield f"{found.name} ({found.email}) no longer works here"


def _person(wanted: open311.Person, department: str, zone: str) -> Person:
    found = store.session().scalars(select(Person).where(Person.email == wanted.email.lower())).first()
    return found or people.add(name=wanted.name, email=wanted.email, desk=_desk(department, zone))


def _desk(department: str, zone: str) -> Desk:
    name = DESK_WITHOUT_DEPARTMENT if department == NO_DEPARTMENT else department
    name = name if len(name) <= LONGEST_DESK else name[: LONGEST_DESK - 1].rstrip() + "…"
    return store.session().scalars(select(Desk).where(Desk.name == name)).first() or desks.add(name, zone=zone)


def _new_ticket(case: Case, crew: Crew, visibility: str) -> Ticket:
    assignee = crew[case.department or NO_DEPARTMENT]
    ticket = Ticket(
        ref=links.new_ref(),
        desk_id=assignee.desk_id,
        assignee_id=assignee.id,
        assigned_at=case.opened_at,
        subject=case.subject,
        visibility=visibility,
        name_shown="none",
        source="import",
        opened_at=case.opened_at,
        status_since=case.opened_at,
        last_public_at=case.opened_at,
        spans=[["open", case.opened_at.isoformat(), None]],
        imported_key=case.key,
    )
    ticket.desk, ticket.assignee = assignee.desk, assignee
    masks.cover_subject(ticket)
    return ticket


def _begin(ticket: Ticket, case: Case) -> None:
    facts = {
        "text": case.text,
        "impact": "",
        "feeling": "",
        "urgency_on": None,
        "source": "import",
        "assignee": ticket.assignee.slug,
        "next_word_at": None,
        "department": case.department or "",
        "private": dict(case.private),
    }
    timeline.append(ticket, "opened", facts, by=timeline.Actor("customer"), at=case.opened_at, quiet=True)


def _go_on(ticket: Ticket, entry: Entry, crew: Crew) -> None:
    facts: dict[str, Any] = {"what": entry.what, "summary": entry.summary, "description": entry.description}
    if entry.what == "assignee":
        to = crew[entry.department or NO_DEPARTMENT]
        facts["department"] = entry.department or ""
        # Departments may share a person: then it stays where it is, and is passed on to nobody.
        facts |= {"what": "note"} if to.id == ticket.assignee_id else {"to": to.slug}
    if entry.what == "status":
        facts["status"] = entry.status
    timeline.append(ticket, "imported", facts, by=timeline.SYSTEM, at=entry.at, quiet=True)
