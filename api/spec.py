"""The description of the API: OpenAPI 3.1, put together from the routes, the shapes and the kinds."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest
from flask import Flask, current_app

from api import shapes
from api.strict import Blueprint
from tracker.kinds import KINDS

View = TypeVar("View", bound=Callable[..., Any])
PREFIX = "/api/v1"
VERSION = "1.0"
ABOUT = """Everything a page of Nameplate shows or does. Times are ISO 8601 in UTC; ids are strings.

**Who is asking**: nobody in particular; a person's token, or the secret of a ticket's customer, as
`Authorization: Bearer …`; or this site's own pages by cookie. A private ticket and an absent one answer alike: 404.

**Writing**: open a ticket, or post an event to one. An `Idempotency-Key` makes a write safe to repeat for a day;
`If-Match: "<version>"` makes sure that nothing happened since you looked.

**Reading on**: ask for events `after` the last seq you have. Append an event if prev ≤ last < seq; ask again only if
prev > last; drop it if seq ≤ last; start afresh when `epoch` differs."""
REF = {"name": "ref", "in": "path", "required": True, "description": "The ticket's ref", "schema": {"type": "string"}}
SLUG = {"name": "slug", "in": "path", "required": True, "description": "From its address", "schema": {"type": "string"}}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Makes the write safe to repeat for 24 hours: it happens once. Another body under it: 422.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 64},
}
MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": 'The version you looked at, in quotes: "7". When the ticket has moved on: 409 with the current one.',
    "schema": {"type": "string"},
}
ALWAYS = (400, 429, 500, 503)
"""What any operation may answer."""
_documents = Blueprint("documents", __name__)
"""Never registered: smorest's decorators are methods, though they only write on the view."""


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest with our one shape of errors, which the composition root hands to answers.tell."""

    ERROR_SCHEMA = shapes.ref("Error")

    def __init__(self, app: Flask) -> None:
        app.config.update(API_TITLE="Nameplate", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
        super().__init__(app, spec_kwargs={"info": {"description": ABOUT}, "servers": [{"url": "/"}]})
        for name, shape in shapes.everything().items():
            self.spec.components.schema(name, shape)
        cookie = {"type": "apiKey", "in": "cookie", "name": app.config["SESSION_COOKIE_NAME"]}
        self.spec.components.security_scheme("cookie", cookie | {"description": "This site's own pages."})
        bearer = "A person's token, or the secret of a ticket's customer."
        self.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "description": bearer})

    def _register_pagination_header(self) -> None:
        """Ours are lists with a cursor."""

    def _register_error_handlers(self) -> None:
        """Leave errors to the composition root: pages and API share one application."""


def written() -> dict[str, Any]:
    """Return the description as served."""
    found: Any = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    description: dict[str, Any] = found.spec.to_dict()
    return description


def gives(status: int, shape: str, about: str, **headers: str) -> Callable[[View], View]:
    """Document what an operation answers when all is well."""
    told = {name: {"description": words, "schema": {"type": "string"}} for name, words in headers.items()}
    decorate: Callable[[View], View] = _documents.response(
        status, shapes.ref(shape), description=about, headers=told or None
    )
    return decorate


def fails(*statuses: int) -> Callable[[View], View]:
    """Document the errors of an operation, beside those that any may answer."""

    def decorate(view: View) -> View:
        for status in sorted({*statuses, *ALWAYS}):
            view = _documents.alt_response(status, HTTPStatus(status).name)(view)
        return view

    return decorate


def takes(shape: str, *headers: dict[str, Any], **examples: Any) -> Callable[[View], View]:
    """Document the body of an operation, and the headers that go with it."""
    content: dict[str, Any] = {"schema": shapes.ref(shape)}
    if examples:
        content["examples"] = {name: {"value": one} for name, one in examples.items()}
    decorate: Callable[[View], View] = Blueprint.doc(
        requestBody={"content": {"application/json": content}}, parameters=list(headers)
    )
    return decorate


def needs(*schemes: str, optional: bool = False) -> Callable[[View], View]:
    """Document how an operation may be told who is asking."""
    listed: list[dict[str, list[str]]] = [{name: []} for name in schemes or ("bearer", "cookie")]
    decorate: Callable[[View], View] = Blueprint.doc(security=[*listed, *([{}] if optional else [])])
    return decorate


def event_examples() -> dict[str, Any]:
    """Return one example for each kind that somebody may post."""
    return {name: {"kind": name, "payload": dict(kind.example)} for name, kind in KINDS.items() if kind.posted_by}
