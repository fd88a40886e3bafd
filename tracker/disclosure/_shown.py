"""What is given out, and how JSON carries it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

Shown = dict[str, Any]
"""A view-model: what one audience may know of something, by name."""


def plain(value: Any) -> Any:
    """Return a shown value as JSON can carry it: times as ISO 8601 UTC with Z."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value
