"""What an answer tells the server that gives copies of it: that it may, what it is about, whom it differs for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

ENVIRON = "nameplate.copies"
LISTS = "lists"
"""What is about every public ticket, such as a desk's wall."""
Read = TypeVar("Read")


@dataclass(frozen=True)
class Reading:
    """What was read of one thing for all its forms; `about` holds the refs and eids that it is found by."""

    about: frozenset[str]


class Once(Protocol):
    """Returns what `read` returns for a ref or an eid; a Reading may be one that another form was made of just now."""

    def __call__(self, name: str, read: Callable[[], Read]) -> Read: ...


def at_once(name: str, read: Callable[[], Read]) -> Read:
    """Read: where nothing is kept for other forms."""
    return read()


@dataclass
class Terms:
    """What a view says while it works, and the server to it: what it makes is a copy, or one is made anew.

    `about` holds refs and eids; sites that are not among `sites` get another answer; `seen` hears of each copy given:
    for which page, how often. `once` is how a view reads what its other forms show too. What may be copied depends on
    nothing in the request but its address and its Origin.
    """

    for_copies: bool = False
    is_renewal: bool = False
    once: Once = at_once
    may_be_copied: bool = False
    about: set[str] = field(default_factory=set)
    sites: frozenset[str] = frozenset()
    seen: Callable[[str, int], None] | None = None


def terms(environ: dict[str, Any]) -> Terms:
    """Return the terms of a request's answer; where no server asks for them they are thrown away."""
    found: Terms = environ.setdefault(ENVIRON, Terms())
    return found


def is_foreign(origin: str | None, sites: Iterable[str]) -> bool:
    """Say whether a page of this Origin stands outside `sites`; none are named: any may; no Origin: no page asks."""
    return origin is not None and bool(sites) and origin.lower() not in sites
