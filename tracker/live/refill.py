"""Asks the view for an answer to keep: through WSGI, on a thread, once for all who wait for it."""

import io
import logging
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from tracker import copies, store
from tracker.live.asked import Asked
from tracker.live.shelf import Answered

log = logging.getLogger(__name__)
THREADS = 2
"""For first answers; those that are only made anew have one of their own, so that no flood of others delays them."""
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Refill:
    """Views run as for any request, but without what an answer for all must not depend on."""

    def __init__(self, wsgi: Wsgi, public_url: str) -> None:
        self.wsgi = wsgi
        self._at = urlsplit(public_url)
        self._firsts = ThreadPoolExecutor(THREADS, thread_name_prefix="lane")
        self._renewals = ThreadPoolExecutor(1, thread_name_prefix="lane-renewals")

    def ask(
        self, asked: Asked, address: str | None, once: copies.Once, then: Callable[[Answered | None], None]
    ) -> None:
        """Have a view answer and give that, or None when it may not be kept, to `then` on the thread.

        It counts against the limits of `address`; without one an answer is only made anew, at most once a second.
        The view reads by `once` what other forms of the same show too.
        """
        pool = self._renewals if address is None else self._firsts
        pool.submit(self._do, asked, address, once, then)

    def close(self) -> None:
        """Ask no more."""
        for pool in (self._firsts, self._renewals):
            pool.shutdown(wait=False, cancel_futures=True)

    def _do(
        self, asked: Asked, address: str | None, once: copies.Once, then: Callable[[Answered | None], None]
    ) -> None:
        terms = copies.Terms(for_copies=True, is_renewal=address is None, once=once)
        try:
            answered = self._answer(self._environ(asked, address, terms))
        except Exception:  # those who wait go the common way and get what it says
            store.complain(log, "live: no copy could be made")
            answered = None
        then(answered)

    def _answer(self, environ: dict[str, Any]) -> Answered | None:
        said: list[Any] = []
        answer = self.wsgi(environ, lambda status, headers, _fault=None: said.append((status, headers)))
        try:
            body = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        status, headers = said[-1]
        terms: copies.Terms = environ[copies.ENVIRON]
        is_whole = status == "200 OK" and ("Content-Length", str(len(body))) in headers
        return Answered(headers, body, terms) if terms.may_be_copied and is_whole and _is_for_all(headers) else None

    def _environ(self, asked: Asked, address: str | None, terms: copies.Terms) -> dict[str, Any]:
        path, _, query = asked.target.decode("latin-1").partition("?")
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "RAW_URI": asked.target.decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": self._at.hostname or "localhost",
            "SERVER_PORT": str(self._at.port or (443 if self._at.scheme == "https" else 80)),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": address or "127.0.0.1",
            "HTTP_HOST": self._at.netloc,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": self._at.scheme,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            copies.ENVIRON: terms,
        }
        return environ if asked.origin is None else environ | {"HTTP_ORIGIN": asked.origin}


def _is_for_all(headers: list[tuple[str, str]]) -> bool:
    """Say whether nothing but the Origin may make another answer of this: no cookie is set, none was looked at."""
    said = {name.lower(): value for name, value in headers}
    return "set-cookie" not in said and said.get("vary", "Origin") == "Origin"
