"""How much of the database something reads: not how long it takes, which is the machine's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from tracker import store

STEPS = 10
"""How many steps of SQLite's machine go by between two looks; reading a row takes several steps."""


@contextmanager
def asked() -> Iterator[list[tuple[str, Any]]]:
    """Give the questions asked meanwhile, each as its SQL with its parameters."""
    found: list[tuple[str, Any]] = []

    def listener(*given: Any) -> None:
        if given[2].startswith(("SELECT", "WITH")):
            found.append((given[2], given[3]))

    event.listen(store.db.engine, "before_cursor_execute", listener)
    try:
        yield found
    finally:
        event.remove(store.db.engine, "before_cursor_execute", listener)


def rows_read(question: tuple[str, Any]) -> int:
    """Return how many rows PostgreSQL touches for a question; of SQLite its steps, of which each row takes several."""
    with store.db.engine.connect() as connection:
        cursor = connection.connection.cursor()
        if store.db.engine.dialect.name == "postgresql":
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {question[0]}", question[1])
            ((plans,),) = cursor.fetchall()
            return _touched(plans[0]["Plan"])
        return STEPS * _looks(connection.connection.driver_connection, cursor, question)


def _looks(connection: Any, cursor: Any, question: tuple[str, Any]) -> int:
    looks = 0

    def look() -> int:
        nonlocal looks
        looks += 1
        return 0

    connection.set_progress_handler(look, STEPS)
    cursor.execute(*question).fetchall()
    connection.set_progress_handler(None, 0)
    return looks


def _touched(plan: dict[str, Any]) -> int:
    removed = sum(plan.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck", "Join Filter"))
    own = plan["Actual Rows"] + removed if "Relation Name" in plan else 0
    return int(own * plan["Actual Loops"]) + sum(_touched(part) for part in plan.get("Plans", ()))
