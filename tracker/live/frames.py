"""RFC 6455 frames: bytes of a client in, whole messages out; our messages in, frames out. No sockets here."""

from collections.abc import Iterator
from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NORMAL, GOING_AWAY, PROTOCOL, UNSUPPORTED = 1000, 1001, 1002, 1003
BAD_TEXT, POLICY, TOO_BIG, OUR_FAULT = 1007, 1008, 1009, 1011
MAX_MESSAGE_BYTES = 16 * 1024
MAX_FRAGMENTS = 256
"""Frames one message may come in: empty fragments cost a sender nothing and never reach the size limit."""
MAX_CONTROL_BYTES = 125
SAYABLE = frozenset((1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)))
"""Close codes that may travel (RFC 6455, 7.4 and the registry of IANA)."""


class ProtocolError(Exception):
    """The peer broke the protocol, or a limit; `code` closes the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Message(NamedTuple):
    """A whole message: text is str, everything else bytes; a CLOSE holds its code, two bytes, or nothing."""

    opcode: int
    payload: str | bytes


class Frame(NamedTuple):
    """One frame as it stood in the bytes, unmasked; `end` is where the next one begins."""

    fin: bool
    opcode: int
    payload: bytes
    end: int


class Incoming:
    """What one client has sent and has not finished: feed it bytes, take messages."""

    __slots__ = ("_bytes", "_fragments", "_opcode", "_parts")

    def __init__(self) -> None:
        self._bytes = b""
        self._opcode = 0
        self._parts: bytearray | None = None
        self._fragments = 0

    @property
    def held(self) -> int:
        """Bytes waiting for the rest of their frame or message."""
        return len(self._bytes) + len(self._parts or b"")

    def feed(self, received: bytes) -> Iterator[Message]:
        """Yield each message that is now complete; raise ProtocolError at the first fault, after what came before."""
        if not self._bytes and self._parts is None and (short := _short(received)) is not None:
            yield short
            return
        pending = self._bytes + received if self._bytes else received
        at = 0
        try:
            while (frame := _read(pending, at, self._room())) is not None:
                at = frame.end
                message = self._take(frame)
                if message is not None:
                    yield message
        finally:
            self._bytes = pending[at:]

    def _room(self) -> int:
        return MAX_MESSAGE_BYTES - len(self._parts) if self._parts is not None else MAX_MESSAGE_BYTES

    def _take(self, frame: Frame) -> Message | None:
        if frame.opcode >= CLOSE:
            return Message(frame.opcode, _closing(frame.payload) if frame.opcode == CLOSE else frame.payload)
        if (frame.opcode == CONTINUATION) != (self._parts is not None):
            raise ProtocolError(PROTOCOL, "a fragment out of order")
        if self._parts is None:
            if frame.fin:
                return _whole(frame.opcode, frame.payload)
            self._opcode, self._parts, self._fragments = frame.opcode, bytearray(), 0
        self._parts += frame.payload
        self._fragments += 1
        if self._fragments > MAX_FRAGMENTS:
            raise ProtocolError(POLICY, "too many fragments")
        if not frame.fin:
            return None
        payload, self._parts = bytes(self._parts), None
        return _whole(self._opcode, payload)


def encode(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return one unfragmented frame of a server: not masked."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def closing(code: int, reason: str = "") -> bytes:
    """Return a close frame; codes that may not travel (1005, 1006, 1015) are said as an empty one."""
    if code not in SAYABLE:
        return encode(b"", CLOSE)
    words = reason.encode()[: MAX_CONTROL_BYTES - 2].decode(errors="ignore").encode()
    return encode(code.to_bytes(2, "big") + words, CLOSE)


def _short(received: bytes) -> Message | None:
    """Return what nearly everything is, one short text in one whole frame; None for all else, to be read with care."""
    size = len(received) - 6
    if not 0 < size < 126 or received[0] != 0x80 | TEXT or received[1] != 0x80 | size:
        return None
    return _whole(TEXT, _unmask(received[6:], received[2:6]))


def _read(pending: bytes, at: int, room: int) -> Frame | None:
    """Return the frame that begins at `at`, or None while some of it is missing; refuse as early as it can be known."""
    have = len(pending) - at
    if have < 1:
        return None
    first = pending[at]
    _check_first(first)
    if have < 2:
        return None
    second = pending[at + 1]
    if not second & 0x80:
        raise ProtocolError(PROTOCOL, "a client's frames are masked")
    opcode, size, head = first & 0x0F, second & 0x7F, 2
    if opcode >= CLOSE and size > MAX_CONTROL_BYTES:
        raise ProtocolError(PROTOCOL, "a control frame is too long")
    if size > 125:
        head = 4 if size == 126 else 10
        if have < head:
            return None
        size = _long_size(pending[at + 2 : at + head])
    if opcode < CLOSE and size > room:
        raise ProtocolError(TOO_BIG, f"a message has at most {MAX_MESSAGE_BYTES} bytes")
    end = at + head + 4 + size
    if len(pending) < end:
        return None
    mask = pending[at + head : at + head + 4]
    return Frame(first >= 0x80, opcode, _unmask(pending[at + head + 4 : end], mask), end)


def _check_first(first: int) -> None:
    if first & 0x70:
        raise ProtocolError(PROTOCOL, "no extension was agreed")
    opcode = first & 0x0F
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise ProtocolError(PROTOCOL, "an opcode that does not exist")
    if opcode >= CLOSE and not first & 0x80:
        raise ProtocolError(PROTOCOL, "a control frame in fragments")


def _long_size(coded: bytes) -> int:
    size = int.from_bytes(coded, "big")
    if size < (126 if len(coded) == 2 else 1 << 16) or size >= 1 << 63:
        raise ProtocolError(PROTOCOL, "a length that is not written as briefly as it can be")
    return size


def _unmask(payload: bytes, mask: bytes) -> bytes:
    """XOR with the repeated mask; as whole numbers, which C does for us."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")).to_bytes(size, "little")


def _whole(opcode: int, payload: bytes) -> Message:
    if opcode != TEXT:
        return Message(opcode, payload)
    try:
        return Message(TEXT, payload.decode())
    except UnicodeDecodeError:
        raise ProtocolError(BAD_TEXT, "text that is not UTF-8") from None


def _closing(payload: bytes) -> bytes:
    """Return the code of a close frame, checked, without its reason."""
    if not payload:
        return b""
    if len(payload) == 1 or int.from_bytes(payload[:2], "big") not in SAYABLE:
        raise ProtocolError(PROTOCOL, "a close code that may not travel")
    _whole(TEXT, payload[2:])
    return payload[:2]
