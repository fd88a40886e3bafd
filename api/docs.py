"""The description of the API, for machines and for people."""

import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, render_template

from api import spec
from api.answers import reader, shared, shown
from tracker import links, richtext
from tracker.viewer import admits

blueprint = Blueprint("docs_api", __name__, url_prefix=spec.PREFIX)
METHODS = ("get", "post", "put", "patch", "delete")


@blueprint.get("/openapi.json")
@shared
@admits("anyone")
def openapi() -> Response:
    """The description for machines: OpenAPI 3.1."""
    reader()
    return shown(spec.written(), audience="public")


@blueprint.get("/docs")
@admits("anyone")
def page() -> tuple[str, int, dict[str, str]]:
    """The description for people, from the same source."""
    written = spec.written()
    shapes = written["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in _operations(written):
        groups.setdefault(one["tag"], []).append(one)
    html = render_template(
        "api/docs.html",
        about_html=_prose(written["info"]["description"]),
        groups=groups,
        base=links.absolute(""),
        shapes={name: _fields(one, written) for name, one in shapes.items() if "properties" in one},
    )
    return html, 200, {"Cache-Control": "no-cache"}


def _operations(written: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in written["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _operation(path, method, methods, written)


def _operation(path: str, method: str, methods: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    one = methods[method]
    content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
    known = [_seen(each, written) for each in (*methods.get("parameters", ()), *one.get("parameters", ()))]
    answers = {status: _seen(each, written) for status, each in one["responses"].items()}
    return {
        "id": f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        "method": method.upper(),
        "path": path,
        "tag": one["tags"][0],
        "summary": one["summary"],
        "about_html": _prose(one.get("description", "")),
        "who": _who(one),
        "parameters": known,
        "fields": _fields(_seen(content.get("schema", {}), written), written),
        "examples": {name: _pretty(each["value"]) for name, each in content.get("examples", {}).items()},
        "answers": [_answer(status, each) for status, each in answers.items()],
    }


def _answer(status: str, answer: dict[str, Any]) -> dict[str, str]:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return {"status": status, "about": answer["description"], "shape": schema.get("$ref", "").rpartition("/")[2]}


def _fields(shape: dict[str, Any], written: dict[str, Any]) -> list[dict[str, Any]]:
    required = shape.get("required", ())
    return [
        {"name": name, "type": _type(one, written), "required": name in required, "about": one.get("description", "")}
        for name, one in shape.get("properties", {}).items()
    ]


def _type(one: dict[str, Any], written: dict[str, Any]) -> str:
    if "$ref" in one:
        return str(one["$ref"]).rpartition("/")[2]
    if "anyOf" in one:
        return " or ".join(_type(each, written) for each in one["anyOf"])
    if "enum" in one:
        return " | ".join(json.dumps(each) for each in one["enum"])
    kinds = one.get("type", "anything")
    words = kinds if isinstance(kinds, str) else " or ".join(kinds)
    inner = f" of {_type(one['items'], written)}" if "items" in one else ""
    return words + inner + (f" ({one['format']})" if "format" in one else "")


def _seen(one: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    if "$ref" not in one:
        return one
    found: Any = written
    for part in one["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    seen: dict[str, Any] = found
    return seen


def _who(one: dict[str, Any]) -> str:
    if "security" not in one:
        return "Anyone."
    return "Anyone; more with a bearer secret." if {} in one["security"] else "With a bearer secret."


def _prose(text: str) -> str:
    """Render a description; where its source is broken into lines the reader's page need not be."""
    return richtext.render("\n\n".join(part.replace("\n", " ") for part in text.split("\n\n")))


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
