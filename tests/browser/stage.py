"""A small stage: the real templates, styles and scripts with made-up tickets, for browser tests and for looking at.

`pytest tests/browser/test_look.py --screenshots` keeps a picture of every page in var/screenshots/.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, render_template
from jinja2 import StrictUndefined

from tests.browser import scenes
from tracker import clock
from tracker.pages import figures

ROOT = Path(__file__).parents[2]


def make_app() -> Flask:
    app = Flask("stage", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters |= {
        "iso": lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "due": lambda at, zone="", named=False: clock.due_text(at, datetime.now(UTC), zone or "UTC"),
        "ago": lambda at: clock.relative(at, datetime.now(UTC)),
    }
    for path, template, context in pages():
        app.add_url_rule(path, path, lambda template=template, context=context: render_template(template, **context))
    return app


def pages() -> list[tuple[str, str, dict[str, Any]]]:
    quiet: dict[str, Any] = {
        "is_empty": True,
        "months": 12,
        "fewest": 5,
        "square": None,
        "charts": [],
        "promise_chart": None,
    }
    quiet["csv_url"] = "/figures.csv"
    promises = {"kept": 41, "missed": 2, "moved": 3, "months": 12}
    people = [scenes.ROSA, scenes.BEN, scenes.LONG, scenes.LAYLA, scenes.ROBIN]
    no_form: dict[str, Any] = {"name": "", "typed": {}, "errors": {}}
    aside = {
        "feed_url": "/feed.atom",
        "embed_url": "/embed",
        "promises": promises,
        "may_thank": True,
        "form": no_form,
        "reader": "public",
    }
    words = [(scenes.TICKETS[place], each) for place, each in enumerate(scenes.timeline()[10:14:3])]
    no_filters = {"q": "", "desk": "", "person": "", "status": ""}
    home = {
        "filters": no_filters,
        "desks": [scenes.DESK],
        "people": people,
        "words": words,
        "tickets": scenes.TICKETS,
        "mine": scenes.TICKETS[:1],
        "looked_at": None,
    }
    hours = [("Monday to Friday", "9:00–12:00, 13:00–17:00"), ("Saturday", "closed"), ("Sunday", "closed")]
    desk = scenes.DESK | {
        "about": "Roofs, pipes and walls of every house the city owns.",
        "hours": hours,
        "zone": "Europe/Berlin",
    }
    form = {
        "typed": {"subject": "No water", "feeling": "upset"},
        "errors": {"email": "Give a mail address, like ann@example.org."},
    }
    tickets = [
        (
            f"/scene/{each['ref']}",
            "tickets/page.html",
            aside | {"ticket": each, "entries": scenes.timeline() if place in (0, 3) else []},
        )
        for place, each in enumerate(scenes.TICKETS)
    ]
    return [
        *tickets,
        ("/", "home.html", home | {"older_url": "/?before=abc", "path": "/"}),
        ("/empty", "home.html", home | {"tickets": [], "words": []}),
        ("/found", "home.html", home | {"tickets": [], "filters": no_filters | {"q": "water <b>"}, "looked_at": 1_000}),
        (
            "/new",
            "new.html",
            {
                "form": {"typed": {}, "errors": {}},
                "desks": [("a", "City Buildings"), ("b", "Roads")],
                "stamp": "x",
                "once": "y",
                "path": "/new",
            },
        ),
        (
            "/wrong",
            "new.html",
            {
                "form": form,
                "desks": [("a", "City Buildings")],
                "stamp": "x",
                "once": "y",
                "languages": [("en", "English"), ("de", "Deutsch")],
            },
        ),
        (
            "/desk",
            "desk.html",
            {
                "desk": desk | {"open_now": True, "first_word_at": scenes.ahead(hours=9)},
                "people": people,
                "tickets": scenes.TICKETS[:3],
                "feed_url": "/feed",
                "told": figures.told(scenes.figures()) | {"csv_url": "/figures.csv"},
            },
        ),
        (
            "/person",
            "person.html",
            {
                "person": scenes.LONG | {"desk": scenes.DESK},
                "told": quiet,
                "tickets": [],
                "desk": scenes.DESK | {"hue": 4},
            },
        ),
        ("/missing", "error.html", {"code": 404}),
        (
            "/message",
            "message.html",
            {
                "heading": "Your ticket is open",
                "words": ["Keep this link: it is shown only once."],
                "tone": "good",
                "secret": "https://example.org/t/8f3k2m9q4t7w?key=abcdefghijklmnop",
                "action": {"url": "/", "words": "Go to the ticket"},
            },
        ),
    ]
