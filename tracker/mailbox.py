"""The development mailbox: mails that would have left, kept as files when no SMTP server is set."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tracker import settings

MOST = 200


def put(message: EmailMessage, number: int) -> None:
    """Keep one mail; `number` (of its delivery) makes writing it twice harmless."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{number:09d}.part"
    part.write_bytes(message.as_bytes())
    part.replace(folder / f"{number:09d}.eml")


def newest() -> list[tuple[str, EmailMessage]]:
    """Return the newest mails, with the names they are kept under, newest first."""
    paths = sorted(_folder().glob("*.eml"), reverse=True)[:MOST]
    return [(path.stem, message_from_bytes(path.read_bytes(), policy=default)) for path in paths]


def forget(address: str) -> None:
    """Remove the mails to an address."""
    for path in _folder().glob("*.eml"):
        found = message_from_bytes(path.read_bytes(), policy=default)
        if address.lower() in str(found["To"]).lower():
            path.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(settings.current().data_dir) / "mailbox"
