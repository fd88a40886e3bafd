"""A made-up customer's blog: a site of its own, on another origin, that wears a live badge. For a first look only."""

import argparse
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from tracker.settings import STATIC, TEMPLATES


def make(host: str, port: int, **facts: str) -> ThreadingHTTPServer:
    """Return the blog's server. `facts`: tracker_url, embed_id, ticket_url, subject."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    page = environment.get_template("widgets/sample_blog.html").render(**facts).encode()
    sheet = (Path(STATIC) / "css" / "blog.css").read_bytes()
    answers = {"/": ("text/html; charset=utf-8", page), "/blog.css": ("text/css; charset=utf-8", sheet)}

    class Blog(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = answers.get(self.path.partition("?")[0], ("text/plain; charset=utf-8", b""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return ThreadingHTTPServer((host, port), Blog)


def main() -> None:
    """Serve until the process that started us is gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("host", "tracker", "embed", "ticket", "subject"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    server = make(
        given.host,
        given.port,
        tracker_url=given.tracker,
        embed_id=given.embed,
        ticket_url=given.ticket,
        subject=given.subject,
    )
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server.serve_forever()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main()
