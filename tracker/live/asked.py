"""A request the lane may answer by itself, read strictly from its bytes."""

import re
from typing import NamedTuple

from werkzeug.http import parse_etags

from tracker.live.handshake import END, HOST

MAX_HEAD_BYTES = 8 * 1024
MOST_HEADERS = 64
SEGMENT = rb"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}"
TARGET = (
    rb"/(?:e/[0-9A-Za-z_-]{1,40}(?:/(?:badge|timeline|shields)\.json|/badge\.svg)?"
    rb"|t/[0-9A-Za-z_-]{1,40}/(?:badge\.json|badge\.svg|card)"
    rb"|embed\.js|embed/[0-9a-f]{1,40}/[a-z]{1,20}\.js)(?:\?[0-9A-Za-z_.=&%+#~-]{0,200})?"
    rb"|/static(?:/" + SEGMENT + rb"){1,6}"
)
"""Static files without a query: nobody's limits count them, so each must have one address, not as many as one likes."""
# RFC 9112 without what it allows for the sake of old programs: no folded lines, no bare LF, no absolute form.
FIRST = re.compile(rb"(GET|HEAD) (" + TARGET + rb") HTTP/1\.1")
HEADER = re.compile(rb"([0-9A-Za-z-]+):([\x20-\x7e\x80-\xff\t]*)")
CANDIDATE = (b"GET /e/", b"GET /t/", b"GET /embed", b"GET /static/", b"HEAD /e/", b"HEAD /t/")
"""How most of what the lane answers begins."""
DECIDES = {
    b"host": HOST,
    b"origin": re.compile(rb"[\x21-\x7e]{1,300}"),
    b"connection": re.compile(rb"keep-alive|close", re.IGNORECASE),
    b"if-none-match": re.compile(rb".*"),
    b"if-modified-since": re.compile(rb".*"),
    b"referer": re.compile(rb".*"),
    b"x-forwarded-for": re.compile(rb".*"),
    b"cookie": re.compile(rb".*"),
}
"""Headers that may be there once, with what they may say."""
ELSEWHERE = frozenset(
    (
        *(b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings"),
        *(b"range", b"if-range", b"if-match", b"if-unmodified-since", b"authorization", b"proxy-connection"),
    )
)
"""Headers that ask for more than a copy."""
MOST_KNOWN, LONGEST_KNOWN = 4096, 256
LONGEST_SHAPED = 1024


class Line:
    """What a line means here; lines that mean the same are one object as long as they are remembered.

    `name` is the method in the first one and else the header's in small letters; empty: it is of no concern.
    """

    __slots__ = ("name", "said")

    def __init__(self, name: bytes, said: bytes = b"") -> None:
        self.name, self.said = name, said


OF_NO_CONCERN, WRONG = Line(b""), Line(b"wrong")
FORWARDED = b"x-forwarded-for"
THAT_IT_IS_THERE = {name: Line(name) for name in (b"host", b"if-modified-since", b"cookie", FORWARDED)}
"""Headers of which no more matters, once what they say is in order: from one reader to the next they differ."""
METHODS, START = (b"GET", b"HEAD"), (b"GET ", b"HEAD ")


class Asked(NamedTuple):
    """What of a request decides on its answer; `page` is the one on which it was made."""

    target: bytes
    is_head: bool
    closes: bool
    origin: str | None
    none_match: str
    page: str
    has_cookies: bool


class Known(dict[bytes, Line]):
    """What lines mean: those that were seen before are looked up, the others looked at."""

    def __missing__(self, said: bytes) -> Line:
        line = _first(said) if said.startswith(START) else _header(said)
        if line is not WRONG and len(said) <= LONGEST_KNOWN and line.name != b"cookie":
            if len(self) >= MOST_KNOWN:
                self.clear()
            self[said] = line
        return line


class Reader:
    """Reads heads. Most lines of most heads have been seen before, and most that differ do so in one line."""

    def __init__(self) -> None:
        self.known = Known()
        self.shapes: dict[tuple[Line, ...], Asked] = {}

    def read(self, head: bytes) -> Asked | None:
        """Return what a request asks; None for anything but an exact, bodyless GET or HEAD of a path the lane knows."""
        if not head.endswith(END) or len(head) > MAX_HEAD_BYTES:
            return None
        said = head[: -len(END)].split(b"\r\n")
        if len(said) > 1 + MOST_HEADERS:
            return None
        lines = tuple(map(self.known.__getitem__, said))
        asked = self.shapes.get(lines)
        if asked is None:
            asked = _asked(*lines)
            if asked is not None and len(head) <= LONGEST_SHAPED:
                if len(self.shapes) >= MOST_KNOWN:
                    self.shapes.clear()
                self.shapes[lines] = asked
        return asked


def forwarded(head: bytes) -> str:
    """Return for whom a head that was read is said to be asked; "" when it does not say."""
    for line in head[: head.index(END)].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == FORWARDED:
            return value.strip(b" \t").decode("latin-1")
    return ""


def _first(said: bytes) -> Line:
    found = FIRST.fullmatch(said)
    return Line(found[1], found[2]) if found else WRONG


def _header(said: bytes) -> Line:
    found = HEADER.fullmatch(said)
    if found is None or (name := found[1].lower()) in ELSEWHERE:
        return WRONG
    if name not in DECIDES:
        return OF_NO_CONCERN
    value = found[2].strip(b" \t")
    if DECIDES[name].fullmatch(value) is None:
        return WRONG
    return THAT_IT_IS_THERE.get(name) or Line(name, value)


def _asked(first: Line, *headers: Line) -> Asked | None:
    of_concern = [(line.name, line.said) for line in headers if line is not OF_NO_CONCERN]
    said = dict(of_concern)
    is_exact = first.name in METHODS and said.keys() <= DECIDES.keys() and len(said) == len(of_concern)
    if not is_exact or b"host" not in said or len(headers) > MOST_HEADERS:
        return None
    origin, none_match = said.get(b"origin"), said.get(b"if-none-match", b"").decode("latin-1")
    if b"if-modified-since" in said and not parse_etags(none_match):
        return None
    page = said.get(b"referer", b"") if origin in (None, b"null") else origin
    return Asked(
        first.said,
        first.name == b"HEAD",
        said.get(b"connection", b"").lower() == b"close",
        None if origin is None else origin.decode("latin-1"),
        none_match,
        page.decode("latin-1"),
        b"cookie" in said,
    )
