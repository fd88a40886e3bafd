"""A request the lane may answer by itself, read strictly from its bytes."""

import re
from typing import NamedTuple

from werkzeug.http import parse_etags

from tracker.live.handshake import HOST

MAX_HEAD_BYTES = 8 * 1024
MOST_HEADERS = 64
SEGMENT = rb"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,99}"
TARGET = (
    rb"/(?:e/[0-9A-Za-z_-]{1,40}(?:/(?:badge|timeline|shields)\.json|/badge\.svg)?"
    rb"|t/[0-9A-Za-z_-]{1,40}/(?:badge\.json|badge\.svg|card)"
    rb"|embed\.js|static(?:/" + SEGMENT + rb"){1,6})(?:\?[0-9A-Za-z_.=&%+#~-]{0,200})?"
)
# RFC 9112 without what it allows for the sake of old programs: no folded lines, no bare LF, no absolute form.
REQUEST = re.compile(
    rb"(GET|HEAD) (" + TARGET + rb") HTTP/1\.1\r\n((?:[0-9A-Za-z-]+:[ \t]*+[\x20-\x7e\x80-\xff\t]*\r\n)+)\r\n"
)
CANDIDATE = (b"GET /e/", b"GET /t/", b"GET /embed.js", b"GET /static/", b"HEAD /e/", b"HEAD /t/")
"""How most of what the lane answers begins."""
ORIGIN = re.compile(rb"[\x21-\x7e]{1,300}")
ONCE = (b"host", b"origin", b"connection", b"referer", b"if-none-match", b"if-modified-since", b"x-forwarded-for")
ELSEWHERE = frozenset(
    (
        *(b"content-length", b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings"),
        *(b"range", b"if-range", b"if-match", b"if-unmodified-since", b"authorization", b"proxy-connection"),
    )
)
"""Headers that ask for more than a copy."""


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


def read(head: bytes) -> Asked | None:
    """Return what a request asks; None for anything but an exact, bodyless GET or HEAD of a path the lane knows."""
    found = REQUEST.fullmatch(head)
    if found is None:
        return None
    headers: dict[bytes, bytes] = {}
    lines = found[3].split(b"\r\n")
    if len(lines) > MOST_HEADERS:
        return None
    for line in lines[:-1]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in ELSEWHERE or (name in ONCE and name in headers):
            return None
        headers[name] = value.strip(b" \t")
    return _asked(found[2], found[1] == b"HEAD", headers)


def _asked(target: bytes, is_head: bool, headers: dict[bytes, bytes]) -> Asked | None:
    connection = headers.get(b"connection", b"").lower()
    origin = headers.get(b"origin")
    none_match = headers.get(b"if-none-match", b"").decode("latin-1")
    if (
        connection not in (b"", b"keep-alive", b"close")
        or HOST.fullmatch(headers.get(b"host", b"")) is None
        or (origin is not None and ORIGIN.fullmatch(origin) is None)
        or (b"if-modified-since" in headers and not parse_etags(none_match))
    ):
        return None
    return Asked(
        target,
        is_head,
        connection == b"close",
        None if origin is None else origin.decode("latin-1"),
        none_match,
        headers.get(b"x-forwarded-for", b"").decode("latin-1"),
        (headers.get(b"referer", b"") if origin in (None, b"", b"null") else origin).decode("latin-1"),
        b"cookie" in headers,
    )
