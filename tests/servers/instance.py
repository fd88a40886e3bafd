"""A whole Nameplate as it runs for people: gunicorn, its own data folder, killed and started again at will."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from tests.servers.ground import ROOT, end, free_port, wait_until

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE")


RUNNING: list["Instance"] = []
"""Started and not yet closed, in this process."""


class Instance:
    """One server on one port. `settings` are named as in tracker/settings.py: Instance(redis_url=…, sockets=20)."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        data_dir: Path | None = None,
        application: str = "wsgi:app",
        arguments: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        self.application, self.arguments = application, arguments
        self.port = free_port(host)
        self.host = host
        self.url = f"http://{host}:{self.port}"
        self.made_dir = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="nameplate-"))
        given = {
            "data_dir": self.data_dir,
            "public_url": self.url,
            "secret_key": "a key that only tests use, long enough for production",
            # One browser stands for many people here; tests of the limits set them low again.
            "requests_per_minute": 1_000_000,
            "writes_per_minute": 1_000_000,
            "opens_per_hour": 1_000_000,
            "thanks_per_hour": 1_000_000,
            "signins_per_minute": 1_000_000,
            "sockets_per_address": 1_000,
            "mail_bundle_s": 0,
            **settings,
        }
        self.environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.environ |= {f"TRACKER_{name.upper()}": str(value) for name, value in given.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def flask(self, *arguments: str, within: float = 240) -> str:
        """Run `flask tracker …` against this instance's data and return what it prints; RuntimeError when it fails."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "tracker", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=within)
        if done.returncode:
            raise RuntimeError(f"flask tracker {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def init(self, *, demo: bool = False) -> None:
        """Make its database as `flask tracker init` does; one on SQLite is made once a run, and copied."""
        if "TRACKER_DATABASE_URL" in self.environ:
            self.flask("init", *(["--demo"] if demo else []))
        else:
            shutil.copytree(_made(demo), self.data_dir, dirs_exist_ok=True)

    def start(self, *, within: float = 120) -> None:
        """Start the server and wait until it says that it is ready."""
        command = [sys.executable, "-m", "gunicorn", self.application, "--bind", f"{self.host}:{self.port}"]
        command += self.arguments
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0
            )
        if self not in RUNNING:
            RUNNING.append(self)
        wait_until(self.ready, within=within, what=f"{self.url}/readyz answers 200")

    def ready(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise RuntimeError(f"gunicorn ended with {self.process.returncode}:\n{self.log()[-8000:]}")
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    @property
    def log_path(self) -> Path:
        return self.data_dir / "gunicorn.log"

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def workers(self) -> list[int]:
        """The process ids of the workers that serve right now."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def kill_workers(self) -> int:
        """kill -9 every worker, the arbiter starts others; return how many were hit."""
        pids = self.workers()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return len(pids)

    def kill(self) -> None:
        """kill -9 the whole server at once: nothing gets to say goodbye."""
        assert self.process
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self, *, within: float = 30) -> None:
        """SIGTERM: let it finish what it is doing."""
        assert self.process
        end(self.process, within=within)

    def restart(self) -> None:
        self.stop()
        self.start()

    def close(self) -> None:
        if self in RUNNING:
            RUNNING.remove(self)
        if self.process and self.process.poll() is None:
            self.kill()
        if self.made_dir:
            shutil.rmtree(self.data_dir, ignore_errors=True)


@contextmanager
def instance(*, host: str = "127.0.0.1", demo: bool = False, **settings: Any) -> Iterator[Instance]:
    """Run a Nameplate with a fresh data folder; `database_url=` puts it on PostgreSQL, `demo=True` seeds the demo."""
    running = Instance(host=host, **settings)
    try:
        running.init(demo=demo)
        running.start()
        yield running
    finally:
        running.close()


@cache
def _made(demo: bool) -> Path:
    """Return a data folder as the first `flask tracker init` leaves it."""
    first = Instance()
    atexit.register(first.close)
    first.flask("init", *(["--demo"] if demo else []))
    return first.data_dir
