"""Socket.IO 5 over Engine.IO 4, as text: the packets that a light session reads and writes itself."""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from tracker.live.frames import encode

PING = encode(b"2")
DISCONNECTED = encode(b"41")
MAX_ID_DIGITS = 15
OURS = ("connect", "disconnect")
"""Events that only a server may raise: said by a client they would run what tidies up after it."""
MAX_KEPT = 500
"""Characters of a packet whose reading is kept for the next one that is equal."""


class Event(NamedTuple):
    """What a client said: a name, its arguments, and the number it wants the answer under."""

    name: str
    given: list[Any]
    id: str


class Unreadable(ValueError):
    """Not a packet anybody may send."""


def opened(sid: str, *, ping_every_s: int, pong_within_s: int, most_bytes: int) -> bytes:
    """Return the frame of Engine.IO's open packet."""
    said = b'0{"sid":"%s","upgrades":[],"pingTimeout":%d,"pingInterval":%d,"maxPayload":%d}'
    return encode(said % (sid.encode(), pong_within_s * 1000, ping_every_s * 1000, most_bytes))


def connected(sid: str) -> bytes:
    """Return the frame that says: you are on the default namespace."""
    return encode(b'40{"sid":"%s"}' % sid.encode())


def event(name: str, *given: Any) -> bytes:
    """Return an event's frame, for the default namespace."""
    return encode(b"42" + dumps([name, *given]))


def answer(id: str, said: bytes) -> bytes:
    """Return the frame of an acknowledgement; `said` is JSON already."""
    return encode(b"43" + id.encode() + b"[" + said + b"]")


def refused(namespace: str) -> bytes:
    """Return the frame that says there is no such namespace."""
    return encode(b"44" + namespace.encode() + b',"Unable to connect"')


def dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def read_event(packet: str) -> Event:
    """Read `2<id>["name", …]`; raise Unreadable."""
    at = packet.find("[")
    id = packet[1:at]
    if at < 0 or len(id) > MAX_ID_DIGITS or (id and not (id.isascii() and id.isdigit())):
        raise Unreadable("no event")
    said = _loads_again(packet[at:]) if len(packet) < MAX_KEPT else _loads(packet[at:])
    if not isinstance(said, list) or not said or not isinstance(said[0], str):
        raise Unreadable("an event has a name")
    return Event(said[0], said[1:], id)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("no JSON") from None


# A storm of pages says the same; nobody changes what is read here.
_loads_again = lru_cache(maxsize=64)(_loads)


def namespace_of(packet: str) -> str:
    """Return the namespace a packet is for: "/" unless it names another."""
    rest = packet[1:].lstrip("0123456789-") if packet[:1] in "56" else packet[1:]
    if not rest.startswith("/"):
        return "/"
    return rest.split(",", 1)[0].split("?", 1)[0]
