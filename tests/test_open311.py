"""Open311 records: what a city published, read into cases without inventing, hiding or telling too much."""

import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tracker import open311
from tracker.errors import Invalid
from tracker.open311 import Case, Person, Roster

CHICAGO = Path(__file__).parent / "data" / "chicago-311.json"
RECORDS: list[dict[str, Any]] = list(open311.read(CHICAGO))


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {case.key: case for case in map(open311.case, RECORDS)}


@pytest.fixture
def record() -> dict[str, Any]:
    return deepcopy(next(r for r in RECORDS if r.get("service_request_id") == "14-00011080"))


def follow_on(kind: str, at: str, department: str, number: str) -> dict[str, Any]:
    about = {"service_request_id": number, "service_name": "x", "agency_responsible": department}
    return {"datetime": at, "summary": f"{kind} {number}", "type": f"follow_on_{kind}", "extended_attributes": about}


def seconds_of(cases: dict[str, Case], what: str) -> list[int]:
    words = [d.words for case in cases.values() for d in case.discrepancies if d.what == what]
    return sorted(int(text.split(" is ")[1].split(" s ")[0]) for text in words)


def moves(case: Case) -> list[str | None]:
    return [entry.department for entry in case.entries if entry.what == "assignee"]


def test_every_record_becomes_a_case_with_a_key_of_its_own(cases: dict[str, Case]) -> None:
    assert len(RECORDS) == len(cases) == 70
    assert sum(key.startswith("sha256-") for key in cases) == 4
    assert all(3 <= len(case.subject) <= 140 and case.text for case in cases.values())
    assert Counter(case.ended_at is None for case in cases.values()) == {False: 47, True: 23}


def test_every_note_is_one_entry_in_its_own_words_at_its_own_time(cases: dict[str, Case]) -> None:
    for record, case in zip(RECORDS, cases.values(), strict=True):
        notes = [(datetime.fromisoformat(note["datetime"]), note["summary"]) for note in record["notes"]]
        assert [(entry.at, entry.summary) for entry in case.entries] == notes
        said = [note["description"] for note in record["notes"] if "description" in note]
        assert [entry.description for entry in case.entries if entry.what != "status" and entry.description] == said
    assert Counter(e.what for case in cases.values() for e in case.entries) == {
        "note": 125,
        "assignee": 64,
        "status": 47,
    }


def test_the_clock_runs_from_the_first_note_to_the_closing_note(cases: dict[str, Case]) -> None:
    case = cases["14-00011080"]
    assert case.opened_at == datetime(2014, 1, 3, 20, 15, 56, tzinfo=UTC)
    assert case.ended_at == datetime(2015, 10, 1, 17, 44, 55, tzinfo=UTC)
    assert case.entries[-1].what == "status"
    assert case.entries[-1].status == "resolved"


def test_times_that_contradict_the_notes_are_reported(cases: dict[str, Case]) -> None:
    updated, requested = seconds_of(cases, "updated"), seconds_of(cases, "requested")
    assert (len(updated), updated[0], updated[-1]) == (6, 4, 70)
    assert (len(requested), requested[0], requested[-1]) == (11, 8, 189)


def test_a_follow_on_moves_the_ticket_and_brings_it_back(cases: dict[str, Case]) -> None:
    case = cases["14-00011080"]
    assert case.department == "DOB - Conservation"
    assert moves(case) == ["Buildings", "DOB - Conservation"]


def test_overlapping_follow_ons_to_one_department_move_the_ticket_once(cases: dict[str, Case]) -> None:
    case = cases["14-01543615"]
    assert sum("Follow-on" in entry.summary for entry in case.entries) == 4
    assert moves(case) == ["Water Management", "DIM, Public Way Management - CDOT"]
    assert case.entries[-2].summary == "Follow-on Repair Main Sewer (DWM Use Only) Closed"
    assert case.entries[-2].what == "assignee"


def test_closing_a_follow_on_that_was_never_created_moves_nothing_and_is_reported(cases: dict[str, Case]) -> None:
    odd = {key: [d.words for d in case.discrepancies if d.what == "follow_on"] for key, case in cases.items()}
    assert {key for key, words in odd.items() if words} == {"14-00298415", "14-00323978"}
    assert moves(cases["14-00298415"]) == ["Outside Agencies"]
    assert "never created" in odd["14-00298415"][0]
    assert "never closed" in odd["14-00298415"][1]


def test_a_record_without_a_department_comes_back_to_no_department(record: dict[str, Any]) -> None:
    del record["agency_responsible"]
    assert moves(open311.case(record)) == ["Buildings", None]


