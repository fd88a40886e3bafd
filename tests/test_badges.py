"""Badges, timelines and walls: what they say as JSON, which tickets a wall may show, and who keeps it."""

import pytest
from flask import Flask
from sqlalchemy import select

from tests import make
from tests.houses import ORIGIN, Visitor
from tests.test_widgets import built
from tracker import embeds, erasure, sightings, store, tickets
from tracker.errors import Forbidden, Invalid
from tracker.models import Embed, Ticket
from tracker.models.embeds import Sighting
from tracker.permissions import Viewer

ADDRESS = "cara@home.example"


def wall(*those: Ticket, by: Viewer | None = None, **given: object) -> Embed:
    refs = [one.ref for one in those]
    who = by or make.customer(*those)
    return embeds.create(those[0], by=who, variant="wall", picks=refs, **given)  # type: ignore[arg-type]


def subjects(client: Visitor, embed: Embed) -> list[str]:
    answer = client.get(f"/e/{embed.eid}/badge.json").json
    assert answer is not None
    return [one["subject"] for one in answer["items"]]


def test_a_timeline_is_the_badge_with_its_last_five_public_events(client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "note", text="Not for you")
    for number in range(5):
        make.post(ticket, "update", text=f"Word **{number}**")
    eid = make.worn(ticket, variant="timeline").eid
    badge, timeline = (client.get(f"/e/{eid}/{part}.json").json for part in ("badge", "timeline"))
    assert badge is not None
    assert timeline is not None
    recent = timeline.pop("recent")
    assert timeline == badge
    assert [one["seq"] for one in recent] == sorted(one["seq"] for one in recent)
    assert len(recent) == 5
    assert recent[-1]["kind"] == "promise_kept"
    assert recent[-2]["html"] == "<p>Word <strong>4</strong></p>"
    assert set(recent[0]) == {"seq", "kind", "at", "sentence", "actor", "html", "standard"}
    assert set(recent[0]["actor"]) == {"name", "role", "face"}
    assert "Not for you" not in str(recent)


def test_hidden_words_leave_a_timeline(client: Visitor) -> None:
    ticket = make.ticket()
    spoken = make.post(ticket, "update", text="Her canary is Pip")
    make.post(ticket, "redacted", target=spoken.seq, reason="A name")
    answer = client.get(f"/e/{make.worn(ticket).eid}/timeline.json")
    assert "canary" not in answer.text


def test_a_desk_s_wall_shows_its_public_tickets_and_no_others(client: Visitor) -> None:
    desk, other = make.desk(), make.desk("streets")
    shown = make.ticket(desk, subject="The tap drips")
    for visibility in ("unlisted", "private"):
        make.ticket(desk, visibility=visibility)
    make.ticket(other)
    embed = embeds.create(desk, by=make.viewer(make.lead(desk)))
    facts = client.get(f"/e/{embed.eid}/badge.json").json
    assert facts is not None
    assert set(facts) == {"epoch", "variant", "theme", "url", "title", "items", "more"}
    assert (facts["variant"], facts["title"], facts["url"]) == ("wall", desk.name, f"{ORIGIN}/desks/{desk.slug}")
    assert [one["ref"] for one in facts["items"]] == [shown.ref]
    assert facts["items"][0]["assignee"]["name"] == shown.assignee.name
    assert facts["more"] is False


def test_a_wall_that_has_more_than_it_shows_says_so(client: Visitor) -> None:
    desk = make.desk()
    for _ in range(13):
        make.ticket(desk)
    embed = embeds.create(desk, by=make.viewer(make.lead(desk)), title="All of ours")
    facts = client.get(f"/e/{embed.eid}/badge.json").json
    assert facts is not None
    assert (len(facts["items"]), facts["more"], facts["title"]) == (12, True, "All of ours")


def test_a_ticket_that_turns_private_leaves_its_walls_at_once(client: Visitor) -> None:
    one = make.ticket(subject="One", email=ADDRESS)
    two = make.ticket(subject="Two", email=ADDRESS)
    embed = wall(two, one)
    desk_wall = embeds.create(one.desk, by=make.viewer(make.lead(one.desk)))
    assert subjects(client, embed) == ["Two", "One"]
    make.post(two, "visibility_changed", visibility="private")
    assert subjects(client, embed) == ["One"]
    assert subjects(client, desk_wall) == ["One"]
    make.post(one, "visibility_changed", visibility="unlisted")
    assert subjects(client, embed) == ["One"], "an unlisted one its customer picked themselves"
    assert subjects(client, desk_wall) == []


