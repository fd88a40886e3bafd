"""`flask tracker mail-in …`: mail on its way in."""

import sys
import threading
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import AppGroup

from tracker import arrivals, incoming
from tracker.cli._shell import columns, when_told
from tracker.models import IncomingMail

STATES = (*arrivals.TAKEN, "refused", "dead")
mail_in = AppGroup("mail-in", help="Take mail in, and look after what could not be taken.")


@mail_in.command()
def run() -> None:
    """Take mail until stopped: by LMTP, from a mailbox over IMAP, or both, as the settings say."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    stop = threading.Event()
    when_told(stop)
    click.echo("Taking mail. Ctrl-C stops.")
    app.extensions["tracker_mail_in"](app, stop)


@mail_in.command()
@click.argument("file", type=click.File("rb"))
@click.option("--to", default="", help="The address it was sent to; else its own lines count.")
def take(file: BinaryIO, to: str) -> None:
    """Take one mail from a FILE, - for what is piped in (a mail server's pipe transport)."""
    _tell(incoming.take(file.read(), recipient=to))


@mail_in.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most this many.")
def listing(state: str | None, limit: int) -> None:
    """List mails that came in, newest first, with what became of them."""
    totals = arrivals.totals()
    columns(
        ("MAIL", "CAME", "STATE", "FROM", "TO", "REASON"),
        (
            (one.id, one.received_at, one.state, one.sender, one.recipient, one.reason)
            for one in arrivals.newest(state, limit=limit)
        ),
    )
    click.echo(", ".join(f"{totals.get(name, 0):,} {name}" for name in STATES), err=True)


@mail_in.command()
@click.argument("number", type=int)
def show(number: int) -> None:
    """Write a refused or dead mail out as it came."""
    sys.stdout.buffer.write(arrivals.find(number).source or b"")


@mail_in.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
def retry(numbers: tuple[int, ...]) -> None:
    """Take dead mails once more, and refused ones as mails of a person."""
    for number in numbers:
        _tell(incoming.retry(number))


def _tell(taken: IncomingMail) -> None:
    click.echo(f"Mail {taken.id}: {taken.state}" + (f", {taken.reason}" if taken.reason else ""))
