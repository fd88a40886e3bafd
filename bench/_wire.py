"""The clients of the load generators: HTTP/1.1 with keep-alive and Socket.IO over WebSocket, as little as will do."""

import asyncio
import base64
import json
import os
import struct
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

WITHIN_S = 60.0
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
LONGEST = 4 * 1024 * 1024


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Refused(Exception):
    """The server answered a handshake with another status than 101."""


class Http:
    """One connection that is kept alive, and opened again once the server has closed it."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def get(self, path: str) -> Answer:
        """Ask for a path; once more on a fresh connection when the server closes the old one under us."""
        async with asyncio.timeout(WITHIN_S):
            kept = self._reader is not None and not self._reader.at_eof()
            try:
                return await self._ask(path)
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close()
                if not kept:
                    raise
                return await self._ask(path)

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None

    async def _ask(self, path: str) -> Answer:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(self.host, self.port, limit=LONGEST)
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n\r\n".encode())
        status, headers = await _head(self._reader)
        if "content-length" not in headers:
            raise ValueError(f"{path}: the answer says no length")
        answer = Answer(status, headers, await self._reader.readexactly(int(headers["content-length"])))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return answer


class Socket:
    """One Socket.IO connection (Engine.IO 4, WebSocket only), as a page holds it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._early: list[tuple[float, str]] = []

    @classmethod
    async def connect(cls, host: str, port: int) -> "Socket":
        """Shake hands and join the default namespace; raise Refused when the server has enough sockets."""
        async with asyncio.timeout(WITHIN_S):
            reader, writer = await asyncio.open_connection(host, port, limit=LONGEST)
            key = base64.b64encode(os.urandom(16)).decode()
            writer.write(
                f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            status, _headers = await _head(reader)
            if status != 101:
                writer.close()
                raise Refused(status)
            one = cls(reader, writer)
            one._say("40")
            while not (await one._text()).startswith("40"):
                pass
            return one

    async def ask(self, name: str, said: dict[str, Any]) -> Any:
        """Emit an event and return its acknowledgement."""
        async with asyncio.timeout(WITHIN_S):
            self._say("420" + json.dumps([name, said]))
            while True:
                text = await self._text()
                if text.startswith("430"):
                    return json.loads(text[3:])[0]
                self._early.append((time.monotonic(), text))  # news may overtake the answer

    async def events(self) -> AsyncIterator[tuple[float, str, Any]]:
        """Yield what the server emits, with the moment of arrival, until it hangs up."""
        try:
            while True:
                at, text = self._early.pop(0) if self._early else (0.0, await self._text())
                if text.startswith("42"):
                    at = at or time.monotonic()
                    name, *given = json.loads(text[2:])
                    yield at, name, given[0] if given else None
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def close(self) -> None:
        self._writer.close()

    async def _text(self) -> str:
        """Return the next Socket.IO packet; answers the heartbeats of both layers by itself."""
        while True:
            code, payload = await self._frame()
            if code == PING:
                self._send(PONG, payload)
            elif code == CLOSE:
                raise ConnectionResetError("the server closed the socket")
            elif payload == b"2":
                self._say("3")
            else:
                return payload.decode()

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)

    def _say(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def _send(self, code: int, payload: bytes) -> None:
        # Clients must mask; a mask of zeros is one, and leaves the payload as it is.
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack("!H", size)
        self._writer.write(bytes([0x80 | code]) + length + b"\0\0\0\0" + payload)


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Read the status and the headers of an answer, names in small letters."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, value in pairs}
