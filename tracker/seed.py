"""A small demo, made through the same commands as everything else: two desks, four people, a few tickets under way."""

from datetime import datetime, timedelta

from sqlalchemy import select

from tracker import embeds, links, people, store, tickets
from tracker.models import Desk, Embed, Fact, Person, Ticket
from tracker.permissions import ANYONE, Viewer

PASSWORD = "{name} answers here"
ADDRESS = "{name}@example.org"
PEOPLE = (
    ("Rosa Ortega", "buildings", "lead", ["English", "Spanish"], "Pipes, risers, and people without water."),
    ("Ben Adeyemi", "buildings", "agent", ["English"], "I look at it with my own eyes first."),
    ("Mia Lindqvist", "streets", "agent", ["English", "Swedish"], "Lights, pavements, everything you stumble over."),
    ("Tom Baker", "streets", "lead", ["English"], "Bring me what got stuck."),
)
FIRST_NAMES = [name.split()[0].lower() for name, *_ in PEOPLE]
KEY_IS_OURS = "the key of this house"
WEEK = {str(day): [["08:00", "18:00"]] for day in range(7)}


def is_empty() -> bool:
    """Say whether there is no desk yet."""
    return store.session().execute(select(Desk.id).limit(1)).first() is None


def epoch() -> None:
    """Make sure that the house has an epoch, and knows its secret key again."""
    with store.transaction() as session:
        for name, value in (("epoch", links.new_ref()), ("key", links.stamp(KEY_IS_OURS))):
            if session.get(Fact, name) is None:
                session.add(Fact(name=name, value=value))


def key_fits() -> bool:
    """Say whether the secret key is the one that this house's links, addresses and erasures were made with."""
    found = store.session().get(Fact, "key")
    return found is None or found.value == links.stamp(KEY_IS_OURS)


def take_key() -> None:
    """Go on with another secret key: the one from before is lost."""
    with store.transaction() as session:
        session.merge(Fact(name="key", value=links.stamp(KEY_IS_OURS)))


def renew_epoch() -> str:
    """Give the house another epoch, because its history was replaced; return it."""
    with store.transaction() as session:
        fact = session.get(Fact, "epoch") or Fact(name="epoch")
        fact.value = links.new_ref()
        session.add(fact)
    return fact.value


def demo() -> None:
    """Fill an empty house."""
    desk_of = {
        "buildings": _desk(
            "buildings", "City Buildings Desk", "Roofs, pipes and walls of every house the city owns.", 8
        ),
        "streets": _desk("streets", "Streets Desk", "Lights, pavements, crossings.", 4),
    }
    for name, desk, role, languages, line in PEOPLE:
        first = name.split()[0].lower()
        person = people.add(
            name=name,
            email=ADDRESS.format(name=first),
            desk=desk_of[desk],
            role=role,
            password=PASSWORD.format(name=first),
        )
        with store.transaction():
            person.languages, person.line = languages, line
    _tickets()


def sample_embed() -> Embed | None:
    """Return the embed that the sample blog wears; None when the house was not seeded."""
    return store.session().scalars(select(Embed).where(Embed.revoked_at.is_(None)).order_by(Embed.id)).first()


def _desk(slug: str, name: str, about: str, hue: int) -> Desk:
    with store.transaction() as session:
        desk = Desk(
            slug=slug,
            name=name,
            about=about,
            hue=hue,
            zone="UTC",
            opening=WEEK,
            holidays="",
            closed_on=[],
            first_answer_minutes=240,
            handoff_minutes=1440,
        )
        session.add(desk)
    return desk


def _tickets() -> None:
    now = store.now()
    with store.as_of(now - timedelta(days=12, hours=4)):
        water = _open(
            "buildings",
            "No running water on the third floor",
            "M.",
            "The whole third floor has had no water since Friday evening. The landlord does not pick up.",
            impact="I carry water up for my mother, she is 81.",
            feeling="upset",
        )
    with store.as_of(now - timedelta(days=12, hours=2)):
        words = (
            "I'm sorry: carrying water upstairs for your mother is not something that can wait. An inspector goes "
            "there tomorrow morning; I have asked for the early slot."
        )
        _say(water, words, due_at=now - timedelta(days=10))
    with store.as_of(now - timedelta(days=11)):
        giver = water.assignee
        taker = next(one for one in people.of_desk(water.desk) if one.id != giver.id)
        briefing = "She has told us: no water since Friday, third floor only, her mother is 81. Do not ask again."
        given = {"to": taker.slug, "reason": "It is the riser: the wall must be opened.", "briefing": briefing}
        _post(water, "handoff_offered", given)
    with store.as_of(now - timedelta(days=11) + timedelta(minutes=20)):
        tickets.post(water.ref, "handoff_accepted", {}, by=Viewer(person=taker))
    with store.as_of(now - timedelta(days=10, hours=5)):
        words = (
            f"{giver.name.split()[0]} told me everything, you need not repeat it. The riser is cracked between the "
            "second and third floor. The part is ordered; until it comes there is a tap in the yard."
        )
        _say(water, words, due_at=now + timedelta(hours=5))
    with store.as_of(now - timedelta(days=9)):
        me = Viewer(tickets=frozenset({water.id}))
        tickets.post(water.ref, "reply", {"text": "Thank you for the tap. That helps a lot.", "publish": True}, by=me)
        embeds.create(water, by=me)
    _light_and_hole(now)
    _roof(now)


def _light_and_hole(now: datetime) -> None:
    with store.as_of(now - timedelta(days=2, hours=3)):
        light = _open(
            "streets",
            "Street light out at the school crossing",
            "J. Okafor",
            "The light at the crossing has been dark for two days. Children cross there before eight.",
            feeling="worried",
        )
    with store.as_of(now - timedelta(days=2)):
        words = (
            "Thank you for telling me. The crew has it on tonight's list, and I will stand there tomorrow at seven to "
            "see for myself."
        )
        _say(light, words, due_at=now - timedelta(hours=3))
    with store.as_of(now - timedelta(hours=1)):
        _open("streets", "Hole in the pavement, wheelchair stuck", "Anna", "In front of number 14, as deep as a hand.")


def _roof(now: datetime) -> None:
    with store.as_of(now - timedelta(days=5)):
        roof = _open("buildings", "The roof of the library drips", "Sam", "Two buckets stand in the reading room.")
    with store.as_of(now - timedelta(days=1, hours=20)):
        words = "The flashing was loose; it is riveted and sealed. I watched last night's rain: not one drop."
        _post(roof, "resolved", {"text": words})


def _open(desk: str, subject: str, name: str, text: str, **more: str) -> Ticket:
    given = {"desk": desk, "subject": subject, "name": name, "text": text, "email": "reader@example.org"}
    ticket, _ = tickets.open(given | more | {"visibility": "public"}, by=ANYONE)
    return tickets.confirm(people.mint_link("confirm", ticket_id=ticket.id))


def _say(ticket: Ticket, text: str, *, due_at: datetime) -> None:
    _post(ticket, "update", {"text": text, "next_word_at": due_at.isoformat()})


def _post(ticket: Ticket, kind: str, given: dict[str, str]) -> None:
    assignee = store.session().get(Person, ticket.assignee_id)
    tickets.post(ticket.ref, kind, given, by=Viewer(person=assignee))
