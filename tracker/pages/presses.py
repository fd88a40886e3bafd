"""A button that is pressed twice: the second press finds what the first one did."""

import hashlib
import json

from flask import request

from tracker import idempotency, links
from tracker.idempotency import Once
from tracker.permissions import Viewer

MARKS = ("once", "seen")
"""Hidden fields of which a form has one: unlike any other form's, or how far the ticket had come when it was shown."""


def mark() -> str:
    """Return what makes one showing of a form unlike any other."""
    return links.new_secret()


def once(who: Viewer) -> Once | None:
    """Return the key of this press: who sends what, from which showing of a form; None for a form without a mark."""
    if not any(request.form.get(name) for name in MARKS):
        return None
    sent = [*request.form.items(multi=True), *((name, one.filename) for name, one in request.files.items(multi=True))]
    key = hashlib.sha256(json.dumps(sent).encode()).hexdigest()
    return idempotency.once(
        key, principal=who.principal, route=f"{request.method} {request.path}", body=None, waits=True
    )
