"""`flask tracker export`: everything public as JSON Lines."""

import json
from pathlib import Path

import click
from flask.cli import with_appcontext

from tracker import exporting
from tracker.cli._shell import track


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write here instead of printing.")
@with_appcontext
def export(out: Path | None) -> None:
    """Write everything public as JSON Lines: desks, people, tickets with their events.

    Each line is an object with a `type` (desk, person, ticket) and what anybody may read of it on the pages and by
    the API. Private and unlisted tickets are not in it.
    """
    lines = (
        json.dumps(one, ensure_ascii=False) for one in track(exporting.everything(), exporting.size(), "Exporting")
    )
    if out is None:
        for line in lines:
            click.echo(line)
        return
    part = out.with_name(out.name + ".part")
    with part.open("w", encoding="utf-8") as page:
        page.writelines(line + "\n" for line in lines)
    part.replace(out)
    click.echo(f"Wrote {out}.")
