"""What every test may ask for."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine as machine
from argon2 import PasswordHasher
from flask import Flask
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, event

from tests import houses
from tests.houses import Visitor
from tests.servers.postgres import Postgres
from tests.servers.smtp import Mailserver
from tracker import people

pytest_plugins = ["tests.servers.fixtures"]
MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""A Monday morning in working hours, no holiday: where tests of time begin."""


@event.listens_for(Engine, "connect")
def turn_around(connection: Any, _record: object) -> None:
    """Return rows that nobody ordered the other way round, as PostgreSQL may: who leans on an order asks for it."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA reverse_unordered_selects = ON")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run drills at their full length and pass marks")
    parser.addoption("--screenshots", action="store_true", help="keep pictures of pages in var/screenshots/")


def pytest_configure(config: pytest.Config) -> None:
    """Make up the same examples each time, new ones with --full; how long one takes is the machine's."""
    given = {"deadline": None, "database": None, "suppress_health_check": [HealthCheck.too_slow]}
    settings.register_profile("house", derandomize=not config.getoption("--full"), **given)
    settings.load_profile("house")


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True when a drill shall run at its full pass mark, not its short form."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session", autouse=True)
def real_hasher() -> Iterator[PasswordHasher]:
    """What guards passwords outside tests; in them it is one that takes no time and no memory."""
    real, cheap = people._hasher, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "_hasher", cheap)
        patch.setattr(people, "_NO_HASH", cheap.hash("nobody has this password"))
        yield real


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, made once a run, copied by every test."""
    return houses.migrated_file(tmp_path_factory.mktemp("template"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database: each test that asks runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield houses.copied(request.getfixturevalue("sqlite_template"), tmp_path)
        return
    cluster: Postgres = request.getfixturevalue("postgres_cluster")
    template = cluster.template("nameplate", lambda url: houses.migrate(url, tmp_path))
    with cluster.copy(template) as url:
        yield url


@pytest.fixture(scope="session")
def standing() -> houses.Standing:
    """The applications that tests share; ask for `house`."""
    return houses.Standing()


@pytest.fixture
def house(database_url: str, standing: houses.Standing, tmp_path: Path) -> Iterator[Flask]:
    """The application on a fresh database, its context pushed; news leaves when make.deliver() says so."""
    with standing.opened(database_url, tmp_path) as app:
        yield app


@pytest.fixture
def open_house(house: Flask) -> Flask:
    """A house that may post to loopback, as in development."""
    house.extensions["tracker_settings"] = replace(house.extensions["tracker_settings"], private_targets=True)
    return house


@pytest.fixture
def mailing(house: Flask, mail_sink: Mailserver) -> Flask:
    """A house whose mail leaves by SMTP."""
    house.extensions["tracker_settings"] = replace(house.extensions["tracker_settings"], smtp_url=mail_sink.url)
    return house


@pytest.fixture
def client(house: Flask) -> Visitor:
    """A browser that nobody has signed in with yet; each request has a database session of its own."""
    visitor = house.test_client()
    assert isinstance(visitor, Visitor)
    return visitor


@pytest.fixture
def travel() -> Iterator[machine.Traveller]:
    """Time stands still on a Monday at ten; `travel.shift(timedelta)` and `travel.move_to(moment)` move it."""
    with machine.travel(MONDAY, tick=False) as traveller:
        yield traveller
