"""Each kind keeps its contract: its example round-trips, every field has an audience, and nothing is posted past it."""

from datetime import datetime
from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.test_tickets import attempt, in_status
from tracker import browse, disclosure, kinds
from tracker.errors import Invalid
from tracker.kinds import KINDS, TARGET
from tracker.models import STATUSES

AUDIENCES = ("public", "customer", "staff")
RELATIONS = {"public", "customer", "staff", "assignee", "offered", "helper", "lead", "admin"}
HEAD = {"ref", "seq", "prev", "kind", "at", "recorded_at", "actor", "audience", "body_html", "correction", "redaction"}
ALL = sorted(KINDS)
POSTABLE = sorted(name for name, kind in KINDS.items() if kind.posted_by)


@pytest.mark.parametrize("name", ALL)
def test_every_field_says_who_may_see_it(name: str) -> None:
    for field, one in KINDS[name].schema().fields.items():
        assert one.metadata.get("audience") in AUDIENCES, field


@pytest.mark.parametrize("name", ALL)
def test_a_kind_speaks_of_what_there_is(name: str) -> None:
    kind = KINDS[name]
    assert kind.posted_by <= RELATIONS
    assert set(kind.when) <= set(STATUSES)
    assert callable(kind.audience) or kind.audience in (*AUDIENCES, TARGET)
    assert kind.tells <= {"customer", "assignee", "taker", "helper", "follower"}
    assert not kind.body or kind.body in kind.schema().fields
    assert set(kind.example) <= set(kind.schema().fields)


@pytest.mark.parametrize("name", ALL)
def test_the_example_is_taken_and_comes_back_the_same(name: str) -> None:
    schema = KINDS[name].schema()
    loaded = kinds.load(name, KINDS[name].example)
    again = schema.dump(loaded)
    for field, value in KINDS[name].example.items():
        if schema.fields[field].metadata.get("moment"):
            assert datetime.fromisoformat(again[field]) == datetime.fromisoformat(value)
        else:
            assert again[field] == value


@pytest.mark.parametrize("name", ALL)
def test_what_the_system_sets_is_refused_from_outside(name: str) -> None:
    for field, one in KINDS[name].schema().fields.items():
        if one.dump_only:
            with pytest.raises(Invalid) as refusal:
                kinds.load(name, {**KINDS[name].example, field: "mine"})
            assert field in refusal.value.fields


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("bad", [{"colour": "red"}, {"__class__": "x"}])
def test_an_unknown_field_is_refused_by_name(name: str, bad: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        kinds.load(name, {**KINDS[name].example, **bad})
    assert set(bad) <= set(refusal.value.fields)


@pytest.mark.parametrize("bad", [None, 7, [], {"a": 1}, True, "x\x00y", "x\u009by", "x" * 20_000, "\ud800", "\ufffe"])
def test_no_word_field_takes_what_is_no_text(bad: Any) -> None:
    for name in POSTABLE:
        for field in KINDS[name].word_fields:
            with pytest.raises(Invalid) as refusal:
                kinds.load(name, {**KINDS[name].example, field: bad})
            assert list(refusal.value.fields) == [field], name


@pytest.mark.parametrize("bad", ["tomorrow", "2026-03-02", "2026-03-02T10:00:00", 7, "9999-12-31T23:59:59-23:59", ""])
def test_no_moment_is_taken_without_date_time_and_zone(bad: Any) -> None:
    for name, field in (("update", "next_word_at"), ("waiting", "check_in_at"), ("promise_moved", "due_at")):
        with pytest.raises(Invalid) as refusal:
            kinds.load(name, {**KINDS[name].example, field: bad})
        assert list(refusal.value.fields) == [field]


@pytest.mark.parametrize("bad", [0, -1, 10**9, 2**70, "one", None, 1.5, True, float("nan")])
def test_no_target_is_taken_that_can_be_no_entry(bad: Any) -> None:
    for name in ("corrected", "redacted", "erased", "reply_published"):
        with pytest.raises(Invalid) as refusal:
            kinds.load(name, {**KINDS[name].example, "target": bad})
        assert list(refusal.value.fields) == ["target"]


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(Invalid) as refusal:
        kinds.find("deleted")
    assert "update" in refusal.value.fields["kind"]


STATUS = {"resumed": "waiting", "confirmed": "resolved", "reopened": "closed", "feedback": "declined"}


@pytest.mark.parametrize("name", POSTABLE)
def test_each_kind_reads_as_a_sentence_and_shows_each_audience_its_fields(house: Flask, name: str) -> None:
    ticket, other, seqs = in_status(STATUS.get(name, "open"))
    attempt(name, ticket, other, seqs)
    (event,) = [one for one in make.events_of(ticket)[-3:] if one.kind == name][-1:]
    for audience in AUDIENCES:
        shown = disclosure.entries(ticket, [event], audience)
        assert bool(shown) == disclosure.may_see(event, audience)
        for entry in shown:
            assert set(entry) >= HEAD
            assert len(entry["sentence"].split()) > 1
            assert "None" not in entry["sentence"]
            fields = KINDS[name].schema().fields
            seen = set(entry) & set(fields)
            assert all(str(fields[one].metadata["audience"]) in _sees(audience) for one in seen), seen
        news = browse.news(make.fresh(ticket), after=event.seq - 1, audience=audience, html=True)
        assert ("html" in str(news["events"])) == bool(news["events"])


def _sees(audience: str) -> tuple[str, ...]:
    return AUDIENCES[: AUDIENCES.index(audience) + 1]
