"""An event on a ticket's timeline: append-only, numbered without gaps."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.people import Person
from tracker.store import Base, Moment


class Event(Base):
    """What happened. Its words are never edited; corrections and redactions are later events that point here."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    seq: Mapped[int] = mapped_column()
    kind: Mapped[str] = mapped_column(String(20))
    audience: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(Moment)
    recorded_at: Mapped[datetime] = mapped_column(Moment)
    actor_role: Mapped[str] = mapped_column(String(8))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    body_source: Mapped[str] = mapped_column(Text, default="")
    body_html: Mapped[str] = mapped_column(Text, default="")
    renderer: Mapped[int] = mapped_column(default=0)
    original: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What was typed where personal data is masked (tracker/masks.py); the columns above hold what readers see."""
    shown_because: Mapped[str] = mapped_column(String(500), default="")
    """Why its author lets everyone read personal data in it."""
    prev_customer: Mapped[int] = mapped_column(default=0)
    prev_public: Mapped[int] = mapped_column(default=0)
    target_seq: Mapped[int | None] = mapped_column()
    """The event this one corrects, redacts, publishes or erases."""
    corrected_by: Mapped[int | None] = mapped_column()
    redacted_by: Mapped[int | None] = mapped_column()
    published_by: Mapped[int | None] = mapped_column()

    actor: Mapped[Person | None] = relationship(lazy="joined")

    __table_args__ = (
        UniqueConstraint("ticket_id", "seq"),
        Index("ix_events_public_words", "audience", "kind", "recorded_at"),
        Index("ix_events_actor", "actor_id", "recorded_at"),
    )

    def prev_for(self, audience: str) -> int:
        """Return the seq of the event before this one that `audience` may see."""
        return {"staff": self.seq - 1, "customer": self.prev_customer, "public": self.prev_public}[audience]
