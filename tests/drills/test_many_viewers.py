"""Three hundred people watch one ticket, a hundred over sockets: pages still answer, and nobody misses a word."""

import statistics
import time
import urllib.request

import pytest

from bench._crowd import Crowd, Seen, Spec
from bench._stage import SQLITE, Poster, Stage, staged
from tests.servers.instance import Instance

pytestmark = pytest.mark.slow

PAGES_ANSWER_WITHIN_S = 1.0
NOISE = 3
"""In its short form the drill shares the machine with other tests: the slowest page may take three times as long."""
SOCKETS, POLLS = 100, 200


def seconds_of(server: Instance, path: str) -> float:
    began = time.monotonic()
    with urllib.request.urlopen(f"{server.url}{path}", timeout=30) as answer:
        assert answer.status == 200
        answer.read()
    return time.monotonic() - began


def post_and_look(stage: Stage, ref: str, *, posts: int, every_s: float = 1.0) -> tuple[list[int], list[float]]:
    """Post updates, and ask for pages right after each, while the news is still going out."""
    paths = ("/", f"/t/{ref}", f"/e/{stage.embed}/badge.json", "/desks/streets", "/new")
    with Poster(stage) as poster:
        said, took, began = list[int](), list[float](), time.monotonic()
        for number in range(posts):
            time.sleep(max(0.0, began + number * every_s - time.monotonic()))
            said.append(poster.post(ref, number).seq)
            took += [seconds_of(stage.server, path) for path in paths]
    return said, took


def seqs(seen: Seen) -> list[list[int]]:
    return [[seq for seq, _at in viewer] for viewer in (*seen.sockets, *seen.polls)]


@pytest.mark.timeout(300)
def test_with_300_viewers_pages_answer_in_under_a_second_and_everybody_sees_every_word(full: bool) -> None:
    with staged(SQLITE, {"sockets": SOCKETS}, tickets=1, updates=3) as stage:
        (ref,) = stage.refs
        with Crowd(Spec(stage.server.host, stage.server.port, ref, SOCKETS, POLLS)) as crowd:
            said, took = post_and_look(stage, ref, posts=60 if full else 5)
            seen = crowd.finish(said[-1])
    assert seen.refused == 0
    assert seen.lost == 0
    for viewer in seqs(seen):
        assert [seq for seq in viewer if seq in said] == said, "each word once, in order"
    assert statistics.median(took) < PAGES_ANSWER_WITHIN_S
    assert max(took) < PAGES_ANSWER_WITHIN_S * (1 if full else NOISE)


def test_a_socket_more_than_the_house_holds_is_asked_to_poll_and_misses_nothing() -> None:
    with staged(SQLITE, {"sockets": 3}, tickets=1, updates=1) as stage:
        (ref,) = stage.refs
        with Crowd(Spec(stage.server.host, stage.server.port, ref, sockets=5, polls=2, every_s=0.5)) as crowd:
            said, _took = post_and_look(stage, ref, posts=2, every_s=0.1)
            seen = crowd.finish(said[-1])
    assert seen.refused == 2
    watched = [viewer for viewer in seqs(seen) if viewer]
    assert len(watched) == 5
    assert all([seq for seq in viewer if seq in said] == said for viewer in watched)
