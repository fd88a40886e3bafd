"""A ticket: what a customer asked, who has it, and where it stands. Derived from its timeline."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ColumnElement, ForeignKey, Index, String, Text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.desks import Desk
from tracker.models.people import Person
from tracker.store import Base, Moment

OPEN = ("open", "waiting")
"""While a ticket stands so, somebody owes somebody a word."""
ENDED = ("resolved", "declined", "closed")
STATUSES = OPEN + ENDED


class Ticket(Base):
    """One issue of one customer with exactly one assignee; numbers never leave the house, `ref` does."""

    __tablename__ = "tickets"

    id: Mapped[int] = mapped_column(primary_key=True)
    ref: Mapped[str] = mapped_column(String(12), unique=True)
    desk_id: Mapped[int] = mapped_column(ForeignKey("desks.id"))
    assignee_id: Mapped[int] = mapped_column(ForeignKey("people.id"))
    assigned_at: Mapped[datetime] = mapped_column(Moment)
    subject: Mapped[str] = mapped_column(String(140))
    original: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """The subject as typed, where personal data in it is masked (tracker/masks.py)."""
    status: Mapped[str] = mapped_column(String(8), default="open")
    visibility: Mapped[str] = mapped_column(String(8), default="private")
    wanted_visibility: Mapped[str | None] = mapped_column(String(8))
    """Asked for, waiting for the address to be confirmed."""
    version: Mapped[int] = mapped_column(default=0)
    """Raised by every event that changes what an assignee would decide on; If-Match compares it."""

    customer_name: Mapped[str] = mapped_column(String(80), default="")
    name_shown: Mapped[str] = mapped_column(String(9), default="own")
    pseudonym: Mapped[str] = mapped_column(String(80), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    email_confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
    phone: Mapped[str] = mapped_column(String(40), default="")
    language: Mapped[str] = mapped_column(String(12), default="en")
    zone: Mapped[str] = mapped_column(String(64), default="")
    """The customer's IANA zone as their browser told it; empty: the desk's."""
    impact: Mapped[str] = mapped_column(Text, default="")
    feeling: Mapped[str] = mapped_column(String(8), default="")
    urgency_on: Mapped[date | None] = mapped_column()
    shares_feelings: Mapped[bool] = mapped_column(default=False)
    """The customer publishes feeling, impact and urgency."""
    source: Mapped[str] = mapped_column(String(8), default="web")
    mail_id: Mapped[str] = mapped_column(String(250), default="")
    """Message-ID of the mail that opened it, which our mails to its writer answer."""
    filed_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    consent: Mapped[str] = mapped_column(String(500), default="")
    """How consent to publicity was given when staff filed on behalf."""

    opened_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    status_since: Mapped[datetime] = mapped_column(Moment)
    spans: Mapped[list[list[str | None]]] = mapped_column(JSON, default=list)
    """How it stood so far: [[status, from, until or null], …], ISO 8601."""
    first_word_at: Mapped[datetime | None] = mapped_column(Moment)
    latest_word_at: Mapped[datetime | None] = mapped_column(Moment)
    latest_word_html: Mapped[str] = mapped_column(Text, default="")
    latest_word_by_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    latest_word_seq: Mapped[int | None] = mapped_column()
    last_public_at: Mapped[datetime] = mapped_column(Moment)
    passed_on: Mapped[int] = mapped_column(default=0)
    waiting_too: Mapped[int] = mapped_column(default=0)
    """How many browsers' readers said that they wait for it too."""
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    """Due time of the promise that stands; None: none does."""
    overdue: Mapped[bool] = mapped_column(default=False)
    imported_key: Mapped[str | None] = mapped_column(String(120), unique=True)

    last_seq: Mapped[int] = mapped_column(default=0)
    last_customer_seq: Mapped[int] = mapped_column(default=0)
    last_public_seq: Mapped[int] = mapped_column(default=0)

    desk: Mapped[Desk] = relationship(lazy="joined")
    assignee: Mapped[Person] = relationship(foreign_keys=[assignee_id], lazy="joined")
    latest_word_by: Mapped[Person | None] = relationship(foreign_keys=[latest_word_by_id])

    __table_args__ = (
        CheckConstraint("status in ('open', 'waiting', 'resolved', 'declined', 'closed')", name="status"),
        CheckConstraint("visibility in ('private', 'unlisted', 'public')", name="visibility"),
        Index("ix_tickets_list", "visibility", "last_public_at", "id"),
        Index("ix_tickets_desk_list", "desk_id", "visibility", "last_public_at", "id"),
        Index("ix_tickets_person_list", "assignee_id", "visibility", "last_public_at", "id"),
        Index("ix_tickets_queue", "assignee_id", "status", "due_at"),
        Index("ix_tickets_due", "overdue", "due_at"),
        Index("ix_tickets_email", "email"),
        Index("ix_tickets_words", "visibility", "latest_word_at", "id"),
    )

    @hybrid_property
    def is_open(self) -> bool:
        """True while somebody owes somebody a word; in a query, what says so of a row."""
        return self.status in OPEN

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return cls.status.in_(OPEN)

    def last_for(self, audience: str) -> int:
        """Return the seq of the last event this audience may see, 0 when there is none."""
        return {"staff": self.last_seq, "customer": self.last_customer_seq, "public": self.last_public_seq}[audience]


class Waiter(Base):
    """A mark of one browser on one ticket; `browser` is a fingerprint that differs from ticket to ticket."""

    __tablename__ = "waiters"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), primary_key=True)
    browser: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(Moment)
