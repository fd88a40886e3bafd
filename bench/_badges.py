"""The servers that bench/badge.py measures, each on the first core: ours, nginx with the same bytes, Node's peers."""

import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench._machine import pin
from bench._peers import Running, fetch, peer
from bench._stage import SQLITE, Stage, staged
from tests.servers.ground import ROOT, program

ASKED = Path(__file__).resolve().parent / "npm_badge"
NPM = ROOT / "var" / "bench-npm-badge"
SERVERS_CORE, OTHERS_CORE = 0, 1
PARTS = ("badge.json", "badge.svg", "embed.js")
SHELL = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=100;
    keepalive_requests 1000000000;
    types {{ application/json json; image/svg+xml svg; text/javascript js; }}
    server {{
        listen 127.0.0.1:@@;
        root {folder};
        add_header Cache-Control "public, max-age=2, stale-if-error=300";
        add_header Access-Control-Allow-Origin "*";
        add_header Cross-Origin-Resource-Policy "cross-origin";
        add_header Vary "Origin";
    }}
}}
"""


class Server(NamedTuple):
    """A server to measure: where each part is, and which processes' work counts."""

    host: str
    port: int
    paths: dict[str, str]
    pids: Callable[[], list[int]]

    def url(self, part: str) -> str:
        return f"http://{self.host}:{self.port}{self.paths[part]}"


def install() -> None:
    """Fetch the peers through npm; what is there already stays."""
    fetch(ASKED, NPM, "badge-maker")


@contextmanager
def ours() -> Iterator[tuple[Server, Stage]]:
    """Run Nameplate with a public ticket and an embed of it, counting what reaches a view."""
    given = {"application": "tests.lane_app:app", "sockets_per_address": 100_000}
    with staged(SQLITE, given, tickets=1, updates=3) as stage:
        paths = {part: f"/e/{stage.embed}/{part}" for part in ("badge.json", "badge.svg")} | {"embed.js": "/embed.js"}
        server = Server(stage.server.host, stage.server.port, paths, stage.server.workers)
        pin(server.pids(), SERVERS_CORE)
        yield server, stage


@contextmanager
def bodies(server: Server) -> Iterator[Path]:
    """Give a folder with what a server answers, as files that nginx's worker may read."""
    with tempfile.TemporaryDirectory(prefix="bench-badge-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in PARTS:
            with urllib.request.urlopen(server.url(part), timeout=30) as answer:
                (folder / part).write_bytes(answer.read())
        (folder / "index.html").write_text("ok")
        yield folder


@contextmanager
def nginx(folder: Path) -> Iterator[Server]:
    """Run nginx with one worker that serves the files of a folder."""
    program("nginx", package="nginx-light")
    (folder / "nginx.conf.in").write_text(SHELL.format(folder=folder))
    written = f"sed s/@@/PORT/ {folder}/nginx.conf.in > {folder}/nginx.conf"
    with peer(["sh", "-c", f"{written}; exec nginx -p {folder} -e stderr -c {folder}/nginx.conf"], folder) as running:
        yield _pinned(running)


def node(mode: str) -> Callable[[Path], AbstractContextManager[Server]]:
    """Return what runs badge-maker: `made` for each request, `cached`, or behind `express`."""

    @contextmanager
    def start(folder: Path) -> Iterator[Server]:
        command = [program("node", package="nodejs"), "badge.js"]
        with peer(command, NPM, MODE=mode, BODIES=str(folder)) as running:
            yield _pinned(running)

    return start


def _pinned(running: Running) -> Server:
    pin(running.pids(), SERVERS_CORE)
    return Server(running.host, running.port, {part: f"/{part}" for part in PARTS}, running.pids)
