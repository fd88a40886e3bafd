"""A promise: when the next word is due."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store import Base, Moment


class Promise(Base):
    """One promise of one person. `state`: standing, kept, missed, moved or dropped (carried over).

    A missed promise stays the ticket's current one until the next public word: then `ended_seq` is set.
    """

    __tablename__ = "promises"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    made_at: Mapped[datetime] = mapped_column(Moment)
    made_seq: Mapped[int] = mapped_column()
    due_at: Mapped[datetime] = mapped_column(Moment)
    check_in: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(8), default="standing")
    settled_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_seq: Mapped[int | None] = mapped_column()
    reminded_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        Index("ix_promises_person_state", "person_id", "state", "settled_at"),
        Index("ix_promises_current", "ticket_id", "ended_seq"),
        Index("ix_promises_due", "state", "due_at"),
    )
