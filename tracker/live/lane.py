"""The cached lane: requests for widgets are answered in the loop from copies; all others go on untouched."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gunicorn.util import http_date

from tracker.live.asked import Asked, Reader, forwarded
from tracker.live.callers import CLOSES, KEPT, WAITS_AT_MOST_S, Caller
from tracker.live.handshake import host_of
from tracker.live.journal import Write
from tracker.live.readings import Sitting
from tracker.live.refill import Refill
from tracker.live.shelf import Answered, Shelf

if TYPE_CHECKING:
    import socket

    from tracker.live.loop import Loop

MOST_CALLERS = 4000
MOST_REFILLS = 256
"""Answers that may be asked for at once; past that requests go to the threads."""
MOST_LOOKS = 2000
"""Pages on which copies are seen, kept apart for a second."""
MOST_TRIES = 3
MOST_HEADS = 1024
LONGEST_KNOWN = 1024
PARTS_AFTER_S = 1
"""How long a server that stops leaves a connection open for a request that may be on its way."""
Key = tuple[bytes, bool | None]


class Lane:
    """Everything here runs on the loop's thread. `elsewhere` takes a connection whose request is not the lane's.

    `network_of` says from where a peer is; None for one's own proxy, whose connections are everybody's.
    """

    def __init__(
        self,
        loop: "Loop",
        refill: Refill,
        *,
        keeps_s: float,
        most_per_network: int,
        address_of: Callable[[Any, str], str],
        network_of: Callable[[Any], str | None],
        elsewhere: Callable[[Caller], None],
        part: Callable[[Caller], None],
        write: Write | None,
    ) -> None:
        self.loop, self.keeps_s, self.elsewhere, self.part = loop, keeps_s, elsewhere, part
        self.shelf = Shelf()
        self.is_draining = False
        self._refill, self._address_of, self._network_of, self._write = refill, address_of, network_of, write
        self._most_per_network = most_per_network
        self._callers: dict[Caller, None] = {}
        self._networks: Counter[str | None] = Counter()
        self._waiting: dict[Key, list[Caller]] = {}
        self._reader = Reader()
        self._heads: dict[bytes, Asked] = {}
        self._looks: Counter[tuple[Callable[[str, int], None], str]] = Counter()
        self.date = http_date()
        loop.later(1, self._tick)

    @property
    def is_empty(self) -> bool:
        """True while nobody is connected here."""
        return not self._callers

    def keep(self, sock: "socket.socket", *, peer: Any, server: Any, head: bytes = b"") -> bool:
        """Await a connection's next request, of which `head` was read; False when no more can be kept."""
        network = self._network_of(peer)
        is_full = network is not None and self._networks[network] >= self._most_per_network
        if is_full or len(self._callers) >= MOST_CALLERS:
            return False
        caller = Caller(self, sock, peer=peer, server=server, network=network)
        sock.setblocking(False)
        self._callers[caller] = None
        self._networks[network] += 1
        self.loop.watch(caller.fd, caller)
        if self.is_draining:
            caller.until = self.loop.now + PARTS_AFTER_S
        if head:
            caller.hear(head)
        return True

    def forget(self, caller: Caller) -> None:
        """Count a connection out."""
        del self._callers[caller]
        self._networks[caller.network] -= 1
        if not self._networks[caller.network]:
            del self._networks[caller.network]

    def at_once(self, received: bytes) -> bytes | None:
        """Return the answer when just one request was received, there is a copy, and no more is to be done for it."""
        asked = self._heads.get(received) or self._read(received)
        if asked is None or asked.closes or self.is_draining or self._write is not None:
            return None
        return self._copy(asked)

    def answer(self, caller: Caller, head: bytes) -> bytes | None:
        """Return the answer to a whole head; None when it has to be waited for, or is not the lane's to give."""
        asked = self._heads.get(head) or self._read(head)
        if asked is None or caller.tries >= MOST_TRIES:
            return None
        told = self._copy(asked)
        if told is None:
            self._wait(caller, asked)
            return None
        if self._write is not None:
            waited_s = self.loop.now - caller.asked_at if caller.tries else 0.0
            self._write(host_of(caller.peer), head, told, waited_s)
        if asked.closes or self.is_draining or caller.has_said_all:
            caller.leaves = True
            told = told.replace(KEPT, CLOSES, 1)
        return told

    def drain(self) -> None:
        """Answer what was begun, and part with everybody."""
        self.is_draining = True
        self._heads.clear()
        self._tell_who_looked()
        for caller in list(self._callers):
            if caller.is_idle:
                caller.until = self.loop.now + PARTS_AFTER_S

    def close(self) -> None:
        """End at once; the loop closes what it watches."""
        self._refill.close()

    def _read(self, head: bytes) -> Asked | None:
        """Read a head; equal ones, such as those of a badge that polls, need it once."""
        asked = self._reader.read(head)
        if asked is None or asked.closes or asked.has_cookies or len(head) > LONGEST_KNOWN or self.is_draining:
            return asked
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[head] = asked
        return asked

    def _copy(self, asked: Asked) -> bytes | None:
        copy, now = self.shelf.find(asked), self.loop.now
        if copy is None or now >= copy.lasts_until:
            return None
        if now >= copy.renewed_at:
            copy.renewed_at = copy.lasts_until
            self._ask(asked, None)
        if copy.seen is not None and not asked.is_head:
            self._looks[copy.seen, asked.page] += 1
            if len(self._looks) > MOST_LOOKS:
                self._tell_who_looked()
        return copy.answer(asked, self.date)

    def _wait(self, caller: Caller, asked: Asked) -> None:
        """Have an answer made, or join those who wait for the same one."""
        key = self.shelf.key(asked)
        if key not in self._waiting and not self._ask(asked, self._address_of(caller.peer, forwarded(caller.head))):
            return
        self._waiting[key].append(caller)
        if not caller.tries:
            caller.asked_at = self.loop.now
        caller.tries += 1
        caller.waits, caller.until = True, self.loop.now + WAITS_AT_MOST_S

    def _ask(self, asked: Asked, address: str | None) -> bool:
        """Have one answer made, on account of `address` if it is the first; False when too many first ones are.

        Those that are made anew are no more than there are copies.
        """
        key, drops = self.shelf.key(asked), self.shelf.drops.count
        if key in self._waiting or (address is not None and len(self._waiting) >= MOST_REFILLS):
            return False
        self._waiting[key] = []
        sitting = Sitting(self.shelf.readings, self.loop.now)

        def then(answered: Answered | None) -> None:
            self.loop.post(self._answered, key, asked, answered, drops, sitting.as_of)

        self._refill.ask(asked, address, sitting.once, then)
        return True

    def _answered(self, key: Key, asked: Asked, answered: Answered | None, drops: int, began: float) -> None:
        has_room = answered is not None and self.shelf.has_room(asked.target, len(answered.body))
        if answered is not None and has_room:
            self.shelf.put(asked, answered, drops=drops, began=began)
        for caller in self._waiting.pop(key):
            self.loop.post(self._resume, caller, has_room)  # each by itself: a fault costs none but its own

    def _resume(self, caller: Caller, has_room: bool) -> None:
        if caller.is_open:
            caller.waits = False
            caller.tries = caller.tries if has_room else MOST_TRIES
            caller.go_on()

    def _tick(self) -> None:
        self.loop.later(1, self._tick)
        self.date = http_date()
        self._tell_who_looked()
        self.shelf.sweep(self.loop.now)
        for caller in list(self._callers):
            if caller.until <= self.loop.now:
                caller.drop()

    def _tell_who_looked(self) -> None:
        looks, self._looks = self._looks, Counter()
        for (seen, page), times in looks.items():
            seen(page, times)
