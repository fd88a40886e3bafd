"""What a process finds by itself when no notice reaches it: rights that ended, lists and queues that changed."""

from typing import Any

import pytest
from flask import Flask

from tests import make
from tests.houses import Visitor
from tests.test_live_fanout import Server, fanout
from tracker import browse, embeds, store, viewer
from tracker.live import fanout as live_fanout
from tracker.live.fanout import Fanout, Notice
from tracker.live.rooms import Watch
from tracker.models import Ticket

Said = tuple[str, Any, str]


class Deaf:
    """The fan-out of a process that no hint reaches, and what it said: name, what, to whom."""

    def __init__(self, house: Flask) -> None:
        self.said: list[Said] = []
        self.server = Server()
        self.server.emit = lambda name, what, to: self.said.append((name, what, to))  # type: ignore[attr-defined]
        self.fanout: Fanout = fanout(house, self.server)
        self.looks()

    def looks(self) -> list[Said]:
        """Let a second pass; return what was said in it."""
        self.said.clear()
        self.fanout._tail()
        return list(self.said)

    def watches(self, name: str, ticket: Ticket | None = None, **given: Any) -> str:
        """Let a socket of its own into a room; return its id."""
        sid, last = f"socket of {name}", ticket.last_seq if ticket else None
        self.fanout.watch(sid, Watch(name, (name,), ticket.ref if ticket else None, **given), last)
        return sid


@pytest.fixture
def deaf(house: Flask) -> Deaf:
    return Deaf(house)


def to_lists(said: list[Said]) -> dict[str, Any]:
    assert len({to for _name, _what, to in said}) == len(said), "each is told once"
    return {to: what["ref"] for name, what, to in said if name == "changed"}


def granted(client: Visitor, address: str) -> Any:
    return viewer.read_pass(client.post(address).json["pass"])


