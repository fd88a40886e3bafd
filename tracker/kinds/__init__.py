"""What can happen to a ticket: one file per kind of event, found by its file name."""

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError
from marshmallow.fields import Field

from tracker.errors import Invalid
from tracker.kinds._fields import Files, Payload, Record, Words
from tracker.models import STATUSES, Event, Ticket

Loaded = Mapping[str, Any]
Entry = Mapping[str, Any]
TARGET = "target"
"""Audience of an event that amends another: a corrected note must not show that there was one."""
AMENDING = frozenset({"corrected", "redacted", "erased"})
"""Kinds that change how an earlier entry reads."""


def _leave(_ticket: Ticket, _event: Event, _loaded: Loaded) -> None:
    """Change nothing: the event says it all."""


@dataclass(frozen=True)
class Kind:
    """The contract of one kind of event. A new kind is one new file here with a `KIND`.

    `posted_by` names relations of a viewer to the ticket (permissions.relations); none: only the system.
    `audience` is who may see the event at all (TARGET: whoever may see the event it amends); each field of `schema`
    narrows further with its own.
    `apply` changes the ticket and its children as the event says; many events change neither.
    `sentence` gets the disclosed entry and says in plain words what happened.
    """

    schema: type[Payload]
    example: Mapping[str, Any]
    sentence: Callable[[Entry], str]
    apply: Callable[[Ticket, Event, Loaded], None] = _leave
    posted_by: frozenset[str] = frozenset()
    when: tuple[str, ...] = STATUSES
    audience: str | Callable[[Loaded], str] = "public"
    body: str = ""
    """Name of the payload field that holds the Markdown; it is stored beside its HTML, not in the payload."""
    is_word: bool = False
    """A public word of the assignee: it keeps the promise, and badges show it."""
    tells: frozenset[str] = field(default_factory=frozenset)
    """Who gets a mail: customer, assignee, taker, helper, follower (those only of what the public sees)."""
    moves: bool = True
    """Raises the ticket's version: an assignee deciding on the old state should look again."""

    @cached_property
    def fields(self) -> Mapping[str, Field[Any]]:
        """The payload's fields by name, to read: a new schema copies them all, and every entry shown would pay that."""
        return MappingProxyType(self.schema().fields)

    @property
    def word_fields(self) -> frozenset[str]:
        """Names of the payload fields that hold what somebody typed, here or in a record of others."""
        return frozenset(name for name, one in self.fields.items() if isinstance(one, Words | Record))

    @property
    def hideable(self) -> frozenset[str]:
        """Names of the payload fields that go when the words are hidden or erased: they and their files."""
        return self.word_fields | {name for name, one in self.fields.items() if isinstance(one, Files)}

    def has_words(self, event: Event) -> bool:
        """Say whether an event of this kind holds anything that could be hidden or erased."""
        return bool(event.body_source) or any(event.payload.get(name) for name in self.hideable)

    def audience_of(self, loaded: Loaded) -> str:
        """Return public, customer, staff or TARGET for one event of this kind."""
        return self.audience(loaded) if callable(self.audience) else self.audience


def load(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check what a door received for one kind; raise Invalid with a message by field."""
    try:
        loaded: dict[str, Any] = find(name).schema().load(given)
    except ValidationError as error:
        raise Invalid(fields=messages(error)) from None
    return loaded


def find(name: str) -> Kind:
    """Return a kind by name; raise Invalid listing those there are."""
    if name not in KINDS:
        raise Invalid(fields={"kind": f"Choose one of: {', '.join(sorted(KINDS))}."})
    return KINDS[name]


def messages(error: ValidationError) -> dict[str, str]:
    """Flatten marshmallow's messages to one plain sentence by field."""
    found = error.messages if isinstance(error.messages, dict) else {"_schema": error.messages}
    return {str(name): _first(one) for name, one in found.items()}


def _first(found: Any) -> str:
    while isinstance(found, list | dict):
        found = next(iter(found.values() if isinstance(found, dict) else found))
    return str(found)


def _discover() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            kind = getattr(import_module(f"{__name__}.{module.name}"), "KIND", None)
            if not isinstance(kind, Kind):
                raise RuntimeError(f"tracker/kinds/{module.name}.py has no KIND")
            found[module.name] = kind
    return found


KINDS: dict[str, Kind] = _discover()
