"""Agents, leads and admins, and their faces. Customers have no account."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.desks import Desk
from tracker.store import Base, Moment


class Face(Base):
    """A re-encoded picture of a person, kept in the database so that every instance has it. `digest`: SHA-256, hex."""

    __tablename__ = "faces"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    webp: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Person(Base):
    """Someone who answers: role agent, lead or admin."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255), default="")
    role: Mapped[str] = mapped_column(String(8), default="agent")
    desk_id: Mapped[int] = mapped_column(ForeignKey("desks.id"), index=True)
    line: Mapped[str] = mapped_column(String(200), default="")
    languages: Mapped[list[str]] = mapped_column(JSON, default=list)
    hue: Mapped[int] = mapped_column(default=0)
    face_digest: Mapped[str | None] = mapped_column(ForeignKey("faces.digest"))
    hours: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Their own opening, shaped as Desk.opening; None: the desk's."""
    on_duty: Mapped[bool] = mapped_column(default=True)
    on_duty_next_at: Mapped[datetime | None] = mapped_column(Moment)
    """When they said they would be back; None: unknown, or on duty."""
    backup_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    shows_writing: Mapped[bool] = mapped_column(default=True, server_default=true())
    """Those who watch a ticket may see that this person is writing."""
    active: Mapped[bool] = mapped_column(default=True)
    sessions: Mapped[int] = mapped_column(default=0)
    """Raised to sign them out everywhere."""
    created_at: Mapped[datetime] = mapped_column(Moment)

    desk: Mapped[Desk] = relationship(foreign_keys=[desk_id], lazy="joined")
    backup: Mapped["Person | None"] = relationship(foreign_keys=[backup_id], remote_side=[id])
