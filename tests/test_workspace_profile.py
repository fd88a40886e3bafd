"""What people say about themselves: profile, face, duty, hours, password, tokens; nobody says it for them."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from tests import make
from tests.houses import Visitor
from tests.test_workspace import read
from tracker import files, people, profiles, staff, store
from tracker.errors import Forbidden, Invalid
from tracker.models import Face, Person

PROFILE = "/workspace/profile"
PASSWORD = "a sentence to sign in with"


@pytest.fixture
def me(house: Flask, client: Visitor) -> Person:
    """An agent, signed in."""
    one = make.agent(make.desk(), name="Rosa Ortega", password=PASSWORD)
    make.sign_in(client, one)
    return one


def again(one: Person) -> Person:
    store.session().refresh(one)
    return one


def picture(kind: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (300, 200), "teal").save(out, kind)
    return out.getvalue()


def upload(client: Visitor, raw: bytes, name: str = "me.png", kind: str = "image/png") -> Any:
    return client.post(f"{PROFILE}/face", data={"face": (BytesIO(raw), name, kind)})


@pytest.mark.parametrize("part", ["", "/face", "/face/remove", "/duty", "/hours", "/password", "/tokens"])
def test_nobody_without_a_session_changes_a_profile(me: Person, client: Visitor, part: str) -> None:
    header = make.bearer(me)
    assert client.post(PROFILE + part, headers=header).status_code == 403
    client.post("/signout")
    assert client.post(PROFILE + part).status_code == 401
    assert client.get(PROFILE).location == "/signin"


def test_a_token_makes_no_other_token(me: Person) -> None:
    with pytest.raises(Forbidden):
        profiles.make_token(me, "more", ["admin"], by=make.viewer(me, scopes=people.SCOPES))


def test_a_lead_does_not_speak_for_an_agent(me: Person) -> None:
    with pytest.raises(Forbidden):
        profiles.change(me, {"name": "Somebody"}, by=make.viewer(make.lead(me.desk)))


def test_name_line_languages_and_backup_are_kept(me: Person, client: Visitor) -> None:
    ben = make.agent(me.desk, name="Ben Adeyemi")
    typed = {"name": "Rosa M. Ortega", "line": "I ring back.", "languages": "English, Spanish,, English"}
    assert client.post(PROFILE, data=typed | {"backup": ben.slug}).status_code == 303
    kept = again(me)
    assert (kept.name, kept.line, kept.languages, kept.backup_id) == (
        "Rosa M. Ortega",
        "I ring back.",
        ["English", "Spanish"],
        ben.id,
    )
    assert "I ring back." in read(client.get(PROFILE))


@pytest.mark.parametrize(
    "typed",
    [
        {"name": ""},
        {"name": "The customer"},
        {"name": "Rosa", "line": "x" * 201},
        {"name": "Rosa", "languages": ",".join(f"language {n}" for n in range(11))},
        {"name": "Rosa", "backup": "nobody"},
        {"name": "Rosa", "backup": "rosa-ortega"},
    ],
)
def test_what_can_not_be_kept_comes_back(me: Person, client: Visitor, typed: dict[str, str]) -> None:
    answer = client.post(PROFILE, data=typed)
    assert answer.status_code == 422
    assert "Not sent yet" in read(answer)
    assert again(me).name == "Rosa Ortega"


def test_a_face_is_shown_and_taken_back_for_good(me: Person, client: Visitor) -> None:
    assert upload(client, picture()).status_code == 303
    digest = again(me).face_digest
    assert f"/faces/{digest}.webp" in read(client.get(PROFILE))
    assert client.get(f"/faces/{digest}.webp").mimetype == files.FACE_TYPE
    client.post(f"{PROFILE}/face/remove")
    assert again(me).face_digest is None
    assert client.get(f"/faces/{digest}.webp").status_code == 404


def test_a_face_that_two_people_show_stays_with_the_other(me: Person, client: Visitor) -> None:
    other = make.agent(me.desk)
    for one in (me, other):
        profiles.set_face(one, picture(), "image/png", by=make.viewer(one))
    profiles.drop_face(me, by=make.viewer(me))
    assert other.face_digest
    assert store.session().get(Face, other.face_digest)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [(b"", "image/png"), (b"<svg/>", "image/svg+xml"), (b"<svg/>", "image/png"), (picture("JPEG"), "image/png")],
)
def test_what_is_no_picture_is_no_face(me: Person, client: Visitor, raw: bytes, kind: str) -> None:
    answer = upload(client, raw, kind=kind)
    assert answer.status_code == 422
    assert "picture" in read(answer)
    assert again(me).face_digest is None


def test_only_the_face_takes_megabytes(me: Person, client: Visitor) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="face"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    large = head + b" " * 6 * 1024**2 + b"\r\n--x--\r\n"
    assert client.post(f"{PROFILE}/face", data=large, content_type="multipart/form-data; boundary=x").status_code == 413
    assert client.post(PROFILE, data={"name": "x" * 100_000}).status_code == 413


def test_off_duty_the_words_due_go_to_the_backup_and_the_page_says_so(me: Person, client: Visitor) -> None:
    ticket = make.ticket(me.desk)
    make.agent(me.desk, name="Mia Lindqvist")
    ben = make.agent(me.desk, name="Ben Adeyemi")
    with store.transaction():
        me.backup_id, make.ticket(me.desk).assignee_id = ben.id, ben.id  # the backup has more to do than Mia
    answer = client.post(f"{PROFILE}/duty", data={"duty": "off", "until": ""}, follow_redirects=True)
    assert "1 ticket with a word due meanwhile went to" in read(answer)
    assert make.fresh(ticket).assignee_id == ben.id
    assert not again(me).on_duty
    assert "You are off duty" in client.get("/workspace/").text
    client.post(f"{PROFILE}/duty", data={"duty": "on"})
    assert again(me).on_duty


def test_off_duty_what_is_due_afterwards_stays(travel: Any, me: Person) -> None:
    make.agent(me.desk)
    ticket = make.ticket(me.desk, desk=me.desk.slug)
    make.post(ticket, "update", next_word_at=make.ahead(days=3))
    who = make.fresh(ticket).assignee
    assert staff.go_off_duty(who, until=store.now() + timedelta(days=1), by=make.viewer(who)) == []


def test_off_duty_alone_everything_stays_where_it_is(me: Person) -> None:
    ticket = make.ticket(me.desk)
    make.agent(me.desk, on_duty=False)
    assert staff.go_off_duty(me, until=None, by=make.viewer(me)) == []
    assert make.fresh(ticket).assignee_id == me.id


@pytest.mark.parametrize("until", ["2020-01-01T10:00", "soon", "9999-12-31T23:59"])
def test_coming_back_lies_ahead(me: Person, client: Visitor, until: str) -> None:
    answer = client.post(f"{PROFILE}/duty", data={"duty": "off", "until": until})
    assert answer.status_code == 422
    assert again(me).on_duty


def test_an_agent_of_another_desk_sends_nobody_home(me: Person) -> None:
    for other in (make.agent(me.desk), make.lead(make.desk("streets"))):
        with pytest.raises(Forbidden):
            staff.go_off_duty(me, until=None, by=make.viewer(other))


def test_the_next_day_follows_ones_own_hours(travel: Any, me: Person, client: Visitor) -> None:
    assert staff.next_day(me) == datetime(2026, 3, 3, 9, tzinfo=UTC)
    typed = {"whose": "own", "day3": "10–14, 15:30-24:00"}
    assert client.post(f"{PROFILE}/hours", data=typed).status_code == 303
    assert again(me).hours == {"3": [["10:00", "14:00"], ["15:30", "00:00"]]}
    assert staff.next_day(me) == datetime(2026, 3, 5, 10, tzinfo=UTC)
    client.post(f"{PROFILE}/hours", data={"whose": "desk", "day3": "nonsense"})
    assert again(me).hours is None


@pytest.mark.parametrize("hours", ["nine to five", "17:00–9:00", "9–12, 11–15", "25:00–26:00", "9:00", "9:00–9:99"])
def test_hours_that_are_none_come_back(me: Person, client: Visitor, hours: str) -> None:
    answer = client.post(f"{PROFILE}/hours", data={"whose": "own", "day0": hours})
    assert answer.status_code == 422
    assert f'value="{hours}"' in read(answer)
    assert again(me).hours is None


def test_a_new_password_keeps_this_browser_and_no_other(house: Flask, me: Person, client: Visitor) -> None:
    other = house.test_client()
    make.sign_in(other, me)
    typed = {"old": PASSWORD, "password": "another sentence of mine"}
    assert client.post(f"{PROFILE}/password", data=typed).status_code == 303
    assert client.get("/workspace/").status_code == 200
    assert other.get("/workspace/").location == "/signin"
    assert people.sign_in(again(me).email, "another sentence of mine").id == me.id


@pytest.mark.parametrize(
    "typed",
    [{"old": "not it, not it", "password": "another sentence of mine"}, {"old": PASSWORD, "password": "tiny one"}],
)
def test_a_password_needs_the_old_one_and_some_length(me: Person, client: Visitor, typed: dict[str, str]) -> None:
    answer = client.post(f"{PROFILE}/password", data=typed)
    assert answer.status_code == 422
    assert typed["password"] not in read(answer)
    assert people.sign_in(me.email, PASSWORD).id == me.id


def test_a_token_is_shown_once_works_and_is_revoked(me: Person, client: Visitor) -> None:
    made = client.post(f"{PROFILE}/tokens", data={"name": "billing", "scopes": ["read"]})
    assert made.location == f"{PROFILE}#tokens"
    page = client.get(PROFILE)
    assert page.headers["Cache-Control"] == "private, no-store"
    found = re.search(r"npt_[\w-]+", read(page))
    assert found
    assert found[0] not in client.get(PROFILE).text
    assert people.find_api_token(found[0]).scopes == ["read"]
    token = people.api_tokens(me)[0]
    assert client.post(f"{PROFILE}/tokens/{token.public_id}/revoke").status_code == 303
    assert people.api_tokens(me) == []


def test_nobody_revokes_the_token_of_somebody_else(me: Person, client: Visitor) -> None:
    token, _secret = people.mint_api_token(make.agent(me.desk), name="theirs", scopes=["read"])
    assert client.post(f"{PROFILE}/tokens/{token.public_id}/revoke").status_code == 404
    assert client.post(f"{PROFILE}/tokens/{token.id}/revoke").status_code == 404
    assert token.revoked_at is None


@pytest.mark.parametrize("typed", [{"name": "x", "scopes": ["everything"]}, {"name": "x"}, {"scopes": ["read"]}])
def test_a_token_needs_a_name_and_known_scopes(me: Person, client: Visitor, typed: dict[str, Any]) -> None:
    assert client.post(f"{PROFILE}/tokens", data=typed).status_code == 422
    assert people.api_tokens(me) == []


def test_there_is_an_end_to_tokens(me: Person) -> None:
    for number in range(profiles.MOST_TOKENS):
        profiles.make_token(me, f"number {number}", ["read"], by=make.viewer(me))
    with pytest.raises(Invalid):
        profiles.make_token(me, "one more", ["read"], by=make.viewer(me))


def test_a_part_of_the_page_asked_again_is_the_page(me: Person, client: Visitor) -> None:
    assert client.get(f"{PROFILE}/hours").location == PROFILE
