"""The same work many times at once, each with an application context and a database session of its own."""

import threading
from collections.abc import Callable

import pytest
from flask import Flask

from tracker import store

LONGEST_S = 200


def at_once(app: Flask, count: int, work: Callable[[int], None]) -> list[BaseException]:
    """Run work(0) … work(count - 1), all let go at one moment; return what they raised.

    Each waits for its turn to write as long as that takes here; how long a request may wait is for other tests.
    """
    raised: list[BaseException] = []
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        with app.app_context():
            try:
                gate.wait(30)
                work(number)
            except BaseException as error:
                raised.append(error)
            finally:
                store.db.session.remove()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "LOCK_WAIT_S", LONGEST_S)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LONGEST_S)
    assert not any(thread.is_alive() for thread in threads), "somebody still waits"
    return raised
