"""Where webhooks and chats arrive: keeps what it is posted, and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """`status` and `headers` are what it answers; `hangs` lets it say nothing until it is let go."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.let_go = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.posted.append(Posted(self.path, dict(self.headers), body))
                if receiver.hangs:
                    receiver.let_go.wait(30)
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    thread = threading.Thread(target=one.server.serve_forever, name="receiver", daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.let_go.set()
        one.server.shutdown()
        one.server.server_close()
        thread.join(10)
