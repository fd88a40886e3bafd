"""DOOR: what others embed, one file per widget."""

from flask import Flask

from widgets import _atom, _builder, _found, _og, _seen, _tried


def init_app(app: Flask) -> None:
    """Register the widgets, the page where a customer picks one, and what other programs ask for by themselves."""
    for one in (*_found.modules(), _builder, _tried, _atom, _og, _seen):
        app.register_blueprint(one.blueprint)
