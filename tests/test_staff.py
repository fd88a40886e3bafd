"""Those who answer come, change and go; nobody's tickets are left behind."""

from datetime import timedelta

import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tracker import desks, links, people, staff, store
from tracker.errors import Conflict, Forbidden, Invalid, Unauthorized
from tracker.permissions import SYSTEM


def test_who_leaves_hands_every_open_ticket_on_and_keeps_no_way_in(house: Flask) -> None:
    desk = make.desk()
    ann = make.agent(desk, name="Ann Fields", password="a sentence of hers")
    ticket = make.ticket(desk)
    ben = make.agent(desk, name="Ben Adeyemi")
    _token, secret = people.mint_api_token(ann, name="script", scopes=["read"])
    assert staff.deactivate(ann, by=SYSTEM) == [ticket.ref]
    moved = make.fresh(ticket)
    assert (moved.assignee_id, moved.passed_on) == (ben.id, 1)
    assert make.events_of(ticket)[-1].payload["reason"] == "Ann Fields no longer works here."
    with pytest.raises(Unauthorized):
        people.sign_in(ann.email, "a sentence of hers")
    with pytest.raises(Unauthorized):
        people.find_api_token(secret)
    assert ann.sessions == 1


def test_who_is_the_last_to_take_tickets_can_not_leave_and_nothing_changes(house: Flask) -> None:
    ticket = make.ticket()
    alone = people.find(ticket.assignee.slug)
    with pytest.raises(Conflict, match="nobody"):
        staff.deactivate(alone, by=SYSTEM)
    assert people.find(alone.slug).active
    assert make.fresh(ticket).passed_on == 0


def test_an_offer_to_somebody_who_leaves_ends(house: Flask) -> None:
    desk = make.desk()
    make.agent(desk)
    ticket = make.ticket(desk)
    taker = make.agent(desk)
    make.post(ticket, "handoff_offered", to=taker, reason="Pipes are hers.", briefing="Told us twice.")
    assert staff.deactivate(taker, by=SYSTEM) == []
    assert make.kinds_of(ticket)[-1] == "handoff_declined"
    make.post(ticket, "handoff_offered", to=make.agent(desk), reason="Then his.", briefing="Told us twice.")


def test_an_invitation_lets_somebody_choose_a_password(house: Flask) -> None:
    ann = make.agent()
    staff.invite(ann, by=SYSTEM)
    mail = make.deliver()[-1]
    assert mail["To"] == ann.email
    link = str(mail.get_body(("plain",)).get_content()).split("/link/invite/")[1].split()[0]  # type: ignore[union-attr]
    people.choose_password("invite", link, "a sentence of hers")
    assert people.sign_in(ann.email, "a sentence of hers").id == ann.id


def test_only_the_lead_of_the_desk_or_an_admin_invites_and_deactivates(house: Flask) -> None:
    desk, other = make.desk(), make.desk("streets")
    ann = make.agent(desk)
    for stranger in (make.agent(desk), make.lead(other)):
        for act in (staff.invite, staff.deactivate):
            with pytest.raises(Forbidden):
                act(ann, by=make.viewer(stranger))
    staff.deactivate(ann, by=make.viewer(make.lead(desk)))
    assert not ann.active
    with pytest.raises(Conflict, match="no longer works here"):
        staff.invite(ann, by=make.viewer(make.admin(other)))


def test_only_an_admin_makes_admins(house: Flask) -> None:
    ann = make.agent()
    with pytest.raises(Forbidden):
        staff.set_role(ann, "admin", by=make.viewer(make.lead(ann.desk)))
    with pytest.raises(Invalid):
        staff.set_role(ann, "owner", by=SYSTEM)
    staff.set_role(ann, "admin", by=make.viewer(make.admin(ann.desk)))
    assert people.find(ann.slug).role == "admin"


def test_a_desk_keeps_its_name_as_it_was_given_and_gets_an_address(house: Flask) -> None:
    desk = desks.add("DIM, Public Way Management - CDOT", zone="America/Chicago")
    assert (desk.name, desk.slug) == ("DIM, Public Way Management - CDOT", "dim-public-way-management-cdot")
    with pytest.raises(Conflict):
        desks.add("DIM, Public Way Management - CDOT")
    with pytest.raises(Invalid):
        desks.add("Elsewhere", zone="Mars/Olympus")


def test_an_address_part_is_plain_and_free() -> None:
    assert links.free_slug("Ångström & Söhne", {"angstrom-sohne"}, "desk") == "angstrom-sohne-2"
    assert links.free_slug("水道局", set(), "desk") == "desk"


def test_who_said_when_they_are_back_is_on_duty_again_then(house: Flask, travel: Traveller) -> None:
    rosa, ben = make.agent(name="Rosa Ortega"), make.agent(name="Ben Adeyemi")
    staff.go_off_duty(rosa, until=store.now() + timedelta(hours=20), by=make.viewer(rosa))
    staff.go_off_duty(ben, until=None, by=make.viewer(ben))
    travel.shift(timedelta(hours=19))
    assert staff.welcome_back() == 0
    travel.shift(timedelta(hours=1))
    assert staff.welcome_back() == 1
    assert rosa.on_duty
    assert rosa.on_duty_next_at is None
    assert not ben.on_duty, "who gave no time is called back by nobody"
