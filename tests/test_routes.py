"""Role × route × state of the ticket, as data: what each address answers to whom. A route that is not here fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tracker import embeds, people, store
from tracker.models import Desk, Person, Ticket

ROLES = ("nobody", "customer", "stranger", "assignee", "colleague", "foreigner", "lead", "admin", "revoked")
"""Stranger: another ticket's customer. Foreigner: an agent of another desk. Revoked: a token taken back."""


@dataclass
class Scene:
    """One ticket in one state, with what addresses name."""

    ticket: Ticket
    desk: Desk
    embed: str
    people: dict[str, Person] = field(default_factory=dict)

    def address(self, rule: str) -> str:
        named = {
            "<ref>": self.ticket.ref,
            "<eid>": self.embed,
            "<embed>": self.embed,
            "<form>": "frame",
            "<kind>": "note" if "workspace" in rule else "reply",
            "<secret>": "x" * 43,
            "<purpose>": "signin",
            "<key>": "0" * 24,
            "<stamp>": "0" * 24,
            "<version>": "0" * 8,
            "<name>.js": "live.js",
            "<name>": "picture.webp",
            "<digest>": "0" * 64,
            "<token>": "nothing",
            "<token_id>": "nothing",
            "<sid>": "nothing",
            "<who>": "nobody-of-this-name",
            "<path:part>": "part",
            "<path:filename>": "css/base.css",
            "<slug>": self.people["assignee"].slug if "/people/<slug>" in rule else self.desk.slug,
        }
        for name, value in named.items():
            rule = rule.replace(name, value)
        assert "<" not in rule, f"say what {rule} stands for"
        return rule


Row = tuple[int, ...]
Expected = tuple[Row, Row]
"""What the roles are answered in their order: on a private ticket, on a public one."""


def all_the_same(code: int, *, revoked: int | None = None) -> Expected:
    row = (code,) * 8 + (revoked or code,)
    return row, row


def readers(ok: int = 200) -> Expected:
    """Those who may look at a private ticket; everybody at a public one."""
    return (404, ok, 404, ok, ok, 404, ok, ok, 401), (ok,) * 8 + (401,)


def outsiders(ok: int = 200) -> Expected:
    """Everybody alike, whoever they are: what is public, and nothing of what is not."""
    return (404,) * 9, (ok,) * 9


def owner(ok: int) -> Expected:
    """The customer alone; whoever may not know of the ticket does not learn of it here."""
    return (404, ok, 404, 403, 403, 404, 403, 403, 401), (401, ok, *(403,) * 6, 401)


def workers(ok: int, *, outside: int) -> Expected:
    """Whoever answers here; pages send others to sign in, everything else refuses."""
    row = (outside, 403, 403, *(ok,) * 5, outside)
    return row, row


def staff(ok: int, *, outside: int, customer: int = 403) -> Expected:
    """The staff of this ticket; other desks' people do not learn of a private one."""
    private = (outside, customer, 403, ok, ok, 404, ok, ok, outside)
    return private, (*private[:5], 403, *private[6:])


SAID_BY_API = ((404, 403, 404, 201, 201, 404, 201, 201, 401), (401, 403, 403, 201, 201, 403, 201, 201, 401))


def runners(ok: int, *, outside: int) -> Expected:
    """The lead of the desk, and admins."""
    row = (outside, *(403,) * 5, ok, ok, outside)
    return row, row


def admins(ok: int) -> Expected:
    row = (401, *(403,) * 6, ok, 401)
    return row, row


