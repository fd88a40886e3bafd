"""Counts follow timelines: in the same transaction, the same when counted anew, and one row a figure when added up."""

import random
from datetime import timedelta

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import delete, func, select
from time_machine import Traveller

from tests import make
from tests.test_importing import bring_in
from tracker import outbox, store, tallies
from tracker.errors import TrackerError
from tracker.models import Desk, Person, Tally, TallyMark, Ticket
from tracker.settings import MIGRATIONS

Counts = dict[tuple[str, int, int], dict[tuple[int, str, int], int]]


pytestmark = pytest.mark.slow


def everything() -> dict[tuple[object, ...], int]:
    """Return all counts there are, marks and tallies together."""
    store.session().expire_all()
    found: dict[tuple[object, ...], int] = {}
    for table in (Tally, TallyMark):
        for one in store.session().scalars(select(table)):
            key = (one.owner, one.owner_id, one.month, one.measure, one.bucket)
            found[key] = found.get(key, 0) + one.n
    return {key: n for key, n in found.items() if n}


def counts(of: Person | Desk) -> dict[str, int]:
    """Return how often each thing happened, of all months and buckets."""
    owner = "desk" if isinstance(of, Desk) else "person"
    found: dict[str, int] = {}
    for (_month, measure, _bucket), n in tallies.of(owner, of.id, since=0).items():
        found[measure] = found.get(measure, 0) + n
    return found


def test_a_ticket_counts_as_open_until_it_ends_and_again_when_it_is_reopened(house: Flask) -> None:
    ticket = make.ticket()
    assert counts(ticket.desk) == counts(ticket.assignee) == {"open": 1}
    make.post(ticket, "resolved")
    assert counts(ticket.desk) == {"resolved": 1, "first_word": 1, "words": 1, "kept": 1}
    make.post(ticket, "reopened")
    assert counts(ticket.assignee) == {"open": 1, "first_word": 1, "words": 1, "kept": 1}
    make.post(ticket, "declined")
    assert counts(ticket.assignee) == {"declined": 1, "first_word": 1, "words": 2, "kept": 2}


def test_a_confirmed_solution_stays_one_solution(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "resolved")
    make.post(ticket, "confirmed")
    assert counts(ticket.desk)["resolved"] == 1


