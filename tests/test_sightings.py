"""Where embeds are seen: hosts and numbers, bounded, written by the minute; nothing of a reader."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from time_machine import Traveller

from tests import make
from tests.houses import Visitor
from tracker import embeds, sightings, store
from tracker.models import Embed, Sighting

pytestmark = pytest.mark.usefixtures("travel")  # views are counted by the day: none ends meanwhile
BLOG = {"Origin": "https://blog.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def embed(house: Flask) -> Embed:
    ticket = make.ticket()
    return embeds.create(ticket, by=make.customer(ticket))


def flush(house: Flask) -> None:
    house.extensions["tracker_sightings"].flush()


def rows() -> list[tuple[str, str, int]]:
    query = select(Sighting.site, Sighting.way, Sighting.views).order_by(Sighting.site, Sighting.way)
    return [(row[0], row[1], row[2]) for row in store.session().execute(query)]


def test_a_page_of_another_site_tells_that_an_embed_was_seen_there(house: Flask, client: Visitor, embed: Embed) -> None:
    for headers in (
        BLOG,
        BLOG,
        {"Referer": "https://Paper.example:8443/today?q=secret", "Sec-Fetch-Site": "cross-site"},
    ):
        answer = client.post(f"/e/{embed.eid}/seen", headers=headers)
        assert (answer.status_code, answer.data) == (204, b"")
        assert "Set-Cookie" not in answer.headers
    assert rows() == [], "nothing is written while readers wait"
    flush(house)
    assert rows() == [("blog.example", "script", 2), ("paper.example", "script", 1)]
    client.post(f"/e/{embed.eid}/seen", headers=BLOG)
    flush(house)
    assert rows()[0] == ("blog.example", "script", 3)


def test_a_picture_counts_when_it_is_drawn(house: Flask, client: Visitor, embed: Embed) -> None:
    client.get(f"/e/{embed.eid}/badge.svg", headers={"Referer": "https://code.example/readme"})
    flush(house)
    assert rows() == [("code.example", "image", 1)]


def test_a_frame_of_ours_says_where_it_stands_and_our_own_previews_do_not_count(
    house: Flask, client: Visitor, embed: Embed
) -> None:
    ours = {"Origin": "http://localhost"}
    client.post(f"/e/{embed.eid}/seen?on=blog.example", headers=ours)
    client.post(f"/e/{embed.eid}/seen", headers=ours)
    client.post(f"/e/{embed.eid}/seen?on=forged.example", headers=BLOG)
    flush(house)
    assert rows() == [("blog.example", "script", 2)]


def test_a_flood_of_invented_hosts_ends_in_others(house: Flask, embed: Embed) -> None:
    for number in range(200):
        sightings.note(embed.eid, f"site-{number}.example", sightings.SCRIPT)
        if number % 60 == 59:
            flush(house)
    flush(house)
    kept = rows()
    assert len(kept) == sightings.MOST_SITES + 1
    assert sum(views for _site, _way, views in kept) == 200
    assert next(views for site, _way, views in kept if site == sightings.OTHERS) == 150


@pytest.mark.parametrize("host", ["", "x" * 300 + ".example", "<script>", "a b"])
def test_what_is_no_host_is_counted_without_one(house: Flask, client: Visitor, embed: Embed, host: str) -> None:
    client.post(f"/e/{embed.eid}/seen", headers={"Origin": f"https://{host}", "Sec-Fetch-Site": "cross-site"})
    flush(house)
    assert rows() == [(sightings.UNSAID, "script", 1)]


def test_nothing_is_kept_of_embeds_that_are_none_or_of_sites_where_they_are_grey(
    house: Flask, client: Visitor, embed: Embed
) -> None:
    ticket = make.ticket()
    kept_to = embeds.create(ticket, by=make.customer(ticket), sites=["https://blog.example:8443"])
    for eid in ("0" * 12, "nonsense"):
        assert client.post(f"/e/{eid}/seen", headers=BLOG).status_code == 204
    client.post(f"/e/{kept_to.eid}/seen", headers={"Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"})
    client.post(f"/e/{kept_to.eid}/seen", headers=BLOG)
    flush(house)
    assert rows() == [("blog.example", "script", 1)]


@pytest.mark.parametrize("eid", ["%00" * 12, "a%00b", "%ED%A0%80", "x" * 5_000])
def test_an_id_that_no_database_takes_costs_nobody_their_views(
    house: Flask, client: Visitor, embed: Embed, eid: str
) -> None:
    client.post(f"/e/{embed.eid}/seen", headers=BLOG)
    client.post(f"/e/{eid}/seen", headers=BLOG)
    flush(house)
    assert rows() == [("blog.example", "script", 1)]


def test_what_was_counted_is_written_a_minute_after_the_first_view(
    house: Flask, embed: Embed, monkeypatch: pytest.MonkeyPatch
) -> None:
    due: list[tuple[float, Callable[[], None]]] = []
    counter = house.extensions["tracker_sightings"]
    monkeypatch.setattr(counter, "after", lambda wait_s, work: due.append((wait_s, work)))
    for _ in range(3):
        sightings.note(embed.eid, "blog.example", sightings.SCRIPT)
    ((wait_s, write),) = due
    assert (wait_s, rows()) == (60, [])
    write()
    assert rows() == [("blog.example", "script", 3)]
    sightings.note(embed.eid, "blog.example", sightings.SCRIPT)
    assert len(due) == 2, "the next minute begins with the next view"


def test_what_could_not_be_written_is_written_later(
    house: Flask, embed: Embed, monkeypatch: pytest.MonkeyPatch
) -> None:
    sightings.note(embed.eid, "blog.example", sightings.SCRIPT)
    with monkeypatch.context() as broken:
        broken.setattr(sightings, "_write", lambda _taken: (_ for _ in ()).throw(sightings.TrackerError()))
        flush(house)
    sightings.note(embed.eid, "blog.example", sightings.SCRIPT)
    flush(house)
    assert rows() == [("blog.example", "script", 2)]


def test_the_figures_are_by_site_and_day_of_the_last_thirty_days(house: Flask, embed: Embed, travel: Traveller) -> None:
    def see(site: str, way: str = sightings.SCRIPT) -> None:
        sightings.note(embed.eid, site, way)
        flush(house)

    see("old.example")
    travel.shift(timedelta(days=30))
    see("blog.example")
    travel.shift(timedelta(days=1))
    see("blog.example")
    see("code.example", sightings.IMAGE)
    told = sightings.of([embed])[embed.eid]
    assert (told["views"], told["images"]) == (2, 1)
    assert told["sites"] == [("blog.example", 2), ("code.example", 1)]
    assert [views for _day, views in told["by_day"]] == [2, 1]
    assert embed.ticket
    assert sightings.on_page(embed.ticket) == told


def test_views_are_forgotten_with_the_day_that_is_shown_no_more(house: Flask, embed: Embed, travel: Traveller) -> None:
    sightings.note(embed.eid, "old.example", sightings.SCRIPT)
    flush(house)
    travel.shift(timedelta(days=sightings.DAYS - 1))
    sightings.note(embed.eid, "new.example", sightings.SCRIPT)
    flush(house)
    assert sightings.forget_old() == 0
    travel.shift(timedelta(days=1))
    assert sightings.forget_old() == 1
    assert rows() == [("new.example", "script", 1)]


def test_the_views_of_all_that_is_kept_on_a_page_are_added_up(house: Flask, embed: Embed) -> None:
    assert embed.ticket
    other = embeds.create(embed.ticket, by=make.customer(embed.ticket))
    for one, site in ((embed, "b.example"), (other, "a.example"), (other, "b.example")):
        sightings.note(one.eid, site, sightings.SCRIPT)
    flush(house)
    assert sightings.on_page(embed.ticket)["sites"] == [("b.example", 2), ("a.example", 1)]
    assert {eid: told["views"] for eid, told in sightings.of([embed, other]).items()} == {embed.eid: 1, other.eid: 2}


def test_the_customer_and_the_agent_are_shown_it_and_readers_are_not(
    house: Flask, client: Visitor, embed: Embed
) -> None:
    assert embed.ticket
    for _ in range(3):
        sightings.note(embed.eid, "blog.example", sightings.SCRIPT)
    flush(house)
    page = f"/t/{embed.ticket.ref}"
    assert "blog.example" not in client.get(page).text
    agent = house.test_client()
    make.sign_in(agent, embed.ticket.assignee)
    make.own(client, embed.ticket)
    for who, address in ((client, page), (client, f"{page}/embeds"), (agent, page), (agent, f"/workspace{page}")):
        told = who.get(address).text
        assert "Seen <b>3</b> times" in told, address
        assert "<bdi>blog.example</bdi></th><td>3</td>" in told