UNFOLLOWED = (404, 409, 404, 409, 409, 404, 409, 409, 401)
"""Who may know of a private ticket is told that nobody can follow it."""
TABLE: dict[str, Expected] = {
    "GET /": all_the_same(200, revoked=401),
    "GET /answer/<secret>": all_the_same(401),
    "POST /answer/<secret>": all_the_same(401),
    "GET /api/v1/desks": all_the_same(200, revoked=401),
    "GET /api/v1/desks/<slug>": all_the_same(200, revoked=401),
    "GET /api/v1/docs": all_the_same(200),
    "GET /api/v1/me": all_the_same(200, revoked=401),
    "GET /api/v1/openapi.json": all_the_same(200, revoked=401),
    "GET /api/v1/people/<slug>": all_the_same(200, revoked=401),
    "GET /api/v1/queue": workers(200, outside=401),
    "POST /api/v1/files": all_the_same(422, revoked=401),
    "POST /api/v1/tickets": all_the_same(201, revoked=401),
    "GET /api/v1/tickets": all_the_same(200, revoked=401),
    "GET /api/v1/tickets/<ref>": readers(),
    "GET /api/v1/tickets/<ref>/embeds": owner(200),
    "POST /api/v1/tickets/<ref>/embeds": owner(201),
    "PATCH /api/v1/tickets/<ref>/embeds/<embed>": owner(200),
    "DELETE /api/v1/tickets/<ref>/embeds/<embed>": owner(200),
    "GET /api/v1/tickets/<ref>/hooks": owner(200),
    "POST /api/v1/tickets/<ref>/hooks": owner(201),
    "GET /api/v1/tickets/<ref>/hooks/<sid>": owner(404),
    "DELETE /api/v1/tickets/<ref>/hooks/<sid>": owner(404),
    "POST /api/v1/tickets/<ref>/hooks/<sid>/deliveries/<name>": owner(404),
    "GET /api/v1/tickets/<ref>/news": owner(200),
    "PUT /api/v1/tickets/<ref>/news": owner(200),
    "GET /api/v1/desks/<slug>/hooks": runners(200, outside=401),
    "POST /api/v1/desks/<slug>/hooks": runners(422, outside=401),
    "GET /api/v1/desks/<slug>/hooks/<sid>": runners(404, outside=401),
    "DELETE /api/v1/desks/<slug>/hooks/<sid>": runners(404, outside=401),
    "POST /api/v1/desks/<slug>/hooks/<sid>/deliveries/<name>": runners(404, outside=401),
    "GET /api/v1/tickets/<ref>/events": readers(),
    "POST /api/v1/tickets/<ref>/events": SAID_BY_API,
    "GET /api/v1/tickets/<ref>/handoffs": readers(),
    "GET /api/v1/tickets/<ref>/promises": readers(),
    "GET /api/v1/tokens": workers(200, outside=401),
    "POST /api/v1/tokens": workers(201, outside=401),
    "DELETE /api/v1/tokens/<token>": workers(404, outside=401),
    "GET /desks/<slug>": all_the_same(200),
    "GET /desks/<slug>/figures.csv": all_the_same(200),
    "GET /desks/<slug>/feed.atom": all_the_same(200),
    "GET /dev/mailbox": all_the_same(200),
    "GET /e/<eid>": all_the_same(200),
    "GET /e/<eid>/badge.json": all_the_same(200),
    "GET /e/<eid>/badge.svg": all_the_same(200),
    "POST /e/<eid>/seen": all_the_same(204),
    "GET /e/<eid>/shields.json": all_the_same(200),
    "GET /e/<eid>/timeline.json": all_the_same(200),
    "GET /embed.js": all_the_same(200),
    "GET /embed/<version>/<name>.js": all_the_same(200),
    "GET /f/<key>/<stamp>/<name>": all_the_same(404),
    "GET /faces/<digest>.webp": all_the_same(404),
    "GET /favicon.ico": all_the_same(200),
    "GET /follow/<token>": all_the_same(404),
    "POST /follow/<token>": all_the_same(404),
    "GET /follow/<token>/leave": all_the_same(303),
    "POST /follow/<token>/leave": all_the_same(404),
    "GET /healthz": all_the_same(200),
    "GET /k/<secret>": all_the_same(200),
    "POST /k/<secret>": all_the_same(401),
    "GET /link/<purpose>/<secret>": all_the_same(200),
    "POST /link/<purpose>/<secret>": all_the_same(401),
    "GET /new": all_the_same(200, revoked=401),
    "POST /new": all_the_same(422, revoked=401),
    "GET /oembed": all_the_same(404),
    "GET /people/<slug>": all_the_same(200),
    "GET /people/<slug>/figures.csv": all_the_same(200),
    "GET /people/<slug>/feed.atom": all_the_same(200),
    "GET /metrics": admins(200),
    "GET /readyz": all_the_same(200),
    "GET /signin": all_the_same(200),
    "POST /signin": all_the_same(401),
    "POST /signin/link": all_the_same(422),
    "POST /signout": all_the_same(303),
    "GET /static/<path:filename>": all_the_same(200),
    "GET /t/<ref>": readers(),
    "GET /t/<ref>/<slug>": readers(),
    "GET /t/<ref>/badge.json": all_the_same(200),
    "GET /t/<ref>/badge.svg": all_the_same(200),
    "GET /t/<ref>/card": all_the_same(200),
    "GET /t/<ref>/embeds": owner(200),
    "GET /t/<ref>/embeds/tried/<form>": owner(200),
    "POST /t/<ref>/embeds": owner(303),
    "POST /t/<ref>/embeds/<eid>": owner(303),
    "GET /t/<ref>/entries": readers(),
    "GET /t/<ref>/erase": (
        (404, 200, 404, 403, 403, 404, 200, 200, 401),
        (401, 200, 403, 403, 403, 403, 200, 200, 401),
    ),
    "POST /t/<ref>/erase": (
        (404, 422, 404, 403, 403, 404, 422, 422, 401),
        (401, 422, 403, 403, 403, 403, 422, 422, 401),
    ),
    "GET /t/<ref>/report": readers(),
    "POST /t/<ref>/report": readers(422),
    "GET /t/<ref>/feed.atom": outsiders(),
    "POST /t/<ref>/news": owner(422),
    "GET /t/<ref>/hooks": owner(200),
    "POST /t/<ref>/hooks": owner(422),
    "POST /t/<ref>/hooks/<sid>": owner(404),
    "GET /t/<ref>/follow": (UNFOLLOWED, (200,) * 8 + (401,)),
    "POST /t/<ref>/follow": (UNFOLLOWED, (422,) * 8 + (401,)),
    "POST /t/<ref>/keys/revoke": owner(303),
    "GET /t/<ref>/opened": all_the_same(303),
    "GET /t/<ref>/og.png": all_the_same(200),
    "POST /t/<ref>/pass": readers(),
    "POST /t/<ref>/say/<kind>": owner(303),
    "POST /t/<ref>/waiting": ((404, 403, 404, 403, 403, 404, 403, 403, 401), (303, 403, *(303,) * 6, 401)),
    "GET /workspace/": workers(200, outside=303),
    "GET /workspace/board": runners(200, outside=303),
    "GET /workspace/desk": workers(303, outside=303),
    "GET /workspace/desk/<slug>": runners(200, outside=303),
    "GET /workspace/desk/<slug>/embeds": runners(200, outside=303),
    "GET /workspace/desk/<slug>/embeds/tried/<form>": runners(200, outside=303),
    "POST /workspace/desk/<slug>/embeds": runners(303, outside=401),
    "POST /workspace/desk/<slug>/embeds/<eid>": runners(404, outside=401),
    "GET /workspace/desk/<slug>/<path:part>": runners(303, outside=303),
    "POST /workspace/desk/<slug>": runners(422, outside=401),
    "GET /workspace/desk/<slug>/hooks": runners(200, outside=303),
    "POST /workspace/desk/<slug>/hooks": runners(422, outside=401),
    "POST /workspace/desk/<slug>/hooks/<sid>": runners(404, outside=401),
    "POST /workspace/desk/<slug>/people": runners(422, outside=401),
    "POST /workspace/desk/<slug>/people/<who>/duty": runners(404, outside=401),
    "POST /workspace/desk/<slug>/people/<who>/invite": runners(404, outside=401),
    "POST /workspace/desk/<slug>/people/<who>/leave": runners(404, outside=401),
    "GET /workspace/desks/<slug>": runners(200, outside=303),
    "GET /workspace/find": workers(200, outside=303),
    "GET /workspace/new": workers(200, outside=303),
    "POST /workspace/new": workers(422, outside=401),
    "POST /workspace/pass": workers(200, outside=401),
    "GET /workspace/profile": workers(200, outside=303),
    "GET /workspace/profile/chats": workers(200, outside=303),
    "POST /workspace/profile/chats": workers(422, outside=401),
    "POST /workspace/profile/chats/<sid>": workers(404, outside=401),
    "GET /workspace/profile/<path:part>": workers(303, outside=303),
    "POST /workspace/profile": workers(422, outside=401),
    "POST /workspace/profile/duty": workers(422, outside=401),
    "POST /workspace/profile/face": workers(422, outside=401),
    "POST /workspace/profile/face/remove": workers(303, outside=401),
    "POST /workspace/profile/hours": workers(303, outside=401),
    "POST /workspace/profile/password": workers(422, outside=401),
    "POST /workspace/profile/tokens": workers(422, outside=401),
    "POST /workspace/profile/tokens/<token_id>/revoke": workers(404, outside=401),
    "GET /workspace/reports": runners(200, outside=303),
    "POST /workspace/reports/<key>": workers(404, outside=401),
    "GET /workspace/t/<ref>": staff(200, outside=303),
    "GET /workspace/t/<ref>/draft": staff(303, outside=303),
    "GET /workspace/t/<ref>/preview": staff(303, outside=303),
    "PUT /workspace/t/<ref>/draft": staff(200, outside=401),
    "POST /workspace/t/<ref>/draft": staff(303, outside=401),
    "POST /workspace/t/<ref>/preview": staff(200, outside=401),
    "GET /workspace/t/<ref>/say/<kind>": staff(303, outside=303),
    "POST /workspace/t/<ref>/say/<kind>": staff(303, outside=401),
}
OPENING = {"subject": "No water", "text": "None.", "name": "Cara", "email": "cara@home.example", "desk": "buildings"}
SENT: dict[str, dict[str, Any]] = {
    "POST /api/v1/tickets": OPENING,
    "POST /api/v1/tickets/<ref>/embeds": {"theme": "dark"},
    "PATCH /api/v1/tickets/<ref>/embeds/<embed>": {"theme": "dark"},
    "POST /api/v1/tickets/<ref>/hooks": {"target": "https://programs.example/news"},
    "POST /api/v1/desks/<slug>/hooks": {"target": "no address"},
    "PUT /api/v1/tickets/<ref>/news": {"frequency": "daily"},
    "POST /api/v1/tickets/<ref>/events": {"kind": "note", "payload": {"text": "One more."}},
    "POST /api/v1/tokens": {"name": "A program", "scopes": ["read"]},
    "POST /workspace/profile/duty": {"until": "never"},
}
"""What is sent; other forms send some words."""
WORDS = {"text": "One more.", "theme": "dark"}


