"""The servers that bench/live.py measures: ours, and peers installed from npm and PyPI when they are first wanted."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.ground import ROOT, end, free_port, program, wait_until
from tests.servers.instance import Instance

ASKED = Path(__file__).resolve().parent / "npm"
NPM = ROOT / "var" / "bench-npm"
PEERS = ROOT / "var" / "bench-peers"
GENEROUS = {"sockets": 100_000, "sockets_per_address": 100_000}


class Running(NamedTuple):
    """A server to measure: where it is and which processes' work counts."""

    host: str
    port: int
    ref: str
    other: str
    """A second ticket, that nobody watches unless told to."""
    pids: Callable[[], list[int]]


def fetch(asked: Path, folder: Path, package: str) -> bool:
    """Install through npm what a folder asks for into another; False when its `package` is there already."""
    shutil.copytree(asked, folder, dirs_exist_ok=True)
    if (folder / "node_modules" / package).exists():
        return False
    npm = program("npm", package="npm")
    subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=600)
    return True


def install() -> None:
    """Fetch the peers through npm and uv; what is there already stays."""
    if fetch(ASKED, NPM, "socket.io"):
        # npm does not run what a package brings unasked; Bun's only puts its own program in place.
        (NPM / "node_modules" / "@oven").mkdir(exist_ok=True)
        node = program("node", package="nodejs")
        subprocess.run([node, "node_modules/bun/install.js"], cwd=NPM, check=True, timeout=600)
    if not (PEERS / "bin" / "gunicorn").exists():
        uv = [str(Path(sys.executable).parent / "uv"), "--quiet"]
        subprocess.run([*uv, "venv", str(PEERS)], check=True, timeout=120)
        wanted = ["flask-socketio==5.7.0", "gunicorn==27.0.1", "python-socketio==5.18.1", "python-engineio==4.15.1"]
        wanted += ["gevent==26.9.0", "packaging==26.3", "simple-websocket==1.1.0"]
        subprocess.run([*uv, "pip", "install", "-p", str(PEERS), *wanted], check=True, timeout=600)


@contextmanager
def nameplate(**settings: Any) -> Iterator[Running]:
    """Run ours on the engine, with a ticket to watch."""
    given: dict[str, Any] = GENEROUS | settings
    server = Instance(application="bench._live_app:app", **given)
    try:
        server.init(demo=True)
        server.start()
        yield Running(server.host, server.port, *refs_of(server), server.workers)
    finally:
        server.close()


def refs_of(server: Instance) -> tuple[str, str]:
    """Return two public tickets of the demo."""
    with urllib.request.urlopen(f"{server.url}/", timeout=10) as answer:
        found: list[str] = re.findall(r"/t/(\w+)", answer.read().decode())
        first, second, *_ = dict.fromkeys(found)
        return first, second


@contextmanager
def peer(command: list[str], cwd: Path, **environ: str) -> Iterator[Running]:
    """Run a peer's command with PORT set, until the block ends."""
    port = free_port()
    given = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    given |= {"PORT": str(port), **environ}
    command = [part.replace("PORT", str(port)) for part in command]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=cwd, env=given, stdout=quiet, stderr=quiet)
    try:
        wait_until(lambda: _answers(port), within=60, what=f"{command[0]} answers")
        yield Running("127.0.0.1", port, "a-ticket", "another", lambda: _family(process.pid))
    finally:
        end(process)


def socketio() -> Any:
    return peer([program("node", package="nodejs"), "socketio.js"], NPM)


def bun() -> Any:
    return peer([str(NPM / "node_modules" / ".bin" / "bun"), "bun.js"], NPM)


def gevent() -> Any:
    return _stock("gevent", "-k", "gevent", "--worker-connections", "30000")


def gthread() -> Any:
    return _stock("threading", "-k", "gthread", "--threads", "2500", "--worker-connections", "30000")


def _stock(mode: str, *worker: str) -> Any:
    gunicorn = [str(PEERS / "bin" / "gunicorn"), "-c", "/dev/null", *worker, "--bind", "127.0.0.1:PORT"]
    return peer([*gunicorn, "bench._peer_flask:app"], ROOT, ASYNC_MODE=mode)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2):
            return True
    except OSError:
        return False


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]
