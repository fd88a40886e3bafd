"""A PostgreSQL cluster of our own: made in a temporary folder, reached by its Unix socket, thrown away afterwards."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import psycopg

from tests.servers.ground import end, is_running, program, wait_until

# The disk may forget (the folder is thrown away), a killed server may not: synchronous_commit stays on.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_connections=300", "listen_addresses=", "autovacuum=off")
SHAPE = """SELECT md5(string_agg(concat_ws(' ', one.oid, relname, attname), ',' ORDER BY one.oid, attnum)),
max(pg_relation_size(one.oid)) > 1000000,
(SELECT count(*) FROM pg_db_role_setting JOIN pg_database ON setdatabase = oid WHERE datname = current_database())
FROM pg_class AS one LEFT JOIN pg_attribute ON attrelid = one.oid WHERE relnamespace = 'public'::regnamespace"""
"""Which tables, indexes, columns and settings there are, and whether one has grown so much that a new copy is best."""
CUT = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()"""
WRITTEN = """SELECT relname FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0"""
COUNTED = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"


class Copy:
    """A copy of a template that tests have in turn: what one has done to it is put back before the next."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self.shape = connection.execute(SHAPE).fetchone()
        self.counts: dict[str, int] = dict(connection.execute(COUNTED).fetchall())
        self.rows = {table: self._rows(connection, table) for (table,) in connection.execute(WRITTEN).fetchall()}

    @staticmethod
    def _rows(connection: Connection, table: Any) -> bytes:
        with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as found:
            return b"".join(bytes(part) for part in found)

    def is_put_back(self, connection: Connection) -> bool:
        """Cut whoever is connected, make rows and sequences what they were; False when its tables are others."""
        connection.execute(CUT)
        if connection.execute(SHAPE).fetchone() != self.shape:
            return False
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no foreign key is looked at
            for (table,) in connection.execute(WRITTEN).fetchall():
                connection.execute(f'DELETE FROM "{table}"')
            for sequence, _last in connection.execute(COUNTED).fetchall():
                connection.execute("SELECT setval(%s, %s, false)", (sequence, self.counts.get(sequence, 0) + 1))
            for table, rows in self.rows.items():
                with connection.cursor().copy(f'COPY "{table}" FROM STDIN') as into:
                    into.write(rows)
        return True


def _name() -> str:
    return f"test_{uuid4().hex}"


class Postgres:
    """One cluster; `database()` makes a database, `copy()` gives one that is as a template."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.user = "postgres" if os.geteuid() == 0 else None
        self.templates: set[str] = set()
        self.spare: dict[str, Copy] = {}
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
        subprocess.run(initdb, user=self.user, cwd="/", check=True, capture_output=True, timeout=120)

    def start(self) -> None:
        command = [program("postgres", package="postgresql"), "-D", str(self.folder / "cluster")]
        for option in (*OPTIONS, f"unix_socket_directories={self.folder}"):
            command += ["-c", option]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, user=self.user, cwd="/", stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0
            )
        wait_until(self.answers, within=60, what="PostgreSQL accepts connections")

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
        """kill -9 the server with all its sessions; a session that is not gone yet would keep it from coming back."""
        assert self.process
        hit = self.signal_all(signal.SIGKILL)
        self.process.wait(30)
        wait_until(lambda: not any(map(is_running, hit)), what="all sessions of PostgreSQL are gone")

    def freeze(self) -> None:
        """Stop the server and its sessions in their tracks, connections left open."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal_all(signal.SIGCONT)

    def signal_all(self, number: signal.Signals) -> list[int]:
        """Signal the server and its sessions; return whom."""
        # Sessions lead process groups of their own, so the group of the server does not reach them.
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        pids = [self.process.pid, *map(int, children)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def admin(self, database: str = "postgres") -> Connection:
        return psycopg.connect(
            host=str(self.folder), user="postgres", dbname=database, autocommit=True, connect_timeout=20
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
        name = self._made(template)
        try:
            yield self.url(name)
        finally:
            self._drop(name)

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        """Give the URL of a database as the template is, under a name that nobody knew; it is much sooner there."""
        one = self.spare.pop(template, None) or self._copied(template)
        with self.admin() as admin:
            old, one.name = one.name, _name()
            admin.execute(f'ALTER DATABASE "{old}" RENAME TO "{one.name}"')
        try:
            yield self.url(one.name)
        finally:
            with self.admin(one.name) as connection:
                is_put_back = one.is_put_back(connection)
            if is_put_back:
                self.spare[template] = one
            else:
                self._drop(one.name)

    def _copied(self, template: str) -> Copy:
        name = self._made(template)
        with self.admin(name) as connection:
            return Copy(name, connection)

    def _made(self, template: str) -> str:
        name = _name()
        with self.admin() as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def _drop(self, name: str) -> None:
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
                cluster.process.wait(20)
            except subprocess.TimeoutExpired:
                cluster.kill()
        if cluster.process:
            end(cluster.process)
        shutil.rmtree(cluster.folder, ignore_errors=True)