def routes(app: Flask) -> set[str]:
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def ask(client: Visitor, route: str, scene: Scene) -> Any:
    method, rule = route.split(" ", 1)
    if method == "GET":
        return client.get(scene.address(rule), buffered=True)
    if rule.startswith("/api/"):
        return client.open(scene.address(rule), method=method, json=SENT.get(route, {}))
    return client.open(scene.address(rule), method=method, data=SENT.get(route, WORDS))


@pytest.fixture
def staged(house: Flask) -> tuple[dict[str, Person], Callable[[str], Visitor]]:
    """The people of two desks, and a browser or program for each role."""
    desk, elsewhere = make.desk(), make.desk("streets")
    cast = {
        "assignee": make.agent(desk),
        "colleague": make.agent(desk, on_duty=False),
        "foreigner": make.agent(elsewhere),
        "lead": make.lead(desk, on_duty=False),
        "admin": make.admin(elsewhere, on_duty=False),
    }
    others = make.ticket(elsewhere)
    token, secret = people.mint_api_token(cast["colleague"], name="lost", scopes=["read", "write"])
    people.revoke_api_token(token)

    def visitor(role: str) -> Visitor:
        client = house.test_client()
        assert isinstance(client, Visitor)
        if role in cast:
            make.sign_in(client, cast[role])
        if role == "stranger":
            make.own(client, others)
        if role == "revoked":
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        return client

    return cast, visitor


