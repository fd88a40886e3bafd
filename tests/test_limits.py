"""Limits are counted whatever becomes of Redis in the middle of a request."""

from flask import Flask


def test_a_redis_that_goes_between_refusing_and_saying_for_how_long_makes_no_fault(house: Flask) -> None:
    class Going:
        def hit(self, *_: object) -> bool:
            return False

        def get_window_stats(self, *_: object) -> None:
            raise ConnectionError("gone")

    house.extensions["tracker_limiter"] = Going()
    try:
        assert house.test_client().get("/").status_code == 200, "this process has counted none of them yet"
    finally:
        for name in ("tracker_limiter", "tracker_limits_away"):
            house.extensions.pop(name, None)
