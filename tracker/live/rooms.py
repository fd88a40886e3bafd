"""Which socket watches what, in this process."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any


@dataclass(frozen=True, slots=True)
class Watch:
    """One thing a socket watches: `key` names it for that socket, `rooms` are those it joined for it.

    `origin` is the site whose page shows an `embed`; "" where no page said one.
    """

    key: str
    rooms: tuple[str, ...]
    ref: str | None = None
    audience: str = "public"
    html: bool = False
    embed: str | None = None
    origin: str = ""
    granted: Mapping[str, Any] | None = field(default=None, compare=False)
    """The pass it came in with; None for the public."""

    @property
    def alike(self) -> str:
        """Equal for watches that are asked together whether they may go on."""
        return f"{self.ref} {self.audience} {self.granted} {self.embed}"

    @property
    def is_on_loan(self) -> bool:
        """True when somebody may take back what let it in: a session, a key, an embed."""
        return self.granted is not None or self.embed is not None


class Rooms:
    """The watches of every socket, safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_sid: dict[str, dict[str, Watch]] = {}
        self._counts: dict[str, Counter[tuple[str, bool]]] = {}
        self._walls: Counter[str] = Counter()
        self._on_loan: dict[str, dict[tuple[str, str], Watch]] = {}
        self._lists = 0

    def add(self, sid: str, watch: Watch) -> None:
        with self._lock:
            self._forget(sid, watch.key)
            self._by_sid.setdefault(sid, {})[watch.key] = watch
            if watch.is_on_loan:
                self._on_loan.setdefault(watch.alike, {})[(sid, watch.key)] = watch
            if watch.ref:
                counts = self._counts.get(watch.ref)
                if counts is None:
                    counts = self._counts[watch.ref] = Counter()
                counts[(watch.audience, watch.html)] += 1
            elif watch.embed:
                self._walls[watch.embed] += 1
            else:
                self._lists += 1

    def remove(self, sid: str, key: str) -> Watch | None:
        with self._lock:
            return self._forget(sid, key)

    def remove_all(self, sid: str) -> None:
        with self._lock:
            for key in list(self._by_sid.get(sid, ())):
                self._forget(sid, key)

    def count(self, sid: str) -> int:
        return len(self._by_sid.get(sid, ()))

    def of(self, sid: str) -> list[Watch]:
        """Return what a socket watches."""
        with self._lock:
            return list(self._by_sid.get(sid, {}).values())

    def has(self, sid: str, key: str) -> bool:
        return key in self._by_sid.get(sid, ())

    def refs(self) -> list[str]:
        """Return the tickets somebody watches here."""
        with self._lock:
            return list(self._counts)

    def walls(self) -> list[str]:
        """Return the walls somebody watches here."""
        with self._lock:
            return list(self._walls)

    @property
    def has_lists(self) -> bool:
        """True while somebody watches a list or a queue here."""
        return self._lists > 0

    def with_passes(self, ref: str) -> list[list[tuple[str, Watch]]]:
        """Return the watches of a ticket that came in with passes, those that are alike together."""
        with self._lock:
            firsts = [(alike, next(iter(alike.values()))) for alike in self._on_loan.values()]
            return [_pairs(alike) for alike, one in firsts if one.ref == ref and one.granted is not None]

    def next_on_loan(self, count: int) -> list[list[tuple[str, Watch]]]:
        """Return so many sets of watches that are alike and on loan, each time the next ones."""
        with self._lock:
            names = list(islice(self._on_loan, count))
            for name in names:
                self._on_loan[name] = self._on_loan.pop(name)
            return [_pairs(self._on_loan[name]) for name in names]

    def audiences(self, ref: str) -> list[tuple[str, bool]]:
        """Return the (audience, html) pairs watching a ticket."""
        with self._lock:
            return list(self._counts.get(ref, ()))

    def matching(self, what: str, subject: Any) -> list[tuple[str, Watch]]:
        """Return the watches of an embed, of a session or a person (by their pass), or of a ticket."""
        with self._lock:
            everything = [(sid, watch) for sid, watches in self._by_sid.items() for watch in watches.values()]
        match what:
            case "embed":
                return [pair for pair in everything if pair[1].embed == subject]
            case "session":
                return [pair for pair in everything if (pair[1].granted or {}).get("session") == subject]
            case "person":
                return [pair for pair in everything if ((pair[1].granted or {}).get("person") or [None])[0] == subject]
            case _:
                return [pair for pair in everything if pair[1].ref == subject]

    def _forget(self, sid: str, key: str) -> Watch | None:
        watch = self._by_sid.get(sid, {}).pop(key, None)
        if not self._by_sid.get(sid, True):
            del self._by_sid[sid]
        if watch and watch.is_on_loan:
            alike = self._on_loan[watch.alike]
            del alike[(sid, key)]
            if not alike:
                del self._on_loan[watch.alike]
        if watch and watch.ref:
            counts = self._counts[watch.ref]
            counts[(watch.audience, watch.html)] -= 1
            if not counts[(watch.audience, watch.html)]:
                del counts[(watch.audience, watch.html)]
            if not counts:
                del self._counts[watch.ref]
        elif watch and watch.embed:
            self._walls[watch.embed] -= 1
            if not self._walls[watch.embed]:
                del self._walls[watch.embed]
        elif watch:
            self._lists -= 1
        return watch


def _pairs(alike: Mapping[tuple[str, str], Watch]) -> list[tuple[str, Watch]]:
    return [(sid, watch) for (sid, _key), watch in alike.items()]
