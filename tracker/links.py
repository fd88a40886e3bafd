"""Public addresses, as paths and in full, and the signatures of those that carry a right."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Collection
from typing import Any
from urllib.parse import urlencode

from itsdangerous import BadSignature, URLSafeTimedSerializer

from tracker import settings
from tracker.errors import Unauthorized

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
REF_LENGTH = 12
"""12 characters of Crockford base32 are 60 bits: not to be guessed."""
REF = re.compile(f"[{CROCKFORD}]{{{REF_LENGTH}}}")


def new_ref() -> str:
    """Return an unguessable public id: 12 characters of Crockford base32, 60 bits from `secrets`."""
    return "".join(secrets.choice(CROCKFORD) for _ in range(REF_LENGTH))


def new_secret() -> str:
    """Return a secret for a link or token: 32 bytes, URL-safe."""
    return secrets.token_urlsafe(32)


def free_slug(name: str, taken: Collection[str], otherwise: str) -> str:
    """Return how a name reads in an address, numbered when that is taken; `otherwise` when no letter of it can be."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = base = re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or otherwise
    count = 1
    while slug in taken:
        count += 1
        slug = f"{base}-{count}"
    return slug


def fingerprint(secret: str) -> str:
    """Return what is stored instead of a secret of ours: SHA-256, hex. The secrets are random, so no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def stamp(text: str) -> str:
    """Return a short name for a row that tells nobody how many there are: keyed, the same each time."""
    return hmac.new(settings.current().key.encode(), text.encode(), hashlib.sha256).hexdigest()[:24]


def reply_address(ref: str, role: str, address: str) -> str:
    """Return the address that proves its writer reads mail at `address` as that role; "" when no mail comes in.

    Lengths fit the 64 characters of a local part; mail programs may fold case, so it has none.
    """
    domain = settings.current().mail_in_domain
    return f"reply+{ref}.{stamp(f'reply.{ref}.{role}.{address.lower()}')}@{domain}" if domain else ""


def leave_address(token: str) -> str:
    """Return where a mail says that the holder of a subscription's link wants no more; "" when no mail comes in."""
    domain = settings.current().mail_in_domain
    return f"leave+{token}@{domain}" if domain else ""


def keyed(text: str) -> bytes:
    """Return 32 bytes that only who has our key can make from `text`."""
    return hmac.new(settings.current().key.encode(), f"keyed.{text}".encode(), hashlib.sha256).digest()


def absolute(path: str, **query: str) -> str:
    """Return `path` with scheme and host of the public address."""
    return settings.current().origin + path + (f"?{urlencode(query)}" if query else "")


def ticket(ref: str) -> str:
    return f"/t/{ref}"


def embeds(ref: str) -> str:
    return f"/t/{ref}/embeds"


def customer_key(secret: str) -> str:
    """Return the secret link of a ticket's customer."""
    return f"/k/{secret}"


def workspace_ticket(ref: str) -> str:
    return f"/workspace/t/{ref}"


def reports() -> str:
    return "/workspace/reports"


def desk(slug: str) -> str:
    return f"/desks/{slug}"


def person(slug: str) -> str:
    return f"/people/{slug}"


def face(digest: str) -> str:
    """Return the address of a picture; another picture is another address."""
    return f"/faces/{digest}.webp"


def embed(eid: str, part: str = "") -> str:
    """Return the address of an embed as a card, or of a `part` such as badge.svg."""
    return f"/e/{eid}" + (f"/{part}" if part else "")


def feed(page: str) -> str:
    """Return the address of the feed of a ticket's, person's or desk's page."""
    return f"{page}/feed.atom"


def card(ref: str) -> str:
    return f"/t/{ref}/card"


def picture(ref: str, last: int) -> str:
    """Return the address of the picture for previews; those who keep pictures by address get another after `last`."""
    return f"/t/{ref}/og.png?v={last}"


def oembed(page: str) -> dict[str, str]:
    """Return where programs ask for the card of a page, by format."""
    return {one: absolute("/oembed", url=absolute(page), format=one) for one in ("json", "xml")}


def follow_token(sid: str) -> str:
    """Return what opens a subscription's page: its name and our keyed stamp on it. Kept nowhere but in mails."""
    return sid + stamp(f"follow.{sid}")


def follow_sid(token: str) -> str | None:
    """Return which subscription a token opens; None when it is forged."""
    sid = token[:REF_LENGTH]
    return sid if token.isascii() and hmac.compare_digest(token, follow_token(sid)) else None


def digest_token(sid: str) -> str:
    """Return what opens the page of all that reaches an address as a digest, by the name of one of these."""
    return sid + stamp(f"digest.{sid}")


def digest_sid(token: str) -> str | None:
    """Return by which subscription's name a token opens that page; None when it is forged."""
    sid = token[:REF_LENGTH]
    return sid if token.isascii() and hmac.compare_digest(token, digest_token(sid)) else None


def follow(token: str) -> str:
    return f"/follow/{token}"


def answer(secret: str, solved: str) -> str:
    """Return where the two questions are answered, with the first answer chosen by which link was pressed."""
    return f"/answer/{secret}?solved={solved}"


def leave(token: str) -> str:
    return f"/follow/{token}/leave"


def sign(value: Any, purpose: str) -> str:
    """Sign a small JSON value for one purpose."""
    return _signer(purpose).dumps(value)


def unsign(text: str, purpose: str, *, max_age_s: int) -> Any:
    """Return the signed value; raise Unauthorized when it is forged, for another purpose, or older than `max_age_s`."""
    try:
        return _signer(purpose).loads(text, max_age=max_age_s)
    except (BadSignature, UnicodeEncodeError):
        raise Unauthorized("This link or pass has run out. Ask for a new one.") from None


def _signer(purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(settings.current().key, salt=f"nameplate.{purpose}")
