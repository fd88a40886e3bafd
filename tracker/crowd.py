"""A large made-up house to measure with: many desks, people and tickets with a past, made fast and always alike."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tracker import desks, links, people, store, timeline
from tracker.kinds import _standing
from tracker.models import Desk, Person, Ticket
from tracker.timeline import SYSTEM, Actor

AT_ONCE = 100
"""Tickets per transaction: one wait for the disk each."""
PAST = timedelta(days=180)
DESKS = ("Water", "Street lights", "Pavements", "Housing", "Waste", "Trees", "Traffic signals", "Noise")
FIRST = (
    "Ann",
    "Ben",
    "Carla",
    "David",
    "Elif",
    "Femi",
    "Grace",
    "Hugo",
    "Ines",
    "Jonas",
    "Kemal",
    "Lea",
    "Mia",
    "Noor",
)
LAST = (
    "Adeyemi",
    "Baker",
    "Costa",
    "Demir",
    "Evans",
    "Fields",
    "Garcia",
    "Haddad",
    "Ito",
    "Jansen",
    "Kowalska",
    "Lind",
)
THINGS = ("No running water", "Street light out", "Hole in the pavement", "Bins not emptied", "The light stays red")
PLACES = ("on the third floor", "at the school crossing", "in front of number 14", "behind the library", "on Mill Lane")
ASKED = "It has been like this since {day}. I called twice and nobody came. **Please tell me who looks at it.**"
SAID = (
    "I'm sorry you had to call twice. I went there this morning and have asked the crew for the early slot.",
    "The part is ordered; it comes on the van tomorrow. Until then the area is fenced off.",
    "The crew was there and could not get in. I have asked the caretaker for the key and go along myself.",
    "Half of it is done:\n\n- the valve is new\n- the pipe behind it is dry\n\nThe wall follows.",
)
REPLIED = ("It is still the same here.", "Thank you for telling me.", "The caretaker says he knows nothing of a key.")
SOLVED = "It is mended and I have looked at it myself. Tell me if anything is not as it was."


def fill(count: int) -> Iterator[Ticket]:
    """Make desks, people and `count` tickets; give each ticket once it is made. Nobody is notified."""
    made_up = Random(count)
    crews = [_crew(name, made_up) for name in DESKS]
    for first in range(0, count, AT_ONCE):
        with store.transaction():
            made = [_ticket(made_up, made_up.choice(crews)) for _ in range(min(AT_ONCE, count - first))]
        yield from made
        store.session().expunge_all()
        crews = [[_again(one) for one in crew] for crew in crews]


def _crew(name: str, made_up: Random) -> list[Person]:
    desk: Desk = desks.add(name, about=f"Everything about {name.lower()}.")
    names = [f"{made_up.choice(FIRST)} {made_up.choice(LAST)}" for _ in range(5)]
    roles = ["lead", *["agent"] * 4]
    address = "{slug}.{number}@house.example"
    return [
        people.add(name=one, email=address.format(slug=desk.slug, number=number), desk=desk, role=role)
        for number, (one, role) in enumerate(zip(names, roles, strict=True))
    ]


def _again(person: Person) -> Person:
    return people.find(person.slug)


def _ticket(made_up: Random, crew: Sequence[Person]) -> Ticket:
    at = store.now() - PAST * made_up.random()
    visibility = made_up.choices(("public", "unlisted", "private"), (80, 10, 10))[0]
    ticket = _new(made_up, made_up.choice(crew), at, visibility)
    facts: dict[str, Any] = {"text": ASKED.format(day=f"{at:%A}"), "impact": "", "feeling": "", "urgency_on": None}
    facts |= {"source": "web", "assignee": ticket.assignee.slug, "next_word_at": at + timedelta(hours=8)}
    _say(ticket, "opened", facts, Actor("customer"), at)
    for _ in range(made_up.randrange(6)):
        at += timedelta(hours=made_up.randrange(1, 8))
        if at > store.now():
            break
        _miss(ticket, at)
        _happen(ticket, made_up, crew, at)
    _end(ticket, made_up, at + timedelta(hours=made_up.randrange(1, 8)))
    return ticket


def _new(made_up: Random, assignee: Person, at: datetime, visibility: str) -> Ticket:
    ticket = Ticket(
        ref=links.new_ref(),
        desk_id=assignee.desk_id,
        assignee_id=assignee.id,
        assigned_at=at,
        subject=f"{made_up.choice(THINGS)} {made_up.choice(PLACES)}",
        visibility=visibility,
        customer_name=f"{made_up.choice(FIRST)} {made_up.choice(LAST)[0]}.",
        email=f"reader-{made_up.randrange(10**6)}@home.example",
        email_confirmed_at=at,
        opened_at=at,
        status_since=at,
        last_public_at=at,
        spans=[["open", at.isoformat(), None]],
    )
    ticket.desk, ticket.assignee = assignee.desk, assignee
    store.session().add(ticket)
    store.session().flush()
    return ticket


def _happen(ticket: Ticket, made_up: Random, crew: Sequence[Person], at: datetime) -> None:
    chance = made_up.random()
    speaker = Actor(ticket.assignee.role, ticket.assignee)
    if chance < 0.15:
        _say(ticket, "note", {"text": "Called the caretaker, nobody there."}, speaker, at)
    elif chance < 0.35:
        facts = {"text": made_up.choice(REPLIED), "publish": made_up.random() < 0.5}
        _say(ticket, "reply", facts, Actor("customer"), at)
    elif chance < 0.45:
        _pass_on(ticket, made_up.choice([one for one in crew if one.id != ticket.assignee_id]), at)
    else:
        _word(ticket, "update", {"text": made_up.choice(SAID), "next_word_at": at + timedelta(hours=8)}, at)


def _miss(ticket: Ticket, at: datetime) -> None:
    if ticket.due_at and not ticket.overdue and ticket.due_at < at:
        _say(ticket, "promise_missed", {"due_at": ticket.due_at}, SYSTEM, ticket.due_at)


def _pass_on(ticket: Ticket, to: Person, at: datetime) -> None:
    facts = {"to": to.slug, "came_from": ticket.assignee.slug, "reason": "On leave from today."}
    due_at = at + timedelta(hours=8) if ticket.overdue else ticket.due_at
    _say(ticket, "reassigned", facts | {"next_word_at": due_at}, SYSTEM, at)


def _end(ticket: Ticket, made_up: Random, at: datetime) -> None:
    if at > store.now() or made_up.random() < 0.2:
        due_at = store.now() + timedelta(hours=made_up.randrange(1, 240))
        facts = {"text": "I have not forgotten you; I wait for the crew's plan.", "next_word_at": due_at}
        _miss(ticket, min(at, store.now()))
        _word(ticket, "update", facts, min(at, store.now()))
        return
    _miss(ticket, at)
    _word(ticket, "resolved", {"text": SOLVED}, at)
    if made_up.random() < 0.5:
        _say(ticket, "confirmed", {}, Actor("customer"), min(at + timedelta(hours=2), store.now()))


def _word(ticket: Ticket, kind: str, facts: dict[str, Any], at: datetime) -> None:
    before = _standing.current(ticket)
    _say(ticket, kind, facts, Actor(ticket.assignee.role, ticket.assignee), at)
    if before and before.state == "kept":
        early_s = int((before.due_at - at).total_seconds())
        _say(ticket, "promise_kept", {"due_at": before.due_at, "early_s": early_s}, SYSTEM, at)


def _say(ticket: Ticket, kind: str, facts: dict[str, Any], by: Actor, at: datetime) -> None:
    with store.as_of(at):
        timeline.append(ticket, kind, facts, by=by, at=at, quiet=True)
