"""`flask tracker desk …`: the teams."""

import click
from flask.cli import AppGroup

from tracker import desks, links, people
from tracker.cli._shell import columns

desk = AppGroup("desk", help="Add and list desks.")


@desk.command()
@click.argument("name")
@click.option("--zone", default="UTC", show_default=True, help="IANA time zone of its hours, such as Europe/Berlin.")
@click.option("--about", default="", help="A line about it for its public page.")
def add(name: str, zone: str, about: str) -> None:
    """Add a desk, open on weekdays from nine to five until its lead says otherwise."""
    one = desks.add(name, zone=zone, about=about)
    click.echo(f"{one.name}: {links.absolute(links.desk(one.slug))}")
    click.echo(f"Nobody answers there yet: flask tracker agent add NAME EMAIL --desk {one.slug}")


@desk.command("list")
def listing() -> None:
    """List the desks with how many people they have."""
    columns(
        ("DESK", "NAME", "ZONE", "PEOPLE"),
        ((one.slug, one.name, one.zone, len(people.of_desk(one))) for one in desks.everyone()),
    )
