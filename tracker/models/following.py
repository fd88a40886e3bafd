"""Who asked to hear of a ticket or desk, where, and how often."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.desks import Desk
from tracker.models.tickets import Ticket
from tracker.store import Base, Moment


class Subscription(Base):
    """One address on one channel that hears of one ticket or a whole desk. Nothing is sent before `confirmed_at`."""

    __tablename__ = "subscriptions"

    id: Mapped[int] = mapped_column(primary_key=True)
    sid: Mapped[str] = mapped_column(String(12), unique=True)
    """Its public name; links to it are signed, so knowing this name alone opens nothing."""
    channel: Mapped[str] = mapped_column(String(20))
    target: Mapped[str] = mapped_column(String(500))
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    desk_id: Mapped[int | None] = mapped_column(ForeignKey("desks.id"))
    role: Mapped[str] = mapped_column(String(8), default="public")
    """The audience it is disclosed to: public for followers, customer for what the two sides set up."""
    frequency: Mapped[str] = mapped_column(String(8), default="once")
    """once (at once), hourly or daily."""
    language: Mapped[str] = mapped_column(String(12), default="en")
    zone: Mapped[str] = mapped_column(String(64), default="")
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    turn: Mapped[int] = mapped_column(default=0)
    """Raised to give a webhook another secret; the secret itself is derived, not kept."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended_why: Mapped[str] = mapped_column(String(80), default="")
    failures: Mapped[int] = mapped_column(default=0)
    """How many deliveries in a row failed, and since when."""
    failing_since: Mapped[datetime | None] = mapped_column(Moment)

    ticket: Mapped[Ticket | None] = relationship()
    desk: Mapped[Desk | None] = relationship()

    __table_args__ = (
        UniqueConstraint("ticket_id", "channel", "target"),
        Index("ix_subscriptions_ticket", "ticket_id", "channel", "id"),
        Index("ix_subscriptions_desk", "desk_id", "id"),
        Index("ix_subscriptions_target", "target", "created_at"),
        Index("ix_subscriptions_unconfirmed", "confirmed_at", "created_at"),
    )

    @property
    def hears(self) -> bool:
        """True while news goes there."""
        return self.confirmed_at is not None and self.ended_at is None
