"""What views read for copies: once for all forms of a thing, and never given after something has changed it."""

import threading

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests import make, reading
from tests.houses import Visitor
from tests.servers.ground import wait_until
from tracker import copies, embeds, store
from tracker.live import readings
from tracker.live.readings import EVERYTHING, Drops, Readings, Sitting
from tracker.live.shelf import Shelf


class Things:
    """Readings, and how often something was read for them."""

    def __init__(self) -> None:
        self.drops = Drops()
        self.readings = Readings(self.drops)
        self.reads = 0

    def read(self, *about: str) -> copies.Reading:
        self.reads += 1
        return copies.Reading(frozenset(about))

    def ask(self, name: str, *about: str, began: float = 0) -> float:
        """Ask as one view does that began then; return as of when its answer is."""
        sitting = Sitting(self.readings, began)
        sitting.once(name, lambda: self.read(*about))
        return sitting.as_of

    def drop(self, subject: str) -> None:
        with self.drops.lock:
            self.drops.add(subject)


def test_what_was_read_under_one_name_is_there_under_all_it_is_about_and_keeps_its_age() -> None:
    one = Things()
    assert one.ask("eid", "ref", "eid", "other", began=10) == 10
    for name in ("ref", "eid", "other"):
        assert one.ask(name, "ref", "eid", "other", began=11) == 10
    assert one.reads == 1


def test_it_is_read_anew_when_a_copy_of_it_would_be_made_anew() -> None:
    one = Things()
    one.ask("ref", "ref")
    assert one.ask("ref", "ref", began=readings.RENEWED_AFTER_S) == readings.RENEWED_AFTER_S
    assert one.reads == 2


@pytest.mark.parametrize("subject", ["ref", "eid", EVERYTHING])
def test_a_change_of_any_part_drops_the_whole(subject: str) -> None:
    one = Things()
    one.ask("ref", "ref", "eid")
    one.drop("another")
    one.ask("eid", "ref", "eid")
    assert one.reads == 1
    one.drop(subject)
    one.ask("ref", "ref", "eid")
    one.ask("eid", "ref", "eid")
    assert one.reads == 2


def test_a_change_of_what_several_are_about_drops_them_all() -> None:
    one = Things()
    for _ in range(2):
        for name in ("a wall", "another"):
            one.ask(name, name, copies.LISTS)
        one.drop(copies.LISTS)
    assert one.reads == 4


def test_what_a_change_overtook_while_it_was_read_is_given_to_nobody_else() -> None:
    one = Things()
    sitting = Sitting(one.readings, 0)

    def read() -> copies.Reading:
        one.drop("ref")
        return one.read("ref")

    sitting.once("ref", read)
    one.ask("ref", "ref")
    assert one.reads == 2


def test_a_name_that_is_no_longer_part_of_it_is_read_by_itself() -> None:
    one = Things()
    one.ask("eid", "ref", "eid")
    one.ask("ref", "ref", began=2)
    one.ask("eid", "eid", began=2)
    assert one.reads == 3


def test_what_is_no_reading_or_fails_is_never_kept() -> None:
    one = Things()
    for _ in range(2):
        sitting = Sitting(one.readings, 0)
        assert sitting.once("wall", lambda: "a wall") == "a wall"
        with pytest.raises(LookupError):
            sitting.once("none", lambda: {}["none"])  # type: ignore[var-annotated]
    assert not one.readings._places


def test_who_wants_what_is_being_read_waits_for_it() -> None:
    one, may_end = Things(), threading.Event()

    def read() -> copies.Reading:
        assert may_end.wait(10)
        return one.read("ref", "eid")

    names = ["eid", "eid", "eid"]
    asking = [threading.Thread(target=Sitting(one.readings, 0).once, args=(name, read)) for name in names]
    for thread in asking:
        thread.start()
    places = one.readings._places
    wait_until(lambda: "eid" in places and places["eid"].turn.locked())
    may_end.set()
    for thread in asking:
        thread.join(10)
    assert one.reads == 1


def test_what_is_kept_is_bounded_and_the_old_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MOST_NAMES", 3)
    one = Things()
    for number in range(9):
        one.ask(f"{number}", f"{number}")
    assert len(one.readings._places) == 3
    one.ask("0", "0")
    one.ask("8", "8")
    assert one.reads == 10, "what has a place keeps it"
    one.readings.sweep(readings.RENEWED_AFTER_S)
    assert not one.readings._places


