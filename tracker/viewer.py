"""WHO IS ASKING: a session, a bearer token or a signed pass becomes a Viewer. The domain's only look at the request."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, Request, current_app, g, request
from flask import session as cookie
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import select

from tracker import disclosure, limits, links, people, permissions, store
from tracker.errors import Forbidden, Malformed, Unauthorized
from tracker.models import CustomerKey, Person, Ticket
from tracker.permissions import Viewer

View = TypeVar("View", bound=Callable[..., Any])
MOST_TICKETS = 50
"""How many tickets one browser's cookie remembers; the newest stay."""
PASS_LIVES_S = 300
CLOCK_BACK_S = 2 * 3600
"""A cookie of so far in the future still counts: the machine's clock was set back. Each ends as much sooner for it."""
HOST = re.compile(r"([0-9A-Za-z._~-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{0,5})?")


class Stamp(TimestampSigner):
    """When a session's cookie was signed: one of the near future counts, and none outlives its limit by that."""

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """Return the value, with when it was signed if asked; raise BadSignature, or SignatureExpired by age."""
        value, at = super().unsign(signed_value, return_timestamp=True)
        age = self.get_timestamp() - int(at.timestamp())
        if max_age is not None and not -CLOCK_BACK_S <= age <= max_age - CLOCK_BACK_S:
            raise SignatureExpired(f"{age} seconds old", payload=value, date_signed=at)
        return (value, at) if return_timestamp else value


class Sessions(SecureCookieSessionInterface):
    """Sessions in signed cookies, which a clock set back does not end."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return what signs cookies and reads them."""
        made = super().get_signing_serializer(app)
        if made is not None:
            made.signer = Stamp
        return made


def admits(act: str, *, from_any_site: bool = False) -> Callable[[View], View]:
    """State who may use a route, and hold those to it who may not even knock.

    `anyone`; `ticket` (permissions decide by the ticket); `link` (whoever holds the secret); or an act of the house.
    `from_any_site`: pages of other sites may post here, because nothing follows from who sends it.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def admitted(*args: Any, **kwargs: Any) -> Any:
            if act == "run_desk":  # which desk, the view knows
                permissions.require_somebody(current())
            elif act in permissions.HOUSE_ACTS:
                permissions.require(current(), act)
            return view(*args, **kwargs)

        admitted.admits = act  # type: ignore[attr-defined]
        admitted.from_any_site = from_any_site  # type: ignore[attr-defined]
        return admitted  # type: ignore[return-value]

    return decorate


def current() -> Viewer:
    """Return who sends this request; made once per request. Raises Unauthorized on a bad bearer token."""
    if "viewer" not in g:
        g.viewer = _from_bearer(request) or _from_cookie(request)
    found: Viewer = g.viewer
    return found


def anyone() -> Viewer:
    """Return a viewer that cookies and tokens add nothing to: for answers that must be the same for all."""
    return Viewer(address=network(), principal=f"net:{network()}")


def ask_no_more() -> None:
    """Take who sends this request for anybody from here on: what says who it is does not answer."""
    g.viewer = anyone()


def person() -> Person:
    """Return the person who sends this request; raise Unauthorized when it is nobody who answers."""
    found = current().person
    if found is None:
        raise Unauthorized()
    return found


def spender() -> str:
    """Return whom a write counts against: the token, or the network it comes from."""
    who = current()
    return who.principal if who.scopes is not None else network()


def network() -> str:
    """Return the network this request comes from, as limits count it."""
    return limits.network(request.remote_addr or "")


def sign_in(person: Person) -> None:
    """Begin a new session for a person who answers; what the browser held as a customer stays."""
    kept = _kept()
    cookie.clear()
    cookie.update(kept, person=[person.id, person.sessions], sid=links.new_secret()[:16])
    cookie.permanent = True
    g.pop("viewer", None)


def sign_out() -> None:
    """Forget the person; what the browser holds as a customer stays."""
    kept, sid = _kept(), cookie.get("sid")
    if sid:
        people.end_session(sid)
    cookie.clear()
    if kept:
        cookie.update(kept)
        cookie.permanent = True
    g.pop("viewer", None)


def _kept() -> dict[str, Any]:
    """Return what stays in a browser whoever signs in or out."""
    return {name: cookie[name] for name in ("tickets", "browser") if cookie.get(name)}


def remember_ticket(secret: str) -> Ticket:
    """Redeem a customer's secret link into the cookie; raise Unauthorized when it is unknown or revoked."""
    key = _customer_key(secret)
    ticket = store.session().get(Ticket, key.ticket_id) if key else None
    if key is None or ticket is None:
        raise Unauthorized("This link is unknown or has been taken back. Ask for a new one by mail.")
    kept = [pair for pair in cookie.get("tickets", []) if pair[0] != ticket.id]
    cookie["tickets"] = [*kept, [ticket.id, key.id]][-MOST_TICKETS:]
    cookie.permanent = True
    g.pop("viewer", None)
    return ticket


