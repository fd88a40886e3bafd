"""What every test server stands on: finding programs, free ports, waiting with a bound, ending a process."""

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from glob import glob
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
Found = TypeVar("Found")
# Below the range the kernel takes client ports from, so that a server can come back to its port after a restart.
PORTS = range(10_000, 32_000)
_given: set[int] = set()
"""Ports that this process has given away: who has one may not have bound it yet, or be about to come back to it."""


def program(name: str, *, package: str) -> str:
    """Return the path of a program; without it the test is skipped, or fails where nothing may be (CI=true)."""
    places = sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)
    found = shutil.which(name) or next(iter(places), None)
    if not found:
        _go_without(name, package)
    return found


def there(path: Path, *, package: str) -> Path:
    """Return the path of a file that belongs to a package; without it as without a program."""
    if not path.exists():
        _go_without(path.name, package)
    return path


def _go_without(name: str, package: str) -> NoReturn:
    reason = f"{name} is missing: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port nobody listens on, and that no other test of this run is given."""
    for port in random.sample(_own_ports(), 50):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port
    raise OSError("no free port found in fifty tries")


def _own_ports() -> range:
    """Return the share of this worker of the run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))]


def wait_until(condition: Callable[[], Found | None], *, within: float = 20, what: str = "condition") -> Found:
    """Ask until the answer is truthy and return it; TimeoutError after `within` seconds."""
    end = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {within} s")
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return False


def end(process: "subprocess.Popen[bytes]", *, within: float = 10) -> None:
    """Ask a process to end, and kill it when it doesn't."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait(within)
