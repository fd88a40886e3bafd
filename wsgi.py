"""The composition root: the only file that knows all the parts. `app` is what servers import."""

import threading
from importlib import import_module
from typing import Any

from flask import Flask, current_app, request
from flask.json.provider import DefaultJSONProvider
from flask_migrate import Migrate
from sqlalchemy.exc import DataError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

import api
import widgets
from tracker import (
    arrivals,
    attachments,
    channels,
    cli,
    deliveries,
    disclosure,
    drafts,
    following,
    handoffs,
    idempotency,
    intake,
    live,
    outbox,
    pages,
    people,
    present,
    promises,
    recipients,
    sightings,
    staff,
    store,
    tallies,
    viewer,
)
from tracker.errors import Invalid, Malformed, TrackerError, Unavailable
from tracker.settings import MAX_UPLOAD_BYTES, MIGRATIONS, SESSION_LASTS, STATIC, TEMPLATES, Settings

OUTBOX_ENDS_IN_S = 2
UNSTORABLE = "There are characters in this that can not be kept, such as NUL. Remove them and send it again."


class Json(DefaultJSONProvider):
    """JSON as CONTRACTS has it: times in ISO 8601 UTC with Z, keys in the order they were given."""

    sort_keys = False
    compact = True

    @staticmethod
    def default(value: Any) -> Any:
        shown = disclosure.plain(value)
        return DefaultJSONProvider.default(value) if shown is value else shown


class App(Flask):
    """Flask that names the route in its log of faults, not the address: secret links are addresses."""

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error("Exception on %s [%s]", request.url_rule, request.method, exc_info=exc_info)


def create_app(settings: Settings | None = None) -> Flask:
    """Put an application together from its settings (the environment's, when none are given)."""
    chosen = settings or Settings.from_environ()
    app = App("tracker", template_folder=TEMPLATES, static_folder=STATIC, static_url_path="/static")
    app.extensions["tracker_settings"] = chosen
    app.json = Json(app)
    app.session_interface = viewer.Sessions()
    _configure(app, chosen)
    store.init_app(app, chosen.database)
    Migrate(app, store.db, directory=MIGRATIONS, render_as_batch=True)
    app.jinja_env.filters.update(present.filters())
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for door in (pages, api, widgets):
        door.init_app(app)
    _share_errors(app)
    app.cli.add_command(cli.tracker)
    _wire(app)
    _believe_proxies(app, chosen.proxies)
    return app


def start_outbox(app: Flask) -> None:
    """Start the embedded outbox worker of a serving process; settings may give that work to a process of its own."""
    if app.extensions["tracker_settings"].outbox == "thread" and "tracker_worker" not in app.extensions:
        stop, wake = threading.Event(), threading.Event()
        worker = threading.Thread(target=outbox.run, args=(app, stop, wake), name="outbox", daemon=True)
        app.extensions["tracker_worker"] = (worker, stop, wake)
        store.after_commit(app, lambda topic, _subject: wake.set() if topic == "news" else None)
        worker.start()


def stop_outbox(app: Flask) -> None:
    """Let the embedded outbox worker write down what it has delivered, before its process ends."""
    if "tracker_worker" in app.extensions:
        worker, stop, wake = app.extensions["tracker_worker"]
        stop.set()
        wake.set()
        worker.join(OUTBOX_ENDS_IN_S)


def _configure(app: Flask, chosen: Settings) -> None:
    app.config.update(
        SECRET_KEY=chosen.key,
        MAX_CONTENT_LENGTH=MAX_UPLOAD_BYTES + 64 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        MAX_FORM_PARTS=100,
        PERMANENT_SESSION_LIFETIME=SESSION_LASTS,
        SESSION_COOKIE_NAME="__Host-nameplate" if chosen.https else "nameplate",
        SESSION_COOKIE_SECURE=chosen.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    if chosen.mode == "production" and not chosen.https:
        app.logger.warning("TRACKER_PUBLIC_URL is plain http: cookies travel unprotected. Use https.")


def _believe_proxies(app: Flask, count: int) -> None:
    """Take address, scheme and host from that many proxies: before all else, or sockets are counted as the proxy's."""
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count)  # type: ignore[method-assign]


def _share_errors(app: Flask) -> None:
    """Let each door say what went wrong in its own way: under /api as JSON, elsewhere as a page."""

    def tell(error: Exception) -> Any:
        door = api if request.path.startswith(api.PREFIX) else pages
        return door.tell(error if isinstance(error, TrackerError | HTTPException) else _translated(error))

    for family in (TrackerError, HTTPException, *store.AWAY, DataError, UnicodeEncodeError):
        app.register_error_handler(family, tell)

    def tell_unread(error: Exception) -> Any:
        if type(error).__module__.partition(".")[0] != "gunicorn":
            raise error
        return tell(Malformed())  # a body the server could not read, such as a broken chunk

    app.register_error_handler(Exception, tell_unread)


def _translated(error: Exception) -> TrackerError:
    if isinstance(error, DataError | UnicodeEncodeError):
        return Invalid(UNSTORABLE)
    store.let_go()  # the page that says so may want to know who asks
    current_app.logger.warning("database unavailable on %s: %s", request.url_rule, store.reason(error))
    return Unavailable()


def _wire(app: Flask) -> None:
    ways = {name: import_module(f"tracker.channels.{name}") for name in channels.names()}
    app.extensions["tracker_outbox"] = outbox.Wiring(
        expand=recipients.find,
        told=recipients.told,
        deliver={name: way.deliver for name, way in ways.items()},
        check_target={name: way.check_target for name, way in ways.items()},
        check={name: way.check for name, way in ways.items() if hasattr(way, "check")} | {"mail in": intake.check},
        digest={name: way.digest for name, way in ways.items() if hasattr(way, "digest")},
        rest={name: way.rest for name, way in ways.items() if hasattr(way, "rest")},
        threads={name: way.THREADS for name, way in ways.items() if hasattr(way, "THREADS")},
        due_work=[
            promises.record_missed,
            promises.remind,
            handoffs.expire,
            handoffs.remind,
            idempotency.forget_old,
            attachments.forget_waiting,
            following.forget_old,
            deliveries.forget_old,
            people.forget_ended_sessions,
            drafts.forget_old,
            staff.welcome_back,
            arrivals.forget_old,
            sightings.forget_old,
            tallies.add_up,
        ],
    )
    app.extensions["tracker_sightings"] = sightings.Sightings(app)
    live.init_app(app)
    store.after_commit(app, lambda topic, subject: live.hear(app, topic, subject))
    app.extensions["tracker_mail_in"] = intake.run
    app.extensions["tracker_sockets"] = lambda: live.sockets(app)
    app.extensions["tracker_start_outbox"] = lambda: start_outbox(app)


app = create_app()
"""Made at import: a server or the flask command has set the environment by then."""
