"""News that must leave the house, and each delivery of it to one address."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.following import Subscription
from tracker.store import Base, Moment

GATHERED = text("digest != ''")
"""Which deliveries leave in a digest, spelled as their index needs it."""
ONLY_GATHERED: dict[str, Any] = {"sqlite_where": GATHERED, "postgresql_where": GATHERED}


class News(Base):
    """One row per event (topic "event"), or per letter that is none, by its topic (tracker/outbox.py, `letter`)."""

    __tablename__ = "news"

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str] = mapped_column(String(12))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    address: Mapped[str] = mapped_column(String(254), default="")
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    created_at: Mapped[datetime] = mapped_column(Moment)
    expanded_upto: Mapped[int] = mapped_column(default=0)
    """The last subscription that has its delivery; many followers are expanded in several rounds."""
    expanded_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (Index("ix_news_waiting", "expanded_at", "id"), Index("ix_news_letters", "topic", "address"))


class Delivery(Base):
    """One piece of news to one address. `state`: waiting, sent, dead, or dropped (nobody is to be told any more)."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    news_id: Mapped[int] = mapped_column(ForeignKey("news.id"))
    channel: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(8))
    """Why this address hears of it: customer, staff or (followers) public; the audience it is disclosed to."""
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"))
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    from_seq: Mapped[int | None] = mapped_column()
    upto_seq: Mapped[int | None] = mapped_column()
    """The first and the last event of a burst that leaves as one mail; None: this news alone."""
    bulk: Mapped[bool] = mapped_column(default=False)
    """One of many alike: those to single people go first."""
    digest: Mapped[str] = mapped_column(String(8), default="")
    """hourly or daily: it leaves in one mail with all that waits for its address so; "": by itself."""
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime] = mapped_column(Moment)
    claimed_until: Mapped[datetime | None] = mapped_column(Moment)
    last_error: Mapped[str] = mapped_column(String(500), default="")
    sent_at: Mapped[datetime | None] = mapped_column(Moment)

    subscription: Mapped[Subscription | None] = relationship()

    __table_args__ = (
        UniqueConstraint("news_id", "channel", "address"),
        Index("ix_deliveries_due", "state", "channel", "bulk", "next_at"),
        Index("ix_deliveries_ticket", "ticket_id", "state"),
        Index("ix_deliveries_subscription", "subscription_id", "id"),
        Index("ix_deliveries_digest", "state", "channel", "address", "digest", **ONLY_GATHERED),
    )
