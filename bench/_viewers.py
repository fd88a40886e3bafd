"""Thousands of viewers in one process: they connect, watch one ticket, and note when each update arrived."""

import base64
import json
import os
import select
import socket
import sys
import time
import zlib
from collections import deque
from dataclasses import dataclass
from typing import Any

AT_ONCE = 128
OPENING = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
COMPRESSED = 0x40
BIND_ADDRESS_NO_PORT = 24
"""From linux/in.h: the port is chosen when we connect."""
PER_ADDRESS = 4000
"""Viewers of one address: the fuller its range of ports, the longer the kernel looks for a free one."""
LITTLE = 4096
"""What the kernel takes for a viewer who never reads."""
FILLS_KB = 16
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def masked(text: str) -> bytes:
    """Return a client's frame; a mask of zeros is a mask."""
    payload = text.encode()
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
    return head + bytes(4) + payload


OF_SLOW = {"slow": "connect", "fill": "fill", "cut": "cut"}
PONG, HELLO = masked("3"), masked("40")


@dataclass(eq=False, slots=True)
class Viewer:
    """One connection and how far it has come: shaking hands, opened, connected, watching."""

    sock: socket.socket
    step: int = 0
    rest: bytes = b""
    seq: int = 0
    inflate: Any = None
    """Set when the server agreed to compress."""


class Viewers:
    """All of them, on one epoll loop. With `other` they watch that ticket too and then read no more."""

    def __init__(self, host: str, port: int, ref: str, *, deflate: bool = False, other: str = "") -> None:
        self.host, self.port, self.other = host, port, other
        self.watch = masked("420" + json.dumps(["watch", {"ref": ref, "after": 1_000_000}]))
        key = base64.b64encode(os.urandom(16)).decode()
        self.opening = OPENING.format(host=host, port=port, key=key, more=DEFLATE if deflate else "").encode()
        self.ref = ref
        self.epoll = select.epoll()
        self.all: dict[int, Viewer] = {}
        self.ready = self.lost = self.seen = self.seq = 0
        self.last_at = 0.0

    def connect(self, count: int, within_s: float = 120) -> float:
        """Let `count` viewers come in, so many at once; return how many came per second."""
        begin, waiting = time.monotonic(), deque(range(count))
        while self.ready < count:
            while waiting and len(self.all) - self.ready < AT_ONCE:
                waiting.popleft()
                self._dial()
            self._turn(1.0)
            if self.lost or time.monotonic() - begin > within_s:
                raise RuntimeError(f"{self.ready} of {count} came in, {self.lost} were lost")
        return count / (time.monotonic() - begin)

    def emit(self, seq: int, within_s: float = 20) -> tuple[float, int]:
        """Have an update emitted; return the ms until the last viewer had it, and how many got it."""
        self.seq, self.seen, begin = seq, 0, time.monotonic()
        control = self._ask(f"ref={self.ref}&seq={seq}")
        while self.seen < self.ready - self.lost and time.monotonic() - begin < within_s:
            self._turn(0.5)
        control.close()
        return 1000 * (self.last_at - begin), self.seen

    def fill(self, kb: int) -> None:
        """Have so much told to those who read no more."""
        for _ in range(kb // FILLS_KB):
            with self._ask(f"ref={self.other}&seq=0&size={FILLS_KB * 1024}") as control:
                while control.recv(4096):
                    pass

    def cut(self) -> int:
        """Return how many the server has hung up on."""
        poll = select.poll()
        for fd in self.all:
            poll.register(fd, 0)  # an end is told unasked
        return len(poll.poll(1000))

    def _ask(self, query: str) -> socket.socket:
        control = socket.create_connection((self.host, self.port), timeout=20)
        request = f"GET /bench/emit?{query} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n"
        control.sendall(request.encode())
        return control

    def idle(self, seconds: float) -> None:
        """Answer pings for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._turn(0.2)

    def _dial(self) -> None:
        sock = socket.socket()
        if self.other:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
        sock.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.0.{2 + len(self.all) // PER_ADDRESS}", 0))
        sock.settimeout(30)
        sock.connect((self.host, self.port))
        sock.setblocking(False)
        sock.send(self.opening)
        self.all[sock.fileno()] = Viewer(sock)
        self.epoll.register(sock.fileno(), select.EPOLLIN)

    def _turn(self, timeout: float) -> None:
        for fd, _mask in self.epoll.poll(timeout, 512):
            one = self.all[fd]
            try:
                received = one.sock.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                received = b""
            if not received:
                self.epoll.unregister(fd)
                self.lost += 1
            else:
                self._read(one, one.rest + received)

    def _read(self, one: Viewer, received: bytes) -> None:
        at = 0
        if one.step == 0:
            at = received.find(b"\r\n\r\n") + 4
            if at < 4:
                one.rest = received
                return
            if not received.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"refused: {received[:60]!r}")
            one.step = 1
            if b"permessage-deflate" in received[:at]:
                one.inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        while at + 2 <= len(received):
            size, head = received[at + 1] & 127, 2
            if size == 126:
                size, head = int.from_bytes(received[at + 2 : at + 4], "big"), 4
            if at + head + size > len(received):
                break
            text = received[at + head : at + head + size]
            if received[at] & COMPRESSED:
                text = one.inflate.decompress(text + b"\0\0\xff\xff")
            self._take(one, text)
            at += head + size
        one.rest = received[at:]

    def _take(self, one: Viewer, text: bytes) -> None:
        if one.step == 3:
            if text == b"2":
                one.sock.send(PONG)
            elif text.startswith(b'42["event",{"seq":%d,' % self.seq) and one.seq != self.seq:
                one.seq = self.seq
                self.seen += 1
                self.last_at = time.monotonic()
        elif text[:1] == b"0":
            one.step = 1
            one.sock.send(HELLO)
        elif text[:2] == b"40":
            one.step = 2
            one.sock.send(self.watch)
        elif text[:3] == b"430" and self.other:
            one.sock.send(masked("421" + json.dumps(["watch", {"ref": self.other, "after": 1_000_000}])))
        elif text[:3] in (b"430", b"431"):
            one.step = 3
            self.ready += 1
            if self.other:
                self.epoll.unregister(one.sock.fileno())


def main() -> None:
    """Serve the orders of the parent: a JSON list each line."""
    spec = json.loads(sys.argv[1])
    viewers = Viewers(spec["host"], spec["port"], spec["ref"], deflate=spec.get("deflate", False))
    slow = Viewers(spec["host"], spec["port"], spec["ref"], other=spec["other"])
    for line in sys.stdin:
        order, *given = json.loads(line)
        whose, what = (slow, OF_SLOW[order]) if order in OF_SLOW else (viewers, order)
        try:
            answer: Any = {"found": getattr(whose, what)(*given)}
        except (OSError, RuntimeError) as error:
            answer = {"failed": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
