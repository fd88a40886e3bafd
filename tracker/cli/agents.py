"""`flask tracker agent …`: those who answer."""

import click
from flask.cli import AppGroup

from tracker import addresses, desks, links, people, staff
from tracker.cli._shell import columns
from tracker.errors import NotFound
from tracker.models import Desk, Person
from tracker.permissions import SYSTEM

agent = AppGroup("agent", help="Add, list, invite and let go those who answer.")


@agent.command()
@click.argument("name")
@click.argument("email")
@click.option("--desk", "slug", required=True, help="The desk they sit at, as `desk list` spells it.")
@click.option("--role", type=click.Choice(people.ROLES), default="agent", show_default=True, help="What they may do.")
@click.option("--invite/--no-invite", default=True, show_default=True, help="Mail them a link to choose a password.")
def add(name: str, email: str, slug: str, role: str, invite: bool) -> None:
    """Add somebody who answers from now on."""
    person = people.add(name=name, email=addresses.checked(email), desk=_desk(slug), role=role)
    click.echo(f"{person.name} answers at {person.desk.name} as {role}: {links.absolute(links.person(person.slug))}")
    if invite:
        _invite(person)


@agent.command("list")
@click.option("--all", "everyone", is_flag=True, help="Also those who no longer work here.")
def listing(everyone: bool) -> None:
    """List those who answer."""
    found = people.everyone(active=not everyone)
    columns(
        ("NAME", "EMAIL", "ROLE", "DESK", "DUTY", "PASSWORD"),
        (
            (one.name, one.email, one.role, one.desk.slug, _duty(one), "yes" if one.password_hash else "not yet")
            for one in found
        ),
    )


@agent.command()
@click.argument("email")
@click.option("--show-link", is_flag=True, help="Print the link instead of mailing it. Whoever has it gets in.")
def invite(email: str, show_link: bool) -> None:
    """Mail somebody a link with which they choose a password; it works once, for three days."""
    person = people.find_by_email(email)
    if not show_link:
        _invite(person)
        return
    staff.require_active(person)
    secret = people.mint_link("invite", person_id=person.id, address=person.email)
    click.echo(links.absolute(f"/link/invite/{secret}"))


@agent.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Let somebody go: their open tickets move on, their sessions and tokens end."""
    person = people.find_by_email(email)
    moved = staff.deactivate(person, by=SYSTEM)
    click.echo(f"{person.name} no longer works here; {len(moved)} open tickets have somebody else now.")


@agent.command()
@click.argument("email")
def admin(email: str) -> None:
    """Make somebody an admin: they see every ticket and run every desk."""
    _set_role(email, "admin")


@agent.command()
@click.argument("email")
@click.argument("role", type=click.Choice(people.ROLES))
def role(email: str, role: str) -> None:
    """Make somebody an agent, a lead of their desk, or an admin."""
    _set_role(email, role)


def _set_role(email: str, role: str) -> None:
    person = people.find_by_email(email)
    staff.set_role(person, role, by=SYSTEM)
    click.echo(f"{person.name} is {role} now.")


def _invite(person: Person) -> None:
    staff.invite(person, by=SYSTEM)
    click.echo(f"An invitation to {person.email} waits in the outbox.")


def _duty(one: Person) -> str:
    if not one.active:
        return "left"
    return "on duty" if one.on_duty else "off duty"


def _desk(slug: str) -> Desk:
    try:
        return desks.find(slug)
    except NotFound:
        known = ", ".join(one.slug for one in desks.everyone()) or "none yet; add one with `flask tracker desk add`"
        raise NotFound(f"There is no desk {slug}. Desks: {known}.") from None
