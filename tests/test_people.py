"""Who takes a new ticket, and how people prove who they are."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.conftest import MONDAY
from tests.houses import Visitor
from tracker import people, store
from tracker.errors import Conflict, Invalid, Unauthorized
from tracker.models import ApiToken, LinkToken

WORDS = "a short sentence is fine"


def test_the_person_on_duty_with_the_fewest_open_tickets_takes_it(house: Flask) -> None:
    desk = make.desk()
    busy, free = make.agent(desk), make.agent(desk)
    taken = [make.ticket(desk) for _ in range(3)]
    assert [one.assignee_id for one in taken] == [busy.id, free.id, busy.id]
    assert people.choose_assignee(desk).id == free.id


def test_ended_tickets_weigh_nothing(house: Flask) -> None:
    desk = make.desk()
    first, second = make.agent(desk), make.agent(desk)
    for _ in range(2):
        make.post(make.ticket(desk), "resolved", first)
    assert make.ticket(desk).assignee_id == first.id
    assert make.ticket(desk).assignee_id == second.id


def test_waiting_tickets_weigh_like_open_ones(house: Flask) -> None:
    desk = make.desk()
    first, second = make.agent(desk), make.agent(desk)
    make.post(make.ticket(desk), "waiting", first)
    assert people.choose_assignee(desk).id == second.id


def test_when_nobody_is_on_duty_the_next_to_come_takes_it(house: Flask, travel: Traveller) -> None:
    desk = make.desk()
    make.lead(desk, on_duty=False)
    make.agent(desk, on_duty=False, on_duty_next_at=MONDAY + timedelta(days=2))
    soon = make.agent(desk, on_duty=False, on_duty_next_at=MONDAY + timedelta(days=1))
    assert people.choose_assignee(desk).id == soon.id


def test_when_nobody_is_to_come_the_lead_takes_it(house: Flask) -> None:
    desk = make.desk()
    make.agent(desk, on_duty=False)
    lead = make.lead(desk, on_duty=False)
    assert people.choose_assignee(desk).id == lead.id


def test_without_a_lead_somebody_still_takes_it(house: Flask) -> None:
    desk = make.desk()
    only = make.agent(desk, on_duty=False)
    assert people.choose_assignee(desk).id == only.id


def test_nobody_who_left_or_sits_elsewhere_takes_it(house: Flask) -> None:
    desk = make.desk()
    make.agent(desk, active=False)
    make.agent(make.desk("streets"))
    with pytest.raises(Conflict, match="nobody"):
        people.choose_assignee(desk)
    stays = make.agent(desk)
    assert people.choose_assignee(desk).id == stays.id
    with pytest.raises(Conflict):
        people.choose_assignee(desk, besides={stays.id})


def test_address_and_password_sign_in(house: Flask) -> None:
    one = make.agent(password=WORDS)
    assert people.sign_in(f" {one.email.upper()} ", WORDS).id == one.id
    assert one.password_hash.startswith("$argon2id$")


def test_a_stolen_hash_costs_64_megabytes_a_guess(real_hasher: PasswordHasher) -> None:
    assert real_hasher.hash(WORDS).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_every_failed_sign_in_answers_alike(house: Flask) -> None:
    known, gone, invited = make.agent(password=WORDS), make.agent(password=WORDS, active=False), make.agent()
    said = set()
    for email, password in (
        (known.email, "wrong"),
        ("no@where.example", WORDS),
        (gone.email, WORDS),
        (invited.email, ""),
    ):
        with pytest.raises(Unauthorized) as refusal:
            people.sign_in(email, password)
        said.add(refusal.value.message)
    assert len(said) == 1


@pytest.mark.parametrize("password", ["short", "x" * 1001])
def test_a_password_has_a_length(house: Flask, password: str) -> None:
    with pytest.raises(Invalid) as refusal:
        people.set_password(make.agent(), password)
    assert list(refusal.value.fields) == ["password"]


def test_a_new_password_ends_every_session(house: Flask, client: Visitor) -> None:
    one, ticket = make.agent(password=WORDS), make.ticket(visibility="private")
    make.sign_in(client, one)
    assert client.get(f"/t/{ticket.ref}").status_code == 200
    people.set_password(one, "another short sentence")
    assert client.get(f"/t/{ticket.ref}").status_code == 404
    with pytest.raises(Unauthorized):
        people.sign_in(one.email, WORDS)


@pytest.mark.parametrize(("purpose", "lives"), people.LINK_LIVES.items())
def test_a_link_works_once_and_not_for_long(house: Flask, travel: Traveller, purpose: str, lives: timedelta) -> None:
    fresh, late = people.mint_link(purpose), people.mint_link(purpose)
    travel.shift(lives - timedelta(seconds=1))
    people.redeem_link(purpose, fresh)
    with pytest.raises(Unauthorized):
        people.redeem_link(purpose, fresh)
    travel.shift(timedelta(seconds=1))
    with pytest.raises(Unauthorized):
        people.redeem_link(purpose, late)


def test_a_link_is_for_one_purpose_only(house: Flask) -> None:
    secret = people.mint_link("signin", address="cara@home.example")
    for purpose in ("confirm", "reset", "invite"):
        with pytest.raises(Unauthorized):
            people.redeem_link(purpose, secret)
    assert people.redeem_link("signin", secret).address == "cara@home.example"


def test_a_refused_password_does_not_use_the_link_up(house: Flask) -> None:
    one = make.agent()
    secret = people.mint_link("reset", person_id=one.id)
    with pytest.raises(Invalid):
        people.choose_password("reset", secret, "short")
    people.choose_password("reset", secret, WORDS)
    assert people.sign_in(one.email, WORDS).id == one.id


def test_who_left_cannot_choose_a_password(house: Flask) -> None:
    gone = make.agent(active=False)
    with pytest.raises(Unauthorized):
        people.choose_password("invite", people.mint_link("invite", person_id=gone.id), WORDS)


def test_secrets_are_kept_as_fingerprints_only(house: Flask) -> None:
    one = make.agent()
    link = people.mint_link("signin")
    token, bearer = people.mint_api_token(one, name="cron", scopes=["read"])
    rows = [vars(row) for model in (LinkToken, ApiToken) for row in store.session().scalars(select(model))]
    assert link not in str(rows)
    assert bearer not in str(rows)
    assert people.find_api_token(bearer).id == token.id


def test_a_token_opens_nothing_once_revoked_or_its_person_left(house: Flask) -> None:
    one = make.agent()
    token, secret = people.mint_api_token(one, name="cron", scopes=["read", "write"])
    people.revoke_api_token(token)
    _other, second = people.mint_api_token(one, name="cron", scopes=["read"])
    with store.transaction():
        one.active = False
    for each in (secret, second, "npt_unknown", ""):
        with pytest.raises(Unauthorized):
            people.find_api_token(each)


def test_a_token_remembers_its_last_use_once_a_minute(house: Flask, travel: Traveller) -> None:
    token, secret = people.mint_api_token(make.agent(), name="cron", scopes=["read"])
    assert people.find_api_token(secret).last_used_at == MONDAY
    travel.shift(timedelta(seconds=59))
    assert people.find_api_token(secret).last_used_at == MONDAY
    travel.shift(timedelta(seconds=2))
    assert people.find_api_token(secret).last_used_at == store.now()
    assert token.id


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "root"]])
def test_a_token_has_known_scopes(house: Flask, scopes: list[str]) -> None:
    with pytest.raises(Invalid) as refusal:
        people.mint_api_token(make.agent(), name="cron", scopes=scopes)
    assert list(refusal.value.fields) == ["scopes"]


def test_two_people_of_one_name_have_addresses_of_their_own(house: Flask) -> None:
    desk = make.desk()
    first, second = make.agent(desk, name="Ann Fields"), make.agent(desk, name="Ann Fields")
    assert (first.slug, second.slug) == ("ann-fields", "ann-fields-2")
    with pytest.raises(Conflict):
        people.add(name="Ann", email=first.email.upper(), desk=desk)
    with pytest.raises(Invalid):
        people.add(name="Ann", email="ann@desk.example", desk=desk, role="king")
