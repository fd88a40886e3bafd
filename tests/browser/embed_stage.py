"""The live stage's embeds: what badges ask for, in the shapes agreed, conditional as the server's answers are."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request

from tests.browser import scenes, stage

if TYPE_CHECKING:
    from tests.browser.live_stage import LiveStage

GREY = {"status": "unknown"}
YARD = '<a href="https://yard.example/" rel="nofollow ugc noopener noreferrer">yard</a>'
SAID = (
    "<p>The riser is <strong>cracked</strong> between the second and third floor. The part is ordered; "
    f"until it comes there is a tap in the {YARD}.</p>"
)


def add(app: Flask, scene: "LiveStage") -> None:
    """Let a stage answer for embeds: `good`, `many…` (tickets of their own), `wall`; the others are grey."""
    app.add_url_rule("/e/<embed>/badge.json", "badge", lambda embed: answer(scene, facts(scene, embed)))
    app.add_url_rule("/e/<embed>/timeline.json", "recent", lambda embed: answer(scene, timeline(scene, embed)))
    app.add_url_rule("/e/<embed>/seen", "seen", lambda embed: ("", 204), methods=["POST"])
    app.add_url_rule("/embed.js", "embed", lambda: script("badge.js"))
    app.add_url_rule("/embed/<version>/<name>", "part", lambda version, name: script(name))


def facts(scene: "LiveStage", embed: str) -> dict[str, Any]:
    """Return what badge.json says of an embed."""
    if embed == "wall":
        items = [of_ticket(scene, one, one["ref"]) | {"ref": one["ref"]} for one in scenes.TICKETS]
        of = {"epoch": "e1", "variant": "wall", "theme": "auto", "url": f"{scene.url}/desks/buildings"}
        return of | {"title": scenes.DESK["name"], "items": items, "more": True} | scene.wall
    if embed in scene.hidden or (embed != "good" and not embed.startswith("many")):
        return GREY
    ref = scene.ticket["ref"] if embed == "good" else embed
    return of_ticket(scene, scene.ticket, ref) | {"variant": "badge", "theme": "auto"} | scene.facts


def of_ticket(scene: "LiveStage", ticket: dict[str, Any], ref: str) -> dict[str, Any]:
    """Return a ticket's facts, as a badge or as one item of a wall."""
    promise, said = ticket["promise"], ticket["latest"]
    return {
        "epoch": ticket["epoch"],
        "last": ticket["last"],
        "url": f"{scene.url}/t/{ref}",
        "status": ticket["status"],
        "subject": ticket["subject"],
        "assignee": {"name": ticket["assignee"]["name"], "face": face(scene, ticket["assignee"])},
        "opened_at": iso(ticket["opened_at"]),
        "ended_at": iso(ticket["ended_at"]) if ticket["ended_at"] else None,
        "promise": {"due_at": iso(promise["due_at"]), "state": promise["state"], "check_in": promise["check_in"]}
        if promise
        else None,
        "latest": {"at": iso(said["at"]), "html": SAID, "by": {"name": ticket["assignee"]["name"]}} if said else None,
    }


def face(scene: "LiveStage", of: dict[str, Any]) -> dict[str, Any]:
    """Return a face as other sites need it: its picture's address is whole."""
    url = of["face"]["url"]
    return of["face"] | {"url": scene.url + url if url else None}


def timeline(scene: "LiveStage", embed: str) -> dict[str, Any]:
    """Return what timeline.json says of an embed: the same and the last five events."""
    found = facts(scene, embed)
    recent = [
        {name: one[name] for name in ("seq", "kind", "sentence")}
        | {"at": iso(one["at"]), "html": one["body_html"]}
        | {"actor": {"name": one["actor"]["name"], "role": one["actor"]["role"], "face": face(scene, one["actor"])}}
        | {"standard": one.get("standard", False)}
        for one in scene.entries[-5:]
    ]
    return found if found == GREY else found | {"recent": recent}


def answer(scene: "LiveStage", said: dict[str, Any]) -> Response:
    if scene.is_away:
        return Response("later", 503)
    scene.conditional += bool(request.if_none_match)
    response = jsonify(said)
    # The clock that tests put forward is not the one of the browser's cache.
    response.headers["Cache-Control"] = "public, max-age=0, stale-if-error=300"
    response.headers["Vary"] = "Origin"
    response.add_etag()
    return response.make_conditional(request)


def script(name: str) -> Response:
    """A script of the embeds, from memory: a page that leaves in the middle leaves no file open."""
    return Response((stage.ROOT / "static/embed" / name).read_bytes(), content_type="text/javascript")


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
