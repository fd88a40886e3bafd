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
LINE = re.compile(rb"([0-9A-Za-z-]+):([\x20-\x7e\x80-\xff\t]*)")
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
Header = tuple[bytes, bytes]
OF_NO_CONCERN: Header = (b"", b"")
MOST_KNOWN, LONGEST_KNOWN = 4096, 256


class Asked(NamedTuple):
    """What of a request decides on its answer; `forwarded` says whose it is, `page` on which page it was made."""

    target: bytes
    is_head: bool
    closes: bool
    origin: str | None
    none_match: str
    forwarded: str
    page: str
    has_cookies: bool


class Reader:
    """Reads heads. Most lines of most heads have been seen before: they are looked up, not looked at."""

    def __init__(self) -> None:
        self._known: dict[bytes, Header] = {}

    def read(self, head: bytes) -> Asked | None:
        """Return what a request asks; None for anything but an exact, bodyless GET or HEAD of a path the lane knows."""
        if not head.endswith(END) or len(head) > MAX_HEAD_BYTES:
            return None
        first, *lines = head[: -len(END)].split(b"\r\n")
        start = FIRST.fullmatch(first)
        if start is None or len(lines) > MOST_HEADERS:
            return None
        said: dict[bytes, bytes] = {}
        for line in lines:
            header = self._known.get(line) or self._look_at(line)
            if header is None or header[0] in said:
                return None
            if header is not OF_NO_CONCERN:
                said[header[0]] = header[1]
        return _asked(start[2], start[1] == b"HEAD", said)

    def _look_at(self, line: bytes) -> Header | None:
        found = LINE.fullmatch(line)
        if found is None or (name := found[1].lower()) in ELSEWHERE:
            return None
        value = found[2].strip(b" \t")
        if name in DECIDES and DECIDES[name].fullmatch(value) is None:
            return None
        header = (name, value) if name in DECIDES else OF_NO_CONCERN
        if len(line) <= LONGEST_KNOWN and name != b"cookie":
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[line] = header
        return header


def _asked(target: bytes, is_head: bool, said: dict[bytes, bytes]) -> Asked | None:
    origin = said.get(b"origin")
    none_match = said.get(b"if-none-match", b"").decode("latin-1")
    if b"host" not in said or (b"if-modified-since" in said and not parse_etags(none_match)):
        return None
    page = said.get(b"referer", b"") if origin in (None, b"null") else origin
    return Asked(
        target,
        is_head,
        said.get(b"connection", b"").lower() == b"close",
        None if origin is None else origin.decode("latin-1"),
        none_match,
        said.get(b"x-forwarded-for", b"").decode("latin-1"),
        page.decode("latin-1"),
        b"cookie" in said,
    )
