"""What can go wrong, in words a person can act on."""

from collections.abc import Mapping


class TrackerError(Exception):
    """Any refusal of the domain: a stable code, a plain message and, per field, what to do."""

    code = "error"

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class Invalid(TrackerError):
    """What was given can't be used as it is."""

    code = "invalid"
