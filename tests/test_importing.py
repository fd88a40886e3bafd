"""An import: a city's requests become tickets with their own history, and nothing else happens."""

import json
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import make
from tests.houses import Visitor
from tracker import browse, desks, disclosure, embeds, importing, listing, open311, people, present, store
from tracker.errors import Forbidden, Invalid
from tracker.models import Delivery, Desk, Event, News, Person, Promise, Ticket
from tracker.open311 import Roster
from tracker.permissions import SYSTEM

pytestmark = pytest.mark.slow

CHICAGO = Path(__file__).parent / "data" / "chicago-311.json"
RECORDS: list[dict[str, Any]] = list(open311.read(CHICAGO))


def roster_text(*, shared: bool = False) -> str:
    """Return a roster: a person for each department, or one for all of them."""
    lines = ["department,person_name,person_email"]
    departments = sorted(open311.departments(map(open311.case, RECORDS)))
    for number, department in enumerate(departments):
        name, address = ("Ann Fields", "ann") if shared else (f"Person {chr(65 + number)}", f"person-{number}")
        lines.append(f'"{department}",{name},{address}@city.example')
    return "\n".join(lines)


def bring_in(path: Path = CHICAGO, *, roster: str = "", visibility: str = "public") -> list[Ticket]:
    cases = importing.read(path).cases
    crew = importing.crew(cases, Roster.parse(roster or roster_text()), zone="America/Chicago", by=SYSTEM)
    found = (importing.take_in(case, crew, visibility=visibility, by=SYSTEM) for case in cases)
    return [ticket for ticket in found if ticket]


def written(folder: Path, *records: Any) -> Path:
    path = folder / "requests.json"
    path.write_text(json.dumps(records))
    return path


def by_key(key: str) -> Ticket:
    return store.session().scalars(select(Ticket).where(Ticket.imported_key == key)).one()


def counts() -> dict[str, int]:
    tables = (Ticket, Event, Person, Desk, News, Delivery, Promise)
    return {
        one.__tablename__: store.session().scalar(select(func.count()).select_from(one)) or 0  # type: ignore[attr-defined]
        for one in tables
    }


@pytest.fixture
def record() -> dict[str, Any]:
    return deepcopy(next(one for one in RECORDS if one.get("service_request_id") == "14-00011080"))


def test_every_record_becomes_a_public_ticket_that_stands_as_it_did(house: Flask) -> None:
    tickets = bring_in()
    assert len(tickets) == 70
    assert Counter(one.status for one in tickets) == {"resolved": 47, "open": 23}
    assert {one.visibility for one in tickets} == {"public"}
    assert Counter(one.passed_on for one in tickets) == {0: 37, 1: 2, 2: 31}
    shown = listing.public_tickets(listing.Filter(), cursor=None, limit=100)[0]
    assert len(shown) == 70


def test_the_clock_runs_from_the_first_note_to_the_closing_note(house: Flask) -> None:
    bring_in()
    plumbing, survey, light = map(by_key, ("14-00011080", "14-01543615", "12-01952580"))
    # 3 January 2014 20:15:56 to 1 October 2015 17:44:55 UTC; 13 September 2014 15:09:13 to 5 October 2015 13:29:37.
    assert disclosure.row(plumbing, now=store.now())["elapsed_s"] == 635 * 86_400 + 21 * 3600 + 28 * 60 + 59
    assert disclosure.row(survey, now=store.now())["elapsed_s"] == 386 * 86_400 + 22 * 3600 + 20 * 60 + 24
    # updated_datetime would make it 358 s.
    assert disclosure.row(light, now=store.now())["elapsed_s"] == 5 * 60 + 54
    still = next(one for one in store.session().scalars(select(Ticket)) if one.is_open)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert disclosure.row(still, now=at)["elapsed_s"] == int((at - still.opened_at).total_seconds())


def test_notes_stand_word_for_word_at_their_own_time(house: Flask) -> None:
    bring_in()
    for record in RECORDS:
        if "service_request_id" not in record:
            continue
        opened, *events = make.events_of(by_key(record["service_request_id"]), "public")
        assert (opened.kind, opened.payload["source"]) == ("opened", "import")
        notes = [(datetime.fromisoformat(note["datetime"]), note["summary"]) for note in record["notes"]]
        assert [(event.at, event.payload["summary"]) for event in events] == notes
        assert {event.kind for event in events} == {"imported"}
        assert [event.seq for event in events] == list(range(2, len(notes) + 2))


