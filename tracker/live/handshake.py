"""The opening of a WebSocket, as bytes: which requests the engine takes itself, and what it answers."""

import base64
import hashlib
import re
from typing import Any, NamedTuple

MAX_HEAD_BYTES = 16 * 1024
END = b"\r\n\r\n"
USUAL = b"EIO=4&transport=websocket"
LINE = re.compile(rb"GET /socket\.io/\?([A-Za-z0-9_.&=-]{1,200}) HTTP/1\.1\r\n")
# One way to match each byte: a second one, such as for the spaces around a value, takes hours on a head full of them.
HEADER = rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\x20-\x7e\x80-\xff\t]*)\r\n"
ONE_HEADER, HEADERS = re.compile(HEADER), re.compile(b"(?:" + HEADER.replace(b"(", b"(?:") + b")+")
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
HOST = re.compile(rb"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
ONCE = (
    b"host",
    b"upgrade",
    b"connection",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"origin",
    b"x-forwarded-for",
)
NEVER = (b"content-length", b"transfer-encoding", b"expect", b"sec-websocket-protocol")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SWITCHED = b"HTTP/1.1 101"
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 39\r\n"
    b"Retry-After: 30\r\nConnection: close\r\n\r\nEnough sockets are open here; try later"
)
FORBIDDEN = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 23\r\n"
    b"Connection: close\r\n\r\nNot an accepted origin."
)


class Hello(NamedTuple):
    """A client's wish for a live socket: who it says it is, and the bytes it said it with."""

    key: bytes
    origin: str
    forwarded: str
    head: bytes


def read(head: bytes) -> Hello | None:
    """Return what a complete request for a fresh Socket.IO WebSocket says; None for anything but exactly that.

    Engine.IO 4, websocket transport, no session to continue, no body, every header in plain form (RFC 9112, RFC 6455
    4.2.1). Whatever is left goes to the thread pool with its bytes untouched.
    """
    if not head.endswith(END) or head.find(END) != len(head) - 4 or len(head) > MAX_HEAD_BYTES:
        return None
    line = LINE.match(head)
    if line is None or not _asks_for_a_socket(line[1]) or not HEADERS.fullmatch(head, line.end(), len(head) - 2):
        return None
    found: dict[bytes, bytes] = {}
    for said, value in ONE_HEADER.findall(head, line.end()):
        name = said.lower()
        if name in NEVER or (name in ONCE and name in found):
            return None
        found[name] = value.strip(b" \t")
    if not _is_opening(found):
        return None
    said = found.get(b"origin", b""), found.get(b"x-forwarded-for", b"")
    return Hello(found[b"sec-websocket-key"], said[0].decode("latin-1"), said[1].decode("latin-1"), head)


def accepted(key: bytes) -> bytes:
    """Return the answer that switches protocols; no extension is ever agreed to."""
    proof = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
    return (
        SWITCHED
        + b" Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + proof
        + END
    )


def host_of(peer: Any) -> str:
    """Return the address a connection comes from, as its socket names it; "" for a program beside us."""
    return str(peer[0]) if isinstance(peer, tuple) else ""


def client(peer: Any, forwarded: str, proxies: int) -> str:
    """Return the client's address: what the outermost of our proxies saw, or the peer itself when there are none."""
    said = [one.strip() for one in forwarded.split(",")] if forwarded else []
    return said[-proxies] if proxies and len(said) >= proxies else host_of(peer)


def _asks_for_a_socket(query: bytes) -> bool:
    if query == USUAL:
        return True
    asked = [one for one in query.split(b"&") if not one.startswith(b"t=")]
    return sorted(asked) == [b"EIO=4", b"transport=websocket"]


def _is_opening(found: dict[bytes, bytes]) -> bool:
    connection = found.get(b"connection", b"").lower()
    return (
        found.get(b"upgrade", b"").lower() == b"websocket"
        and (connection == b"upgrade" or b"upgrade" in [one.strip() for one in connection.split(b",")])
        and found.get(b"sec-websocket-version") == b"13"
        and HOST.fullmatch(found.get(b"host", b"")) is not None
        and is_key(found.get(b"sec-websocket-key", b""))
    )


def is_key(key: bytes) -> bool:
    """True for sixteen bytes in base64."""
    return KEY.fullmatch(key) is not None
