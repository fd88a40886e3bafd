"""Sockets: nobody enters a room that is not theirs, and who loses a right leaves the rooms it opened."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask_socketio import SocketIOTestClient

from tests import make
from tests.houses import Visitor
from tests.servers.ground import wait_until
from tracker import drafts, embeds, links, staff, store, tickets
from tracker.models import Ticket
from tracker.permissions import SYSTEM
from tracker.viewer import PASS_LIVES_S

Plug = Callable[[], "Ear"]


class Ear:
    """A socket that remembers what it heard."""

    def __init__(self, app: Flask, headers: dict[str, str] | None = None) -> None:
        self.socket: SocketIOTestClient = app.extensions["socketio"].test_client(app, headers=headers)
        self.heard: list[tuple[str, Any]] = []

    def say(self, event: str, **what: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.socket.emit(event, what, callback=True)
        return answer

    def hears(self, name: str) -> list[Any]:
        self.heard += [(one["name"], one["args"][0]) for one in self.socket.get_received()]
        return [what for heard, what in self.heard if heard == name]

    def waits_for(self, name: str) -> Any:
        return wait_until(lambda: self.hears(name), within=10, what=f"the socket hears {name}")[0]


@pytest.fixture
def plug(house: Flask) -> Plug:
    return lambda: Ear(house)


def pass_of(browser: Visitor, ticket: Ticket) -> str:
    answer = browser.post(f"/t/{ticket.ref}/pass")
    assert answer.status_code == 200, answer.status
    return str(answer.json["pass"])


def kinds(answer: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in answer["events"]]


def test_a_private_ticket_and_an_absent_one_answer_alike(house: Flask, plug: Plug) -> None:
    private, ear = make.ticket(visibility="private"), plug()
    assert ear.say("watch", ref=private.ref, after=0) == ear.say("watch", ref="000000000000", after=0)
    assert ear.say("watch", ref=private.ref, after=0)["error"] == "not_found"


def test_a_pass_taken_while_a_ticket_was_public_opens_nothing_once_it_is_private(
    house: Flask, client: Visitor, plug: Plug
) -> None:
    ticket = make.ticket()
    kept = pass_of(client, ticket)
    make.post(ticket, "visibility_changed", visibility="private")
    assert plug().say("watch", ref=ticket.ref, after=0, **{"pass": kept})["error"] == "not_found"


def test_a_pass_opens_its_own_ticket_only(house: Flask, client: Visitor, plug: Plug) -> None:
    mine, other = make.ticket(visibility="private"), make.ticket(visibility="private")
    make.own(client, mine)
    kept = pass_of(client, mine)
    assert plug().say("watch", ref=other.ref, after=0, **{"pass": kept})["error"] == "forbidden"
    assert plug().say("watch_queue", **{"pass": kept})["error"] == "forbidden"
    assert "opened" in kinds(plug().say("watch", ref=mine.ref, after=0, **{"pass": kept}))


def test_a_pass_that_is_forged_for_another_purpose_or_old_opens_nothing(
    house: Flask, client: Visitor, plug: Plug, travel: time_machine.Traveller
) -> None:
    ticket = make.ticket(visibility="private")
    make.own(client, ticket)
    kept = pass_of(client, ticket)
    granted = {"ref": ticket.ref, "session": "s", "person": None, "keys": [1]}
    forged = ("x", kept[:-2], kept + "A", links.sign(granted, "form"), "a.b.c", "\ud800", {"a": 1}, ["x"], 7)
    for wrong in forged:
        assert plug().say("watch", ref=ticket.ref, after=0, **{"pass": wrong})["error"] == "unauthorized", wrong
    travel.shift(timedelta(seconds=PASS_LIVES_S + 1))
    assert plug().say("watch", ref=ticket.ref, after=0, **{"pass": kept})["error"] == "unauthorized"


@pytest.mark.parametrize("role", ["agent", "lead", "admin"])
def test_who_signs_out_leaves_the_rooms_and_an_old_pass_opens_nothing_more(
    house: Flask, client: Visitor, plug: Plug, role: str
) -> None:
    ticket = make.ticket(visibility="private")
    make.sign_in(client, make.person(ticket.desk, role=role))
    kept, ear = pass_of(client, ticket), plug()
    assert "opened" in kinds(ear.say("watch", ref=ticket.ref, after=0, **{"pass": kept}))
    client.post("/signout")
    assert ear.waits_for("gone")["ref"] == ticket.ref
    make.post(ticket, "note", text="for staff alone")
    assert ear.say("watch", ref=ticket.ref, after=0, **{"pass": kept})["error"] == "not_found"
    assert ear.hears("event") == []


def test_who_no_longer_works_here_leaves_the_rooms(house: Flask, client: Visitor, plug: Plug) -> None:
    ticket = make.ticket(visibility="private")
    ben = make.agent(ticket.desk)
    make.sign_in(client, ben)
    kept, ear = pass_of(client, ticket), plug()
    queue = client.post("/workspace/pass").json["pass"]
    ear.say("watch", ref=ticket.ref, after=0, **{"pass": kept})
    assert ear.say("watch_queue", **{"pass": queue}) == {"ok": True}
    staff.deactivate(ben, by=SYSTEM)
    wait_until(lambda: len(ear.hears("gone")) == 2, within=10, what="both rooms are left")
    make.post(ticket, "note", text="for staff alone")
    assert ear.say("watch", ref=ticket.ref, after=0, **{"pass": kept})["error"] == "not_found"
    assert ear.say("watch_queue", **{"pass": queue})["error"] == "unauthorized"
    assert ear.hears("event") == []


def test_a_socket_that_says_it_has_parted_stays_known_and_leaves_with_its_right(
    house: Flask, client: Visitor, plug: Plug
) -> None:
    ticket = make.ticket(visibility="private")
    ben = make.agent(ticket.desk)
    make.sign_in(client, ben)
    ear = plug()
    ear.say("watch", ref=ticket.ref, after=0, **{"pass": pass_of(client, ticket)})
    ear.socket.emit("disconnect")
    staff.deactivate(ben, by=SYSTEM)
    make.post(make.fresh(ticket), "note", text="for staff alone")
    ear.waits_for("gone")
    assert ear.hears("event") == []


def test_a_secret_link_taken_back_closes_the_rooms_it_opened_and_the_keeper_stays(
    house: Flask, client: Visitor, plug: Plug
) -> None:
    ticket, thief = make.ticket(visibility="private"), house.test_client()
    assert isinstance(thief, Visitor)
    make.own(client, ticket)
    make.own(thief, ticket)
    stolen, ear, keeper = pass_of(thief, ticket), plug(), plug()
    ear.say("watch", ref=ticket.ref, after=0, **{"pass": stolen})
    keeper.say("watch", ref=ticket.ref, after=0, **{"pass": pass_of(client, ticket)})
    assert client.post(f"/t/{ticket.ref}/keys/revoke").status_code == 303
    ear.waits_for("gone")
    make.post(ticket, "reply", text="Only for the desk", publish=False)
    assert keeper.waits_for("event")["kind"] == "reply"
    assert keeper.hears("gone") == []
    assert ear.hears("event") == []
    assert ear.say("watch", ref=ticket.ref, after=0, **{"pass": stolen})["error"] == "not_found"


def test_an_agent_of_another_desk_leaves_the_staff_room_with_the_ticket(
    house: Flask, client: Visitor, plug: Plug
) -> None:
    ticket = make.ticket(visibility="private")
    home, visitor = make.agent(ticket.desk), make.agent(make.desk("roads"))
    make.post(ticket, "reassigned", by=make.lead(ticket.desk), to=visitor, reason="She knows the pipe")
    make.sign_in(client, visitor)
    kept, ear = pass_of(client, ticket), plug()
    assert "opened" in kinds(ear.say("watch", ref=ticket.ref, after=0, **{"pass": kept}))
    make.post(make.fresh(ticket), "reassigned", by=make.lead(ticket.desk), to=home, reason="Back again")
    ear.waits_for("gone")
    make.post(make.fresh(ticket), "note", text="for staff alone")
    assert ear.say("watch", ref=ticket.ref, after=0, **{"pass": kept})["error"] == "not_found"


def test_the_public_leaves_when_a_ticket_becomes_private_and_hears_nothing_said_afterwards(
    house: Flask, plug: Plug
) -> None:
    ticket, ear = make.ticket(), plug()
    assert "opened" in kinds(ear.say("watch", ref=ticket.ref, after=0))
    with store.transaction():
        make.post(ticket, "visibility_changed", visibility="private")
        make.post(ticket, "update", text="said when nobody else may hear")
    ear.waits_for("gone")
    assert ear.hears("event") == []


def test_a_list_learns_no_ref_that_is_not_public(house: Flask, plug: Plug) -> None:
    ticket, ear = make.ticket(visibility="private"), plug()
    assert ear.say("watch_list") == {"ok": True}
    make.post(ticket, "visibility_changed", visibility="unlisted")
    make.post(ticket, "update", text="A word of an unlisted ticket")
    assert ear.waits_for("changed") == {"ref": None}
    make.post(ticket, "visibility_changed", visibility="public")
    wait_until(lambda: {"ref": ticket.ref} in ear.hears("changed"), within=10, what="the list hears of a public ticket")
    assert {one["ref"] for one in ear.hears("changed")} == {None, ticket.ref}


def test_a_wall_hears_of_its_tickets_and_learns_no_ref_of_others(house: Flask, plug: Plug) -> None:
    ticket, ear = make.ticket(visibility="unlisted"), plug()
    wall = embeds.create(ticket, by=make.customer(ticket), variant="wall")
    assert ear.say("watch_list", embed=wall.eid) == {"ok": True}
    make.post(make.ticket(), "update", text="A word of another ticket")
    make.post(ticket, "update", text="A word of a picked one")
    wait_until(
        lambda: {"ref": ticket.ref, "embed": wall.eid} in ear.hears("changed"),
        within=10,
        what="the wall hears of its own",
    )
    make.post(ticket, "visibility_changed", visibility="private")
    wait_until(
        lambda: {"ref": None, "embed": wall.eid} in ear.hears("changed"), within=10, what="the wall hears that one left"
    )
    embeds.revoke(wall.eid, by=make.customer(ticket))
    assert ear.waits_for("gone") == {"ref": None, "embed": wall.eid}
    assert {one["ref"] for one in ear.hears("changed")} == {None, ticket.ref}


def caught_up(ear: Ear) -> None:
    """Wait until all that has happened so far has been told: that somebody writes is told in its turn alone."""
    ticket = make.ticket()
    ear.say("watch", ref=ticket.ref, after=0, html=True)
    write(ticket)
    ear.waits_for("writing")


def test_a_desk_s_wall_learns_no_ref_of_what_its_customer_lists_nowhere(house: Flask, plug: Plug) -> None:
    hidden, leaving, ear = make.ticket(visibility="unlisted"), make.ticket(), plug()
    wall = embeds.create(leaving.desk, by=make.viewer(make.lead(leaving.desk)))
    caught_up(plug())
    assert ear.say("watch_list", embed=wall.eid) == {"ok": True}
    make.post(hidden, "update", text="A word that only those who have its address may know of")
    make.post(leaving, "visibility_changed", visibility="unlisted")
    make.post(leaving, "update", text="A word that is no longer for everyone")
    wait_until(
        lambda: {"ref": None, "embed": wall.eid} in ear.hears("changed"), within=10, what="the wall hears that one left"
    )
    assert {one["ref"] for one in ear.hears("changed")} == {None}, "and not which"
    make.post(hidden, "visibility_changed", visibility="public")
    wait_until(
        lambda: {"ref": hidden.ref, "embed": wall.eid} in ear.hears("changed"),
        within=10,
        what="the wall hears that one came",
    )
    assert {one["ref"] for one in ear.hears("changed")} == {None, hidden.ref}


def test_a_wall_opens_its_room_to_its_sites_alone_and_no_ticket_s_room(house: Flask, plug: Plug) -> None:
    ticket = make.ticket()
    badge = embeds.create(ticket, by=make.customer(ticket))
    wall = embeds.create(ticket, by=make.customer(ticket), variant="wall", sites=["https://blog.example"])
    assert plug().say("watch", embed=wall.eid, after=0)["error"] == "not_found"
    for eid in (badge.eid, "0" * 12):
        assert plug().say("watch_list", embed=eid)["error"] == "not_found"
    elsewhere = Ear(house, {"Origin": "https://other.example"})
    assert elsewhere.say("watch_list", embed=wall.eid)["error"] == "not_found"
    assert Ear(house, {"Origin": "https://blog.example"}).say("watch_list", embed=wall.eid) == {"ok": True}


def test_a_queue_of_a_desk_is_for_its_lead(house: Flask, client: Visitor, plug: Plug) -> None:
    desk, other = make.desk(), make.desk("roads")
    lead = make.lead(desk)
    make.sign_in(client, lead)
    assert client.post(f"/workspace/pass?desk={other.slug}").status_code == 403
    kept = client.post(f"/workspace/pass?desk={desk.slug}").json["pass"]
    staff.set_role(lead, "agent", by=SYSTEM)
    assert plug().say("watch_queue", **{"pass": kept})["error"] == "unauthorized"


def test_clients_can_not_name_rooms(house: Flask, plug: Plug) -> None:
    ticket, ear = make.ticket(visibility="private"), plug()
    staff_room = f"{ticket.ref}|staff|html"
    strange: tuple[dict[str, Any], ...] = ({"ref": "\ud800"}, {"ref": "a\0b"}, {"embed": "\ud800"}, {"ref": ""})
    for what in (
        {"ref": staff_room},
        {"ref": [ticket.ref]},
        {"ref": None},
        {"embed": staff_room},
        {"embed": 7},
        *strange,
    ):
        assert "error" in plug().say("watch", after=0, **what)
    ear.say("watch_list", desk=f"x|{staff_room}")
    ear.say("watch_list", desk={"a": 1})
    ear.say("unwatch", ref={"a": [1]})
    make.post(ticket, "note", text="for staff alone")
    assert ear.hears("event") == []


def test_an_embed_that_is_revoked_or_elsewhere_closes_its_rooms(house: Flask, plug: Plug) -> None:
    ticket, ear = make.ticket(), plug()
    embed = embeds.create(ticket, by=make.customer(ticket), theme="auto", sites=[])
    assert "opened" in kinds(ear.say("watch", embed=embed.eid, after=0))
    embeds.revoke(embed.eid, by=make.customer(ticket))
    assert ear.waits_for("gone")["embed"] == embed.eid
    assert ear.say("watch", embed=embed.eid, after=0)["error"] == "not_found"


def test_a_restyled_embed_keeps_those_who_may_watch_it_and_lets_the_others_go(house: Flask) -> None:
    blog, other = "https://blog.example", "https://other.example"
    ticket = make.ticket()
    embed, by = embeds.create(ticket, by=make.customer(ticket)), make.customer(ticket)
    here, elsewhere = Ear(house, {"Origin": blog}), Ear(house, {"Origin": other})
    for ear in (here, elsewhere):
        ear.say("watch", embed=embed.eid, after=0)
    embeds.change(embed.eid, by=by, theme="dark", sites=[blog])
    assert here.waits_for("changed")["embed"] == elsewhere.waits_for("gone")["embed"] == embed.eid
    make.post(ticket, "update")
    here.waits_for("event")
    assert (here.hears("gone"), elsewhere.hears("event")) == ([], [])
    embeds.change(embed.eid, by=by, variant="wall")
    assert here.waits_for("gone")["embed"] == embed.eid, "a wall is watched in another room"
    assert here.say("watch_list", embed=embed.eid) == {"ok": True}


def test_a_bearer_token_gets_no_more_from_a_pass_than_the_public(house: Flask, client: Visitor, plug: Plug) -> None:
    public = make.ticket()
    header = make.bearer(make.agent(public.desk))
    kept = client.post(f"/t/{public.ref}/pass", headers=header).json["pass"]
    make.post(public, "note", text="for staff alone")
    assert "note" not in kinds(plug().say("watch", ref=public.ref, after=0, **{"pass": kept}))


def test_a_copy_of_a_cookie_opens_nothing_after_signing_out(house: Flask, client: Visitor) -> None:
    person = make.agent(password="a sentence of hers")
    client.post("/signin", data={"email": person.email, "password": "a sentence of hers"})
    cookie = client.get_cookie("nameplate")
    assert cookie
    assert client.get("/workspace/").status_code == 200
    client.post("/signout")
    thief = house.test_client()
    thief.set_cookie("nameplate", cookie.value)
    assert thief.get("/workspace/").status_code == 303
    assert thief.get("/api/v1/me").json["person"] is None


def test_signing_in_again_begins_another_session_and_keeps_the_customers_tickets(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    person = make.agent(make.desk("roads"), password="a sentence of hers")
    make.own(client, ticket)
    before = client.get_cookie("nameplate")
    client.post("/signin", data={"email": person.email, "password": "a sentence of hers"})
    after = client.get_cookie("nameplate")
    assert before
    assert after
    assert before.value != after.value
    assert client.get(f"/t/{ticket.ref}").status_code == 200
    tickets.revoke_keys(ticket.ref, by=make.customer(ticket), keep=[])
    assert client.get(f"/t/{ticket.ref}").status_code == 404


def write(ticket: Ticket) -> None:
    drafts.keep(ticket, {"text": "Half a sentence"}, by=make.viewer(ticket.assignee))


def test_pages_hear_that_somebody_writes_and_badges_and_programs_do_not(house: Flask, plug: Plug) -> None:
    ticket, page, bare = make.ticket(), plug(), plug()
    page.say("watch", ref=ticket.ref, after=0, html=True)
    bare.say("watch", ref=ticket.ref, after=0)
    write(ticket)
    said = page.waits_for("writing")
    assert (said["ref"], said["name"]) == (ticket.ref, ticket.assignee.name)
    make.post(ticket, "update")
    bare.waits_for("event")
    assert bare.hears("writing") == []
    assert wait_until(lambda: len(page.hears("writing")) == 2, within=10)
    assert page.hears("writing")[-1]["name"] is None


def test_whoever_watches_a_private_ticket_does_not_hear_that_somebody_writes(
    house: Flask, client: Visitor, plug: Plug
) -> None:
    ticket = make.ticket(visibility="private")
    make.own(client, ticket)
    owner = plug()
    owner.say("watch", ref=ticket.ref, after=0, html=True, **{"pass": pass_of(client, ticket)})
    write(ticket)
    make.post(ticket, "note", text="A note")
    make.post(ticket, "update")
    owner.waits_for("event")
    assert [said["name"] for said in owner.hears("writing") if said["name"]] == []


def test_a_helper_who_goes_leaves_the_room(house: Flask, client: Visitor, plug: Plug) -> None:
    ticket = make.ticket(visibility="private")
    mia = make.agent(make.desk("streets"))
    make.post(ticket, "helper_added", to=mia)
    make.sign_in(client, mia)
    ear = plug()
    assert "opened" in kinds(ear.say("watch", ref=ticket.ref, after=0, **{"pass": pass_of(client, ticket)}))
    make.post(ticket, "helper_left", mia, to=mia)
    ear.waits_for("gone")
