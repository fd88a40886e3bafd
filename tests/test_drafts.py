"""Words being written: kept for their author alone, gone once said; who is there, and who may know it."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tests.test_workspace import desk_of, field, read, send
from tracker import drafts, store
from tracker.errors import Forbidden, Invalid, NotFound
from tracker.models import Draft, Person, Ticket
from tracker.permissions import ANYONE

MOMENT = timedelta(seconds=1)


def write(ticket: Ticket, by: Person, text: str = "I stand in your stairwell", seen: int = 0, **typed: str) -> Draft:
    return drafts.keep(ticket, {"text": text, **typed}, by=make.viewer(by), seen=seen or ticket.last_seq)


def test_a_draft_comes_back_on_any_device_of_its_author_and_to_nobody_else(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    typed = {"text": "I stand in *your* stairwell", "next": "date", "next_word_at": "2036-01-01T10:00"}
    assert client.put(f"{desk_of(ticket)}/draft", data=typed | {"seen": "2"}).json == {"present": []}
    other = house.test_client()
    make.sign_in(other, ticket.assignee)
    page = read(other.get(desk_of(ticket)))
    assert "I stand in *your* stairwell</textarea>" in page
    assert 'value="2036-01-01T10:00"' in page
    assert 'value="date" data-key="4" checked' in page
    make.sign_in(other, make.lead(ticket.desk))
    assert "stairwell" not in other.get(desk_of(ticket)).text


def test_without_scripts_a_button_keeps_the_words(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    answer = client.post(f"{desk_of(ticket)}/draft", data={"text": "Half a sentence", "next": "solved"})
    assert (answer.status_code, answer.location) == (303, desk_of(ticket))
    page = read(client.get(desk_of(ticket)))
    assert "Half a sentence</textarea>" in page
    assert 'value="solved" data-key="5" checked' in page
    assert make.kinds_of(ticket)[-1] != "update"


def test_a_draft_is_gone_once_it_was_said_and_stays_while_something_else_is(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    write(ticket, ticket.assignee)
    send(client, ticket, "note", text="Not this.")
    assert drafts.typed(ticket, ticket.assignee)["text"] == "I stand in your stairwell"
    send(client, ticket, "update", text="I stand in your stairwell", next=make.ahead(days=2))
    assert drafts.typed(ticket, ticket.assignee) == {}


def test_a_save_that_comes_after_the_words_were_sent_brings_no_draft_back(house: Flask) -> None:
    ticket = make.ticket()
    before = ticket.last_seq
    make.post(ticket, "update")
    write(ticket, ticket.assignee, seen=before)
    assert drafts.typed(ticket, ticket.assignee) == {}
    write(ticket, ticket.assignee, seen=make.fresh(ticket).last_seq)
    assert drafts.typed(ticket, ticket.assignee)


@pytest.mark.parametrize("seen", ["²", "9" * 5_000, "-1", "x", ""])
def test_a_save_that_misstates_its_page_keeps_the_words(house: Flask, client: Visitor, seen: str) -> None:
    ticket = make.ticket()
    make.post(ticket, "update")
    make.sign_in(client, ticket.assignee)
    assert client.put(f"{desk_of(ticket)}/draft", data={"text": "Half", "seen": seen}).status_code == 200
    assert drafts.typed(ticket, ticket.assignee)["text"] == "Half"


def test_a_preview_shows_the_words_as_they_will_read_and_says_nothing(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    typed = {"text": "It is *mended* <script>alert(1)</script>", "next": "solved"}
    page = read(client.post(f"{desk_of(ticket)}/preview", data=typed))
    assert '<div class="said" dir="auto"><p>It is <em>mended</em> &lt;script&gt;' in page
    assert field(page, "version")
    assert "resolved" not in make.kinds_of(ticket)
    assert "It is *mended*" in client.get(desk_of(ticket)).text
    assert client.get(f"{desk_of(ticket)}/preview").location == desk_of(ticket)


def test_a_preview_hides_from_readers_what_sending_would_and_nothing_where_only_the_two_sides_read(
    house: Flask, client: Visitor
) -> None:
    typed = {"text": "We call you on 030 5550147.", "next": "solved"}
    for visibility, reads in (("public", "on ‹phone number hidden›."), ("private", "on 030 5550147.")):
        ticket = make.ticket(visibility=visibility)
        make.sign_in(client, ticket.assignee)
        shown = read(client.post(f"{desk_of(ticket)}/preview", data=typed)).partition('id="preview"')[2]
        shown = shown.partition("</section>")[0]
        assert reads in shown
        assert ("Readers do not see: phone number." in shown) == (visibility == "public")


def test_colleagues_see_each_other_look_and_write_for_fifteen_seconds(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    ann, ben = ticket.assignee, make.agent(ticket.desk, name="Ben Adeyemi")
    drafts.keep(ticket, {}, by=make.viewer(ben))
    write(ticket, ann)
    assert drafts.present(ticket, besides=ann) == [(ben, False)]
    assert drafts.present(ticket, besides=ben) == [(ann, True)]
    travel.shift(drafts.PRESENT_FOR - MOMENT)
    drafts.keep(ticket, {}, by=make.viewer(ann))
    travel.shift(MOMENT)
    assert drafts.present(ticket, besides=ann) == []
    assert drafts.present(ticket, besides=ben) == [(ann, False)], "there, and no longer writing"


def test_the_desk_says_who_else_is_there(house: Flask, client: Visitor, travel: Traveller) -> None:
    ticket = make.ticket()
    ben = make.agent(ticket.desk, name="Ben Adeyemi")
    drafts.keep(ticket, {}, by=make.viewer(ben))
    make.sign_in(client, ticket.assignee)
    assert "Ben Adeyemi is looking at this too." in read(client.get(desk_of(ticket)))
    assert client.put(f"{desk_of(ticket)}/draft").json == {"present": [{"name": "Ben Adeyemi", "writing": False}]}


def test_who_writes_a_note_is_shown_to_colleagues_as_writing_and_to_nobody_else(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    ann, ben, heard = ticket.assignee, make.agent(ticket.desk), notices(house)
    for who, other in ((ann, ben), (ben, ann)):
        make.sign_in(client, who)
        assert client.put(f"{desk_of(ticket)}/draft", data={"writing": "yes"}).status_code == 200
        assert drafts.present(ticket, besides=other) == [(who, True)]
    assert drafts.writer(ticket) is None
    assert heard == []
    assert not drafts.typed(ticket, ann)


def notices(house: Flask) -> list[Any]:
    heard: list[Any] = []
    store.after_commit(house, lambda topic, subject: heard.append(subject) if topic == "writing" else None)
    return heard


def test_viewers_are_told_when_writing_begins_goes_on_and_ends(house: Flask, travel: Traveller) -> None:
    ticket, heard = make.ticket(), notices(house)
    ann = ticket.assignee
    write(ticket, ann, "I")
    write(ticket, ann, "I s")
    assert heard == [ticket.ref]
    assert drafts.writer(ticket) == ann
    travel.shift(drafts.TELL_EVERY)
    write(ticket, ann, "I st")
    assert heard == [ticket.ref] * 2
    make.post(ticket, "update")
    assert heard == [ticket.ref] * 3
    assert drafts.writer(ticket) is None


def test_who_stops_writing_is_no_longer_shown_writing(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    write(ticket, ticket.assignee)
    travel.shift(drafts.PRESENT_FOR)
    write(ticket, ticket.assignee)
    assert drafts.writer(ticket) is None, "the same words again are no writing"


@pytest.mark.parametrize("visibility", ["private", "unlisted", "public"])
def test_nobody_learns_that_somebody_writes_on_a_private_ticket(house: Flask, visibility: str) -> None:
    ticket = make.ticket(visibility=visibility)
    write(ticket, ticket.assignee)
    assert (drafts.writer(ticket) is None) == (visibility == "private")


def test_who_would_rather_not_is_not_shown_writing(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    assert 'name="shows_writing" value="true" checked' in read(client.get("/workspace/profile"))
    client.post("/workspace/profile", data={"name": ticket.assignee.name})
    write(make.fresh(ticket), ticket.assignee)
    store.session().refresh(ticket.assignee)
    assert drafts.writer(ticket) is None
    assert drafts.present(ticket, besides=make.agent(ticket.desk)) == [(ticket.assignee, True)]


def test_only_who_has_the_ticket_is_shown_writing(house: Flask) -> None:
    ticket, heard = make.ticket(), notices(house)
    write(ticket, make.agent(ticket.desk))
    assert drafts.writer(ticket) is None
    assert heard == []


def test_only_staff_of_the_ticket_keep_drafts_on_it(house: Flask, client: Visitor) -> None:
    ticket = make.ticket(visibility="private")
    with pytest.raises(NotFound):
        drafts.keep(ticket, {}, by=make.viewer(make.agent(make.desk("streets"))))
    with pytest.raises(NotFound):
        drafts.keep(ticket, {}, by=ANYONE)
    with pytest.raises(Forbidden):
        drafts.keep(ticket, {}, by=make.customer(ticket))
    make.own(client, ticket)
    assert client.put(f"{desk_of(ticket)}/draft", data={"text": "Me"}).status_code == 403
    assert client.put(f"{desk_of(ticket)}/draft", headers=make.bearer(ticket.assignee)).status_code == 403


def test_a_draft_of_another_site_or_too_long_is_refused(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.sign_in(client, ticket.assignee)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.put(f"{desk_of(ticket)}/draft", data={"text": "Hm"}, headers=foreign).status_code == 403
    with pytest.raises(Invalid):
        write(ticket, ticket.assignee, "x" * 10_001)
    write(ticket, ticket.assignee, "NUL \0 and \ud800")
    assert drafts.typed(ticket, ticket.assignee)["text"] == "NUL \ufffd and \ufffd"


def test_old_drafts_are_forgotten(house: Flask, travel: Traveller) -> None:
    ticket = make.ticket()
    write(ticket, ticket.assignee)
    drafts.keep(ticket, {}, by=make.viewer(make.agent(ticket.desk)))
    travel.shift(timedelta(days=2))
    drafts.forget_old()
    assert [one.text for one in store.session().query(Draft)] == ["I stand in your stairwell"]
    travel.shift(drafts.FORGOTTEN_AFTER)
    drafts.forget_old()
    assert drafts.forget_old() == 0
    assert store.session().query(Draft).count() == 0