def test_a_ticket_stays_away_until_the_last_follow_on_is_closed(record: dict[str, Any]) -> None:
    record["notes"][3:5] = [
        follow_on("created", "2014-05-07T08:00:00-05:00", "Buildings", "1"),
        follow_on("created", "2014-05-07T09:00:00-05:00", "Water", "2"),
        follow_on("closed", "2014-05-07T10:00:00-05:00", "Buildings", "1"),
        follow_on("closed", "2014-05-07T11:00:00-05:00", "Water", "2"),
    ]
    assert moves(open311.case(record)) == ["Buildings", "Water", "DOB - Conservation"]


def test_how_it_ended_is_said_once_in_the_citys_words(cases: dict[str, Case]) -> None:
    assert cases["12-01921993"].entries[-1].description == "Completed. Found Open Cables - Repaired."
    assert cases["14-00011080"].status_notes == "Transfer to Plumbing Violation"
    assert cases["14-00011080"].entries[-1].description == ""


def test_attributes_coordinates_and_flats_are_private(cases: dict[str, Case]) -> None:
    secrets = ["773-555", "312-555", "Apt. 1A", "unit#4G", "XX 0000", "maintenance", "2nd fl", "41.9", "-87."]
    for record, case in zip(RECORDS, cases.values(), strict=True):
        public = repr(case).replace(record["address"], "")
        assert "private" not in public
        assert not [secret for secret in secrets if secret in public]
        for value in map(str, record.get("attributes", {}).values()):
            assert len(value) < 5 or value not in public
        assert case.private.get("attributes", {}) == record.get("attributes", {})
        assert (case.private["lat"], case.private["long"]) == (record["lat"], record["long"])
    assert "773-555-0142" in str(cases["14-00332745"].private)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("700 W. Example Apt. 1A", "700 W. Example"),
        ("1 N State St #4G, CHICAGO, IL, 60602", "1 N State St, CHICAGO, IL, 60602"),
        ("1 N State St, Unit 12-B, CHICAGO", "1 N State St, CHICAGO"),
        ("1 N State St 2nd floor", "1 N State St"),
        ("1 N State St Fl 2, CHICAGO", "1 N State St, CHICAGO"),
        ("1 N State St 2, CHICAGO", "1 N State St, CHICAGO"),
        ("5 Elm Blvd 12B", "5 Elm Blvd"),
        ("5 Elm Ave, basement apt, CHICAGO", "5 Elm Ave, CHICAGO"),
        ("Flat 3, 10 Downing Street", "10 Downing Street"),
    ],
)
def test_the_public_address_has_no_unit(record: dict[str, Any], address: str, public: str) -> None:
    case = open311.case({**record, "address": address})
    assert case.address == public
    assert address not in repr(case)
    assert case.private["address"] == address


def test_no_published_street_address_is_cut(cases: dict[str, Case]) -> None:
    assert [case.address for case in cases.values()] == [record["address"] for record in RECORDS]


def test_the_key_is_the_id_else_the_token_else_a_hash_of_what_was_asked(record: dict[str, Any]) -> None:
    assert open311.case({**record, "token": "t1"}).key == "14-00011080"
    nameless = {**record, "service_request_id": None}
    assert open311.case({**nameless, "token": "t1"}).key == "t1"
    key = open311.case(nameless).key
    assert key == open311.case({**nameless, "status_notes": "changed", "lat": 1.0}).key
    for name in ("requested_datetime", "service_code", "address"):
        other = "2014-01-03T00:00:00Z" if name == "requested_datetime" else "other"
        assert open311.case({**nameless, name: other}).key != key


def test_text_stays_as_it_was_but_for_what_storage_refuses(record: dict[str, Any]) -> None:
    record["notes"][1]["summary"] = "  e\u0301 \x00\x9b\ud800 \u202e*x*  "
    record["attributes"] = {"a\0": ["b\x1b", float("inf"), {"c": None}]}
    case = open311.case(record)
    assert case.entries[1].summary == "  e\u0301 \ufffd\ufffd\ufffd *x*  "
    assert case.private["attributes"] == {"a\ufffd": ["b\ufffd", "inf", {"c": None}]}


def test_notes_out_of_order_are_put_in_order_and_reported(record: dict[str, Any]) -> None:
    sorted_case = open311.case(record)
    record["notes"].reverse()
    case = open311.case(record)
    assert case.entries == sorted_case.entries
    assert [d.what for d in case.discrepancies if d.what == "order"] == ["order"]


def test_a_closing_note_of_a_record_that_is_open_ends_nothing_and_is_reported(record: dict[str, Any]) -> None:
    case = open311.case({**record, "status": "open"})
    assert case.ended_at is None
    assert [entry.what for entry in case.entries if entry.summary == "Request closed"] == ["note"]
    assert "closed" in [d.what for d in case.discrepancies]


