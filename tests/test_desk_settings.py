"""Those who run a desk set its face and hours and say who works there; nobody else does."""

from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_workspace import read
from tracker import desks, people, store
from tracker.models import Desk, Person

SETTINGS = {
    "name": "Buildings & Bridges",
    "about": "Roofs and bridges.",
    "hue": "4",
    "zone": "Europe/Berlin",
    "holidays": "de-be",
    "closed_on": "2026-12-24\n2026-12-31",
    "first_answer_h": "2.5",
    "handoff_h": "12",
    **{f"day{day}": "9:00–12:00, 13:00–17:00" for day in range(5)},
}


@pytest.fixture
def desk(house: Flask, client: Visitor) -> Desk:
    """A desk whose lead is signed in."""
    one = make.desk()
    make.sign_in(client, make.lead(one, name="Rosa Ortega"))
    return one


def place(desk: Desk, part: str = "") -> str:
    return f"/workspace/desk/{desk.slug}{part}"


def again(one: Any) -> Any:
    store.session().refresh(one)
    return one


def outsider(role: str, desk: Desk) -> Person:
    if role == "agent":
        return make.agent(desk)
    return make.lead(make.desk("streets"))


@pytest.mark.parametrize("role", ["agent", "lead of another desk"])
@pytest.mark.parametrize("part", ["", "/people", "/people/ben-adeyemi/invite", "/people/ben-adeyemi/leave"])
def test_nobody_else_runs_a_desk(desk: Desk, client: Visitor, role: str, part: str) -> None:
    ben = make.agent(desk, name="Ben Adeyemi")
    make.sign_in(client, outsider(role, desk))
    assert client.get(place(desk)).status_code == 403
    assert client.post(place(desk, part), data=SETTINGS | {"email": "a@desk.example"}).status_code == 403
    assert again(desk).name == "The buildings desk"
    assert again(ben).active


@pytest.mark.parametrize("part", ["", "/people", "/people/rosa-ortega/duty"])
def test_visitors_do_not_run_a_desk(desk: Desk, client: Visitor, part: str) -> None:
    client.post("/signout")
    assert client.get(place(desk)).location == "/signin"
    assert client.post(place(desk, part), data=SETTINGS).status_code == 401


def test_an_admin_runs_every_desk(desk: Desk, client: Visitor) -> None:
    make.sign_in(client, make.admin(make.desk("streets")))
    assert "The buildings desk" in read(client.get(place(desk)))
    assert client.get("/workspace/desk/nowhere").status_code == 404


def test_ones_own_desk_is_found_without_its_name(desk: Desk, client: Visitor) -> None:
    assert client.get("/workspace/desk").location == place(desk)


def test_settings_are_kept_and_promises_follow_them(desk: Desk, client: Visitor) -> None:
    assert client.post(place(desk), data=SETTINGS).status_code == 303
    kept = again(desk)
    assert (kept.name, kept.hue, kept.zone, kept.holidays) == ("Buildings & Bridges", 4, "Europe/Berlin", "DE-BE")
    assert kept.opening["0"] == [["09:00", "12:00"], ["13:00", "17:00"]]
    assert sorted(kept.opening) == ["0", "1", "2", "3", "4"]
    assert kept.closed_on == ["2026-12-24", "2026-12-31"]
    assert (kept.first_answer_minutes, kept.handoff_minutes) == (150, 720)
    assert desks.hours(kept).country == "DE"
    page = read(client.get(place(desk)))
    assert 'value="2.5"' in page
    assert "Buildings &amp; Bridges" in page


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""),
        ("about", "x" * 501),
        ("hue", "12"),
        ("hue", "blue"),
        ("zone", "Mars/Olympus"),
        ("zone", "../../etc/passwd"),
        ("holidays", "ZZ"),
        ("holidays", "DE-ZZ"),
        ("closed_on", "Christmas"),
        ("first_answer_h", "0"),
        ("first_answer_h", "nan"),
        ("first_answer_h", "1e999"),
        ("handoff_h", "1000"),
        ("day0", "17:00–9:00"),
        ("day6", "all day"),
    ],
)
def test_settings_that_can_not_hold_come_back_as_typed(desk: Desk, client: Visitor, field: str, text: str) -> None:
    answer = client.post(place(desk), data=SETTINGS | {field: text})
    assert answer.status_code == 422
    page = read(answer)
    assert "Not sent yet" in page
    assert 'value="Buildings &amp; Bridges"' in page or field == "name"
    assert again(desk).name == "The buildings desk"