def forms(*eids: str, ref: str) -> list[str]:
    parts = ("", "/badge.json", "/badge.svg", "/timeline.json", "/shields.json", "/badge.svg?label=for%20me")
    own = [f"/t/{ref}/{part}" for part in ("badge.json", "badge.svg", "card", "card?variant=timeline")]
    return [f"/e/{eid}{part}" for eid in eids for part in parts] + own


def test_all_forms_of_a_ticket_by_all_its_embeds_cost_one_reading(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    make.post(ticket, "update", text="The part is **ordered**.")
    worn = [embeds.create(ticket, by=make.customer(ticket), variant=one).eid for one in ("badge", "card", "timeline")]
    kept, asked = Readings(Drops()), []
    for path in forms(*worn, ref=ticket.ref):
        alone = client.get(path)
        terms = copies.Terms(for_copies=True, once=Sitting(kept, 0).once)
        with reading.asked() as found:
            shared = client.get(path, environ_overrides={copies.ENVIRON: terms})
        asked.append(len(found))
        assert shared.data == alone.data
        assert terms.about == {path.split("/")[2], ticket.ref}
    assert asked[0] > 0
    assert not any(asked[1:]), "the others ask the database nothing"


@pytest.mark.parametrize("of", ["picks", "desk"])
def test_all_forms_of_a_wall_cost_one_reading_until_a_ticket_on_it_changes(
    house: Flask, client: Visitor, of: str
) -> None:
    several = [make.ticket(subject=one, email="cara@home.example") for one in ("One", "Two")]
    if of == "picks":
        picks = [one.ref for one in several]
        wall = embeds.create(several[0], by=make.customer(*several), variant="wall", picks=picks)
    else:
        wall = embeds.create(several[0].desk, by=make.viewer(make.lead(several[0].desk)))
    shelf, asked = Shelf(), []
    store.after_commit(house, shelf.hear)

    def ask(part: str) -> TestResponse:
        terms = copies.Terms(for_copies=True, once=Sitting(shelf.readings, 0).once)
        answer = client.get(f"/e/{wall.eid}{part}", environ_overrides={copies.ENVIRON: terms})
        assert terms.about == {wall.eid, copies.LISTS}
        return answer

    for part in ("", "/badge.json", "/timeline.json", "/badge.svg", "/shields.json"):
        alone = client.get(f"/e/{wall.eid}{part}")
        with reading.asked() as found:
            assert ask(part).data == alone.data
        asked.append(len(found))
    assert asked[0] > 0
    assert not any(asked[1:]), "the others ask the database nothing"
    make.post(several[1], "visibility_changed", visibility="private")
    told = ask("/badge.json").json
    assert told is not None
    assert [one["subject"] for one in told["items"]] == ["One"]


def test_a_kept_reading_shows_an_embed_to_its_own_sites_alone(house: Flask, client: Visitor) -> None:
    ticket = make.ticket()
    drops = Drops()
    kept = Readings(drops)
    free, bound = (
        embeds.create(ticket, by=make.customer(ticket), sites=one).eid for one in ([], ["https://a.example"])
    )

    def status(eid: str, origin: str) -> str:
        given = {copies.ENVIRON: copies.Terms(for_copies=True, once=Sitting(kept, 0).once)}
        path = f"/e/{eid}/badge.json"
        found = client.get(path, environ_overrides=given, headers={"Origin": origin}).json
        assert found is not None
        return str(found["status"])

    assert [status(free, f"https://{one}.example") for one in "ab"] == ["open", "open"]
    assert [status(bound, f"https://{one}.example") for one in "ab"] == ["open", "unknown"]
    embeds.revoke(free, by=make.customer(ticket))
    drops.add(free)
    assert [status(one, "https://a.example") for one in (free, bound)] == ["unknown", "open"]
    make.post(ticket, "visibility_changed", visibility="private")
    drops.add(ticket.ref)
    assert [status(one, "https://a.example") for one in (free, bound)] == ["unknown", "unknown"]


def test_a_ticket_and_a_wall_of_several_ask_for_the_epoch_once(house: Flask, client: Visitor) -> None:
    several = [make.ticket(email="cara@home.example") for _ in range(3)]
    by, refs = make.customer(*several), [one.ref for one in several]
    worn = embeds.create(several[0], by=by)
    wall = embeds.create(several[0], by=by, variant="wall", picks=refs)
    for one in (worn, wall):
        with reading.asked() as found:
            assert client.get(f"/e/{one.eid}/badge.json").status_code == 200
        assert len([question for question, _ in found if "FROM facts" in question]) == 1
