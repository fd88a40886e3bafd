"""A PostgreSQL cluster of our own: made in a temporary folder, reached by its Unix socket, thrown away afterwards."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.servers.ground import end, program, wait_until

# The disk may forget (the folder is thrown away), a killed server may not: synchronous_commit stays on.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=300", "listen_addresses=", "autovacuum=off")


class Postgres:
    """One cluster; `database()` gives a fresh database, copied from a template when one is named."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.user = "postgres" if os.geteuid() == 0 else None
        self.templates: set[str] = set()
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self) -> None:
        """Make the files of the cluster; the server refuses to run as root, so root hands them to its own user."""
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        self.folder.chmod(0o755)
        initdb = [program("initdb", package="postgresql"), "--pgdata", str(self.folder / "cluster"), "--no-sync"]
        initdb += ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(initdb, user=self.user, cwd="/", check=True, capture_output=True, timeout=60)

    def start(self) -> None:
        command = [program("postgres", package="postgresql"), "-D", str(self.folder / "cluster")]
        for option in (*OPTIONS, f"unix_socket_directories={self.folder}"):
            command += ["-c", option]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, user=self.user, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0
            )
        wait_until(self.answers, within=30, what="PostgreSQL accepts connections")

    def answers(self) -> bool:
        assert self.process
        if self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended:\n{self.log()}")
        try:
            with self.admin():
                return True
        except psycopg.OperationalError:
            return False

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9 the server with all its sessions."""
        assert self.process
        self.signal_all(signal.SIGKILL)
        self.process.wait(10)

    def freeze(self) -> None:
        """Stop the server and its sessions in their tracks, connections left open."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_all(signal.SIGCONT)

    def signal_all(self, number: signal.Signals) -> None:
        # Sessions lead process groups of their own, so the group of the server does not reach them.
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (self.process.pid, *map(int, children)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def admin(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True, connect_timeout=5
        )

    def template(self, name: str, fill: Callable[[str], None]) -> str:
        """Make the template database `name` once, letting `fill(url)` migrate and seed it."""
        if name not in self.templates:
            with self.admin() as admin:
                admin.execute(f'CREATE DATABASE "{name}"')
            fill(self.url(name))
            self.templates.add(name)
        return name

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Give the URL of a fresh database and drop it afterwards, whoever is still connected."""
        name = f"test_{uuid4().hex}"
        with self.admin() as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield self.url(name)
        finally:
            with self.admin() as admin:
                admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextmanager
def postgres() -> Iterator[Postgres]:
    cluster = Postgres()
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        if cluster.process and cluster.process.poll() is None:
            cluster.thaw()
            # SIGINT is its fast shutdown: sessions are cut instead of waited for.
            cluster.process.send_signal(signal.SIGINT)
            try:
                cluster.process.wait(10)
            except subprocess.TimeoutExpired:
                cluster.kill()
        if cluster.process:
            end(cluster.process)
        shutil.rmtree(cluster.folder, ignore_errors=True)
