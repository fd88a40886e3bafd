"""Role × act × state of the ticket, as data: who may do what, and who may not even know."""

from dataclasses import dataclass

import pytest
from flask import Flask

from tests import make
from tracker import permissions, store, tickets
from tracker.errors import Forbidden, NotFound, TrackerError, Unauthorized
from tracker.kinds import KINDS
from tracker.models import Ticket
from tracker.permissions import ANYONE, HOUSE_ACTS, SYSTEM, TICKET_ACTS, Viewer

READER = {"see", "thanks", "wait_too"}
CUSTOMER = {"see", "see_as_customer", "embed", "keep_key", "hook", "reply", "reply_published", "confirmed", "reopened"}
CUSTOMER |= {"feedback", "thanks", "visibility_changed", "erase"}
STAFF = {"see", "see_as_customer", "see_as_staff", "note", "corrected"}
ASSIGNEE = STAFF | {
    "update",
    "waiting",
    "resumed",
    "resolved",
    "declined",
    "promise_moved",
    "handoff_offered",
    "handoff_declined",
    "redacted",
    "helper_added",
    "helper_left",
}
LEAD = STAFF | {"reassigned", "redacted", "erased", "erase", "visibility_changed", "helper_added", "helper_left"}
LEAD |= {"handoff_declined"}
# What each role may do on a private ticket; on an unlisted or public one everybody is a reader as well.
TABLE: dict[str, set[str]] = {
    "nobody": set(),
    "customer": CUSTOMER,
    "customer of another ticket": set(),
    "assignee": ASSIGNEE,
    "agent of the desk": STAFF,
    "agent of another desk": set(),
    "agent it is offered to": STAFF | {"handoff_accepted", "handoff_declined"},
    "agent who helps": STAFF | {"helper_left"},
    "lead of the desk": LEAD,
    "lead of another desk": set(),
    "admin": LEAD,
    "assignee who left": set(),
    "assignee with a token that reads": {"see", "see_as_customer", "see_as_staff"},
    "assignee with a token that writes only": ASSIGNEE - {"see", "see_as_customer", "see_as_staff"},
    "assignee with a token that administers only": set(),
}
HOUSE: dict[str, set[str]] = {
    "nobody": {"open"},
    "customer": {"open"},
    "assignee": {"open", "work", "file", "keep_profile"},
    "lead of the desk": {"open", "work", "file", "keep_profile", "run_desk"},
    "lead of another desk": {"open", "work", "file", "keep_profile"},
    "admin": {"open", "work", "file", "keep_profile", "run_desk", "import", "administer", "measure"},
    "assignee who left": {"open"},
    "assignee with a token that reads": {"work"},
    "assignee with a token that writes only": {"open", "file"},
    "assignee with a token that administers only": set(),
}
ACTS = set(KINDS) | set(TICKET_ACTS)


@dataclass
class Cast:
    """A ticket and everybody who might ask for it."""

    ticket: Ticket
    viewers: dict[str, Viewer]


def cast(visibility: str) -> Cast:
    desk, elsewhere = make.desk(), make.desk("streets")
    ticket = make.ticket(desk, visibility=visibility)
    other, taker = make.ticket(make.desk("parks")), make.agent(elsewhere)
    make.post(ticket, "handoff_offered", to=taker)
    helper, left = make.agent(elsewhere), make.agent(desk, active=False)
    make.post(ticket, "helper_added", to=helper)
    mine = ticket.assignee
    viewers = {
        "nobody": ANYONE,
        "customer": make.customer(ticket),
        "customer of another ticket": make.customer(other),
        "assignee": make.viewer(mine),
        "agent of the desk": make.viewer(make.agent(desk)),
        "agent of another desk": make.viewer(make.agent(elsewhere)),
        "agent it is offered to": make.viewer(taker),
        "agent who helps": make.viewer(helper),
        "lead of the desk": make.viewer(make.lead(desk)),
        "lead of another desk": make.viewer(make.lead(elsewhere)),
        "admin": make.viewer(make.admin(elsewhere)),
        "assignee who left": make.viewer(left),
        "assignee with a token that reads": make.viewer(mine, scopes={"read"}),
        "assignee with a token that writes only": make.viewer(mine, scopes={"write"}),
        "assignee with a token that administers only": make.viewer(mine, scopes={"admin", "import"}),
    }
    return Cast(ticket, viewers)


