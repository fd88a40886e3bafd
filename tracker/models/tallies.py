"""Counts of what happened, per person and desk and month: small, however many tickets there are."""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store import Base


class Tally(Base):
    """How often something happened: `owner` desk or person, `month` as 202603 (0: as it stands now).

    `bucket` says how it went: of durations a logarithm, of feedback which of the six answers.
    """

    __tablename__ = "tallies"

    owner: Mapped[str] = mapped_column(String(6), primary_key=True)
    owner_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    month: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    measure: Mapped[str] = mapped_column(String(12), primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column()


class TallyMark(Base):
    """A change to one tally, written with the event; the outbox worker adds the marks up now and then.

    Writers add rows and touch no row of each other: nobody waits, no two can block each other.
    """

    __tablename__ = "tally_marks"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(6))
    owner_id: Mapped[int] = mapped_column()
    month: Mapped[int] = mapped_column()
    measure: Mapped[str] = mapped_column(String(12))
    bucket: Mapped[int] = mapped_column()
    n: Mapped[int] = mapped_column()

    __table_args__ = (Index("ix_tally_marks_owner", "owner", "owner_id"),)
