"""A whole house for one test: the application on a fresh, migrated database, and the browser that visits it."""

import contextvars
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import QueuePool, event, make_url

from tests.servers.ground import wait_until
from tests.servers.instance import Instance
from tracker import live, seed, store
from tracker.settings import MIGRATIONS, Settings
from wsgi import create_app

ORIGIN = "http://localhost"
KEY = "a key that only tests use, long enough for production"
LIMITS = (
    "requests_per_minute",
    "writes_per_minute",
    "opens_per_hour",
    "thanks_per_hour",
    "uploads_per_hour",
    "reports_per_hour",
    "waits_per_hour",
    "follows_per_hour",
)
GENEROUS = dict.fromkeys(LIMITS, 1_000_000)
"""One test stands for many people; tests of the limits set them low again."""


class Visitor(FlaskClient):
    """A browser of our own pages: same-origin headers, and a context of its own for every request.

    Without the latter a request would share the test's database session and its idea of who is asking.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"

    def open(self, *arguments: Any, **options: Any) -> Any:
        return contextvars.Context().run(super().open, *arguments, **options)


def build(database_url: str, data_dir: Path, **settings: Any) -> Flask:
    """Return an application on a database; its outbox is stepped by hand (make.deliver)."""
    chosen = {"public_url": ORIGIN, "secret_key": KEY, "outbox": "process", "mail_bundle_s": 0, **GENEROUS, **settings}
    app = create_app(Settings(database_url=database_url, data_dir=str(data_dir), **chosen))
    app.config["TESTING"] = True
    if database_url.startswith("sqlite"):
        with app.app_context():
            event.listen(store.db.engine, "connect", _forgetful)
    app.extensions["tracker_sightings"].after = lambda _seconds, _work: None
    app.test_client_class = Visitor
    return app


def _forgetful(connection: Any, _record: Any) -> None:
    """Let the disk forget, as PostgreSQL's does in tests: what a killed process committed still stays."""
    connection.execute("PRAGMA synchronous=OFF").close()


@contextmanager
def opened(database_url: str, data_dir: Path, **settings: Any) -> Iterator[Flask]:
    """Give an application with its context pushed, and close every connection afterwards."""
    app = build(database_url, data_dir, **settings)
    with app.app_context():
        try:
            yield app
        finally:
            live.close(app)
            _hang_up()


@contextmanager
def beside(server: Instance) -> Iterator[None]:
    """Look at a server's database from here, as commands on its machine do."""
    url = server.environ.get("TRACKER_DATABASE_URL") or sqlite_url(server.data_dir / "nameplate.sqlite3")
    with opened(url, server.data_dir):
        yield


def _hang_up() -> None:
    """Close every connection, once the threads that a test began have given theirs back."""
    store.db.session.remove()
    pool = store.db.engine.pool
    if isinstance(pool, QueuePool):
        wait_until(lambda: not pool.checkedout(), what="every connection is given back")
    store.db.engine.dispose()


def migrate(database_url: str, data_dir: Path) -> None:
    """Bring an empty database to what `flask tracker init` makes of it."""
    with opened(database_url, data_dir):
        upgrade(directory=MIGRATIONS)
        seed.epoch()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def migrated_file(folder: Path) -> Path:
    """Make the SQLite file that tests copy; all of it is in the one file, nothing is left in the WAL."""
    path = folder / "template.sqlite3"
    migrate(sqlite_url(path), folder)
    assert not path.with_name(path.name + "-wal").exists()
    return path


def copied(template: Path, folder: Path) -> str:
    """Return the URL of a fresh SQLite database in `folder`."""
    path = folder / "nameplate.sqlite3"
    shutil.copyfile(template, path)
    return sqlite_url(path)


class Standing:
    """Applications that tests share: one for each kind of database, built once a worker.

    Each connects to the database of the test that has it; what a test changed in it is put back afterwards.
    One whose fan-out thread has started is left to that test, and the next gets a new one.
    """

    def __init__(self) -> None:
        self.apps: dict[str, Flask] = {}

    @contextmanager
    def opened(self, database_url: str, data_dir: Path) -> Iterator[Flask]:
        """Give the application with its context pushed, on this database."""
        backend = make_url(database_url).get_backend_name()
        app = self.apps[backend] = self.apps.get(backend) or _movable(database_url, data_dir)
        kept = [(now, dict(now)) for now in (app.extensions, app.config, app.view_functions)]
        listeners = list(app.extensions["tracker_listeners"])
        settings = replace(app.extensions["tracker_settings"], database_url=database_url, data_dir=str(data_dir))
        app.extensions["tracker_settings"] = settings
        with app.app_context():
            try:
                yield app
            finally:
                if app.extensions["tracker_fanout"].is_running:
                    live.close(app)
                    del self.apps[backend]
                _hang_up()
        if self.apps.get(backend) is app:
            for now, before in kept:
                now.clear()
                now.update(before)
            app.extensions["tracker_listeners"][:] = listeners


def _movable(database_url: str, data_dir: Path) -> Flask:
    """Build an application that connects to whatever database its settings name by then."""
    app = build(database_url, data_dir)

    def lead(dialect: Any, _record: Any, places: list[Any], named: dict[str, Any]) -> None:
        there, by_name = dialect.create_connect_args(make_url(app.extensions["tracker_settings"].database_url))
        places[:] = there
        named.update(by_name)

    with app.app_context():
        event.listen(store.db.engine, "do_connect", lead)
        store.db.engine.dialect.dispatch.do_connect.listeners.rotate()  # before the house's own, which connects
    return app
