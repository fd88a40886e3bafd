"""Migrations: they make what the models say, may run again, and are whole or not there at all."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from tests import houses, make
from tracker import embeds, seed, store
from tracker.settings import MIGRATIONS

DAMAGE = """
from alembic import op
import sqlalchemy as sa
revision, down_revision, branch_labels, depends_on = "9999", None, None, None
def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("insert into half values (1)")
    op.execute("select * from nowhere")
"""


def tables() -> set[str]:
    return set(inspect(store.db.engine).get_table_names())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return houses.sqlite_url(tmp_path / "empty.sqlite3")
    url: str = request.getfixturevalue("postgres_url")
    return url


def test_the_migrated_schema_is_what_the_models_say(house: Flask) -> None:
    with store.db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert not compare_metadata(context, store.db.metadata)


def test_every_constraint_of_the_models_holds_in_the_database(house: Flask) -> None:
    found = inspect(store.db.engine)
    for table in store.db.metadata.sorted_tables:
        indexed = {index["name"] for index in found.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= indexed, table.name
        keys = {frozenset(key["constrained_columns"]) for key in found.get_foreign_keys(table.name)}
        assert {frozenset(key.column_keys) for key in table.foreign_key_constraints} == keys, table.name


def test_upgrading_again_changes_nothing(house: Flask) -> None:
    ticket = make.ticket()
    epoch = store.session().execute(text("select value from facts")).scalar()
    store.db.session.remove()
    for _ in range(2):
        upgrade(directory=MIGRATIONS)
        seed.epoch()
    assert store.schema() == "current"
    assert store.session().execute(text("select value from facts")).scalar() == epoch
    assert make.kinds_of(store.session().merge(ticket))


def test_an_empty_database_says_that_it_is_not_ready(empty_url: str, tmp_path: Path) -> None:
    with houses.opened(empty_url, tmp_path) as app:
        assert app.test_client().get("/readyz").status_code == 503
        upgrade(directory=MIGRATIONS)
        assert app.test_client().get("/readyz").status_code == 200


def test_a_migration_that_fails_half_way_leaves_nothing_behind(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F20: what a killed migration had done is undone, and a restart completes it."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako", "alembic.ini"):
        (folder / name).write_bytes((Path(MIGRATIONS) / name).read_bytes())
    broken = folder / "versions" / "9999_half.py"
    broken.write_text(DAMAGE)
    with houses.opened(empty_url, tmp_path):
        with pytest.raises((SQLAlchemyError, SystemExit)):
            upgrade(directory=str(folder))
        assert "half" not in tables()
        broken.write_text(DAMAGE.replace('    op.execute("select * from nowhere")\n', ""))
        upgrade(directory=str(folder))
        assert store.session().execute(text("select count(*) from half")).scalar() == 1


def test_sites_that_were_kept_with_the_port_that_goes_without_saying_lose_it(house: Flask) -> None:
    ticket = make.ticket()
    embed = embeds.create(ticket, by=make.customer(ticket))
    kept = [
        "https://a.example:443",
        "http://b.example:80",
        "https://c.example:80",
        "https://a.example",
        "http://d:8443",
    ]
    with store.transaction():
        embed.sites = kept
    eid = embed.eid
    store.db.session.remove()
    downgrade(directory=MIGRATIONS, revision="0015")
    upgrade(directory=MIGRATIONS)
    found = embeds.get(eid)
    assert found
    assert found.sites == ["https://a.example", "http://b.example", "https://c.example:80", "http://d:8443"]
    assert embeds.allows(found, "https://a.example")
    assert not embeds.allows(found, "https://c.example")
