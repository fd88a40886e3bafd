"""What clients ask for and the loop must not wait for: done on threads, equal requests of many sockets at once."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from tracker import store
from tracker.live import packets

if TYPE_CHECKING:
    from tracker.live.loop import Loop
    from tracker.live.sessions import Session

log = logging.getLogger(__name__)
THREADS = 4
FAILED = {"error": "error"}
GATHERS_S = 0.005
"""How long an equal question waits for company when it was asked a moment ago."""
REPEATS_S = 0.5
"""How long an answer that its handler lets us repeat is given to whoever asks the same."""
MOST_KEPT = 64


class Group:
    """Sockets that asked for the very same thing from the same origin: one answer is worked out for all."""

    def __init__(self, name: str, given: list[Any], origin: str) -> None:
        self.name, self.given, self.origin = name, given, origin
        self.asking: list[tuple[Session, str]] = []
        self.sids: list[str] = []
        self.apart: dict[str, Any] = {}
        self.repeat: Callable[[str], bool] | None = None
        """Set by a handler whose answer holds for the next who asks the same: lets one more in, on the loop's thread;
        False when something has happened since."""

    def add(self, session: "Session", id: str) -> None:
        self.asking.append((session, id))
        self.sids.append(session.sid)

    def refuse(self, sid: str, answer: Any) -> None:
        """Answer one of them differently."""
        self.apart[sid] = answer


Handler = Callable[[Group], Any]
Key = tuple[str, str]


class Kept(NamedTuple):
    """An answer that may be repeated until then."""

    repeat: Callable[[str], bool]
    common: bytes
    until: float


class Errands:
    """A storm of viewers who all ask the same is one question to the database.

    Whoever asks while an equal request waits joins it; what has begun is joined by nobody, so an answer is never older
    than its question; and of equal ones only one runs, so that the next gathers everybody who came meanwhile.
    For a moment the loop repeats an answer by itself, while its handler says that nothing has happened since.
    """

    def __init__(self, loop: "Loop") -> None:
        self.loop = loop
        self.handlers: dict[str, Handler] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="live")
        self._lock = threading.Lock()
        self._waiting: dict[Key, Group] = {}
        self._running: set[Key] = set()
        self._kept: dict[Key, Kept] = {}

    def ask(self, session: "Session", event: packets.Event, said: str) -> None:
        """Have an event answered; `said` is its JSON as it came: equal text is an equal question."""
        key = (said, session.origin)
        with self._lock:
            group = self._waiting.get(key)
            starts = group is None and key not in self._running
            if group is None:
                group = self._waiting[key] = Group(event.name, event.given, session.origin)
            group.add(session, event.id)
            if starts:
                self._running.add(key)
        if starts:
            self._pool.submit(self._answer, key)

    def repeat(self, session: "Session", event: packets.Event, said: str) -> bool:
        """Answer at once with what an equal question was told a moment ago, on the loop's thread; False: ask()."""
        key = (said, session.origin)
        kept = self._kept.get(key)
        if kept is None:
            return False
        if kept.until < self.loop.now or not kept.repeat(session.sid):
            del self._kept[key]
            return False
        if event.id:
            session.write(packets.answer(event.id, kept.common))
        return True

    def run(self, work: Callable[..., Any], *given: Any, then: Callable[[], Any] | None = None) -> None:
        """Do something else on a thread; `then` runs on the loop."""
        self._pool.submit(self._do, work, given, then)

    def close(self) -> None:
        """Take no more, and wait for what runs: it holds connections to a database that may go after us."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _do(self, work: Callable[..., Any], given: tuple[Any, ...], then: Callable[[], Any] | None) -> None:
        try:
            work(*given)
        except Exception:  # a thread of the pool must survive any handler
            store.complain(log, "live: %s failed", getattr(work, "__qualname__", work))
        if then is not None:
            self.loop.post(then)

    def _answer(self, key: Key) -> None:
        with self._lock:
            group = self._waiting.pop(key)
        until = time.monotonic() + REPEATS_S
        try:
            answer = self.handlers[group.name](group)
        except Exception:  # a thread of the pool must survive any handler
            store.complain(log, "live: %s failed", group.name)
            answer = FAILED
        common = packets.dumps(answer)
        if group.repeat is not None and not group.apart:
            self.loop.post(self._keep, key, group, Kept(group.repeat, common, until))
        else:
            apart = {sid: packets.dumps(one) for sid, one in group.apart.items()}
            self.loop.post(self._tell, group, common, apart)
            self._go_on(key)

    def _go_on(self, key: Key) -> None:
        """Turn to those who asked the same meanwhile."""
        with self._lock:
            goes_on = key in self._waiting
            if not goes_on:
                self._running.discard(key)
        if goes_on:
            self._pool.submit(self._gather, key)

    def _gather(self, key: Key) -> None:
        time.sleep(GATHERS_S)
        self._answer(key)

    def _keep(self, key: Key, group: Group, kept: Kept) -> None:
        self._tell(group, kept.common, {})
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = kept
        self.loop.later(1, lambda: self._kept.pop(key, None) if self._kept.get(key) is kept else None)
        let_in = self._let_in(key, kept)
        self._go_on(key)
        self._tell(let_in, kept.common, {})

    def _let_in(self, key: Key, kept: Kept) -> Group:
        """Take those who may have the same answer out of the group that waits."""
        with self._lock:
            group = self._waiting.pop(key, Group("", [], ""))
        found, left = Group(group.name, group.given, group.origin), Group(group.name, group.given, group.origin)
        for session, id in group.asking:
            (found if kept.repeat(session.sid) else left).add(session, id)
        if left.asking:
            with self._lock:
                self._waiting[key] = left
        return found

    def _tell(self, group: Group, common: bytes, apart: dict[str, bytes]) -> None:
        frames: dict[str, bytes] = {}
        for session, id in group.asking:
            if session.sid in apart:
                session.answered(packets.answer(id, apart[session.sid]) if id else b"")
                continue
            if id and id not in frames:
                frames[id] = packets.answer(id, common)
            session.answered(frames[id] if id else b"")
