"""What comes in: JSON read strictly, and told in one sentence by field where it can't be taken."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flask import request
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import INCLUDE, Schema, ValidationError
from werkzeug.exceptions import UnsupportedMediaType

from tracker import idempotency, kinds, masks
from tracker.errors import Invalid, Malformed
from tracker.idempotency import Once
from tracker.permissions import Viewer

DEEPEST = 32
"""Levels of nesting; nothing we take needs more than three."""


class Anything(Schema):
    """A JSON object that the command itself will check."""

    class Meta:
        unknown = INCLUDE


class Parser(SmorestBlueprint.ARGUMENTS_PARSER.__class__):  # type: ignore[misc]
    """Reads bodies with load() and reports as the rest of the house does."""

    def load_json(self, req: Any, schema: Any) -> Any:
        if not req.is_json:
            raise UnsupportedMediaType()
        return load(req.get_data(cache=True))

    def handle_error(self, error: ValidationError, *_request: Any, **_more: Any) -> NoReturn:
        found = error.messages
        if isinstance(found, dict) and len(found) == 1 and next(iter(found)) in ("json", "query"):
            found = next(iter(found.values()))
        raise Invalid(fields=kinds.messages(ValidationError(found)))


class Blueprint(SmorestBlueprint):  # type: ignore[misc]
    """A part of the API."""

    ARGUMENTS_PARSER = Parser()
    PAGINATION_HEADER_NAME = None


def load(body: bytes) -> Any:
    """Read JSON as RFC 8259 means it: UTF-8, finite numbers, each name once, not endlessly deep. Raises Malformed."""
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once_each, parse_constant=_no_number, parse_float=_finite)
        for text in _texts(found):
            if "\0" in text:
                raise ValueError("a text holds the character NUL")
            text.encode()
    except RecursionError:
        raise Malformed("This JSON is nested too deeply.") from None
    except UnicodeEncodeError:
        raise Malformed("This JSON holds half of a character (a lone surrogate).") from None
    except UnicodeDecodeError:
        raise Malformed("Send JSON in UTF-8.") from None
    except ValueError as error:
        raise Malformed(f"This is no JSON that we can take: {error}.") from None
    return found


def once(who: Viewer, body: Any) -> Once | None:
    """Return the Idempotency-Key of this write, bound to who sends it, where, and what."""
    key = request.headers.get("Idempotency-Key")
    return idempotency.once(key, principal=who.principal, route=f"{request.method} {request.path}", body=body)


def wish(body: Mapping[str, Any]) -> tuple[dict[str, Any], masks.Wish]:
    """Split what a body says about personal data in it from the rest; hide it when it says nothing. Raises Invalid."""
    rest = dict(body)
    told = {name: rest.pop(name, default) for name, default in (("personal", "hide"), ("personal_reason", ""))}
    for name, text in told.items():
        if not isinstance(text, str):
            raise Invalid(fields={name: "Send a text."})
    return rest, masks.wish(told["personal"], told["personal_reason"])


def version() -> int | None:
    """Return the version that If-Match asks for, None when it asks for none; raise Invalid when it can't be one."""
    text = request.headers.get("If-Match", "").strip()
    if text in ("", "*"):
        return None
    digits = text.removeprefix('"').removesuffix('"')
    if text != f'"{digits}"' or not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise Invalid(fields={"If-Match": 'Send the ticket\'s version in quotes, such as "7".'})
    return int(digits)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names a field twice")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError("a number is too large")
    return found


def _texts(found: Any) -> Iterator[str]:
    level = [found]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for one in level:
            if isinstance(one, str):
                yield one
            elif isinstance(one, Mapping):
                below += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                below += one
        level = below
        if not level:
            return
    raise RecursionError
