"""What may reach the stock Socket.IO driver: a bounded number of sockets, no JSONP; the rest are asked to poll."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from tracker import limits

Start = Callable[..., Any]
PATH = "/socket.io/"


class Guard:
    """A WSGI layer. A socket, or a long poll, of the stock driver holds a thread: past `most` it answers 503."""

    def __init__(self, wsgi: Any, *, most: int, most_per_address: int) -> None:
        self.wsgi, self.most, self.most_per_address = wsgi, most, most_per_address
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Sockets and long polls open now."""
        return self._open.total()

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith(PATH):
            answer: Iterable[bytes] = self.wsgi(environ, start)
            return answer
        if "j" in parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True):
            return _refuse(start, "400 Bad Request", b"JSONP is not spoken here.")
        if environ.get("HTTP_UPGRADE", "").lower() != "websocket":
            return _refuse(
                start, "400 Bad Request", b"Live news comes over WebSocket; without it, ask /t/<ref>/entries."
            )
        return self._socket(environ, start)

    def _socket(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        address = limits.network(environ.get("REMOTE_ADDR", ""))
        with self._lock:
            if self._open.total() >= self.most or self._open[address] >= self.most_per_address:
                return _refuse(start, "503 Service Unavailable", b"Enough sockets are open here; please poll.")
            self._open[address] += 1
        try:
            environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # no permessage-deflate: 16 KB could unfold to gigabytes
            return list(self.wsgi(environ, start))
        finally:
            with self._lock:
                self._open[address] -= 1
                if not self._open[address]:
                    del self._open[address]


def _refuse(start: Start, status: str, words: bytes) -> list[bytes]:
    start(
        status,
        [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(words))), ("Retry-After", "30")],
    )
    return [words]
