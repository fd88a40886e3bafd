"""Hints between processes through Redis. They may be lost: the tail of every process finds what they miss."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

CHANNEL = "nameplate.notices"
WAIT_S = 2.0
ENDS_WITHIN_S = 2 * WAIT_S
log = logging.getLogger(__name__)


class Hints:
    """Sends notices to the other processes and takes theirs; without a Redis URL it does nothing."""

    def __init__(self, url: str, take: Callable[[str, Any], None]) -> None:
        self._take = take
        self._client: Any = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        if url:
            from redis import Redis

            self._client = Redis.from_url(url, socket_timeout=WAIT_S, socket_connect_timeout=WAIT_S)

    def send(self, topic: str, subject: Any) -> None:
        """Tell the others; a Redis that is away costs them a second, no news."""
        if self._client is not None:
            try:
                self._client.publish(CHANNEL, json.dumps([topic, subject]))
            except Exception as error:  # any fault of a hint is harmless
                log.warning("live: no hint sent: %s", error)

    def listen(self) -> None:
        """Take the others' notices in a thread of its own."""
        if self._client is not None:
            self._thread = threading.Thread(target=self._listen, name="hints", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop listening, and wait until it has stopped."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(ENDS_WITHIN_S)

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(CHANNEL)
                    while not self._over.is_set():
                        message = subscription.get_message(timeout=WAIT_S / 2)
                        if message:
                            self._take(*json.loads(message["data"]))
            except Exception as error:  # Redis is away: try again, the tail goes on meanwhile
                log.warning("live: no hints heard: %s", error)
                self._over.wait(WAIT_S)
