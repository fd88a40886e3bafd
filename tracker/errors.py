"""What can go wrong, in words a person can act on: the family that every door turns into its own answer."""

from collections.abc import Mapping
from typing import Any, ClassVar


class TrackerError(Exception):
    """Base of the family: a stable `code`, an HTTP `status`, a plain `message`, and messages by field name."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    default: ClassVar[str] = "Something went wrong on our side."

    def __init__(self, message: str = "", *, fields: Mapping[str, str] | None = None, **facts: Any) -> None:
        self.message = message or self.default
        self.fields = dict(fields or {})
        self.facts = facts
        super().__init__(self.message)


class Invalid(TrackerError):
    """What was sent can't be taken; `fields` says which part and what to do."""

    code, status, default = "invalid", 422, "Some of this needs another look."


class PersonalData(TrackerError):
    """Public words hold personal data, and whoever wrote them wants to be asked; `findings` says what and where."""

    code, status = "personal_data", 422
    default = "There may be personal data in this. Hide it, or say why everyone may read it."


class Malformed(TrackerError):
    """What was sent can't even be read."""

    code, status, default = "malformed", 400, "We could not read this request."


class Unauthorized(TrackerError):
    """Nobody is signed in, or the key is unknown, used or too old."""

    code, status, default = "unauthorized", 401, "Please sign in first."


class Forbidden(TrackerError):
    """We know who is asking, and they may not do this."""

    code, status, default = "forbidden", 403, "This is not yours to do."


class NotFound(TrackerError):
    """Absent, or not for this viewer to know of: both answer alike."""

    code, status, default = "not_found", 404, "There is nothing at this address, or it is not public."


class Conflict(TrackerError):
    """Somebody else was first, or the ticket is not in a state that allows this."""

    code, status, default = "conflict", 409, "This has changed since you looked."


class TooLarge(TrackerError):
    """More bytes than this address takes."""

    code, status, default = "too_large", 413, "This is larger than we can take."


class TooSoon(TrackerError):
    """Too many requests; `retry_after` in seconds."""

    code, status, default = "too_soon", 429, "That was a lot at once. Please wait a moment and try again."

    def __init__(self, message: str = "", *, retry_after: int = 60) -> None:
        super().__init__(message, retry_after=retry_after)
        self.retry_after = retry_after


class Unavailable(TrackerError):
    """The database or the disk does not answer; nothing was written, unless it was cut off in its commit.

    `retry_after` in seconds.
    """

    code, status, default = (
        "unavailable",
        503,
        "We can't reach our records right now. Nothing was lost; please try again.",
    )

    def __init__(self, message: str = "", *, retry_after: int = 5) -> None:
        super().__init__(message, retry_after=retry_after)
        self.retry_after = retry_after