def test_who_signed_out_unheard_leaves_the_room_and_the_queue(deaf: Deaf, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    make.sign_in(client, make.agent(ticket.desk))
    sids = {
        deaf.watches("staff", ticket, audience="staff", granted=granted(client, f"/t/{ticket.ref}/pass")),
        deaf.watches("queue", granted=granted(client, "/workspace/pass")),
    }
    assert not [name for name, _what, _to in deaf.looks() if name == "gone"]
    client.post("/signout")
    assert {to for name, _what, to in deaf.looks() if name == "gone"} == sids
    assert deaf.server.rooms == []


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_before_a_note_is_told_rights_are_asked_again_whoever_s_turn_it_is(
    deaf: Deaf, client: Visitor, monkeypatch: pytest.MonkeyPatch, visibility: str
) -> None:
    monkeypatch.setattr(live_fanout, "REVIEWS_AT_ONCE", 0)
    ticket = make.ticket(visibility=visibility)
    make.sign_in(client, make.agent(ticket.desk))
    room = live_fanout.room(ticket.ref, "staff", html=False)
    sid = deaf.watches(room, ticket, audience="staff", granted=granted(client, f"/t/{ticket.ref}/pass"))
    client.post("/signout")
    make.post(ticket, "note", text="for staff alone")
    said = [(name, to) for name, _what, to in deaf.looks() if to in (sid, room)]
    assert said == [("gone", sid)]


def test_an_embed_taken_back_unheard_is_left_and_the_others_have_their_turn_too(
    deaf: Deaf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_fanout, "REVIEWS_AT_ONCE", 1)
    ticket = make.ticket()
    by = make.customer(ticket)
    stays, goes = (embeds.create(ticket, by=by).eid for _ in range(2))
    for eid in (stays, goes):
        deaf.watches(eid, ticket, embed=eid)
    embeds.revoke(goes, by=by)
    said = deaf.looks() + deaf.looks() + deaf.looks()
    assert [(name, what["embed"]) for name, what, _to in said if name == "gone"] == [("gone", goes)]


def test_lists_and_queues_are_told_once_of_what_no_notice_told(deaf: Deaf) -> None:
    ticket = make.ticket()
    ours = {f"queue|{ticket.assignee_id}": ticket.ref, f"queue|desk-{ticket.desk.slug}": ticket.ref}
    lists = {"list": ticket.ref, f"list|{ticket.desk.slug}": ticket.ref}
    deaf.watches("list")
    deaf.looks()
    make.post(ticket, "note", text="of no interest to lists")
    assert to_lists(deaf.looks()) == ours
    make.post(ticket, "update")
    assert to_lists(deaf.looks()) == ours | lists
    assert deaf.looks() == []
    make.post(make.fresh(ticket), "visibility_changed", visibility="private")
    hidden = dict.fromkeys(lists)
    assert {(to, what["ref"]) for _name, what, to in deaf.looks()} >= hidden.items()


def test_what_a_notice_told_is_not_told_again(deaf: Deaf) -> None:
    deaf.watches("list")
    ticket = make.ticket()
    for topic in ("event", "public_event", "visibility"):
        deaf.fanout._tell(Notice(topic, ticket.ref))
    assert deaf.looks() == []


@pytest.mark.parametrize("is_heard", [True, False])
def test_that_a_ticket_was_hidden_is_told_lists_once_whether_its_event_was_heard_or_not(
    deaf: Deaf, is_heard: bool
) -> None:
    ticket = make.ticket()
    deaf.watches("list")
    deaf.looks()
    make.post(ticket, "visibility_changed", visibility="private")
    for topic in ("event", *(["visibility"] if is_heard else [])):
        deaf.fanout._tell(Notice(topic, ticket.ref))
    assert ("list" in to_lists(deaf.looks())) == (not is_heard)
    assert deaf.looks() == []


def test_the_queue_of_whoever_is_asked_to_take_a_ticket_is_told(deaf: Deaf) -> None:
    ticket = make.ticket()
    taker = make.agent(ticket.desk)
    deaf.watches("queue")
    deaf.looks()
    make.post(ticket, "handoff_offered", to=taker)
    assert to_lists(deaf.looks())[f"queue|{taker.id}"] is None
    make.post(make.fresh(ticket), "handoff_declined", taker)
    assert to_lists(deaf.looks())[f"queue|{taker.id}"] is None


@pytest.mark.parametrize("visibility", ["public", "private"])
@pytest.mark.parametrize("is_heard", [True, False], ids=["by a notice", "unheard"])
def test_board_and_list_of_the_desk_that_a_ticket_leaves_are_told(
    deaf: Deaf, house: Flask, visibility: str, is_heard: bool
) -> None:
    ticket = make.ticket(visibility=visibility)
    taker, left = make.agent(make.desk("streets")), ticket.desk.slug
    make.post(ticket, "handoff_offered", to=taker)
    deaf.watches("list")
    deaf.looks()
    deaf.said.clear()
    if is_heard:
        store.after_commit(house, lambda *told: deaf.fanout._tell(Notice(*told)))
    make.post(make.fresh(ticket), "handoff_accepted", taker)
    told = {to for _name, _what, to in (deaf.said if is_heard else deaf.looks())}
    assert {f"queue|desk-{left}", f"queue|desk-{taker.desk.slug}", f"queue|{taker.id}"} <= told
    assert (f"list|{left}" in told) == (visibility == "public"), "of a hidden ticket lists are told nothing"


def test_a_ticket_that_cannot_be_shown_silences_no_other(
    deaf: Deaf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = make.ticket(), make.ticket()
    for ticket in (broken, sound):
        deaf.watches(live_fanout.room(ticket.ref, "public", html=False), ticket)
    real = browse.news

    def news(ticket: Ticket, **given: Any) -> Any:
        return 1 / 0 if ticket.ref == broken.ref else real(ticket, **given)

    monkeypatch.setattr(browse, "news", news)
    for ticket in (broken, sound):
        make.post(ticket, "update")
    assert {what["ref"] for name, what, _to in deaf.looks() if name == "event"} == {sound.ref}
    assert f"could not tell of Notice(topic='event', subject='{broken.ref}')" in caplog.text


def test_no_copy_shows_what_has_ended_when_its_reader_is_told(deaf: Deaf) -> None:
    ticket = make.ticket()
    embed = embeds.create(ticket, by=make.customer(ticket))
    deaf.watches("badge", ticket, embed=embed.eid)
    deaf.fanout.listeners.append(lambda topic, subject: deaf.said.append((topic, subject, "copies")))
    make.post(ticket, "visibility_changed", visibility="private")
    said = deaf.looks()
    gone = next(number for number, one in enumerate(said) if one[0] == "gone")
    assert ("embed", embed.eid, "copies") in said[:gone]
