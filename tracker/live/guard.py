"""What may reach the Socket.IO server through WSGI: so many sockets and long polls, no JSONP, or 503."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from tracker import limits
from tracker.live.engine import Engine

Start = Callable[..., Any]
PATH = "/socket.io/"
MOST_POLLS = 12
"""Long polls that may hold a thread at once when the engine serves everybody else."""
MOST_POLL_SESSIONS = 200
HEALTH = ("/healthz", "/readyz", "/metrics")
TAKEN = "tracker.network"


class Guard:
    """A WSGI layer. A socket of the stock driver and every long poll hold a thread: past `most` it answers 503."""

    def __init__(self, wsgi: Any, *, most: int, most_per_address: int, role: str = "both") -> None:
        self.role = role
        self.wsgi, self.most, self.most_per_address = wsgi, most, most_per_address
        self.engine: Engine | None = None
        self.polls_allowed = True
        self.sessions: Callable[[], int] = lambda: 0
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Requests that hold a thread for a live connection now."""
        return self._open.total()

    def serve_by_threads(self, threads: int) -> None:
        """Leave half of the threads to pages when each socket holds one."""
        self.most = min(self.most, threads // 2)

    def stand_before(self, engine: Engine, sessions: Callable[[], int], *, alone: bool) -> None:
        """Let the engine take the sockets; polls need all their requests to reach one process."""
        self.engine, self.sessions, self.polls_allowed = engine, sessions, alone
        self.most = self.most_per_address = MOST_POLLS

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PATH):
            if self.role == "live" and path not in HEALTH:
                return _refuse(start, "404 Not Found", b"This process speaks to live sockets only.")
            answer: Iterable[bytes] = self.wsgi(environ, start)
            return answer
        if self.role == "api":
            return _full(start)
        asked = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        if "j" in asked:
            return _refuse(start, "400 Bad Request", b"JSONP is not spoken here.")
        address = limits.network(environ.get("REMOTE_ADDR", ""))
        upgrades = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        if upgrades:
            environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)  # no deflate: 16 KB could unfold to gigabytes
            environ[TAKEN] = address
            if self.engine is not None and not self.engine.admits(address):
                return _full(start)
        if upgrades and asked.get("transport") == ["websocket"]:
            return list(self.wsgi(environ, start)) if self.engine is not None else self._hold(environ, start, address)
        return self._poll(environ, start, address, is_new="sid" not in asked)

    def _poll(self, environ: dict[str, Any], start: Start, address: str, *, is_new: bool) -> Iterable[bytes]:
        """A poll is one whatever its headers say of upgrades."""
        if not self.polls_allowed:
            words = b"Long polling needs one process; live news comes over WebSocket, or ask /t/<ref>/entries."
            return _refuse(start, "400 Bad Request", words)
        if is_new and self.sessions() >= MOST_POLL_SESSIONS:
            return _full(start)
        if environ.get("REQUEST_METHOD") == "GET":
            return self._hold(environ, start, address)
        return list(self.wsgi(environ, start))

    def _hold(self, environ: dict[str, Any], start: Start, address: str) -> Iterable[bytes]:
        with self._lock:
            if self._open.total() >= self.most or self._open[address] >= self.most_per_address:
                return _full(start)
            self._open[address] += 1
        try:
            return list(self.wsgi(environ, start))
        finally:
            with self._lock:
                self._open[address] -= 1
                if not self._open[address]:
                    del self._open[address]


def _full(start: Start) -> list[bytes]:
    return _refuse(start, "503 Service Unavailable", b"Enough sockets are open here; please poll.")


def _refuse(start: Start, status: str, words: bytes) -> list[bytes]:
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(words))),
        ("Retry-After", "30"),
    ]
    start(status, headers)
    return [words]
