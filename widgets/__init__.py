"""DOOR: what others embed, one file per widget."""

from flask import Flask

from widgets import _builder, _found


def init_app(app: Flask) -> None:
    """Register the widgets, and the page where a customer picks one."""
    for one in _found.modules():
        app.register_blueprint(one.blueprint)
    app.register_blueprint(_builder.blueprint)
