"""What readers reported, and what was decided."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.people import Person
from tracker.models.tickets import Ticket
from tracker.store import Base, Moment


class Report(Base):
    """Somebody says that a ticket, or one entry of it, should not be read by everyone. Who said so is not kept."""

    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(12), unique=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    seq: Mapped[int | None] = mapped_column()
    """The entry; None: the whole ticket."""
    reason: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(Moment)
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    decision: Mapped[str] = mapped_column(String(9), default="")
    """dismissed, redacted or hidden."""
    decided_because: Mapped[str] = mapped_column(String(500), default="")

    ticket: Mapped[Ticket] = relationship()
    decided_by: Mapped[Person | None] = relationship()

    __table_args__ = (Index("ix_reports_waiting", "decided_at", "ticket_id"), Index("ix_reports_ticket", "ticket_id"))
