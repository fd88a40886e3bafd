"""Hints between processes: sent by a thread of their own, dropped when Redis is away, never waited for."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.ground import wait_until
from tracker.live import hints as live_hints
from tracker.live.hints import Hints


class Redis:
    """Takes a message once it may, or fails."""

    def __init__(self) -> None:
        self.answers, self.asked = threading.Event(), threading.Semaphore(0)
        self.fault: Exception | None = None
        self.told: list[str] = []

    def publish(self, _channel: str, message: str) -> None:
        self.asked.release()
        assert self.answers.wait(20)
        if self.fault:
            raise self.fault
        self.told.append(message)


@pytest.fixture
def redis() -> Redis:
    return Redis()


@pytest.fixture
def hints(redis: Redis) -> Iterator[Hints]:
    made: Any = Hints("", lambda _topic, _subject: None)
    made._client = redis
    yield made
    redis.answers.set()
    made.close()


def test_nobody_waits_for_a_redis_that_hangs_and_what_is_too_much_is_dropped(
    hints: Hints, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints.send("event", 0)
    assert redis.asked.acquire(timeout=20)
    for number in range(1, live_hints.MOST_WAITING + 10):
        hints.send("event", number)
    assert redis.told == []
    redis.answers.set()
    hints.close()
    assert redis.told == [f'["event", {number}]' for number in range(live_hints.MOST_WAITING + 1)]


def test_what_waited_while_redis_failed_is_dropped_and_what_comes_later_is_sent(hints: Hints, redis: Redis) -> None:
    redis.fault = ConnectionError("away")
    for number in range(3):
        hints.send("event", number)
    assert redis.asked.acquire(timeout=20)
    redis.answers.set()
    wait_until(hints._waiting.empty)
    redis.fault = None
    wait_until(lambda: hints.send("event", "later") or redis.told)
    assert set(redis.told) == {'["event", "later"]'}


def test_the_last_words_of_a_command_are_sent_before_it_ends(hints: Hints, redis: Redis) -> None:
    redis.answers.set()
    hints.send("event", "a")
    hints.close()
    assert redis.told == ['["event", "a"]']
    hints.send("event", "b")
    assert redis.told == ['["event", "a"]']
