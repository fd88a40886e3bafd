"""What all commands share: errors in words with an exit code, columns of text, progress bars."""

import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from queue import SimpleQueue
from typing import Any, TypeVar

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tracker.errors import TrackerError, Unavailable
from tracker.store import reason

One = TypeVar("One")


class Commands(AppGroup):
    """A group whose commands fail with a sentence and exit code 1, never with a traceback for what we know of."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (Unavailable, DBAPIError, PoolTimeout) as error:
            raise click.ClickException(
                f"The database does not answer as it should ({reason(error)}). Run `flask tracker init` if it is new "
                "or old, `flask tracker doctor` to see what is wrong."
            ) from error
        except TrackerError as error:
            raise click.ClickException(in_words(error)) from error
        except BrokenPipeError:
            raise  # whoever read our output has seen enough; click knows what to do
        except OSError as error:
            named = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{named}{error.strerror or error}.") from error


def when_told(*events: threading.Event) -> None:
    """Set events on Ctrl-C and SIGTERM: whoever waits for them ends what is begun, and goes.

    A thread sets them: a signal may come while the main one holds an event's own lock, and would wait for itself.
    """
    told: SimpleQueue[int] = SimpleQueue()  # its put() may be called at any moment

    def _pass_on() -> None:
        told.get()
        for one in events:
            one.set()

    threading.Thread(target=_pass_on, name="told", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: told.put(number))


def in_words(error: TrackerError) -> str:
    """Return an error as one line: what is wrong, and with which part."""
    parts = [f"{name}: {words}" for name, words in error.fields.items() if words not in error.message]
    if error.message and error.message != error.default:
        parts = [error.message]
    return " ".join(parts) or error.message


def track(items: Iterable[One], total: int, what: str) -> Iterator[One]:
    """Go through items with a progress bar on the terminal; where there is none, without."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield from progress.track(items, total=total, description=what)


def columns(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a head, as wide as their content; nothing is cut, so that other programs can read it."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(head))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}Z"
    return " ".join(str(value).split()) if value not in (None, "") else "–"
