"""What a person puts into the environment: nonsense stops the start and is told in words."""

import pytest

from tracker import settings
from tracker.settings import BadSetting, Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRACKER_DATABASE_URL", "mysql://house"),
        ("TRACKER_DATABASE_URL", "postgres://nameplate@/nameplate"),
        ("TRACKER_DATABASE_URL", "nonsense"),
        ("TRACKER_REDIS_URL", "127.0.0.1:6379"),
        ("TRACKER_SMTP_URL", "127.0.0.1:25"),
        ("TRACKER_SMTP_URL", "ftp://mail.example.org"),
        ("TRACKER_MAIL_FROM", "Our Desk"),
        ("TRACKER_PUBLIC_URL", "tickets.example.org"),
        ("TRACKER_SECRET_KEY", "short"),
        ("TRACKER_PROXEIS", "1"),
    ],
)
def test_a_value_that_can_not_be_used_is_named(name: str, value: str) -> None:
    given = {"TRACKER_MODE": "production", "TRACKER_SECRET_KEY": "x" * 40, name: value}
    with pytest.raises(BadSetting, match=name):
        Settings.from_environ(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRACKER_DATABASE_URL", "sqlite:////var/lib/nameplate/house.sqlite3"),
        ("TRACKER_DATABASE_URL", "postgresql+psycopg://nameplate@/nameplate?host=/run/postgresql"),
        ("TRACKER_REDIS_URL", "unix:///run/redis.sock"),
        ("TRACKER_SMTP_URL", "smtps://us:secret@mail.example.org"),
        ("TRACKER_MAIL_FROM", "desk@example.org"),
    ],
)
def test_a_usual_value_is_taken(name: str, value: str) -> None:
    assert Settings.from_environ({name: value})


def test_postgresql_and_redis_without_their_libraries_name_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda _name: None)
    for given in ({"database_url": "postgresql://house"}, {"redis_url": "redis://127.0.0.1"}):
        with pytest.raises(BadSetting, match="requirements/scale"):
            Settings(**given)
