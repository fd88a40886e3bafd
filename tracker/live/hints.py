"""Hints between processes through Redis. They may be lost: the tail of every process finds what they miss."""

import atexit
import json
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

CHANNEL = "nameplate.notices"
WAIT_S = 2.0
ENDS_WITHIN_S = 2 * WAIT_S
LAST_WORDS_S = 1.0
SENDER = "hints-out"
MOST_WAITING = 1000
"""Hints that wait for Redis; who is not told of the next finds it by its tail."""
log = logging.getLogger(__name__)


class Hints:
    """Sends notices to the other processes and takes theirs; without a Redis URL it does nothing."""

    def __init__(self, url: str, take: Callable[[str, Any], None]) -> None:
        self._take = take
        self._client: Any = None
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._sends = threading.Lock()
        if url:
            from redis import Redis

            self._client = Redis.from_url(url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S)

    def send(self, topic: str, subject: Any) -> None:
        """Tell the others, without waiting for Redis; when it is away they are told a second later, by their tail."""
        if self._client is None or self._over.is_set():
            return
        if self._sends.acquire(blocking=False):
            self._start(SENDER, self._send)
            atexit.register(self._finish)  # a command's last words
        try:
            self._waiting.put_nowait(json.dumps([topic, subject]))
        except queue.Full:
            log.warning("live: no hint sent: too many wait")

    def listen(self) -> None:
        """Take the others' notices in a thread of its own."""
        if self._client is not None:
            self._start("hints", self._listen)

    def close(self) -> None:
        """Send what waits, stop listening, and wait until both have ended."""
        self._finish()
        for thread in self._threads:
            thread.join(ENDS_WITHIN_S)
        atexit.unregister(self._finish)

    def _finish(self) -> None:
        self._over.set()
        if self._waiting.empty():
            self._waiting.put(None)
        for thread in self._threads:
            if thread.name == SENDER:
                thread.join(LAST_WORDS_S)

    def _start(self, name: str, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, name=name, daemon=True))
        self._threads[-1].start()

    def _send(self) -> None:
        while not (self._over.is_set() and self._waiting.empty()):
            hint = self._waiting.get()
            try:
                if hint is not None:
                    self._client.publish(CHANNEL, hint)
            except Exception as error:  # any fault of a hint is harmless; those that wait would be late
                log.warning("live: no hint sent: %s", error)
                self._waiting.queue.clear()

    def _listen(self) -> None:
        is_away = False
        while not self._over.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(CHANNEL)
                    is_away = False
                    while not self._over.is_set():
                        message = subscription.get_message(timeout=WAIT_S / 2)
                        if message:
                            self._take(*json.loads(message["data"]))
            except Exception as error:  # Redis is away: try again, the tail goes on meanwhile
                if not is_away:
                    log.warning("live: no hints heard until Redis is back: %s", error)
                is_away = True
                self._over.wait(WAIT_S)
