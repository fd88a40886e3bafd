"""The command line: it does what it says, says what to do when it can't, and is documented."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select
from time_machine import Traveller

from tests import houses, make
from tests.servers.ground import ROOT, free_port, wait_until
from tests.test_importing import CHICAGO, RECORDS, roster_text
from tracker import deliveries, disclosure, importing, outbox, people, store
from tracker.cli import tracker
from tracker.models import Event, Promise, Ticket
from tracker.outbox import Undeliverable

Run = Callable[..., Result]


pytestmark = pytest.mark.slow


@pytest.fixture
def run(house: Flask) -> Run:
    def command(*words: str, code: int = 0) -> Result:
        store.session().expire_all()  # a command is a process of its own, and reads anew
        result = house.test_cli_runner().invoke(args=["tracker", *words])
        assert "Traceback" not in result.output
        assert result.exit_code == code, result.output
        return result

    return command


@pytest.fixture
def roster(tmp_path: Path) -> str:
    path = tmp_path / "roster.csv"
    path.write_text(roster_text())
    return str(path)


def commands(group: click.Group = tracker, name: str = "flask tracker") -> Iterator[tuple[str, click.Command]]:
    for word, one in sorted(group.commands.items()):
        if isinstance(one, click.Group):
            yield from commands(one, f"{name} {word}")
        else:
            yield f"{name} {word}", one


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained_and_documented(name: str) -> None:
    text = (ROOT / "docs" / "cli.md").read_text()
    assert f"`{name}" in text
    assert COMMANDS[name].help
    for option in COMMANDS[name].params:
        if isinstance(option, click.Option):
            assert option.help, option.name
            assert f"{option.opts[0]}" in text, option.opts


def test_an_import_says_what_it_did_and_where_records_contradict_themselves(run: Run, roster: str) -> None:
    said = run("import", "open311", str(CHICAGO), "--roster", roster).output
    assert "Imported 70 tickets; 0 were here already." in said
    assert "11 records whose requested_datetime is not their first note's:" in said
    assert "6 closed records whose updated_datetime is not their closing note's:" in said
    assert "12-01952580: updated_datetime is 4 s after the closing note." in said
    assert store.session().scalar(select(func.count()).select_from(Ticket)) == 70
    again = run("import", "open311", str(CHICAGO), "--roster", roster).output
    assert "Imported 0 tickets; 70 were here already." in again


def test_bad_records_are_named_skipped_and_make_the_exit_code_one(run: Run, roster: str, tmp_path: Path) -> None:
    path = tmp_path / "requests.json"
    path.write_text(json.dumps([RECORDS[0], {"service_request_id": "bad-1", "notes": []}, *RECORDS[1:3]]))
    said = run("import", "open311", str(path), "--roster", roster, code=1).output
    assert "Imported 3 tickets" in said
    assert "record 2 (bad-1): The record has no notes" in said


def test_missing_departments_are_all_named_at_once_and_a_roster_can_be_drafted(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("department,person_name,person_email\nBuildings,Ann Fields,ann@city.example\n")
    said = run("import", "open311", str(CHICAGO), "--roster", str(path), code=1).output
    assert all(name in said for name in ("*", "Water Management", "DIM, Public Way Management - CDOT"))
    assert "exists" not in said
    draft = tmp_path / "draft.csv"
    assert "13 lines" in run("import", "open311", str(CHICAGO), "--write-roster", str(draft)).output
    assert len(draft.read_text().splitlines()) == 14
    assert "is there already" in run("import", "open311", str(CHICAGO), "--write-roster", str(draft), code=1).output
    other = tmp_path / "other.csv"
    run("import", "open311", str(CHICAGO), "--roster", str(other), "--write-roster")
    assert other.read_text() == draft.read_text()
    assert run("import", "open311", str(CHICAGO), "--write-roster").output == draft.read_text()
    assert "--write-roster" in run("import", "open311", str(CHICAGO), code=1).output
    assert "line 2" in run("import", "open311", str(CHICAGO), "--roster", str(draft), code=1).output
    assert store.session().scalar(select(func.count()).select_from(Ticket)) == 0


def test_a_dry_run_writes_nothing_and_visibility_is_chosen(run: Run, roster: str) -> None:
    said = run("import", "open311", str(CHICAGO), "--roster", roster, "--dry-run").output
    assert "Would import 70 tickets; 0 are here already." in said
    assert (people.everyone(), store.session().scalar(select(func.count()).select_from(Ticket))) == ([], 0)
    run("import", "open311", str(CHICAGO), "--roster", roster, "--visibility", "unlisted", "--zone", "America/Chicago")
    assert {one.visibility for one in store.session().scalars(select(Ticket))} == {"unlisted"}


def test_an_import_that_was_interrupted_says_how_to_go_on(
    run: Run, roster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = importing.take_in, iter(range(100))

    def stopping(*given: Any, **named: Any) -> Ticket | None:
        if next(calls) == 5:
            raise KeyboardInterrupt
        return real(*given, **named)

    words = ("import", "open311", str(CHICAGO), "--roster", roster)
    with monkeypatch.context() as patched:
        patched.setattr(importing, "take_in", stopping)
        said = run(*words, code=1).output
    assert "Interrupted after 5 of 70 records. Run the same command to go on." in said
    assert "Imported 65 tickets; 5 were here already." in run(*words).output


def test_a_zone_that_does_not_exist_is_refused_before_anything_is_written(run: Run, roster: str) -> None:
    said = run("import", "open311", str(CHICAGO), "--roster", roster, "--zone", "Mars/Olympus", code=1).output
    assert "no time zone" in said
    assert people.everyone() == []


@pytest.mark.parametrize("content", ["{", "{}", "\x00", ""])
def test_a_file_that_holds_no_records_is_refused_in_words(run: Run, roster: str, tmp_path: Path, content: str) -> None:
    path = tmp_path / "requests.json"
    path.write_text(content)
    assert "requests.json" in run("import", "open311", str(path), "--roster", roster, code=1).output


def test_a_person_is_added_invited_made_admin_and_let_go(run: Run) -> None:
    assert "desk add" in run("agent", "add", "Ann Fields", "ann@desk.example", "--desk", "water", code=1).output
    run("desk", "add", "Water", "--zone", "Europe/Berlin")
    run("agent", "add", "Ann Fields", "ann@desk.example", "--desk", "water")
    (mail,) = make.deliver()
    assert mail["To"] == "ann@desk.example"
    assert "ann@desk.example" in run("agent", "list").output
    run("agent", "add", "Ben Adeyemi", "ben@desk.example", "--desk", "water", "--role", "lead", "--no-invite")
    assert len(make.deliver()) == 1
    link = run("agent", "invite", "ben@desk.example", "--show-link").output.strip()
    people.choose_password("invite", link.rsplit("/", 1)[1], "a sentence of his")
    assert people.sign_in("ben@desk.example", "a sentence of his").role == "lead"
    run("agent", "admin", "ann@desk.example")
    assert people.find_by_email("ann@desk.example").role == "admin"
    run("agent", "role", "ann@desk.example", "agent")
    assert "no longer works here" in run("agent", "deactivate", "ben@desk.example").output
    assert "ben@" not in run("agent", "list").output
    assert "left" in run("agent", "list", "--all").output
    for words in (("invite",), ("invite", "--show-link"), ("admin",)):
        assert "no longer works here" in run("agent", words[0], "ben@desk.example", *words[1:], code=1).output
    assert "is taken" in run("agent", "add", "Ann", "Ann@desk.example", "--desk", "water", code=1).output
    assert "could not write" in run("agent", "add", "Eve Novak", "nowhere", "--desk", "water", code=1).output
    assert "Nobody here" in run("agent", "invite", "who@desk.example", code=1).output
    run("agent", "add", "Eve Novak", "eve@desk.example", "--desk", "water", "--role", "owner", code=2)


def test_who_is_the_last_at_a_desk_with_open_tickets_can_not_be_let_go(run: Run) -> None:
    ticket = make.ticket()
    assert "nobody" in run("agent", "deactivate", ticket.assignee.email, code=1).output
    assert make.fresh(ticket).assignee.active


def test_desks_are_listed_and_a_second_one_of_the_name_is_refused(run: Run) -> None:
    assert "--desk water-works" in run("desk", "add", "Water Works").output
    assert "Water Works" in run("desk", "list").output
    assert "already" in run("desk", "add", "Water Works", code=1).output
    assert "no time zone" in run("desk", "add", "Streets", "--zone", "Nowhere", code=1).output


def test_a_token_shows_its_secret_once_and_ends_when_revoked(run: Run) -> None:
    ann = make.agent()
    said = run("token", "add", ann.email, "--name", "script", "--scope", "read", "--scope", "write").output
    secret = said.splitlines()[-1]
    token = people.find_api_token(secret)
    assert token.scopes == ["read", "write"]
    listed = run("token", "list", "--email", ann.email).output
    assert "script" in listed
    assert secret not in listed
    run("token", "revoke", str(token.id))
    assert "no live token" in run("token", "revoke", str(token.id), code=1).output
    assert "script" not in run("token", "list").output


def test_dead_mail_is_listed_and_tried_again(house: Flask, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Undeliverable("550 no such mailbox", permanent=True)

    wiring = house.extensions["tracker_outbox"]
    ways = wiring.deliver
    monkeypatch.setattr(wiring, "deliver", {"email": refuse})
    make.ticket(confirmed=False)
    assert "things done" in run("outbox", "step").output
    listed = run("outbox", "list", "--state", "dead").output
    assert "550 no such mailbox" in listed
    dead = deliveries.newest("dead", limit=None)
    assert "dead" in run("outbox", "retry", code=1).output
    assert "Not dead" in run("outbox", "retry", "999", code=1).output
    assert f"{len(dead)} deliveries" in run("outbox", "retry", "--dead").output
    monkeypatch.setattr(wiring, "deliver", ways)
    run("outbox", "step")
    assert deliveries.totals() == {"sent": len(dead)}


def test_an_export_holds_everything_public_and_nothing_else(run: Run, tmp_path: Path, travel: Traveller) -> None:
    open_to_all = make.ticket(subject="Everyone may read this")
    hidden = make.ticket(visibility="private", subject="A private matter of mine")
    by_link = make.ticket(visibility="unlisted", subject="Only with the address")
    make.post(open_to_all, "note", text="A word among staff.")
    make.post(open_to_all, "reply", text="Between us two.", publish=False)
    out = tmp_path / "all.jsonl"
    run("export", "--out", str(out))
    assert run("export").output.splitlines() == out.read_text().splitlines()
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [one["ref"] for one in lines if one["type"] == "ticket"] == [open_to_all.ref]
    ticket = next(one for one in lines if one["type"] == "ticket")
    assert [event["kind"] for event in ticket["events"]] == make.kinds_of(open_to_all, "public")
    assert {one["type"] for one in lines} == {"desk", "person", "ticket"}
    kept = ("private matter", "Only with", "among staff", "Between us", "@", hidden.ref, by_link.ref)
    assert not [word for word in kept if word in out.read_text()]
    assert "No such file" in run("export", "--out", str(tmp_path / "nowhere" / "x"), code=1).output


def test_an_export_of_an_import_tells_nothing_private(run: Run, roster: str) -> None:
    from tests.test_importing import leaks

    run("import", "open311", str(CHICAGO), "--roster", roster)
    said = run("export").output
    assert said.count('"type": "ticket"') == 70
    assert not leaks(said)


def test_the_doctor_is_content_with_a_sound_house(run: Run) -> None:
    make.ticket()
    make.deliver()
    said = run("doctor").output
    assert "BAD" not in said
    for word in ("database", "migrations: at head", "outbox", "secret key", "address", "clock", "email: ready"):
        assert word in said


def test_the_doctor_names_what_is_wrong_and_what_to_do(run: Run) -> None:
    ticket = make.ticket()
    make.deliver()
    make.ticket()
    with store.transaction():
        ticket.assignee.active = False
        event = make.events_of(ticket)[0]
        event.recorded_at = store.now() + timedelta(hours=1)
        ticket.last_seq += 1
        store.session().execute(store.text("UPDATE news SET created_at = '2020-01-01 00:00:00+00'"))
        store.session().execute(store.text("UPDATE news SET expanded_at = NULL"))
        store.session().execute(store.text("UPDATE deliveries SET sent_at = '2020-01-01 00:00:00+00'"))
        store.session().execute(store.text("DELETE FROM facts"))
    said = run("doctor", code=1).output
    for word in ("belong to somebody who left", "set the clock", "outbox run`", "flask tracker init", ticket.ref):
        assert word in said


def test_the_doctor_tries_the_mail_server(tmp_path: Path, sqlite_template: Path) -> None:
    url = houses.copied(sqlite_template, tmp_path)
    with houses.opened(url, tmp_path, smtp_url=f"smtp://127.0.0.1:{free_port()}") as app:
        result = app.test_cli_runner().invoke(args=["tracker", "doctor"])
    assert result.exit_code == 1
    assert "does not take our mail" in result.output


def test_a_database_that_was_never_set_up_is_told_in_words(tmp_path: Path) -> None:
    with houses.opened(houses.sqlite_url(tmp_path / "empty.sqlite3"), tmp_path) as app:
        for words in (["agent", "list"], ["export"], ["seed"], ["restored"]):
            result = app.test_cli_runner().invoke(args=["tracker", *words])
            assert result.exit_code == 1
            assert "flask tracker init" in result.output
        result = app.test_cli_runner().invoke(args=["tracker", "doctor"])
        assert "not at head; run `flask tracker init`" in result.output
        assert result.exit_code == 1


def test_after_a_restored_backup_the_epoch_is_another(run: Run) -> None:
    ticket = make.ticket()
    before = disclosure.epoch()
    assert "deliveries wait" not in run("restored").output
    assert disclosure.epoch() != before
    make.post(ticket, "update", next_word_at=make.ahead(days=1))
    outbox.step()
    assert disclosure.epoch() not in ("0", before)


def test_a_large_house_is_made_up_with_a_past_that_adds_up(run: Run) -> None:
    assert "Seeded 60 tickets." in run("seed", "--tickets", "60").output
    assert "empty house" in run("seed", "--tickets", "5", code=1).output
    assert "empty house" in run("seed", code=1).output
    tickets = list(store.session().scalars(select(Ticket)))
    assert len(tickets) == 60
    assert {one.status for one in tickets} == {"open", "resolved", "closed"}
    for one in tickets:
        events = make.events_of(one)
        assert [event.seq for event in events] == list(range(1, one.last_seq + 1))
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert (one.due_at is not None) == one.is_open
        assert not one.overdue
    states = set(store.session().scalars(select(Promise.state)))
    assert {"kept", "missed", "standing"} <= states
    assert make.deliver() == []
    assert store.session().scalar(select(func.max(Event.recorded_at))) <= store.now()


def in_a_process(url: str, folder: Path, *words: str, **environ: str) -> "subprocess.Popen[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    environ = kept | {"TRACKER_DATABASE_URL": url, "TRACKER_DATA_DIR": str(folder)} | environ
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "tracker", *words]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_import_that_was_killed_goes_on_where_it_was_and_shows_its_progress(
    tmp_path: Path, sqlite_template: Path, roster: str
) -> None:
    url, path = houses.copied(sqlite_template, tmp_path), tmp_path / "many.json"
    many: list[Any] = [
        {**one, "service_request_id": f"{number}-{one.get('service_request_id')}-{place}"}
        for number in range(10)
        for place, one in enumerate(RECORDS)
    ]
    path.write_text(json.dumps(many))
    words = ("import", "open311", str(path), "--roster", roster)
    first = in_a_process(url, tmp_path, *words)

    def tickets() -> int:
        with closing(sqlite3.connect(tmp_path / "nameplate.sqlite3")) as database:
            return int(database.execute("SELECT count(*) FROM tickets").fetchone()[0])

    wait_until(lambda: tickets() >= 50, within=60, what="50 tickets imported")
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)
    here = tickets()
    assert 50 <= here < 700
    second = in_a_process(url, tmp_path, *words, FORCE_COLOR="1", COLUMNS="100")
    said, bar = second.communicate(timeout=250)
    assert second.returncode == 0, bar
    assert f"Imported {700 - here} tickets; {here} were here already." in said
    assert tickets() == 700
    assert "700/700" in bar