@pytest.mark.parametrize("visibility", ["private", "unlisted", "public"])
def test_who_may_do_what_is_the_table(house: Flask, visibility: str) -> None:
    stage = cast(visibility)
    assert set(stage.viewers) == set(TABLE)
    for role, viewer in stage.viewers.items():
        allowed = TABLE[role]
        if visibility != "private":
            scopes = viewer.scopes or {"read", "write"}
            allowed = allowed | {act for act in READER if ("read" if act == "see" else "write") in scopes}
        found = {act for act in ACTS if permissions.may(viewer, act, stage.ticket)}
        assert found == allowed, role


@pytest.mark.parametrize("visibility", ["private", "unlisted", "public"])
def test_who_may_not_know_of_it_is_told_that_it_is_absent(house: Flask, visibility: str) -> None:
    stage = cast(visibility)
    for role, viewer in stage.viewers.items():
        for act in ACTS:
            refusal = _refusal(viewer, act, stage.ticket)
            knows = permissions.may(viewer, "see", stage.ticket)
            if permissions.may(viewer, act, stage.ticket) and knows:
                assert refusal is None, (role, act)
            elif not knows:
                assert isinstance(refusal, NotFound), (role, act)
                assert (refusal.message, refusal.fields, refusal.facts) == (NotFound.default, {}, {})
            else:
                assert isinstance(refusal, Forbidden | Unauthorized), (role, act)


def test_who_may_do_what_in_the_house_is_the_table(house: Flask) -> None:
    stage = cast("private")
    desk = stage.ticket.desk
    for role, allowed in HOUSE.items():
        found = {act for act in HOUSE_ACTS if permissions.may(stage.viewers[role], act, desk)}
        assert found == allowed, role


def test_every_act_is_in_the_table() -> None:
    reachable = READER.union(*TABLE.values())
    postable = {name for name, kind in KINDS.items() if kind.posted_by}
    assert reachable == postable | set(TICKET_ACTS)
    assert set().union(*HOUSE.values()) == set(HOUSE_ACTS)


def test_the_system_passes_where_no_person_does(house: Flask) -> None:
    ticket = make.ticket(visibility="private")
    assert permissions.audience(SYSTEM, ticket) == "staff"
    assert not permissions.may(SYSTEM, "update", ticket)


def test_an_answered_offer_ends_the_right_to_look(house: Flask) -> None:
    stage = cast("private")
    taker = stage.viewers["agent it is offered to"]
    make.post(stage.ticket, "handoff_declined", taker)
    assert permissions.audience(taker, stage.ticket) is None
    with pytest.raises(NotFound):
        make.post(stage.ticket, "note", taker)


def test_passing_a_ticket_on_ends_the_right_of_the_desk_it_left(house: Flask) -> None:
    stage = cast("private")
    make.post(stage.ticket, "handoff_accepted", stage.viewers["agent it is offered to"])
    assert permissions.audience(stage.viewers["assignee"], stage.ticket) is None
    assert permissions.audience(stage.viewers["lead of another desk"], stage.ticket) == "staff"


def test_leaving_ends_every_right_at_once(house: Flask) -> None:
    ticket = make.ticket(visibility="private")
    viewer = make.assignee(ticket)
    assert viewer.person
    with store.transaction():
        viewer.person.active = False
    assert permissions.audience(viewer, ticket) is None
    with pytest.raises(NotFound):
        tickets.post(ticket.ref, "note", {"text": "One more."}, by=viewer)


def _refusal(viewer: Viewer, act: str, ticket: Ticket) -> TrackerError | None:
    try:
        permissions.require(viewer, act, ticket)
    except TrackerError as error:
        return error
    return None