def test_a_wall_takes_only_tickets_of_the_same_confirmed_address(house: Flask) -> None:
    mine = make.ticket(email=ADDRESS)
    unconfirmed = make.ticket(email=ADDRESS, confirmed=False)
    for foreign in (make.ticket(), unconfirmed):
        with pytest.raises(Invalid):
            wall(mine, foreign)
    assert [pick.ticket_id for pick in wall(mine).picks] == [mine.id]


def test_a_secret_link_of_one_ticket_does_not_list_the_unlisted_others(house: Flask) -> None:
    mine = make.ticket(email=ADDRESS)
    unlisted = make.ticket(email=ADDRESS, visibility="unlisted")
    make.ticket(email=ADDRESS, visibility="private")
    assert embeds.pickable(mine, by=make.customer(mine)) == [mine]
    assert embeds.pickable(mine, by=make.customer(mine, unlisted)) == [unlisted, mine]


def test_what_stands_on_a_wall_may_stay_whoever_restyles_it(house: Flask) -> None:
    mine = make.ticket(email=ADDRESS)
    unlisted = make.ticket(email=ADDRESS, visibility="unlisted")
    embed = wall(mine, unlisted)
    changed = embeds.change(embed.eid, by=make.customer(mine), picks=[unlisted.ref, mine.ref], title="Mine")
    assert [pick.ticket_id for pick in changed.picks] == [unlisted.id, mine.id]
    assert changed.title == "Mine"


def test_only_who_runs_a_desk_puts_its_wall_up_or_takes_it_back(house: Flask) -> None:
    desk = make.desk()
    embed = embeds.create(desk, by=make.viewer(make.lead(desk)))
    for stranger in (make.agent(desk), make.lead(make.desk("streets"))):
        with pytest.raises(Forbidden):
            embeds.create(desk, by=make.viewer(stranger))
        with pytest.raises(Forbidden):
            embeds.revoke(embed.eid, by=make.viewer(stranger))
    assert embeds.revoke(embed.eid, by=make.viewer(make.admin())).revoked_at


def test_a_wall_for_which_nothing_was_picked_shows_the_ticket_it_is_kept_on(client: Visitor) -> None:
    ticket = make.ticket()
    embed, page = built(client, ticket, variant="wall", picks="")
    assert [one.ticket_id for one in embed.picks] == [ticket.id]
    assert client.post(f"{page}/{embed.eid}", data={"variant": "badge"}).status_code == 303
    assert client.post(f"{page}/{embed.eid}", data={"variant": "wall"}).status_code == 303
    facts = client.get(f"/e/{embed.eid}/badge.json").json
    assert facts is not None
    assert [one["subject"] for one in facts["items"]] == [ticket.subject]


def test_a_desk_has_walls_only(house: Flask) -> None:
    desk = make.desk()
    lead = make.viewer(make.lead(desk))
    with pytest.raises(Invalid) as refused:
        embeds.create(desk, by=lead, variant="card")
    assert "variant" in refused.value.fields
    assert embeds.create(desk, by=lead).is_wall


def test_what_was_taken_back_leaves_room_for_another(house: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeds, "MOST_EMBEDS", 2)
    ticket = make.ticket()
    first, second = make.worn(ticket), make.worn(ticket)
    with pytest.raises(Invalid):
        make.worn(ticket)
    embeds.revoke(second.eid, by=make.customer(ticket))
    third = make.worn(ticket)
    assert [one.eid for one in embeds.kept(ticket)] == [third.eid, first.eid, second.eid], "taken back ones last"


def tries(ticket: Ticket) -> str:
    return f"/t/{ticket.ref}/embeds/tried"


