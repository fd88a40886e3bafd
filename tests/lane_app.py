"""Nameplate with one more route: which requests for widgets reached a view, and which of them asked the database."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from flask import jsonify
from sqlalchemy import event

from tracker import copies, store, viewer
from wsgi import create_app

app = create_app()
reached: Counter[str] = Counter()
here = threading.local()
flask_itself = app.wsgi_app


def counting(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Count before anything else does its work; `copy` for the lane's own questions, `plain` for the others."""
    whose = "copy" if copies.terms(environ).for_copies else "plain"
    key = f"{whose} {environ['PATH_INFO']}"
    reached[key] += 1
    here.asks = False
    try:
        return flask_itself(environ, start)
    finally:
        reached[f"asked {key}"] += here.asks


app.wsgi_app = counting  # type: ignore[method-assign]

with app.app_context():

    @event.listens_for(store.db.engine, "before_cursor_execute")
    def _count(*_given: Any) -> None:
        here.asks = True


@app.get("/test/reached")
@viewer.admits("anyone")
def show_reached() -> Any:
    return jsonify(dict(reached))
