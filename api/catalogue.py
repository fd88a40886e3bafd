"""The kinds of events in words and as JSON Schema: for the description of the API, its docs page and docs/events.md."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import fields, validate

from tracker.kinds import KINDS, Kind
from tracker.kinds._fields import Files, Words

Shape = dict[str, Any]
PERSON: Shape = {"anyOf": [{"$ref": "#/components/schemas/PersonRef"}, {"type": "null"}]}
INTRODUCTION = """# Events
What can happen to a ticket. Each kind is one file of `tracker/kinds/`; `api/catalogue.py` writes this page from them
(`catalogue.page()`) and a test compares. How events are read and posted: [api.md](api.md).

Every event carries `ref, seq, prev, kind, at, recorded_at, actor, audience, sentence, body_html, correction,
redaction` beside the fields below, and `replaces: {seq, html}` when it changes how an earlier one reads
(of words that were hidden the html of their corrections follows, for it told of them). Fields that
the customer or staff alone see are left out for others; they also get `hidden` (personal data
that readers do not see) and `shown_because` ([privacy.md](privacy.md)). Fields without *posted* are set by the system.
"""
SEEN = {"customer": "customer and staff", "target": "whoever sees the event it is about"}


def field_shape(one: fields.Field[Any]) -> Shape:
    """Return the JSON Schema of what a payload's field takes."""
    shape = _kind_of(one)
    for check in one.validators:
        if isinstance(check, validate.OneOf):
            shape["enum"] = list(check.choices)
        elif isinstance(check, validate.Length) and check.max:
            shape["maxLength"] = check.max
        elif isinstance(check, validate.Range):
            shape |= {"minimum": check.min, "maximum": check.max}
    return _or_null(shape) if one.allow_none else shape


def payload_shape(known: Mapping[str, fields.Field[Any]]) -> Shape:
    """Return the JSON Schema of what may be sent: fields of the system are left out."""
    sent = {name: one for name, one in known.items() if not one.dump_only}
    shape: Shape = {"type": "object", "properties": {}, "additionalProperties": False}
    for name, one in sent.items():
        shape["properties"][name] = field_shape(one) | {"description": _who_sees(one)}
    required = [name for name, one in sent.items() if one.required]
    return shape | ({"required": required} if required else {})


def event_shape(name: str, base: Shape) -> Shape:
    """Return the JSON Schema of an event of one kind as it is read; `base` are the properties all kinds share."""
    kind = KINDS[name]
    properties = base | {"kind": {"const": name}} | dict(_read_fields(kind))
    required = [one for one in base if one not in ("replaces", "hidden", "shown_because")]
    required += [field for field, one in kind.schema().fields.items() if field != kind.body and _is_public(one)]
    return {
        "type": "object",
        "description": purpose(name),
        "properties": properties,
        "required": [field for field in required if field != "briefing"],
    }


def page() -> str:
    """Return docs/events.md."""
    return INTRODUCTION + "".join(_section(name, KINDS[name]) for name in KINDS)


def _read_fields(kind: Kind) -> Iterator[tuple[str, Shape]]:
    for name, one in kind.schema().fields.items():
        if name == kind.body:
            continue
        if name == "briefing":
            yield "briefing_html", {"type": "string"}
        elif one.metadata.get("person"):
            yield name, PERSON
        elif isinstance(one, Files):
            yield name, {"type": "array", "items": {"$ref": "#/components/schemas/AttachedFile"}}
        else:
            shape = field_shape(one)
            yield name, {key: value for key, value in _or_null(shape).items() if key not in ("minLength", "maxLength")}
    if kind is KINDS["reply"]:
        yield "published", {"type": "boolean"}


def _section(name: str, kind: Kind) -> str:
    lines = [f"\n## {name}", purpose(name), ""]
    audience = "depends on what is sent" if callable(kind.audience) else SEEN.get(kind.audience, kind.audience)
    posters = ", ".join(sorted(kind.posted_by)) or "the system only"
    lines += [
        f"Seen by: {audience}. Posted by: {posters}. While the ticket is: {', '.join(kind.when) or 'not yet there'}."
    ]
    rows = [_row(field, one, kind) for field, one in kind.schema().fields.items()]
    if rows:
        lines += ["", "| field | what | who sees it | |", "|---|---|---|---|", *rows]
    if kind.posted_by:
        lines += ["", "```json", json.dumps({"kind": name, "payload": kind.example}, ensure_ascii=False), "```"]
    return "\n".join(lines) + "\n"


def _row(name: str, one: fields.Field[Any], kind: Kind) -> str:
    posted = "" if one.dump_only or not kind.posted_by else "posted, required" if one.required else "posted"
    shown = f"`{name}` (read as `body_html`)" if name == kind.body else f"`{name}`"
    return f"| {shown} | {words_of(one)} | {one.metadata['audience']} | {posted} |"


def words_of(one: fields.Field[Any]) -> str:
    """Say in a few words what a field takes."""
    if isinstance(one, Files):
        return "files sent before, up to 5: `[{file, alt}]`; read as addresses"
    if one.metadata.get("person"):
        return "a person: slug when posted, name and face when read"
    shape = field_shape(one)
    kind = shape["type"] if isinstance(shape["type"], str) else shape["type"][0]
    if "enum" in shape:
        return "one of " + ", ".join(
            f"`{choice}`" if choice else "nothing" for choice in shape["enum"] if choice is not None
        )
    known = {"date-time": "a moment, ISO 8601 with its zone", "date": "a day, ISO 8601"}
    words = known.get(shape.get("format", ""), {"boolean": "yes or no", "integer": "a whole number"}.get(kind, "text"))
    return f"{words}, up to {shape['maxLength']} characters" if "maxLength" in shape else words


def _kind_of(one: fields.Field[Any]) -> Shape:
    if isinstance(one, Files):
        named = {
            "file": {"type": "string", "maxLength": 24, "minLength": 1},
            "alt": {"type": "string", "maxLength": 200},
        }
        item = {"type": "object", "properties": named, "required": ["file"], "additionalProperties": False}
        return {"type": "array", "items": item, "maxItems": 5}
    if isinstance(one, Words):
        return {"type": "string", "maxLength": one.high} | ({"minLength": one.low} if one.low else {})
    if isinstance(one, fields.DateTime):
        return {"type": "string", "format": "date-time"}
    if isinstance(one, fields.Date):
        return {"type": "string", "format": "date"}
    if isinstance(one, fields.Boolean):
        return {"type": "boolean"}
    return {"type": "integer" if isinstance(one, fields.Integer) else "string"}


def _or_null(shape: Shape) -> Shape:
    if isinstance(shape["type"], list):
        return shape
    enum = {"enum": [*shape["enum"], None]} if "enum" in shape else {}
    return shape | {"type": [shape["type"], "null"]} | enum


def _is_public(one: fields.Field[Any]) -> bool:
    return str(one.metadata["audience"]) == "public"


def _who_sees(one: fields.Field[Any]) -> str:
    seen = {"public": "Everyone who may read the ticket sees it.", "staff": "Only staff sees it."}
    return seen.get(one.metadata["audience"], "Only the customer and staff see it.")


def purpose(name: str) -> str:
    """Return the sentence that says what a kind is."""
    return str(sys.modules[f"tracker.kinds.{name}"].__doc__).strip()
