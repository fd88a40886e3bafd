"""`flask tracker import …`: histories kept elsewhere become tickets."""

from collections import Counter
from pathlib import Path

import click
from flask.cli import AppGroup

from tracker import importing, open311
from tracker.cli._shell import track
from tracker.errors import Invalid
from tracker.importing import Reading
from tracker.open311 import Roster
from tracker.permissions import SYSTEM

imports = AppGroup("import", help="Bring in histories that were kept elsewhere.")
READABLE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
ODD = {
    "requested": "records whose requested_datetime is not their first note's",
    "updated": "closed records whose updated_datetime is not their closing note's",
    "order": "records whose notes were out of order",
    "closed": "records that contradict themselves about being closed",
    "follow_on": "follow-ons that do not match",
}


@imports.command("open311")
@click.argument("file", type=READABLE)
@click.option("--roster", type=click.Path(dir_okay=False, path_type=Path), help="CSV: who answers for a department.")
@click.option(
    "--write-roster",
    "draft",
    is_flag=False,
    flag_value="",
    metavar="[DRAFT]",
    help="Draft a roster for this file (into DRAFT, else the --roster, else printed) and import nothing.",
)
@click.option(
    "--visibility",
    type=click.Choice(("public", "unlisted", "private")),
    default="public",
    show_default=True,
    help="Who may read the tickets.",
)
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of desks that are made.")
@click.option("--dry-run", is_flag=True, help="Check file and roster, write nothing.")
def from_open311(file: Path, roster: Path | None, draft: str | None, visibility: str, zone: str, dry_run: bool) -> None:
    """Import service requests as an Open311 API publishes them.

    FILE is a JSON list of records. Every one becomes a ticket with its notes at their times; nobody is notified.
    Running it again imports only what is new, also after an interruption. A record that can't be read is named and
    skipped, and the exit code is 1 then.
    """
    reading = importing.read(file)
    if draft is not None:
        _write_roster(reading, Path(draft) if draft else roster)
        return
    answering = _read_roster(roster)
    importing.check_roster(reading.cases, answering)
    if dry_run:
        here = len(importing.known(reading.cases))
        click.echo(f"Would import {len(reading.cases) - here:,} tickets; {here:,} are here already.")
    else:
        _bring_in(reading, answering, visibility, zone)
    _report(reading)
    if reading.refusals:
        raise click.exceptions.Exit(1)


def _read_roster(path: Path | None) -> Roster:
    if path is None:
        raise Invalid("Say who answers: --roster ROSTER.csv. `--write-roster ROSTER.csv` drafts it for this file.")
    if not path.exists():
        raise Invalid(f"There is no {path}. `--write-roster` drafts it for this file.")
    try:
        return Roster.parse(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid(f"{path.name} is not UTF-8 text; save it as CSV UTF-8.") from None


def _write_roster(reading: Reading, path: Path | None) -> None:
    text = open311.draft_roster(reading.cases)
    if path is None:
        click.echo(text, nl=False)
        return
    try:
        with path.open("x", encoding="utf-8", newline="") as page:
            page.write(text)
    except FileExistsError:
        raise Invalid(f"{path} is there already; move it away, or draft into another file.") from None
    lines = text.count("\n") - 1
    click.echo(f"Wrote {path}: fill in name and mail address in {lines} lines, then import with --roster {path}")


def _bring_in(reading: Reading, roster: Roster, visibility: str, zone: str) -> None:
    crew = importing.crew(reading.cases, roster, zone=zone, by=SYSTEM)
    new = seen = 0
    try:
        for case in track(reading.cases, len(reading.cases), "Importing"):
            ticket = importing.take_in(case, crew, visibility=visibility, by=SYSTEM)
            new, seen = new + bool(ticket), seen + (not ticket)
    except KeyboardInterrupt:
        raise click.ClickException(
            f"Interrupted after {new + seen:,} of {len(reading.cases):,} records. Run the same command to go on."
        ) from None
    click.echo(f"Imported {new:,} tickets; {seen:,} were here already.")


def _report(reading: Reading) -> None:
    found = reading.discrepancies
    for what, count in Counter(one.what for _, one in found).items():
        click.echo(f"{count:,} {ODD[what]}:")
        for key, one in found:
            if one.what == what:
                click.echo(f"  {key}: {one.words}")
    if reading.refusals:
        click.echo(f"{len(reading.refusals):,} records can't be imported:", err=True)
    for refused in reading.refusals:
        name = f"record {refused.number}" + (f" ({refused.key})" if refused.key else "")
        click.echo(f"  {name}: {refused.reason}", err=True)
