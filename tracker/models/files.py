"""Files that came with what people said: pictures as we encoded them, documents as they came."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store import Base, Moment


class File(Base):
    """One file of one event; without an event it waits to be sent. `key` is its unguessable name."""

    __tablename__ = "files"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(24), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    seq: Mapped[int | None] = mapped_column()
    kind: Mapped[str] = mapped_column(String(8))
    """picture, document, text or sound."""
    type: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(120))
    """As its owner calls it; for the two sides only."""
    alt: Mapped[str] = mapped_column(String(200), default="")
    width: Mapped[int | None] = mapped_column()
    height: Mapped[int | None] = mapped_column()
    size: Mapped[int] = mapped_column()
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    thumb: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(Moment)

    __table_args__ = (Index("ix_files_event", "ticket_id", "seq"), Index("ix_files_waiting", "seq", "created_at"))