def test_the_clock_of_a_reopened_ticket_runs_from_its_opening(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    for _ in range(2):
        travel.shift(timedelta(days=2))
        make.post(ticket, "resolved" if make.fresh(ticket).is_open else "reopened")
        travel.shift(timedelta(days=2))
        make.post(ticket, "resolved" if make.fresh(ticket).is_open else "reopened")
    make.post(ticket, "resolved")
    solved = [key for key in tallies.of("desk", ticket.desk_id, since=0) if key[1] == "resolved"]
    assert [bucket for _month, _measure, bucket in solved] == [tallies.bucket(timedelta(days=8))]


def test_passing_on_moves_the_open_ticket_and_counts_with_whom_it_came_from(house: Flask) -> None:
    ticket = make.ticket()
    before, other = ticket.assignee, make.agent(make.desk("other"))
    make.post(ticket, "reassigned", make.lead(ticket.desk), to=other, reason="On leave.")
    assert counts(before) == {"passed_on": 1}
    assert counts(other) == {"open": 1}
    assert counts(other.desk) == {"open": 1}


def test_promises_count_with_whoever_had_given_them(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    make.post(ticket, "update")
    make.post(ticket, "promise_moved", due_at=make.ahead(hours=30))
    travel.shift(timedelta(hours=31))
    outbox.step()
    assert counts(ticket.assignee) == {"open": 1, "first_word": 1, "words": 1, "kept": 1, "moved": 1, "missed": 1}


def test_a_check_in_that_the_system_brought_forward_is_no_moved_promise(house: Flask) -> None:
    ticket = make.ticket()
    make.post(ticket, "waiting", check_in_at=make.ahead(days=60))
    make.post(ticket, "reply")
    assert "promise_moved" in make.kinds_of(ticket)
    assert "moved" not in counts(ticket.assignee)


def test_only_the_newest_answers_of_a_ticket_count_and_with_whom_they_were_given_for(house: Flask) -> None:
    ticket = make.ticket()
    first, other = ticket.assignee, make.agent(make.desk("other"))
    make.post(ticket, "resolved")
    make.post(ticket, "feedback", solved=True, understood="no")
    assert counts(first)["feedback"] == 1
    make.post(ticket, "reopened")
    make.post(ticket, "reassigned", make.lead(first.desk), to=other, reason="On leave.")
    make.post(ticket, "resolved")
    make.post(ticket, "feedback", solved=True, understood="yes")
    assert "feedback" not in counts(first)
    assert counts(other)["feedback"] == counts(other.desk)["feedback"] == 1


def test_an_imported_ticket_counts_for_the_desk_where_that_is_honest(house: Flask) -> None:
    bring_in()
    found = store.session().scalars(select(Ticket).where(Ticket.status == "resolved")).first()
    assert found is not None
    assert counts(found.desk)["resolved"] >= 1
    measures = {measure for person in store.session().scalars(select(Person)) for measure in counts(person)}
    assert measures <= {"open"}
    assert not {"first_word", "kept", "missed", "moved"} & set(counts(found.desk))


HAPPENINGS = ["update", "reply", "waiting", "resumed", "resolved", "resolved", "declined", "confirmed", "reopened"]
HAPPENINGS += ["reassigned", "promise_moved", "note", "feedback", "feedback", "handoff_offered", "handoff_accepted"]


def live_through(made_up: random.Random, tickets: list[Ticket], people: list[Person], travel: Traveller) -> None:
    """Let something happen to some ticket; what can't happen to it as it stands does not."""
    one, lead = made_up.choice(tickets), people[0]
    kind = made_up.choice(HAPPENINGS)
    given: dict[str, object] = {"reassigned": {"to": made_up.choice(people)}, "handoff_offered": {"to": people[1]}}.get(
        kind, {}
    )
    if kind == "feedback":
        given = {"solved": made_up.random() < 0.5, "understood": made_up.choice(tallies.UNDERSTOOD)}
    if kind in ("update", "promise_moved", "waiting"):
        name = {"update": "next_word_at", "waiting": "check_in_at", "promise_moved": "due_at"}[kind]
        given = {name: make.ahead(hours=made_up.randrange(1, 90))}
    by = {"reassigned": lead, "handoff_accepted": people[1]}.get(kind)
    try:
        make.post(make.fresh(one), kind, by, **given)
    except TrackerError:
        pass
    travel.shift(timedelta(hours=made_up.randrange(9)))
    outbox.step()


@pytest.mark.parametrize("seed", range(2))
def test_counting_anew_gives_what_was_counted_as_it_happened(house: Flask, travel: Traveller, seed: int) -> None:
    made_up = random.Random(seed)
    desk, other = make.desk(), make.desk("other")
    people = [make.lead(desk), make.agent(desk), make.agent(other)]
    tickets = [make.ticket(desk) for _ in range(4)]
    for _ in range(60):
        live_through(made_up, tickets, people, travel)
    bring_in()
    before = everything()
    assert len({measure for _owner, _id, _month, measure, _bucket in before}) >= 7
    assert tallies.rebuild() == store.session().scalar(select(func.count(Ticket.id)))
    assert everything() == before


def test_marks_are_added_up_and_nothing_changes(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MARKS_BEFORE_ADDING_UP", 3)
    ticket = make.ticket()
    for _ in range(2):
        make.post(ticket, "resolved")
        make.post(ticket, "reopened")
        before = everything()
        assert tallies.add_up() == 1
        assert everything() == before
        assert store.session().scalar(select(func.count(TallyMark.id))) == 0
    assert tallies.add_up() == 0


def test_many_marks_are_added_up_in_portions(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MARKS_BEFORE_ADDING_UP", 3)
    monkeypatch.setattr(tallies, "MARKS_AT_ONCE", 5)
    ticket = make.ticket()
    make.post(ticket, "resolved")
    make.post(ticket, "reopened")
    before, left = everything(), []
    many = store.session().scalar(select(func.count(TallyMark.id))) or 0
    while tallies.add_up():
        left.append(store.session().scalar(select(func.count(TallyMark.id))))
        assert everything() == before
    assert left == [max(0, many - 5 * (turn + 1)) for turn in range(len(left))]
    assert len(left) > 1
    assert left[-1] <= 3


def test_what_is_rolled_back_is_not_counted(house: Flask) -> None:
    ticket = make.ticket()
    before = everything()

    def lose_it() -> None:
        with store.transaction():
            make.post(ticket, "resolved")
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        lose_it()
    assert everything() == before


def test_a_house_from_before_there_were_counts_is_counted_when_it_is_upgraded(house: Flask) -> None:
    make.ticket()
    before = everything()
    with store.transaction() as session:
        session.execute(TallyMark.__table__.delete())  # type: ignore[attr-defined]
    runner = house.test_cli_runner()
    assert "Counted 1 tickets" in runner.invoke(args=["tracker", "init"]).output
    assert everything() == before
    assert "Counted" not in runner.invoke(args=["tracker", "init"]).output
    assert "Counted 1 tickets" in runner.invoke(args=["tracker", "recount"]).output


def test_words_from_before_they_were_counted_are_counted_when_the_house_is_upgraded(
    house: Flask, travel: Traveller
) -> None:
    for ticket in (make.ticket(), make.ticket(make.desk("other"))):
        for kind in ("update", "waiting", "update", "declined"):
            make.post(ticket, kind, text="Thank you for your patience: we will come back to you as soon as we can.")
            travel.shift(timedelta(days=20))
    before = everything()
    assert {key[4] for key in before if key[3] == "words"} == {tallies.OWN, tallies.STANDARD}
    store.db.session.remove()
    downgrade(directory=MIGRATIONS, revision="0012")
    assert "words" not in {key[3] for key in everything()}
    store.db.session.remove()
    upgrade(directory=MIGRATIONS)
    assert everything() == before
    with store.transaction() as session:
        session.execute(delete(TallyMark))
        session.execute(delete(Tally))
    downgrade(directory=MIGRATIONS, revision="0012")
    upgrade(directory=MIGRATIONS)
    assert tallies.are_missing(), "then all are to be counted, not words alone"


def test_a_bucket_tells_a_duration_to_within_a_tenth() -> None:
    for seconds in (1, 59, 3600, 86_400, 10_000_000):
        middle = tallies.duration(tallies.bucket(timedelta(seconds=seconds))).total_seconds()
        assert 0.9 < middle / seconds < 1.1
    assert tallies.bucket(timedelta(seconds=-5)) == 0