def test_a_wall_is_tried_before_it_is_kept_with_nothing_it_could_not_show(client: Visitor) -> None:
    one, two = (make.ticket(email=ADDRESS, subject=subject) for subject in ("No light", "The door sticks"))
    hidden, other = make.ticket(email=ADDRESS, visibility="private", subject="Between us"), make.ticket()
    make.own(client, one)
    asked = {"variant": "wall", "picks": [one.ref, two.ref, hidden.ref, other.ref], "title": "My <b>house"}
    tried = client.get(f"{tries(one)}/frame", query_string=asked | {"theme": "dark"})
    for words in ("No light", "The door sticks", "My &lt;b&gt;house", "theme--dark"):
        assert words in tried.text
    assert not [ref for ref in (hidden.ref, other.ref) if ref in tried.text]
    facts = client.get(f"{tries(one)}/facts", query_string=asked).json
    assert [item["ref"] for item in facts["items"]] == [two.ref, one.ref]
    assert (facts["title"], facts["variant"]) == ("My <b>house", "wall")
    assert ">2 open<" in client.get(f"{tries(one)}/picture", query_string=asked).text
    alone = client.get(f"{tries(one)}/frame?variant=wall").text
    assert one.ref in alone, "the ticket itself when none is picked"
    assert two.ref not in alone
    assert embeds.kept(one) == []


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_a_badge_is_tried_before_it_is_kept_by_who_may_keep_it(client: Visitor, visibility: str) -> None:
    ticket = make.ticket(subject="No light", visibility=visibility)
    make.post(ticket, "update", text="The part is ordered.")
    make.own(client, ticket)
    timeline = client.get(f"{tries(ticket)}/frame?variant=timeline&theme=dark")
    for words in ("No light", "The part is ordered.", "theme--dark", 'aria-label="What was said last"'):
        assert words in timeline.text
    assert "frame-ancestors 'self'" in timeline.headers["Content-Security-Policy"]
    facts = client.get(f"{tries(ticket)}/facts?variant=card")
    assert facts.json["subject"] == "No light"
    assert facts.json["latest"]["html"] in [one["html"] for one in facts.json["recent"]]
    picture = client.get(f"{tries(ticket)}/picture?label=My+lamp&color=ff8800&style=flat-square&theme=dark")
    assert picture.content_type == "image/svg+xml; charset=utf-8"
    for words in ("My lamp", ticket.assignee.name, "#ff8800"):
        assert words in picture.text
    for answer in (timeline, facts, picture):
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert client.get(f"{tries(ticket)}/other").status_code == 404


@pytest.mark.parametrize("form", ["facts", "frame", "picture"])
def test_nobody_else_is_shown_what_is_tried(house: Flask, client: Visitor, form: str) -> None:
    ticket, other = make.ticket(visibility="private", subject="No light"), make.ticket()
    address = f"{tries(ticket)}/{form}"
    assert client.get(address).status_code == 404
    make.own(client, other)
    assert client.get(address).status_code == 404
    assert client.get(f"{tries(make.ticket())}/{form}").status_code in (401, 403), "a public one is its customer's too"
    make.sign_in(client, ticket.assignee)
    told = client.get(address)
    assert told.status_code == 403
    assert "No light" not in told.text


def test_a_desk_s_wall_is_tried_with_its_public_tickets(client: Visitor) -> None:
    public, unlisted = make.ticket(), make.ticket(visibility="unlisted")
    make.sign_in(client, make.lead(public.desk))
    page = client.get(f"/workspace/desk/{public.desk.slug}/embeds/tried/frame?title=In+this+house").text
    assert "In this house" in page
    assert public.ref in page
    assert unlisted.ref not in page


def test_a_wall_taken_back_or_asked_for_by_another_site_is_grey(client: Visitor) -> None:
    ticket = make.ticket()
    embed = wall(ticket, sites=["https://blog.example"])
    address = f"/e/{embed.eid}/badge.json"
    assert client.get(address, headers={"Origin": "https://other.example"}).json == {"status": "unknown"}
    assert client.get(address, headers={"Origin": ORIGIN}).json != {"status": "unknown"}, "previews on our own pages"
    embeds.revoke(embed.eid, by=make.customer(ticket))
    assert client.get(address).json == {"status": "unknown"}


def test_what_a_customer_put_on_sites_goes_with_them(client: Visitor) -> None:
    ticket = make.ticket(name="Carola Canaria")
    embed = wall(ticket, title="What Carola Canaria waits for", sites=["https://canaria.example"])
    sightings.note(embed.eid, "canaria.example", "script")
    sightings.counter().flush()
    erasure.ticket(ticket.ref, by=make.customer(ticket))
    sightings.note(embed.eid, "canaria.example", "script")
    sightings.counter().flush()
    store.session().expire_all()
    (left,) = store.session().scalars(select(Embed).where(Embed.ticket_id == ticket.id))
    assert (left.title, left.sites, left.revoked_at is None) == ("", [], False)
    assert store.session().scalars(select(Sighting)).all() == []
    assert "Canaria" not in client.get(f"/e/{embed.eid}").text
    assert client.get(f"/e/{embed.eid}/badge.json").json == {"status": "unknown"}


def test_the_picture_of_a_wall_counts_what_is_open(client: Visitor) -> None:
    one, two = make.ticket(email=ADDRESS), make.ticket(email=ADDRESS)
    make.post(two, "resolved")
    eid = wall(one, two, title="My street").eid
    assert 'aria-label="My street: 1 open"' in client.get(f"/e/{eid}/badge.svg").text
    with store.transaction():
        tickets.timeline.lock(one.ref).overdue = True
    shields = client.get(f"/e/{eid}/shields.json").json
    assert shields is not None
    assert (shields["label"], shields["message"]) == ("My street", "1 open, 1 overdue")
