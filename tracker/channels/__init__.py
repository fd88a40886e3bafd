"""Ways news leaves the house, one file per channel: check_target(text), deliver(delivery, news)."""

import pkgutil


def names() -> list[str]:
    """Return the channels there are, by file name."""
    return [module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")]