def scene(cast: dict[str, Person], visibility: str) -> Scene:
    ticket = make.ticket(cast["assignee"].desk, visibility=visibility)
    embed = embeds.create(ticket, by=make.customer(ticket))
    return Scene(ticket, ticket.desk, embed.eid, cast)


def test_every_route_is_in_the_table(house: Flask) -> None:
    assert routes(house) == set(TABLE), "say in TABLE what each role is answered there"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("visibility", ["private", "public"])
def test_each_role_is_answered_as_the_table_says(
    house: Flask, staged: tuple[dict[str, Person], Callable[[str], Visitor]], visibility: str
) -> None:
    cast, visitor = staged
    clients, stage, wrong = {role: visitor(role) for role in ROLES}, None, []
    for route, expected in TABLE.items():
        house.extensions.pop("tracker_limiter", None)  # one network stands for all of them here
        answered = []
        for role in ROLES:
            if stage is None:
                stage = scene(cast, visibility)
                clients["customer"] = visitor("customer")
                make.own(clients["customer"], stage.ticket)
            client = visitor(role) if route == "POST /signout" else clients[role]
            answered.append(ask(client, route, stage).status_code)
            if not route.startswith("GET") and answered[-1] < 400:
                stage = None  # something was done there: the next one finds a ticket like the first
        wanted = expected[visibility == "public"]
        wrong += [f"{route} {role}: {a}, not {b}" for role, a, b in zip(ROLES, answered, wanted, strict=True) if a != b]
    assert not wrong


