"""`flask tracker …`: the commands that run the house."""

import threading

import click
from flask import current_app
from flask.cli import AppGroup
from flask_migrate import upgrade

from tracker import outbox, seed, settings

tracker = AppGroup("tracker", help="Run the house: set up, seed, import, serve, look after the outbox.")


@tracker.command()
@click.option("--demo", is_flag=True, help="Seed a small demo when there is nothing yet.")
def init(demo: bool) -> None:
    """Create or upgrade the database. Safe to run again."""
    settings.prepare_data_dir()
    upgrade(directory=settings.MIGRATIONS)
    seed.epoch()
    if demo and seed.is_empty():
        seed.demo()
        click.echo("Seeded a small demo.")
    click.echo("The database is ready.")


@tracker.command("seed")
def seed_demo() -> None:
    """Add the demo desk, people and tickets, if there is nothing yet."""
    if not seed.is_empty():
        raise click.ClickException("There are desks already; the demo is for an empty house.")
    seed.demo()
    click.echo("Seeded a small demo.")


@tracker.command()
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True)
@click.option("--port", envvar="PORT", default=8000, show_default=True, type=click.IntRange(1, 65535))
def serve(host: str, port: int) -> None:
    """Start everything for a first look: gunicorn, and a sample blog on another origin that wears a live badge."""
    from tracker import serving

    serving.run(host, port)


@tracker.group("outbox")
def outbox_group() -> None:
    """Look after outgoing news."""


@outbox_group.command("run")
def outbox_run() -> None:
    """Deliver until stopped: a process of its own (TRACKER_OUTBOX=process)."""
    stop, wake = threading.Event(), threading.Event()
    click.echo("Delivering. Ctrl-C stops.")
    outbox.run(current_app._get_current_object(), stop, wake)  # type: ignore[attr-defined]
