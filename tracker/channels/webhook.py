"""News by webhook: signed as Standard Webhooks 1.0.0 has it, posted to an address its owner gave."""

import base64
import hashlib
import hmac
import json
import random
from datetime import timedelta
from typing import Any

from werkzeug.http import parse_date

from tracker import disclosure, hooks, links, outward, present, store
from tracker.models import Delivery, Event, News, Subscription, Ticket
from tracker.outbox import Dropped, Undeliverable

THREADS = 4
BACK_OFF_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""Standard Webhooks: 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h; then it is given up."""
MOST_BYTES = 20_000
LONGEST_WAIT = timedelta(days=1)
BUSY = (429, 502, 504)


def check_target(text: str) -> str:
    """Return an address we can post to; raise Invalid."""
    return outward.check_url(text)


def deliver(delivery: Delivery, news: News) -> None:
    """Post one event; raise Undeliverable with when to try again, or Dropped once nobody listens."""
    hook = store.session().get(Subscription, delivery.subscription_id, populate_existing=True)
    if hook is None or not hook.hears:
        raise Dropped
    body = json.dumps(_message(delivery, news), ensure_ascii=False, separators=(",", ":")).encode()
    try:
        answer = outward.post(hook.target, body, _headers(hook, delivery, body))
    except OSError as error:
        hooks.failed(hook, for_good=False)
        raise _again(delivery, f"{type(error).__name__}: {error}") from error
    if 200 <= answer.status < 300:
        hooks.arrived(hook)
        return
    hooks.failed(hook, for_good=answer.status == 410)
    if answer.status == 410:
        raise Undeliverable("410: it wants no more", permanent=True)
    raise _again(delivery, f"answered {answer.status}", _asked(answer) if answer.status in BUSY else None)


def sign(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """Return a signature: HMAC-SHA256 over id.timestamp.body, as `v1,<base64>`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def _message(delivery: Delivery, news: News) -> dict[str, Any]:
    if news.topic == "hooktest":
        return {"type": "test", "timestamp": disclosure.plain(news.created_at), "data": {}}
    event = store.session().get(Event, news.event_id, populate_existing=True)
    ticket = store.session().get(Ticket, news.ticket_id, populate_existing=True)
    shown = present.entries(ticket, [event], delivery.role, html=False) if ticket and event else []
    if not shown or ticket is None:
        raise Dropped
    entry = shown[0] | {"url": links.absolute(links.ticket(ticket.ref)), "subject": ticket.subject}
    message = {"type": f"ticket.{entry['kind']}", "timestamp": entry["recorded_at"], "data": entry}
    if len(json.dumps(message).encode()) > MOST_BYTES:  # the words are at `url`
        message["data"] = entry | {"body_html": "", "replaces": None, "cut": True}
    return message


def _headers(hook: Subscription, delivery: Delivery, body: bytes) -> dict[str, str]:
    """Return the headers; the id stays the same however often it is sent, the timestamp is this attempt's."""
    name, timestamp = f"msg_{links.stamp(f'hook.{delivery.id}')}", int(store.now().timestamp())
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(one, name, timestamp, body) for one in hooks.secrets(hook)),
    }


def _again(delivery: Delivery, reason: str, asked: timedelta | None = None) -> Undeliverable:
    if delivery.attempts >= len(BACK_OFF_S):
        return Undeliverable(reason, permanent=True)
    wait = timedelta(seconds=BACK_OFF_S[delivery.attempts] * random.uniform(1, 1.2))
    return Undeliverable(reason, permanent=False, again_in=max(asked, wait) if asked else wait)


def _asked(answer: outward.Answered) -> timedelta | None:
    """Return for how long a place asks to be left alone, in seconds or until a date (RFC 9110, 10.2.3)."""
    text, at = answer.retry_after[:40], parse_date(answer.retry_after[:40])
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    return min(at - store.now(), LONGEST_WAIT) if at else None