def test_a_private_ticket_and_none_at_all_answer_alike(
    house: Flask, staged: tuple[dict[str, Person], Callable[[str], Visitor]]
) -> None:
    cast, visitor = staged
    private = scene(cast, "private")
    absent = Scene(Ticket(ref="0" * 12), private.desk, private.embed, cast)
    for route in sorted(one for one in TABLE if "<ref>" in one):
        house.extensions.pop("tracker_limiter", None)
        for role in ("nobody", "stranger", "foreigner"):
            told = [_told(ask(visitor(role), route, one), one.ticket.ref) for one in (private, absent)]
            assert told[0] == told[1], f"{route} to {role}"


def test_a_grey_badge_does_not_tell_a_revoked_one_from_a_private_one(
    house: Flask, staged: tuple[dict[str, Person], Callable[[str], Visitor]]
) -> None:
    cast, visitor = staged
    private, revoked = scene(cast, "private"), scene(cast, "public")
    embeds.revoke(revoked.embed, by=make.customer(revoked.ticket))
    unknown = Scene(private.ticket, private.desk, "0" * 12, cast)
    for route in (
        "GET /e/<eid>",
        "GET /e/<eid>/badge.json",
        "GET /e/<eid>/badge.svg",
        "GET /e/<eid>/shields.json",
        "GET /e/<eid>/timeline.json",
    ):
        told = [_told(ask(visitor("nobody"), route, one), one.embed) for one in (private, revoked, unknown)]
        assert told[0] == told[1] == told[2], route
        assert private.ticket.assignee.name not in str(told)


def test_staff_who_left_are_answered_as_nobody(
    house: Flask, staged: tuple[dict[str, Person], Callable[[str], Visitor]]
) -> None:
    cast, visitor = staged
    stage, client = scene(cast, "private"), visitor("colleague")
    assert ask(client, "GET /t/<ref>", stage).status_code == 200
    with store.transaction():
        cast["colleague"].active = False
    assert ask(client, "GET /t/<ref>", stage).status_code == 404
    assert ask(client, "GET /workspace/", stage).status_code == 303


def _told(answer: Any, named: str) -> tuple[Any, ...]:
    headers = {name: value.replace(named, "…") for name, value in answer.headers if name not in ("Date", "Set-Cookie")}
    return answer.status_code, headers, answer.get_data().replace(named.encode(), b"*")
