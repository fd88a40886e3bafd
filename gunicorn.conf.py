"""How gunicorn serves Nameplate: one process, some threads for pages, one loop for live sockets (docs/live.md)."""

worker_class = "tracker.live.worker.LiveWorker"
workers = 1
threads = 32
worker_connections = 4000
keepalive = 5
graceful_timeout = 5
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True
# For --access-logfile: refs and secrets are in paths, so it keeps method, status, size and time, never the address
# asked for. nginx keeps a log in front of us; a line of ours costs more than a badge.
access_log_format = '%(h)s %(t)s "%(m)s" %(s)s %(b)s %(M)sms'


def on_starting(_server) -> None:  # type: ignore[no-untyped-def]
    """Stop at a setting that makes no sense: the workers would, one after the other without end."""
    from tracker.settings import Settings

    Settings.from_environ()


def post_worker_init(worker) -> None:  # type: ignore[no-untyped-def]
    """Start the embedded outbox in the process that serves pages; without the engine keep threads free for them."""
    from tracker import live
    from wsgi import app, start_outbox

    if getattr(worker, "engine", None) is None:
        live.serve_by_threads(app, worker.cfg.threads)
    if app.extensions["tracker_settings"].role != "live":
        start_outbox(app)


def worker_exit(_server, _worker) -> None:  # type: ignore[no-untyped-def]
    """Keep what was counted since the last minute, and what was delivered since the last second."""
    from wsgi import app, stop_outbox

    stop_outbox(app)
    app.extensions["tracker_sightings"].flush()
