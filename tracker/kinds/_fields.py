"""The fields that payloads are made of; every one declares who may see it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from tracker import richtext
from tracker.errors import Invalid

REASON = 500
TEXT = richtext.LONGEST_SOURCE
SUBJECT = richtext.LONGEST_SUBJECT
ALT = 200


class Payload(Schema):
    """Base of every payload; an unknown field is refused by name."""

    class Meta:
        unknown = RAISE

    error_messages = {  # noqa: RUF012  marshmallow reads it from the class
        "unknown": "There is no such field here.",
        "type": "Send an object.",
    }


class Words(fields.String):
    """Text as people type it, normalised (THREATS F14)."""

    def __init__(self, *, low: int, high: int, multiline: bool, **options: Any) -> None:
        super().__init__(**options)
        self.low, self.high, self.multiline = low, high, multiline

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        name = attr or "text"
        try:
            return richtext.normalise_text(
                text, field=name, max_length=self.high, min_length=self.low, multiline=self.multiline
            )
        except Invalid as error:
            raise ValidationError(error.fields.get(name, error.message)) from None


class Attached(Schema):
    """A file that goes with words: its name as the upload answered, and what it shows."""

    class Meta:
        unknown = RAISE

    file = fields.String(required=True, validate=validate.Length(min=1, max=24))
    alt = Words(low=0, high=ALT, multiline=False, load_default="")


class Files(fields.List[Any]):
    """Files that go with words; disclosure turns them into addresses."""


class Record(fields.Dict):
    """What a record of others holds beside its words, as it was: set by the system, hidden and erased like words."""


class Number(fields.Integer):
    """A whole number, or its digits from a form; half an entry or "yes" is none."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> int:
        if isinstance(value, bool | float):
            raise self.make_error("invalid", input=value)
        found: int = super()._deserialize(value, attr, data, **options)
        return found


class When(fields.AwareDateTime):
    """A moment with its zone, kept in UTC; a clear sentence when it is none."""

    default_error_messages = {  # noqa: RUF012  marshmallow reads it from the class
        "invalid": "Give a date and time such as 2026-03-02T14:00:00Z.",
        "invalid_awareness": "Say the time zone too, such as 2026-03-02T14:00:00Z.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> datetime:
        if isinstance(value, datetime):
            value = value.isoformat()
        found = super()._deserialize(value, attr, data, **options)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            raise self.make_error("invalid") from None


def words(high: int, *, low: int = 1, multiline: bool = True, audience: str = "public", **options: Any) -> Words:
    """Text of `low` to `high` characters; `low=0` makes it optional."""
    if low == 0:
        options.setdefault("load_default", "")
    return Words(
        low=low, high=high, multiline=multiline, required=low > 0, metadata={"audience": audience}, **_say(options)
    )


def when(*, audience: str = "public", system: bool = False, required: bool = True) -> When:
    """A moment; `system` ones are set by us and refused from outside."""
    options: dict[str, Any] = {} if required else {"load_default": None, "allow_none": True}
    return When(
        required=required and not system,
        dump_only=system,
        metadata={"audience": audience, "moment": True},
        **_say(options),
    )


def day(*, audience: str = "public") -> fields.Date:
    """An optional calendar day."""
    return fields.Date(
        load_default=None,
        allow_none=True,
        metadata={"audience": audience},
        error_messages={"invalid": "Give a date such as 2026-03-02."},
    )


def person(*, audience: str = "public", system: bool = False) -> fields.String:
    """A person, by slug; disclosure turns it into name, face and address."""
    return fields.String(
        required=not system,
        dump_only=system,
        allow_none=system,
        validate=validate.Length(max=80),
        metadata={"audience": audience, "person": True},
        error_messages={"required": "Say who."},
    )


def choice(*among: str, audience: str = "public", default: str | None = None, system: bool = False) -> fields.String:
    """One of a few words."""
    options: dict[str, Any] = {} if default is None else {"load_default": default}
    return fields.String(
        required=default is None and not system,
        dump_only=system,
        validate=validate.OneOf(among, error="Choose one of: {choices}."),
        metadata={"audience": audience},
        **_say(options),
    )


def flag(*, audience: str = "public", required: bool = False, system: bool = False) -> fields.Boolean:
    """Yes or no; no when not said. `system` ones are set by us and refused from outside."""
    options: dict[str, Any] = {} if required or system else {"load_default": False}
    return fields.Boolean(required=required, dump_only=system, metadata={"audience": audience}, **_say(options))


def seq(*, audience: str = "public") -> Number:
    """The number of an earlier event of the same ticket."""
    return Number(
        required=True,
        validate=validate.Range(min=1, max=10_000_000, error="That is no entry of this timeline."),
        metadata={"audience": audience},
        **_say({}),
    )


def record(*, audience: str) -> Record:
    """Facts of a record that was kept elsewhere, by the names they had there."""
    return Record(dump_only=True, metadata={"audience": audience})


def attached(*, audience: str = "public") -> Files:
    """Files that go with the words, a few at once: whoever sees the words sees them."""
    few = validate.Length(max=5, error="Send at most 5 files at once.")
    return Files(fields.Nested(Attached), load_default=list, metadata={"audience": audience}, validate=few)


def seconds(*, audience: str = "public") -> fields.Integer:
    """A duration in whole seconds, set by us."""
    return fields.Integer(dump_only=True, allow_none=True, metadata={"audience": audience, "unit": "s"})


def _say(options: dict[str, Any]) -> dict[str, Any]:
    told = {"required": "Please fill this in.", "null": "Please fill this in."}
    options["error_messages"] = told | options.get("error_messages", {})
    return options