def test_of_two_closing_notes_the_last_one_counts(record: dict[str, Any]) -> None:
    record["notes"].insert(2, {"datetime": "2014-01-04T00:00:00Z", "summary": "Request closed", "type": "closed"})
    case = open311.case(record)
    assert case.ended_at == datetime(2015, 10, 1, 17, 44, 55, tzinfo=UTC)
    assert [entry.status for entry in case.entries if entry.summary == "Request closed"] == [None, "resolved"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"notes": []}, "no notes"),
        ({"notes": None}, "no notes"),
        ({"notes": ["x"]}, "not an object"),
        ({"notes": [{"datetime": "yesterday", "summary": "x", "type": "opened"}]}, "no date and time"),
        ({"notes": [{"datetime": "2014-01-01T00:00:00", "summary": "x", "type": "opened"}]}, "no time zone"),
        ({"notes": [{"datetime": "0001-01-01T00:00:00+14:00", "summary": "x", "type": "opened"}]}, "no date and time"),
        ({"notes": [{"datetime": "2014-01-01T00:00:00Z", "type": "opened"}], "status": "open"}, "summary is missing"),
        ({"notes": [{"datetime": "2014-01-01T00:00:00Z", "summary": "x", "type": "opened"}]}, "no note says when"),
        ({"status": "lost"}, "not one of"),
        ({"status": None}, "status is missing"),
        ({"service_name": " "}, "service_name is missing"),
        ({"service_name": ["x"]}, "service_name is not text"),
        ({"requested_datetime": "soon"}, "requested_datetime"),
        ({"updated_datetime": 5}, "updated_datetime"),
        ({"description": "x" * 10_001}, "longer than"),
        ({"extended_attributes": "x"}, "not an object"),
        ({"attributes": json.loads("[" * 100 + "]" * 100)}, "nested"),
    ],
)
def test_a_bad_record_is_refused_with_its_reason(record: dict[str, Any], change: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        open311.case({**record, **change})


@pytest.mark.parametrize("record", [None, 1, "x", [], [{}]])
def test_what_is_no_record_is_refused(record: Any) -> None:
    with pytest.raises(Invalid, match="not an object"):
        open311.case(record)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"[NaN]", b"\xff\xfe[", b"[" * 100_000, b'"x"'])
def test_a_file_that_is_no_list_of_records_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "requests.json"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=r"requests\.json"):
        list(open311.read(path))


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "requests.json"
    path.write_bytes(b"\xef\xbb\xbf[{}]")
    assert list(open311.read(path)) == [{}]


def filled(draft: str) -> str:
    head, *rows = draft.splitlines()
    return "\n".join([head, *(row.removesuffix(",,") + ",Ann Smith,ann@city.example" for row in rows)])


def test_a_drafted_roster_lists_each_department_once_and_works_when_filled(cases: dict[str, Case]) -> None:
    draft = open311.draft_roster(cases.values())
    assert len(draft.splitlines()) == 14
    roster = Roster.parse("\ufeff" + filled(draft))
    needed = open311.departments(cases.values())
    assert {"*", "Outside Agencies", "DIM, Public Way Management - CDOT"} <= needed
    assert roster.missing(needed) == []
    assert roster.person(None) == roster.person("Buildings") == Person("Ann Smith", "ann@city.example")


def test_departments_without_a_person_are_listed_all_at_once(cases: dict[str, Case]) -> None:
    roster = Roster.parse("department,person_name,person_email\nBuildings,Ann,ann@city.example\n")
    missing = roster.missing(open311.departments(cases.values()))
    assert len(missing) == 12
    with pytest.raises(Invalid) as refusal:
        roster.check(open311.departments(cases.values()))
    assert all(department in str(refusal.value) for department in missing)
    with pytest.raises(Invalid, match="Water"):
        roster.person("Water Management")


def test_every_bad_line_of_a_roster_is_named(cases: dict[str, Case]) -> None:
    head = "department,person_name,person_email\n"
    with pytest.raises(Invalid) as refusal:
        Roster.parse(head + "A,,a@b.example\nB,Bo,nowhere\nC,Cy,c@d.example\nC,Cy,c@d.example\n,Di,d@e.example\nE\n")
    for line, what in (
        (2, "name the person"),
        (3, "mail address"),
        (5, "already"),
        (6, "name a department"),
        (7, "name"),
    ):
        assert f"line {line} " in str(refusal.value)
        assert what in str(refusal.value)
    with pytest.raises(Invalid, match="person_email"):
        Roster.parse("department,person_name\n")
    with pytest.raises(Invalid, match="columns"):
        Roster.parse("")
    with pytest.raises(Invalid, match=r"line 2 \(\*\)"):
        Roster.parse(open311.draft_roster(cases.values()))


@pytest.mark.parametrize("name", ["=1+1", "+x", "-x", "@x", "'=x", "'quoted'", "plain"])
def test_a_department_that_looks_like_a_formula_is_guarded_and_read_back(cases: dict[str, Case], name: str) -> None:
    case = replace(cases["14-00011080"], department=name, entries=())
    draft = open311.draft_roster([case])
    assert draft.splitlines()[1][:1] not in "=+-@"
    assert Roster.parse(filled(draft)).missing([name]) == []
