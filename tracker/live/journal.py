"""The access log's lines of what the loop answers itself, in gunicorn's own format."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

Write = Callable[[str, bytes, bytes, float], None]
SHOWN = ("user-agent:", "referer:")
"""What formats show by names of their own."""
Headers = list[tuple[str, str]]


def writer(log: Any) -> Write | None:
    """Return what writes a line to gunicorn's log, of client's address, request's head, answer and seconds it was
    waited for; None without a log."""
    if not log.access_log_enabled:
        return None
    shows_headers = "{" in log.cfg.access_log_format

    def write(address: str, head: bytes, told: bytes, waited_s: float) -> None:
        start, _, body = told.partition(b"\r\n\r\n")
        line, asked = _parts(head, shows_headers)
        status, answered = _parts(start, shows_headers)
        method, target, protocol = line.split(" ")
        path, _, query = target.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": protocol,
            "REMOTE_ADDR": address,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in asked},
        }
        response = SimpleNamespace(status=status.partition(" ")[2], sent=len(body), headers=answered)
        log.access(response, SimpleNamespace(headers=asked), environ, timedelta(seconds=waited_s))

    return write


def _parts(head: bytes, shows_headers: bool) -> tuple[str, Headers]:
    first, *lines = head.decode("latin-1").split("\r\n")
    wanted = lines if shows_headers else [line for line in lines if line.lower().startswith(SHOWN)]
    return first, [(name, value.strip()) for name, _, value in (line.partition(":") for line in wanted) if name]