def test_a_follow_on_passes_the_ticket_on_and_overlapping_ones_do_so_once(house: Flask) -> None:
    bring_in()
    ticket = by_key("14-01543615")
    moved = [event.payload for event in make.events_of(ticket) if event.payload.get("what") == "assignee"]
    assert [one["department"] for one in moved] == ["Water Management", "DIM, Public Way Management - CDOT"]
    assert (ticket.passed_on, ticket.desk.name) == (2, "DIM, Public Way Management - CDOT")
    answered = open311.Roster.parse(roster_text()).person("DIM, Public Way Management - CDOT")
    assert (ticket.assignee.name, moved[-1]["to"]) == (answered.name, ticket.assignee.slug)


def test_between_departments_of_one_person_nothing_is_passed_on(house: Flask) -> None:
    tickets = bring_in(roster=roster_text(shared=True))
    assert {one.passed_on for one in tickets} == {0}
    assert {one.assignee.name for one in tickets} == {"Ann Fields"}
    assert not [one for one in store.session().scalars(select(Event)) if one.payload.get("what") == "assignee"]
    told = make.events_of(by_key("14-01543615"))
    assert [event.payload["department"] for event in told if event.payload.get("department")] == [
        "DIM, Public Way Management - CDOT",
        "Water Management",
        "DIM, Public Way Management - CDOT",
    ]


def test_nothing_is_promised_nobody_is_notified_and_nobody_has_spoken(house: Flask) -> None:
    tickets = bring_in()
    assert make.deliver() == []
    assert {name: counts()[name] for name in ("news", "deliveries", "promises")} == dict.fromkeys(
        ("news", "deliveries", "promises"), 0
    )
    for one in tickets:
        assert (one.due_at, one.first_word_at, one.latest_word_html, one.email) == (None, None, "", "")
        assert one.status != "closed"
    assert browse.latest_words() == []


def test_open_ones_queue_after_those_with_a_promise(house: Flask) -> None:
    bring_in(roster=roster_text(shared=True))
    ann = people.find_by_email("ann@city.example")
    mine = make.ticket(ann.desk)
    queue = browse.queue(ann)
    assert len(queue) == 24
    assert queue[0]["ref"] == mine.ref
    assert [row["promise"] for row in queue[1:]] == [None] * 23


def test_whoever_got_an_imported_ticket_can_answer_and_promise(house: Flask) -> None:
    bring_in()
    ticket = next(one for one in store.session().scalars(select(Ticket)) if one.is_open)
    make.post(ticket, "update", text="We are at it.", next_word_at=make.ahead(days=1))
    assert make.fresh(ticket).due_at
    assert make.kinds_of(ticket)[-1] == "update"


def test_importing_again_changes_nothing(house: Flask) -> None:
    bring_in()
    before = counts()
    assert bring_in() == []
    assert counts() == before
    assert importing.known(importing.read(CHICAGO).cases) == {case.key for case in importing.read(CHICAGO).cases}


def test_an_interrupted_import_goes_on_where_it_stopped(house: Flask) -> None:
    cases = importing.read(CHICAGO).cases
    crew = importing.crew(cases, Roster.parse(roster_text()), zone="UTC", by=SYSTEM)
    for case in cases[:20]:
        importing.take_in(case, crew, visibility="public", by=SYSTEM)
    assert len(bring_in()) == 50
    assert counts()["tickets"] == 70
    assert counts()["events"] == 70 + sum(len(one["notes"]) for one in RECORDS)


