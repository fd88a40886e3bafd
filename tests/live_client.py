"""A raw Socket.IO client for tests of the engine: it says exactly the bytes it is told to."""

import json
import os
import socket
import time
from typing import Any

from websocket import ABNF
from websocket._abnf import frame_buffer
from websocket._exceptions import WebSocketConnectionClosedException

DIALLED: list[socket.socket] = []
"""What knock() has opened; tests close it."""
PATIENCE_S = 20
"""How long a word is awaited: a bound for what hangs, far beyond what a busy machine takes."""
PATH = "/socket.io/?EIO=4&transport=websocket"


class Raw:
    """One end of a connection; the other end is the engine's."""

    def __init__(self, sock: socket.socket, *, timeout: float = PATIENCE_S) -> None:
        self.sock = sock
        sock.settimeout(timeout)
        self.head = b""
        self.number = 0
        self.events: list[list[Any]] = []
        self._frames = frame_buffer(self._receive, skip_utf8_validation=False)

    def send(self, text: str | bytes, opcode: int = ABNF.OPCODE_TEXT, *, fin: int = 1) -> None:
        self.sock.sendall(framed(text, opcode, fin=fin))

    def frame(self) -> tuple[int, bytes]:
        """Return the next frame; a lost connection reads as (0, b"")."""
        try:
            found = self._frames.recv_frame()
        except (WebSocketConnectionClosedException, ConnectionError):
            return 0, b""
        assert isinstance(found.data, bytes)
        return found.opcode, found.data

    def text(self) -> str:
        """Return the next text that is not a ping, answering pings."""
        while True:
            opcode, payload = self.frame()
            assert opcode == ABNF.OPCODE_TEXT, (opcode, payload)
            if payload != b"2":
                return payload.decode()
            self.send("3")

    def close_code(self) -> int:
        """Read until the close and return its code; 0 when the connection was cut without a word."""
        while True:
            opcode, payload = self.frame()
            if opcode == ABNF.OPCODE_CLOSE:
                return int.from_bytes(payload[:2], "big")
            if not opcode:
                return 0

    def connect(self) -> "Raw":
        """Say hello to the default namespace."""
        assert self.text().startswith('0{"sid":')
        self.send("40")
        assert self.text().startswith('40{"sid":')
        return self

    def ask(self, name: str, *given: Any) -> Any:
        """Emit and return the answer; events that come before it are kept in `events`."""
        self.number += 1
        self.send(f"42{self.number}" + json.dumps([name, *given]))
        mark = f"43{self.number}["
        while not (said := self.text()).startswith(mark):
            self.events.append(json.loads(said[2:]))
        return json.loads(said[len(mark) - 1 :])[0]

    def event(self) -> list[Any]:
        """Return the next event: [name, …]."""
        if self.events:
            return self.events.pop(0)
        said = self.text()
        assert said.startswith("42"), said
        found: list[Any] = json.loads(said[2:])
        return found

    def close(self) -> None:
        self.sock.close()

    def _receive(self, wanted: int) -> bytes:
        if self.head:
            found, self.head = self.head[:wanted], self.head[wanted:]
            return found
        found = self.sock.recv(wanted)
        if not found:
            raise WebSocketConnectionClosedException
        return found


def framed(text: str | bytes, opcode: int = ABNF.OPCODE_TEXT, *, fin: int = 1) -> bytes:
    """Return the frame a client says this with."""
    payload = text.encode() if isinstance(text, str) else text
    framed: bytes = ABNF(fin, 0, 0, 0, opcode, 1, payload).format()
    return framed


def opening(port: int, *, path: str = PATH, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a client's handshake."""
    import base64

    given = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
        **(headers or {}),
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
    return "\r\n".join(lines).encode()


def dial(port: int, **given: Any) -> Raw:
    """Open a socket over TCP; AssertionError when the server says no."""
    status, raw = knock(port, **given)
    assert status == 101, status
    return raw


def knock(port: int, *, host: str = "127.0.0.1", timeout: float = PATIENCE_S, **given: Any) -> tuple[int, Raw]:
    """Shake hands; return the status and the connection behind it, what came after the head still unread."""
    sock = socket.create_connection((host, port), timeout=timeout)
    DIALLED.append(sock)
    sock.sendall(opening(port, **given))
    received = b""
    end = time.monotonic() + timeout
    while b"\r\n\r\n" not in received:
        piece = sock.recv(4096)
        if not piece or time.monotonic() > end:
            return 0, Raw(sock)
        received += piece
    head, _, rest = received.partition(b"\r\n\r\n")
    raw = Raw(sock, timeout=timeout)
    raw.head = rest
    return int(head.split(b" ", 2)[1]), raw
