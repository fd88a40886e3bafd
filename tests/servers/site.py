"""A foreign site: pages of somebody else, on another address, so that the browser takes it for another origin."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Page:
    body: str
    type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class ForeignSite(ThreadingHTTPServer):
    """Serves `pages` by path; add to it or change it while it runs, `asked` lists the paths requested."""

    daemon_threads = True

    def __init__(self, host: str) -> None:
        super().__init__((host, 0), Visitor)
        self.url = f"http://{host}:{self.server_port}"
        self.pages: dict[str, Page] = {}
        self.asked: list[str] = []


class Visitor(BaseHTTPRequestHandler):
    server: ForeignSite

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        self.server.asked.append(path)
        page = self.server.pages.get(path)
        body = page.body.encode() if page else b"not here"
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", page.type if page else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (page.headers if page else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: tests read `asked`."""


@contextmanager
def foreign_site(host: str = "127.0.0.2", **pages: str) -> Iterator[ForeignSite]:
    """Serve pages on an address of their own; `index` is `/`, any other name is `/name`."""
    with ForeignSite(host) as site:
        site.pages = {"/" if name == "index" else f"/{name}": Page(body) for name, body in pages.items()}
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join(10)