def test_a_case_that_fails_half_way_leaves_nothing(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = importing.read(CHICAGO).cases[:1]
    crew = importing.crew(cases, Roster.parse(roster_text()), zone="UTC", by=SYSTEM)
    with monkeypatch.context() as patched:
        patched.setattr(importing, "_go_on", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            importing.take_in(cases[0], crew, visibility="public", by=SYSTEM)
    assert (counts()["tickets"], counts()["events"]) == (0, 0)
    assert importing.take_in(cases[0], crew, visibility="public", by=SYSTEM)


def test_bad_records_are_named_with_their_reason_and_the_others_are_read(
    house: Flask, tmp_path: Path, record: dict[str, Any]
) -> None:
    late = deepcopy(record) | {"service_request_id": "late"}
    late["notes"][-1]["datetime"] = (store.now() + timedelta(days=2)).isoformat()
    path = written(
        tmp_path,
        record,
        {"service_request_id": "bad-1", "notes": []},
        "x",
        record,
        late,
        record | {"service_request_id": "y" * 121},
    )
    reading = importing.read(path)
    assert [case.key for case in reading.cases] == ["14-00011080"]
    told = [(one.number, one.key[:11], one.reason) for one in reading.refusals]
    assert told[0] == (2, "bad-1", "The record has no notes, so nothing says when it started.")
    assert told[1] == (3, "", "The record is not an object.")
    assert told[2] == (4, "14-00011080", "An earlier record of this file has the same id.")
    assert told[3][:2] == (5, "late")
    assert "future" in told[3][2]
    assert "longer than 120" in told[4][2]


def test_people_and_desks_come_from_the_roster_named_as_they_are_there(house: Flask) -> None:
    bring_in()
    water = next(one for one in desks.everyone() if one.name == "DIM, Public Way Management - CDOT")
    assert (water.slug, water.zone) == ("dim-public-way-management-cdot", "America/Chicago")
    (person,) = people.of_desk(water)
    assert (person.active, person.password_hash, person.role) == (True, "", "agent")
    assert next(one for one in desks.everyone() if one.name == "No department")


def test_somebody_who_is_here_already_stays_as_they_are(house: Flask) -> None:
    desk = make.desk("plumbing")
    with store.transaction():
        ann = people.add(name="Ann F.", email="ann@city.example", desk=desk, role="lead")
    bring_in(roster=roster_text(shared=True).replace("ann@", "Ann@"))
    assert counts()["people"] == 1
    assert (ann.name, ann.role, ann.desk.slug) == ("Ann F.", "lead", "plumbing")
    assert by_key("14-00011080").desk.slug == "plumbing"


def test_a_roster_that_does_not_serve_is_told_in_one_error_and_nothing_is_written(house: Flask) -> None:
    cases = importing.read(CHICAGO).cases
    short = "department,person_name,person_email\nBuildings,Ann,ann@city.example\n"
    with pytest.raises(Invalid) as refusal:
        importing.crew(cases, Roster.parse(short), zone="UTC", by=SYSTEM)
    missing = open311.departments(cases) - {"Buildings"}
    assert len(missing) == 12
    assert all(name in str(refusal.value) for name in missing)
    gone = make.agent()
    with store.transaction():
        gone.active = False
    before = counts()
    lines = roster_text().replace("person-0@city.example", gone.email).replace("person-2@", "person-1@")
    with pytest.raises(Invalid) as refusal:
        importing.crew(cases, Roster.parse(lines.replace("Person D", "\u200b\u200b")), zone="UTC", by=SYSTEM)
    assert "no longer works here" in str(refusal.value)
    assert "is both Person B and Person C" in str(refusal.value)
    assert "Write a name." in str(refusal.value)
    assert counts() == before


def test_only_an_admin_or_the_machine_itself_imports(house: Flask) -> None:
    cases = importing.read(CHICAGO).cases[:1]
    roster, desk = Roster.parse(roster_text()), make.desk()
    crew = importing.crew(cases, roster, zone="UTC", by=make.viewer(make.admin(desk)))
    for stranger in (make.viewer(make.lead(desk)), make.viewer(make.admin(desk), scopes=["write", "admin"])):
        with pytest.raises(Forbidden):
            importing.crew(cases, roster, zone="UTC", by=stranger)
        with pytest.raises(Forbidden):
            importing.take_in(cases[0], crew, visibility="public", by=stranger)
    token = make.viewer(make.admin(desk), scopes=["import"])
    assert importing.take_in(cases[0], crew, visibility="private", by=token)


def canaries() -> set[str]:
    """Return what attributes and coordinates hold and no reader may find; short ones would be found by chance."""
    found = {
        "773-555",
        "312-555",
        "Apt. 1A",
        "unit#4G",
        "XX 0000",
        "2nd fl",
        "TOYT",
        "20121201_141125",
        "extended_attr",
    }
    for record in RECORDS:
        found |= {value for value in map(str, record.get("attributes", {}).values()) if len(value) > 8}
        found |= {text[:9] for text in map(str, (record["lat"], record["long"])) if len(text) > 6}
    # Some callers repeated the street address, which is public.
    streets = "\n".join(record["address"] for record in RECORDS).lower()
    return {one for one in found if one.lower() not in streets}


def leaks(text: str) -> list[str]:
    return [one for one in canaries() if one.lower() in text.lower()]


def test_what_attributes_and_coordinates_hold_leaves_by_no_exit(house: Flask, client: Visitor) -> None:
    tickets = bring_in(CHICAGO)
    for one in tickets:
        for audience in ("public", "customer"):
            shown = disclosure.entries(one, make.events_of(one), audience)
            assert not [entry for entry in shown if "private" in entry]
            pushed = present.entries(one, make.events_of(one), audience, html=True)
            head = disclosure.ticket(one, audience)
            badge = disclosure.badge(one, epoch=head["epoch"])
            said = json.dumps([pushed, disclosure.plain([head, badge])]) + present.head_html(head)
            assert not leaks(said)
            assert not leaks("".join(present.words(entry) for entry in shown))
        for path in (f"/t/{one.ref}", f"/t/{one.ref}/entries?after=0"):
            assert not leaks(client.get(path).text)
    for path in ("/", *(f"/desks/{one.slug}" for one in desks.everyone()), *(f"/people/{p.slug}" for p in _all())):
        assert not leaks(client.get(path).text)
    assert by_key("14-00332745").subject not in client.get("/?q=773-555").text


def _all() -> list[Person]:
    return people.everyone()


def test_what_is_kept_from_readers_is_in_no_badge_and_no_mail_either(house: Flask, client: Visitor) -> None:
    bring_in()
    ticket = by_key("14-00332745")
    with store.transaction():
        ticket.email, ticket.email_confirmed_at = "reader@home.example", store.now()
        ticket.status = "open"
    embed = embeds.create(ticket, by=make.customer(ticket))
    for part in ("badge.json", "badge.svg", "shields.json"):
        answer = client.get(f"/e/{embed.eid}/{part}")
        assert answer.status_code == 200
        assert not leaks(answer.text)
    assert client.get(f"/e/{embed.eid}/badge.json").json["subject"] == ticket.subject  # type: ignore[index]
    make.post(ticket, "update", text="We look at it.", next_word_at=make.ahead(days=1))
    (mail,) = make.deliver()
    assert mail["To"] == "reader@home.example"
    assert not leaks(mail.as_string())


def test_staff_see_what_the_record_says_besides(house: Flask, client: Visitor) -> None:
    bring_in()
    ticket = by_key("14-00332745")
    (opened,) = disclosure.entries(ticket, make.events_of(ticket)[:1], "staff")
    assert opened["private"]["attributes"]["A511OPTN"] == "773-555-0142"
    assert opened["private"]["lat"] == next(
        one["lat"] for one in RECORDS if one.get("service_request_id") == "14-00332745"
    )
    assert "773-555-0142" in present.entry_html(opened, "staff")


def test_only_the_desk_that_has_it_works_on_it_with_all_that_the_record_says(house: Flask, client: Visitor) -> None:
    bring_in(roster=roster_text(shared=True))
    open_one = next(one for one in store.session().scalars(select(Ticket)) if one.is_open)
    ticket = by_key("14-00332745")
    make.sign_in(client, make.agent(make.desk("elsewhere")))
    assert not leaks(client.get(f"/t/{ticket.ref}").text)
    refused = client.get(f"/workspace/t/{ticket.ref}")
    assert refused.status_code == 403
    assert not leaks(refused.text)
    make.sign_in(client, ticket.assignee)
    assert "773-555-0142" in client.get(f"/workspace/t/{ticket.ref}").text
    assert "Your words to the customer" in client.get(f"/workspace/t/{open_one.ref}").text


def test_a_unit_is_private_and_the_street_is_public(house: Flask, tmp_path: Path, record: dict[str, Any]) -> None:
    record["address"] = "700 W EXAMPLE ST, APT 1A, CHICAGO, IL"
    (ticket,) = bring_in(written(tmp_path, record))
    public = json.dumps(disclosure.plain(disclosure.entries(ticket, make.events_of(ticket), "public")))
    assert "700 W EXAMPLE ST, CHICAGO, IL" in public
    assert "1A" not in public + ticket.subject


def test_redacting_or_erasing_the_request_takes_the_private_part_along(house: Flask) -> None:
    bring_in()
    ticket = by_key("14-00332745")
    with store.transaction():
        ticket.status = "open"
    lead = make.viewer(make.lead(ticket.desk))
    make.post(ticket, "redacted", lead, target=1, reason="It names a person.")
    (opened,) = disclosure.entries(ticket, make.events_of(ticket)[:1], "staff")
    assert (opened["private"], opened["department"]) == ({}, "")
    make.post(ticket, "redacted", lead, target=2, reason="It names a person.")
    (note,) = disclosure.entries(ticket, make.events_of(ticket)[1:2], "public")
    assert "It names a person." in present.entry_html(note, "public")
    make.post(ticket, "erased", lead, target=1, reason="They asked for it.")
    kept = make.events_of(ticket)[0]
    store.session().refresh(kept)
    assert (kept.payload["private"], kept.body_source) == ({}, "")
