"""News by chat services and SMS gateways, through the Apprise library, to an address its owner gave."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tracker import outward, permissions, present, settings, store
from tracker.channels import _letters
from tracker.errors import Invalid
from tracker.models import Delivery, News, Subscription
from tracker.outbox import Dropped, Undeliverable

THREADS = 1
# fmt: off
SERVICES = frozenset((
    "discord", "slack", "tgram", "gchat", "wxteams", "pover", "pbul", "threema", "twilio", "vonage", "nexmo",
    "msgbird", "clicksend", "sinch", "bulksms",
))
# fmt: on
"""The services of Apprise that speak https with hosts of their own. Whoever named the host could answer without end;
others open sockets, run programs or send mail."""
TRIAL = "json"
"""What stands for them in development, at a host one names."""
TIMEOUT_S = 5.0
LONGEST = 1_500
_guarded: ContextVar[bool] = ContextVar("guarded", default=False)


def check_target(text: str) -> str:
    """Return an address that Apprise can use and we allow; raise Invalid."""
    target = text.strip()
    if not _is_allowed(target):
        problem = f"Give an address of one of these services, without a question mark: {', '.join(sorted(SERVICES))}."
        raise Invalid(fields={"target": problem})
    if _service(target) is None:
        raise Invalid(fields={"target": f"Apprise can not read this as an address of {_schema(target)}."})
    return target


def deliver(delivery: Delivery, news: News) -> None:
    """Say one piece of news; raise Undeliverable, or Dropped once nobody listens."""
    found = store.session().get(Subscription, delivery.subscription_id, populate_existing=True)
    if found is None or found.ended_at is not None or (news.topic == "event" and not found.hears):
        raise Dropped
    if found.ticket is not None and not permissions.is_shown(found.ticket, found.role):
        raise Dropped
    service = _service(found.target)
    if service is None:
        raise Undeliverable("the address can not be read any more", permanent=True)
    with _only_outward():
        try:
            arrived = service.notify(title="", body=_words(delivery, news, found))
        except OSError as error:
            raise Undeliverable(f"{type(error).__name__}: {error}", permanent=False) from error
    if not arrived:
        raise Undeliverable(f"{_schema(found.target)} did not take it", permanent=False)


def _words(delivery: Delivery, news: News, found: Subscription) -> str:
    if news.topic == "hooktest":
        return "A test: news arrives here."
    letter = _letters.write(delivery, news, manage_url=_letters.manage_url(found))
    name = letter.name if letter.name == "follow" else "chat"
    return present.render(f"email/{name}.txt", **letter.facts).strip()[:LONGEST]


def _schema(target: str) -> str:
    return target.partition("://")[0].lower()


def _is_allowed(target: str) -> bool:
    """Say whether an address is one of a service we use; what follows a question mark could name files of ours."""
    is_known = _schema(target) in SERVICES or (_schema(target) == TRIAL and settings.current().private_targets)
    return is_known and "?" not in target and len(target) <= outward.LONGEST_URL and target.isprintable()


def _service(target: str) -> Any:
    """Return the service an address names, patient no longer than we are; None when it is none we use (any more)."""
    if not _is_allowed(target):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it looks for modules that Python gives up
        import apprise  # knows 250 services and takes two seconds to load: only those wait who use it

        logging.getLogger("apprise").setLevel(logging.WARNING)  # at DEBUG it writes down what is said, and where to
        found = apprise.Apprise.instantiate(target)
    if found is not None:
        found.socket_connect_timeout = found.socket_read_timeout = TIMEOUT_S
        found.verify_certificate, found.redirects, found.retry = True, False, 0
        found.request_rate_per_sec = 0  # or it sleeps between the many it may name
    return found


@contextmanager
def _only_outward() -> Iterator[None]:
    """Let the library connect only where we go ourselves: to the address that was judged, whatever name it is given."""
    _guard()
    token = _guarded.set(True)
    try:
        yield
    finally:
        _guarded.reset(token)


def _guard() -> None:
    from urllib3.util import connection

    if getattr(connection, "is_guarded", False):
        return
    connect = connection.create_connection

    def guarded(address: tuple[str, int], *more: Any, **options: Any) -> Any:
        if _guarded.get():
            (_family, address), *_others = outward.resolve(address[0].strip("[]"), address[1], within_s=TIMEOUT_S)
        return connect(address, *more, **options)

    connection.create_connection = guarded
    connection.is_guarded = True  # type: ignore[attr-defined]
