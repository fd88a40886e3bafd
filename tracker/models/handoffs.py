"""A handoff: a ticket offered by one person to the next."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.people import Person
from tracker.store import Base, Moment


class Handoff(Base):
    """`state`: offered, accepted, declined or overtaken (reassigned, ended, or expired meanwhile)."""

    __tablename__ = "handoffs"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    reason: Mapped[str] = mapped_column(String(500))
    briefing_html: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(9), default="offered")
    offered_at: Mapped[datetime] = mapped_column(Moment)
    offered_seq: Mapped[int] = mapped_column()
    expires_at: Mapped[datetime] = mapped_column(Moment)
    answered_at: Mapped[datetime | None] = mapped_column(Moment)
    reminded_at: Mapped[datetime | None] = mapped_column(Moment)

    giver: Mapped[Person] = relationship(foreign_keys=[from_id], lazy="joined")
    taker: Mapped[Person] = relationship(foreign_keys=[to_id], lazy="joined")

    __table_args__ = (Index("ix_handoffs_to_state", "to_id", "state"), Index("ix_handoffs_due", "state", "expires_at"))
