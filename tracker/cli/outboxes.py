"""`flask tracker outbox …`: news on its way out."""

import os
import threading

import click
from flask import current_app
from flask.cli import AppGroup

from tracker import deliveries
from tracker import outbox as post
from tracker.cli._shell import columns, when_told
from tracker.errors import Invalid, NotFound

YIELDS = 10
"""How much this process steps back for others on its machine: nobody waits for a mail as they wait for a page."""
STATES = ("waiting", "sent", "dead", "dropped")
outbox = AppGroup("outbox", help="Look after outgoing news.")


@outbox.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
def listing(state: str | None, limit: int) -> None:
    """List deliveries, newest first, with what went wrong."""
    totals = deliveries.totals()
    columns(
        ("DELIVERY", "STATE", "CHANNEL", "ADDRESS", "TRIED", "NEXT", "PROBLEM"),
        (
            (one.id, one.state, one.channel, one.address, one.attempts, _next(one.state, one.next_at), one.last_error)
            for one in deliveries.newest(state, limit=limit)
        ),
    )
    click.echo(", ".join(f"{totals.get(name, 0):,} {name}" for name in STATES), err=True)


@outbox.command()
@click.argument("numbers", type=int, nargs=-1)
@click.option("--dead", is_flag=True, help="All that were given up.")
def retry(numbers: tuple[int, ...], dead: bool) -> None:
    """Try dead deliveries again, from the start."""
    if not numbers and not dead:
        raise Invalid("Say which deliveries, or --dead for all. `flask tracker outbox list --state dead` shows them.")
    wanted = [one.id for one in deliveries.newest("dead", limit=None)] if dead else list(numbers)
    missed = [number for number in wanted if not deliveries.retry(number)]
    click.echo(f"{len(wanted) - len(missed)} deliveries will be tried again.")
    if missed:
        raise NotFound(f"Not dead, or not there: {', '.join(map(str, missed))}.")


@outbox.command()
def run() -> None:
    """Deliver until stopped: a process of its own (TRACKER_OUTBOX=process)."""
    os.nice(YIELDS)
    stop, wake = threading.Event(), threading.Event()
    when_told(stop, wake)
    click.echo("Delivering. Ctrl-C stops.")
    post.run(current_app._get_current_object(), stop, wake)  # type: ignore[attr-defined]


@outbox.command()
def step() -> None:
    """Do one round of work and end: missed promises, expired offers, mail that is due."""
    click.echo(f"{post.step()} things done.")


def waiting() -> int:
    """Return how many deliveries wait."""
    return deliveries.totals().get("waiting", 0)


def _next(state: str, at: object) -> object:
    return at if state == "waiting" else None