def key_ids() -> list[int]:
    """Return the ids of the customer keys this browser holds."""
    return [key for _ticket, key in cookie.get("tickets", [])]


def session_id() -> str:
    """Return this browser's session as a pass names it; made when there is none yet."""
    if "sid" not in cookie:
        cookie["sid"] = links.new_secret()[:16]
    return str(cookie["sid"])


def browser() -> str | None:
    """Return the name that this browser was given to count it once; None for one that has none."""
    return cookie.get("browser")


def name_browser() -> str:
    """Return the same, made when there is none yet."""
    if "browser" not in cookie:
        cookie["browser"] = links.new_secret()
        cookie.permanent = True
    return str(cookie["browser"])


def give_pass(**what: Any) -> dict[str, str]:
    """Sign a pass of five minutes to `what`, a ref or a queue, for a socket: {pass, expires_at}.

    It carries who the browser is, not what they may: that is asked again whenever the pass is shown.
    """
    granted = what | {"session": session_id(), "person": cookie.get("person"), "keys": key_ids()}
    expires_at = store.now() + timedelta(seconds=PASS_LIVES_S)
    return {"pass": links.sign(granted, "pass"), "expires_at": disclosure.plain(expires_at)}


def read_pass(text: str) -> dict[str, Any]:
    """Return what a pass was signed for; raise Unauthorized when it is forged or has run out."""
    granted: dict[str, Any] = links.unsign(text, "pass", max_age_s=PASS_LIVES_S)
    return granted


def behind_pass(granted: Mapping[str, Any]) -> Viewer:
    """Return who stands behind a pass now: nobody in particular once they signed out, left or lost their key."""
    return Viewer(
        person=people.of_session(granted["person"], granted["session"]),
        tickets=_of_keys(granted["keys"]),
        principal="pass",
    )


def require_host() -> None:
    """Raise Malformed when a request names no plain host; only the oldest protocol may name none (RFC 9112, 3.2)."""
    named = request.environ.get("HTTP_HOST")
    may_be_silent = request.environ.get("SERVER_PROTOCOL") == "HTTP/1.0"
    if HOST.fullmatch(named or "") is None and not (named is None and may_be_silent):
        raise Malformed("The Host this was sent to is none.")


def require_same_origin() -> None:
    """Raise Forbidden when a browser sends a form or script of another site here (CSRF without tokens).

    Fetch Metadata first (Sec-Fetch-Site), else the Origin header. Exempt are requests whose cookies count for
    nothing: those with a bearer secret, and JSON from a program (no cookie, no Origin; no form can send that).
    """
    if request.method in ("GET", "HEAD", "OPTIONS") or has_bearer() or _is_program():
        return
    if getattr(current_app.view_functions.get(request.endpoint or ""), "from_any_site", False):
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        fine = site in ("same-origin", "none")
    else:
        fine = "Origin" in request.headers and not is_foreign()
    if not fine:
        raise Forbidden("This form was sent from another site. Open the page here and send it again.")


def is_foreign() -> bool:
    """Say whether a page of another site asks."""
    origin = request.headers.get("Origin")
    return origin is not None and origin.lower() != request.host_url.rstrip("/").lower()


def has_bearer() -> bool:
    """Say whether the request speaks for itself; then cookies add nothing to it."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


def _is_program() -> bool:
    told = {"Origin", "Sec-Fetch-Site", "Cookie"} & {name.title() for name, _ in request.headers}
    return request.is_json and not told


def _from_bearer(asked: Request) -> Viewer | None:
    if not has_bearer():
        return None
    secret = asked.headers["Authorization"][len("bearer ") :].strip()
    key = None if secret.startswith(people.TOKEN_PREFIX) else _customer_key(secret)
    if key:
        owned = frozenset({key.ticket_id})
        return Viewer(tickets=owned, address=network(), principal=f"customer:{key.ticket_id}")
    token = people.find_api_token(secret)
    return Viewer(
        person=token.person,
        scopes=frozenset(token.scopes),
        address=network(),
        principal=f"token:{token.id}",
    )


def _customer_key(secret: str) -> CustomerKey | None:
    query = select(CustomerKey).where(
        CustomerKey.fingerprint == links.fingerprint(secret), CustomerKey.revoked_at.is_(None)
    )
    return store.session().scalars(query).first()


def _from_cookie(asked: Request) -> Viewer:
    person = _person()
    tickets = _tickets()
    principal = f"net:{network()}"
    if person:
        principal = f"person:{person.id}"
    elif tickets:
        principal = f"customer:{min(tickets)}"
    return Viewer(person=person, tickets=tickets, address=network(), principal=principal)


def _person() -> Person | None:
    return people.of_session(cookie.get("person"), str(cookie.get("sid", "")))


def _tickets() -> frozenset[int]:
    return _of_keys(key_ids())


def _of_keys(ids: Sequence[int]) -> frozenset[int]:
    if not ids:
        return frozenset()
    query = select(CustomerKey.ticket_id).where(CustomerKey.id.in_(ids), CustomerKey.revoked_at.is_(None))
    return frozenset(store.session().scalars(query))
