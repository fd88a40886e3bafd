"""DOOR: JSON under /api/v1, with its own description (OpenAPI 3.1)."""

from typing import Any

from flask import Flask

from api import answers, docs, embeds, events, files, hooks, mine, people, spec, tickets

PREFIX = "/api/"
"""Whatever goes wrong below this path is told as JSON, also where there is no route."""
tell = answers.tell


def init_app(app: Flask) -> None:
    """Register the API and write down what it takes and answers."""
    written: Any = spec.Api(app)
    for module in (tickets, events, files, people, embeds, hooks, mine):
        written.register_blueprint(module.blueprint)
    app.register_blueprint(docs.blueprint)
    app.after_request(answers.dress)
