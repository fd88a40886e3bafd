"""How gunicorn serves Nameplate: one process, many threads; the stock Socket.IO driver holds a thread per socket."""

import os

worker_class = "gthread"
workers = 1
threads = 512
keepalive = 5
graceful_timeout = 5
limit_request_line = 4094
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True
accesslog = "-" if os.environ.get("TRACKER_MODE") == "production" else None
# Refs and secrets are in paths: the log keeps method, status, size and time, never the address asked for.
access_log_format = '%(h)s %(t)s "%(m)s" %(s)s %(b)s %(M)sms'


def post_worker_init(worker) -> None:  # type: ignore[no-untyped-def]
    """Start the embedded outbox in the process that serves."""
    from wsgi import app, start_outbox

    start_outbox(app)
