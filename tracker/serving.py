"""`make run`: gunicorn, and a sample blog on another origin that wears a live badge."""

import os
import subprocess
import sys

import click

from tracker import seed, settings
from tracker.links import ticket


def run(host: str, port: int) -> None:
    """Print where things are, start the blog, become gunicorn. Raises SystemExit when the database is not set up."""
    chosen = settings.current()
    base = f"http://{host}:{port}"
    environ = settings.environ_for_child(public_url=base, demo="yes")
    embed = seed.sample_embed()
    lines = [f"Nameplate         {base}/"]
    for name in seed.FIRST_NAMES:
        who, password = seed.ADDRESS.format(name=name), seed.PASSWORD.format(name=name)
        lines += [f"Sign in           {base}/signin   {who}, password: {password}"]
    if not chosen.smtp_url:
        lines += [f"Outgoing mail     {base}/dev/mailbox"]
    if embed and embed.ticket:
        blog = port + 1 if port < 65535 else port - 1
        command = [sys.executable, "-m", "widgets._sample_blog", "--port", str(blog), "--tracker", base]
        command += [
            "--embed",
            embed.eid,
            "--ticket",
            base + ticket(embed.ticket.ref),
            "--subject",
            embed.ticket.subject,
        ]
        subprocess.Popen([*command, "--host", host], env=environ)
        lines += [f"A customer's blog http://{host}:{blog}/   another site, wearing a live badge"]
    click.echo("\n".join(["", *lines, ""]))
    sys.stdout.flush()
    os.execvpe(sys.executable, [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", f"{host}:{port}"], environ)
