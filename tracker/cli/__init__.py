"""`flask tracker …`: the commands that run the house."""

import click
from flask_migrate import upgrade

from tracker import crowd, erasure, seed, settings, store, tallies
from tracker.cli import agents, desks, doctor, exports, imports, mail_in, outboxes, tokens
from tracker.cli._shell import Commands, track
from tracker.permissions import SYSTEM

tracker = Commands("tracker", help="Run the house: set up, seed, import, export, serve, look after people and news.")
for group in (agents.agent, desks.desk, tokens.token, outboxes.outbox, mail_in.mail_in, imports.imports):
    tracker.add_command(group)
for command in (doctor.doctor, exports.export):
    tracker.add_command(command)


@tracker.command()
@click.option("--demo", is_flag=True, help="Seed a small demo when there is nothing yet.")
def init(demo: bool) -> None:
    """Create or upgrade the database. Safe to run again."""
    settings.prepare_data_dir()
    if store.schema() == "newer":
        click.echo("The database is of a later version of Nameplate, which this one serves too. Nothing was changed.")
        return
    store.session().rollback()  # or our look would keep the migration waiting
    upgrade(directory=settings.MIGRATIONS)
    seed.epoch()
    if tallies.are_missing():
        click.echo(f"Counted {tallies.rebuild():,} tickets for the figures.")
    if demo and seed.is_empty():
        seed.demo()
        click.echo("Seeded a small demo.")
    click.echo("The database is ready.")


@tracker.command("seed")
@click.option("--tickets", type=click.IntRange(1, 1_000_000), help="Make a large house of this many tickets instead.")
def seed_demo(tickets: int | None) -> None:
    """Add the demo desks, people and tickets, or a large made-up house to measure with. For an empty house only."""
    if not seed.is_empty():
        raise click.ClickException(
            "There are desks already; this is for an empty house. Set TRACKER_DATA_DIR or TRACKER_DATABASE_URL to a "
            "new one and run `flask tracker init` first."
        )
    if tickets is None:
        seed.demo()
        click.echo("Seeded a small demo.")
        return
    made = sum(1 for _ in track(crowd.fill(tickets), tickets, "Seeding"))
    click.echo(f"Seeded {made:,} tickets.")


@tracker.command()
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", envvar="PORT", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on."
)
def serve(host: str, port: int) -> None:
    """Start everything for a first look: gunicorn, and a sample blog on another origin that wears a live badge."""
    from tracker import serving

    serving.run(host, port)


@tracker.command()
def recount() -> None:
    """Count the figures of people and desks anew from all timelines; stop everything that writes before."""
    click.echo(f"Counted {tallies.rebuild():,} tickets.")


@tracker.command()
@click.argument("address")
def erase(address: str) -> None:
    """Erase whoever has this mail address, as customer and as follower: words, files, names, contact data. For good."""
    refs = erasure.person(address, by=SYSTEM)
    click.echo(f"Erased {address}: {len(refs)} tickets ({', '.join(refs) or 'none'}). Written to {erasure.log_path()}.")


@tracker.command()
@click.option("--key-lost", is_flag=True, help="Go on although the secret key from before is lost for good.")
def restored(key_lost: bool) -> None:
    """Say that a backup was restored: what was erased since is erased again, and every open page starts afresh."""
    if not seed.key_fits() and not key_lost:
        raise click.ClickException(
            "TRACKER_SECRET_KEY is not the key of this backup, so people who were erased since can't be recognised. "
            "Set that key and run this again. Is it lost for good? Then `flask tracker restored --key-lost`, and "
            "`flask tracker erase ADDRESS` for each."
        )
    seed.take_key()
    again = erasure.replay()
    epoch = seed.renew_epoch()
    click.echo(f"Erased again: {again:,}, by {erasure.log_path()}.")
    click.echo(f"The epoch is now {epoch}; open pages and badges read everything anew.")
    waiting = outboxes.waiting()
    if waiting:
        click.echo(f"{waiting:,} deliveries wait in this backup; those that had left before are sent a second time.")
