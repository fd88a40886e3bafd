"""What views have read for copies: kept as long as one copy is, so that all forms of one thing cost one reading."""

import threading
from collections import deque
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from tracker.copies import Reading

RENEWED_AFTER_S = 1.25
"""Past this age a copy is made anew when it is asked for, and of nothing older than this is one made."""
MOST_NAMES = 4096
REMEMBERED = 1024
EVERYTHING = ""
Read = TypeVar("Read")


class Drops:
    """What was dropped lately. `lock` is held while something is kept or dropped, so that neither passes the other."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0
        self._last: deque[tuple[int, str]] = deque(maxlen=REMEMBERED)

    def add(self, subject: str) -> None:
        """Note that what is about `subject` is dropped; EVERYTHING: all is."""
        self.count += 1
        self._last.append((self.count, subject))

    def overtook(self, about: Collection[str], since: int) -> bool:
        """Say whether what is about these was dropped after the first `since` drops: then it may be of before."""
        if self.count - since > REMEMBERED:
            return True
        for number, subject in reversed(self._last):
            if number <= since:
                return False
            if subject in about or subject == EVERYTHING:
                return True
        return False


class Place:
    """Where one reading is kept, under each of its names; who wants it while it is read waits for `turn`."""

    __slots__ = ("as_of", "kept", "since", "turn")

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.kept: Any = None
        self.as_of = 0.0
        self.since = 0
        """How many drops there had been when it was read."""

    def holds(self, name: str, at: float) -> bool:
        """Say whether what is kept here is of this name, and not too old to be given."""
        return self.kept is not None and name in self.kept.about and at - self.as_of < RENEWED_AFTER_S


class Readings:
    """Any thread may ask. Nothing is known here of what is read but its names, which tell what drops it."""

    def __init__(self, drops: Drops) -> None:
        self._drops = drops
        self._places: dict[str, Place] = {}

    def once(self, name: str, read: Callable[[], Read], began: float) -> tuple[Read, float]:
        """Return what is read under a name and as of when: at `began`, or a moment before for another form."""
        place = self._place(name)
        with place.turn:
            with self._drops.lock:
                if place.holds(name, began) and not self._drops.overtook(place.kept.about, place.since):
                    return place.kept, place.as_of
                since = self._drops.count
            found = None
            try:
                found = read()
            finally:
                self._keep(place, name, found, began, since)
            return found, began

    def sweep(self, now: float) -> None:
        """Let go of what is too old to be given."""
        with self._drops.lock:
            for name, place in list(self._places.items()):
                if not place.holds(name, now) and not place.turn.locked():
                    del self._places[name]

    def _place(self, name: str) -> Place:
        with self._drops.lock:
            if name not in self._places and len(self._places) >= MOST_NAMES:
                return Place()
            return self._places.setdefault(name, Place())

    def _keep(self, place: Place, name: str, found: object, began: float, since: int) -> None:
        with self._drops.lock:
            is_known = self._places.get(name) is place
            if is_known and isinstance(found, Reading) and not self._drops.overtook(found.about, since):
                place.kept, place.as_of, place.since = found, began, since
                self._places.update(dict.fromkeys(found.about, place))
            elif is_known and place.kept is None:
                del self._places[name]


class Sitting:
    """What one view reads: `as_of` is when the oldest of it was read."""

    def __init__(self, readings: Readings, began: float) -> None:
        self._readings = readings
        self.as_of = began

    def once(self, name: str, read: Callable[[], Read]) -> Read:
        """As copies.Once has it."""
        found, as_of = self._readings.once(name, read, self.as_of)
        self.as_of = min(self.as_of, as_of)
        return found
