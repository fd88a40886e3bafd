"""The widgets there are, by file name: `blueprint`, `NAME`, `ABOUT` (one line), `PLACE`, `snippet(embed)`."""

import pkgutil
from importlib import import_module
from pathlib import Path
from types import ModuleType

PARTS = ("blueprint", "NAME", "ABOUT", "PLACE", "snippet")


def modules() -> list[ModuleType]:
    """Return the widgets in the order a customer is shown them; one without its parts is a mistake."""
    found = [
        import_module(f"widgets.{module.name}")
        for module in pkgutil.iter_modules([str(Path(__file__).parent)])
        if not module.name.startswith("_")
    ]
    for one in found:
        missing = [name for name in PARTS if not hasattr(one, name)]
        if missing:
            raise RuntimeError(f"{one.__name__} has no {', '.join(missing)}")
    return sorted(found, key=lambda one: int(one.PLACE))
