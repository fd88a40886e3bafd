"""Requests for a badge as bytes, and what a view may have answered, for tests of the lane."""

from tracker import copies
from tracker.live import asked
from tracker.live.shelf import Answered, Shelf

BADGE = "/e/0123456789ab/badge.json"


def head(target: str = BADGE, *lines: str, method: str = "GET", host: str = "Host: a.example") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", host, *lines, "", ""]).encode("latin-1")


def request(target: str = BADGE, *lines: str) -> asked.Asked:
    found = asked.Reader().read(head(target, *lines))
    assert found is not None
    return found


def answered(body: bytes = b"body", *about: str, sites: tuple[str, ...] = ()) -> Answered:
    terms = copies.Terms(about=set(about), sites=frozenset(sites))
    headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), ("ETag", '"e"'), ("Vary", "Origin")]
    return Answered(headers, body, terms)


def put(on: Shelf, one: asked.Asked, what: Answered, *, drops: int | None = None, began: float = 0) -> None:
    on.put(one, what, drops=on.drops.count if drops is None else drops, began=began)
