"""A live stage: the real scripts, a real Socket.IO server, and one ticket that tests speak on, cut and restore."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

import simple_websocket
from flask import Response, redirect, render_template, request
from flask_socketio import SocketIO, join_room
from werkzeug.serving import make_server

from tests.browser import embed_stage, scenes, stage

REF = "8f3k2m9q4t7w"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


FORM = """<!doctype html><title>Form</title><link rel="icon" href="/static/icon.svg">
<script type="module" src="/static/js/keep-typed.js"></script>
<keep-typed><form method="post"><textarea name="text"></textarea><input name="secret" type="password">
<input name="yes" type="checkbox" value="1"><button>Send</button><p data-kept role="status"></p></form></keep-typed>"""


class OneAtATime(simple_websocket.Server):
    """A socket that says one thing at a time: the library's own can send an answer after its goodbye."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.speaking = threading.Lock()
        super().__init__(*arguments, **options)

    def send(self, data: Any) -> None:
        with self.speaking:
            super().send(data)

    def _handle_events(self) -> Any:
        with self.speaking:
            return super()._handle_events()


class LiveStage:
    """One ticket and its viewers; `asked` lists the paths requested, `refuses` turns sockets away with 503."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.refuses = False
        self.is_full = False
        self.is_down = False
        self.is_hidden = False
        self.page_size = 200
        self.facts: dict[str, Any] = {}
        self.wall: dict[str, Any] = {}
        self.unwatched: list[str] = []
        self.hidden: list[str] = []
        self.is_away = False
        self.conditional = 0
        self.watched: list[str] = []
        self.listed = 0
        self.ticket = scenes.ticket(last=3, promise=scenes.STANDING)
        self.entries = scenes.timeline()[:3]
        self.app = stage.make_app()
        self.sockets = SocketIO(self.app, async_mode="threading", cors_allowed_origins="*")
        self.sockets.on_event("watch", self.watch)
        self.sockets.on_event("watch_list", self.watch_list)
        self.sockets.on_event("unwatch", lambda wanted: self.unwatched.append(wanted["embed"]))
        self.inner = self.app.wsgi_app
        self.app.wsgi_app = self.gate  # type: ignore[method-assign]
        self.routes()

    def gate(self, environ: Any, start: Any) -> Any:
        self.asked.append(environ["PATH_INFO"])
        if self.is_down or (self.refuses and environ["PATH_INFO"].startswith("/socket.io")):
            start("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"later"]
        return self.inner(environ, start)

    def say(
        self,
        kind: str = "update",
        words: str = "Something new.",
        *,
        seq: int = 0,
        prev: int = -1,
        quietly: bool = False,
        **fields: Any,
    ) -> int:
        """Append an entry; `quietly` stores it without telling the sockets, as when the hint was lost."""
        last = self.ticket["last"]
        given = {"next_word_at": scenes.ahead(hours=9)} if kind == "update" else {}
        made = scenes.entry(kind, scenes.actor(scenes.ROSA), f"<p>{words}</p>", **given | fields)
        made |= {"seq": seq or last + 1, "prev": last if prev < 0 else prev}
        self.entries.append(made)
        self.ticket["last"] = made["seq"]
        if not quietly:
            self.sockets.emit("event", self.pushed(made), to="viewers")
        return int(made["seq"])

    def pushed(self, entry: dict[str, Any]) -> dict[str, Any]:
        with self.app.test_request_context():
            html = self.app.jinja_env.get_template("tickets/entry.html").module.line(entry)
            head = render_template("tickets/head.html", ticket=self.ticket)
        return {
            "ref": REF,
            "seq": entry["seq"],
            "prev": entry["prev"],
            "kind": entry["kind"],
            "html": html,
            "head": head,
        }

    def watch(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if self.is_full:
            return {"error": "full"}
        with suppress(ValueError, KeyError):  # it has gone meanwhile
            join_room("viewers")
            self.watched.append(wanted.get("embed", ""))  # from here on it hears what tests say
        missed = (
            [self.pushed(each) for each in self.entries if each["seq"] > wanted["after"]] if wanted.get("html") else []
        )
        return {"epoch": self.ticket["epoch"], "events": missed, "last": self.ticket["last"], "more": False}

    def watch_list(self, _wanted: dict[str, Any]) -> dict[str, Any]:
        if not self.is_full:
            with suppress(ValueError, KeyError):
                join_room("list")
        self.listed += 1
        return {"error": "full"} if self.is_full else {"ok": True}

    def cut(self) -> None:
        """Lose every socket, and let none back until `restore`."""
        self.refuses = True
        for sid in list(self.sockets.server.manager.get_participants("/", None)):
            self.sockets.server.disconnect(sid[0])

    def restore(self) -> None:
        self.refuses = False

    def count(self, path: str) -> int:
        return sum(each == path for each in self.asked)

    def routes(self) -> None:
        app = self.app
        app.add_url_rule("/t/<ref>", "ticket", self.ticket_page)
        app.add_url_rule("/t/<ref>/entries", "entries", self.more_entries)
        embed_stage.add(app, self)
        app.add_url_rule("/try", "try", self.form)
        app.add_url_rule("/try", "tried", self.form_sent, methods=["POST"])
        app.after_request(self.headers)

    def headers(self, answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = POLICY
        answer.headers["Access-Control-Allow-Origin"] = "*"
        return answer

    def ticket_page(self, ref: str) -> str:
        newer = f"?after={self.page_size}" if self.page_size < len(self.entries) else None
        entries = self.entries[: self.page_size]
        return render_template(
            "tickets/page.html", ticket=self.ticket, entries=entries, newer_url=newer, reader="public"
        )

    def more_entries(self, ref: str) -> tuple[str, int]:
        if self.is_hidden:
            return "", 404
        after = request.args.get("after", 0, type=int)
        fresh = [self.pushed(each)["html"] for each in self.entries if each["seq"] > after]
        head = render_template("tickets/head.html", ticket=self.ticket)
        marks = f'data-epoch="{self.ticket["epoch"]}" data-last="{self.ticket["last"]}" data-more="0"'
        return f"{head}<ol {marks}>{''.join(fresh)}</ol>", 200

    def form(self) -> str:
        return FORM

    def form_sent(self) -> Any:
        return redirect("/try", 303) if len(request.form["text"]) > 5 else (self.form(), 422)


@contextmanager
def live_stage() -> Iterator[LiveStage]:
    found = LiveStage()
    server = make_server("127.0.0.1", 0, found.app, threaded=True)
    found.url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with patch.object(simple_websocket, "Server", OneAtATime):
            yield found
    finally:
        found.cut()
        server.shutdown()
        thread.join(10)
