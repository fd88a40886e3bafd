"""Limits are counted by name and by who asks, window after window."""

from datetime import timedelta

from limits import RateLimitItemPerMinute

from tracker import store
from tracker.limits import FEW, Here

THREE = RateLimitItemPerMinute(3)


def test_so_many_are_allowed_in_a_window_and_then_again_in_the_next() -> None:
    here = Here()
    assert [here.hit(THREE, "writes", "one") for _ in range(5)] == [True, True, True, False, False]
    with store.as_of(store.now() + timedelta(seconds=59)):
        assert not here.hit(THREE, "writes", "one")
    with store.as_of(store.now() + timedelta(seconds=61)):
        assert here.hit(THREE, "writes", "one")


def test_names_and_askers_are_counted_apart() -> None:
    here = Here()
    for _ in range(3):
        here.hit(THREE, "writes", "one")
    assert not here.hit(THREE, "writes", "one")
    assert here.hit(THREE, "writes", "another")
    assert here.hit(THREE, "signins", "one")


def test_a_window_says_when_it_ends_and_what_is_left_of_it() -> None:
    here, began = Here(), store.now().timestamp()
    here.hit(THREE, "writes", "one")
    ends_at, left = here.get_window_stats(THREE, "writes", "one")
    assert left == 2
    assert 60 <= ends_at - began < 70


def test_askers_who_have_long_gone_take_no_memory() -> None:
    here = Here()
    for number in range(FEW):
        here.hit(THREE, "writes", f"asker {number}")
    with store.as_of(store.now() + timedelta(minutes=2)):
        here.hit(THREE, "writes", "a new one")
    assert len(here._counts) == 1


def test_those_who_are_still_counted_are_not_forgotten_for_others() -> None:
    here = Here()
    for _ in range(3):
        here.hit(THREE, "writes", "one")
    for number in range(3 * FEW):
        here.hit(THREE, "writes", f"asker {number}")
    assert not here.hit(THREE, "writes", "one")