def test_a_desk_that_never_opens_can_promise_nothing(desk: Desk, client: Visitor) -> None:
    shut = {name: text for name, text in SETTINGS.items() if not name.startswith("day")}
    assert client.post(place(desk), data=shut).status_code == 422


def test_whom_a_lead_invites_gets_a_link_and_no_tickets_yet(desk: Desk, client: Visitor) -> None:
    typed = {"name": "Ann Fields", "email": "Ann@Desk.Example", "role": "agent"}
    assert client.post(place(desk, "/people"), data=typed).status_code == 303
    ann = people.find_by_email("ann@desk.example")
    assert (ann.role, ann.desk_id, ann.on_duty) == ("agent", desk.id, False)
    assert "/link/invite/" in make.deliver()[-1].as_string()
    assert "invited, has not chosen a password yet" in read(client.get(place(desk)))
    client.post(place(desk, f"/people/{ann.slug}/invite"))
    assert len([mail for mail in make.deliver() if mail["To"] == ann.email]) == 2


@pytest.mark.parametrize(
    "wrong", [{"email": "nowhere"}, {"name": ""}, {"role": "admin"}, {"role": ""}, {"email": "taken@desk.example"}]
)
def test_an_invitation_that_can_not_be_sent_comes_back(desk: Desk, client: Visitor, wrong: dict[str, str]) -> None:
    with store.transaction():
        make.agent(desk).email = "taken@desk.example"
    before = len(people.of_desk(desk))
    typed = {"name": "Ann Fields", "email": "ann@desk.example", "role": "agent"} | wrong
    answer = client.post(place(desk, "/people"), data=typed)
    assert answer.status_code in (409, 422)
    assert "Not sent yet" in read(answer)
    assert len(people.of_desk(desk)) == before


def test_who_leaves_hands_their_tickets_on(desk: Desk, client: Visitor) -> None:
    ben = make.agent(desk, name="Ben Adeyemi")
    one = make.ticket(desk)
    make.post(one, "handoff_offered", to=ben)
    make.post(one, "handoff_accepted", by=ben)
    answer = client.post(place(desk, f"/people/{ben.slug}/leave"), follow_redirects=True)
    assert "Ben Adeyemi no longer works here. 1 ticket moved on." in read(answer)
    assert make.fresh(one).assignee.name == "Rosa Ortega"
    assert client.post(place(desk, f"/people/{ben.slug}/leave")).status_code == 404


def test_the_last_one_of_a_desk_can_not_leave(desk: Desk, client: Visitor) -> None:
    answer = client.post(place(desk, "/people/rosa-ortega/leave"))
    assert answer.status_code == 409
    assert "the last one at this desk" in read(answer)
    assert people.find("rosa-ortega").active


def test_a_lead_says_who_is_on_duty(desk: Desk, client: Visitor) -> None:
    ben = make.agent(desk, name="Ben Adeyemi")
    client.post(place(desk, f"/people/{ben.slug}/duty"), data={"duty": "off"})
    assert not again(ben).on_duty
    assert "off duty, back by" in read(client.get(place(desk)))
    client.post(place(desk, f"/people/{ben.slug}/duty"), data={"duty": "on"})
    assert again(ben).on_duty


def test_people_of_another_desk_are_not_reached_through_ones_own(desk: Desk, client: Visitor) -> None:
    mia = make.agent(make.desk("streets"), name="Mia Lindqvist")
    for act in ("leave", "duty", "invite"):
        assert client.post(place(desk, f"/people/{mia.slug}/{act}")).status_code == 404
    assert again(mia).active


def test_a_part_of_the_page_asked_again_is_the_page(desk: Desk, client: Visitor) -> None:
    assert client.get(place(desk, "/people")).location == place(desk)
