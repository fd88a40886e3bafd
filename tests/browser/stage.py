"""A small stage: the real templates, styles and scripts with made-up tickets, for looking at and for browser tests.

`python -m tests.browser.stage [folder]` writes pictures of every page.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, render_template
from jinja2 import StrictUndefined

from tests.browser import scenes

ROOT = Path(__file__).parents[2]


def short(seconds: float) -> str:
    days, hours, minutes = int(seconds // 86400), int(seconds % 86400 // 3600), int(seconds % 3600 // 60)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return " ".join(parts[:2]) or "under a minute"


def relative(at: datetime) -> str:
    seconds = (datetime.now(UTC) - at).total_seconds()
    span = short(abs(seconds)).rsplit(" ", 2)[0] if abs(seconds) > 3600 else short(abs(seconds))
    return f"{span} ago" if seconds >= 0 else f"in {span}"


def make_app() -> Flask:
    app = Flask("stage", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters |= {
        "iso": lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "exact": lambda at: at.strftime("%a %-d %B %Y, %H:%M UTC"),
        "due_text": lambda at: at.strftime("%a %H:%M"),
        "relative": relative,
        "span": short,
    }
    for path, template, context in pages():
        app.add_url_rule(path, path, lambda template=template, context=context: render_template(template, **context))
    return app


def pages() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (
            f"/scene/{ticket['ref']}",
            "tickets/page.html",
            {"ticket": ticket, "entries": scenes.timeline() if number < 4 else [], "desk": scenes.DESK, "reader": "staff", "path": "/"},
        )
        for number, ticket in enumerate(scenes.TICKETS)
    ]
