"""What goes on at a ticket's desk and is no event: words being written, and who helps."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.people import Person
from tracker.store import Base, Moment


class Draft(Base):
    """What somebody is writing on a ticket, and that they are there: one row per ticket and person."""

    __tablename__ = "drafts"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    text: Mapped[str] = mapped_column(Text, default="")
    next: Mapped[str] = mapped_column(String(40), default="")
    """The promise key as the form sends it: a moment, "date" or "solved"."""
    next_word_at: Mapped[str] = mapped_column(String(40), default="")
    kept_at: Mapped[datetime] = mapped_column(Moment)
    """When its words last changed."""
    seen_at: Mapped[datetime] = mapped_column(Moment, index=True)
    """The last sign of life of the page it is written on."""
    wrote_at: Mapped[datetime | None] = mapped_column(Moment)
    told_at: Mapped[datetime | None] = mapped_column(Moment)
    """When viewers were last told that this person is writing."""

    person: Mapped[Person] = relationship(lazy="joined")

    __table_args__ = (UniqueConstraint("ticket_id", "person_id"),)


class Helper(Base):
    """Somebody who helps on a ticket of another: they see what its staff see. Derived from the timeline."""

    __tablename__ = "helpers"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True, index=True)
    since_at: Mapped[datetime] = mapped_column(Moment)

    person: Mapped[Person] = relationship(lazy="joined")
