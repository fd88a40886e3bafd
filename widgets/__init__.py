"""DOOR: what others embed, one file per widget."""

import pkgutil
from importlib import import_module

from flask import Flask


def names() -> list[str]:
    """Return the widgets there are, by file name."""
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]


def init_app(app: Flask) -> None:
    """Register every widget's blueprint; a file without one is a mistake."""
    for name in names():
        app.register_blueprint(import_module(f"widgets.{name}").blueprint)
