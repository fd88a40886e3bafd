"""`flask tracker token …`: bearer tokens of the API."""

import click
from flask.cli import AppGroup

from tracker import people, staff
from tracker.cli._shell import columns
from tracker.errors import NotFound

token = AppGroup("token", help="Add, list and revoke API tokens.")


@token.command()
@click.argument("email")
@click.option("--name", required=True, help="What it is for.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(people.SCOPES), help="What it opens; repeat."
)
def add(email: str, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token of somebody who answers. Its secret is shown this once."""
    person = people.find_by_email(email)
    staff.require_active(person)
    made, secret = people.mint_api_token(person, name=name, scopes=scopes)
    click.echo(f"Token {made.id} of {person.name} ({', '.join(made.scopes)}); keep the secret, it is not shown again:")
    click.echo(secret)


@token.command("list")
@click.option("--email", help="Only those of one person.")
def listing(email: str | None) -> None:
    """List the tokens that still open something; secrets are not kept, so none is shown."""
    person = people.find_by_email(email) if email else None
    columns(
        ("TOKEN", "PERSON", "NAME", "SCOPES", "MADE", "LAST USED"),
        (
            (one.id, one.person.email, one.name, ",".join(one.scopes), one.created_at, one.last_used_at)
            for one in people.api_tokens(person)
        ),
    )


@token.command()
@click.argument("number", type=int)
def revoke(number: int) -> None:
    """Revoke a token by its number; it stops working at once."""
    found = next((one for one in people.api_tokens() if one.id == number), None)
    if found is None:
        raise NotFound(f"There is no live token {number}. `flask tracker token list` shows them.")
    people.revoke_api_token(found)
    click.echo(f"Token {number} ({found.name}) opens nothing any more.")
