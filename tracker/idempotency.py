"""Writes that may be said twice: what an Idempotency-Key already did, remembered for a day."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from tracker import store
from tracker.errors import Conflict, Invalid
from tracker.models import Replay

KEPT_FOR = timedelta(hours=24)
LONGEST = 64


@dataclass(frozen=True)
class Once:
    """One write under a key: whose, where, a hash of what was sent, and whether to wait for one in progress."""

    principal: str
    route: str
    key: str
    body_hash: str
    waits: bool = False


def once(key: str | None, *, principal: str, route: str, body: Any, waits: bool = False) -> Once | None:
    """Return the key of a write, None when none was given; raise Invalid when it can't be one."""
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST or not key.isprintable():
        raise Invalid(fields={"Idempotency-Key": f"Use 1 to {LONGEST} printable characters."})
    sent = json.dumps(body, sort_keys=True, default=str).encode()
    return Once(principal[:80], route[:120], key, hashlib.sha256(sent).hexdigest(), waits)


def is_done(one: Once | None) -> bool:
    """Tell whether this write was done: then it need not go through what only a new one must."""
    return one is not None and store.session().scalars(_query(one)).first() is not None


def recall(one: Once | None) -> dict[str, Any] | None:
    """Return what this key did before, None when it is new; call inside the write's transaction.

    Raises Invalid when the key came with another body, Conflict when the same write is in progress elsewhere and
    this one does not wait for it.
    """
    if one is None:
        return None
    _take(one)
    found = store.session().scalars(_query(one)).first()
    if found is None:
        return None
    if found.created_at < store.now() - KEPT_FOR:
        store.session().delete(found)
        store.session().flush()
        return None
    if found.body_hash != one.body_hash:
        raise Invalid(fields={"Idempotency-Key": "This key was used for something else. Choose a new one."})
    answer: dict[str, Any] = found.answer
    return answer


def remember(one: Once | None, answer: dict[str, Any]) -> None:
    """Keep what a write did, in its transaction."""
    if one is not None:
        store.session().add(
            Replay(
                principal=one.principal,
                route=one.route,
                key=one.key,
                body_hash=one.body_hash,
                answer=answer,
                created_at=store.now(),
            )
        )


def forget_old() -> int:
    """Delete keys older than a day; due work of the outbox worker."""
    return store.forget(Replay, Replay.created_at < store.now() - KEPT_FOR)


def _take(one: Once) -> None:
    session = store.session()
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer: nobody else can be in progress
        name = f"{one.principal}\n{one.route}\n{one.key}"
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
        if one.waits:
            session.execute(select(func.pg_advisory_xact_lock(number)))
        elif not session.scalar(select(func.pg_try_advisory_xact_lock(number))):
            raise Conflict("The same write is still in progress. Ask again in a moment.")


def _query(one: Once) -> Any:
    return select(Replay).where(Replay.principal == one.principal, Replay.route == one.route, Replay.key == one.key)
