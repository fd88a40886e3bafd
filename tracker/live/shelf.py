"""The copies the lane gives: what a view answered a moment ago, kept until something it is about has changed."""

from typing import NamedTuple

from werkzeug.http import is_resource_modified, remove_entity_headers

from tracker.copies import LISTS, Terms, is_foreign
from tracker.live.asked import Asked
from tracker.live.readings import EVERYTHING, RENEWED_AFTER_S, Drops, Readings

LASTS_S = 2.0
"""No copy is given past this age, whatever was or was not heard of changes."""
MOST_PAGES = 4096
MOST_BYTES = 64 * 1024 * 1024
MOST_BODY_BYTES = 512 * 1024
RINGS = ("event", "visibility", "waiting", "embed")
RINGS_LISTS = ("public_event", "visibility")
RINGS_ALL = ("profile", "desk", "person")
"""Changes that are seldom, and could show anywhere."""


class Answered(NamedTuple):
    """What a view answered with 200: its headers and body, and its terms."""

    headers: list[tuple[str, str]]
    body: bytes
    terms: Terms


class Copy:
    """One answer, ready to be sent; of each second only the date is new."""

    __slots__ = (
        "body",
        "etag",
        "found",
        "found_ready",
        "lasts_until",
        "renewed_at",
        "same",
        "same_ready",
        "second",
        "seen",
    )

    def __init__(self, answered: Answered, began: float) -> None:
        self.body, self.second, self.seen = answered.body, "", answered.terms.seen
        self.etag = dict(answered.headers).get("ETag", "")
        left = list(answered.headers)
        remove_entity_headers(left)
        self.found, self.same = (_lines(one) for one in (answered.headers, left))
        self.found_ready = self.same_ready = b""
        self.renewed_at, self.lasts_until = began + RENEWED_AFTER_S, began + LASTS_S

    def answer(self, asked: Asked, date: str) -> bytes:
        """Return the whole answer to a request on a connection that stays."""
        if date != self.second:
            self.second = date
            self.found_ready = _start("200 OK", date) + self.found + self.body
            self.same_ready = _start("304 Not Modified", date) + self.same
        if asked.none_match and self.etag and self.is_known(asked.none_match):
            return self.same_ready
        return self.found_ready[: len(self.found_ready) - len(self.body)] if asked.is_head else self.found_ready

    def is_known(self, none_match: str) -> bool:
        """Say whether the client has this copy already, as the view would (RFC 9110, 13.1.2)."""
        return none_match == self.etag or not is_resource_modified(
            {"REQUEST_METHOD": "GET", "HTTP_IF_NONE_MATCH": none_match}, self.etag
        )


class Page:
    """The copies of one target: for sites it may stand on, and for the others."""

    __slots__ = ("about", "foreign", "ours", "sites")

    def __init__(self, terms: Terms) -> None:
        self.about, self.sites = frozenset(terms.about), terms.sites
        self.ours: Copy | None = None
        self.foreign: Copy | None = None

    @property
    def copies(self) -> list[Copy]:
        return [one for one in (self.ours, self.foreign) if one is not None]


class Shelf:
    """Looked up on the loop's thread, without a lock; any thread may drop."""

    def __init__(self) -> None:
        self.drops = Drops()
        self.readings = Readings(self.drops)
        self.bytes = 0
        self._pages: dict[bytes, Page] = {}
        self._about: dict[str, set[bytes]] = {}
        self._lock = self.drops.lock

    def find(self, asked: Asked) -> Copy | None:
        """Return the copy for whoever asks so, however old it is."""
        page = self._pages.get(asked.target)
        if page is None:
            return None
        return page.foreign if is_foreign(asked.origin, page.sites) else page.ours

    def hear(self, topic: str, subject: object) -> None:
        """Drop what a notice of the store tells of; any thread may call."""
        if topic in RINGS:
            self.drop(str(subject))
        if topic in RINGS_LISTS:
            self.drop(LISTS)
        if topic in RINGS_ALL:
            self.drop(EVERYTHING)

    def drop(self, subject: str) -> None:
        """Give no copy again that is about `subject`; any thread may call."""
        with self._lock:
            self.drops.add(subject)
            gone = list(self._pages) if subject == EVERYTHING else list(self._about.get(subject, ()))
            for target in gone:
                self._take_down(target)

    def key(self, asked: Asked) -> tuple[bytes, bool | None]:
        """Return what is equal for requests that get the same copy, as far as that is known before there is one."""
        page = self._pages.get(asked.target)
        return asked.target, None if page is None else is_foreign(asked.origin, page.sites)

    def put(self, asked: Asked, answered: Answered, *, drops: int, began: float) -> None:
        """Keep an answer that shows what was so at `began`, unless one of the drops since the first `drops`
        is about it: then it may show what was before."""
        with self._lock:
            if self.drops.overtook(answered.terms.about, drops):
                return
            page = self._pages.get(asked.target)
            if page is not None and (page.about, page.sites) != (frozenset(answered.terms.about), answered.terms.sites):
                self._take_down(asked.target)
                page = None
            if page is None:
                page = self._place(asked.target, answered.terms)
            copy = Copy(answered, began)
            before = page.copies
            if is_foreign(asked.origin, page.sites):
                page.foreign = copy
            else:
                page.ours = copy
            self.bytes += sum(len(one.body) for one in page.copies) - sum(len(one.body) for one in before)

    def has_room(self, target: bytes, size: int) -> bool:
        """Say whether one more answer may be kept; what is kept already is renewed in its place."""
        if size > MOST_BODY_BYTES:
            return False
        return target in self._pages or (len(self._pages) < MOST_PAGES and self.bytes + size <= MOST_BYTES)

    def sweep(self, now: float) -> None:
        """Let go of what is too old to be given."""
        self.readings.sweep(now)
        with self._lock:
            for target, page in list(self._pages.items()):
                if all(copy.lasts_until < now for copy in page.copies):
                    self._take_down(target)

    def _place(self, target: bytes, terms: Terms) -> Page:
        page = self._pages[target] = Page(terms)
        for subject in page.about:
            self._about.setdefault(subject, set()).add(target)
        return page

    def _take_down(self, target: bytes) -> None:
        page = self._pages.pop(target)
        self.bytes -= sum(len(one.body) for one in page.copies)
        for subject in page.about:
            targets = self._about[subject]
            targets.discard(target)
            if not targets:
                del self._about[subject]


def _start(status: str, date: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nServer: gunicorn\r\nDate: {date}\r\nConnection: keep-alive\r\n".encode("latin-1")


def _lines(headers: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1") + b"\r\n"
