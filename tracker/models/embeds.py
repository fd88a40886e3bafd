"""Embeds: one widget of one ticket, of tickets its customer picked, or of a desk's public tickets; where it is seen."""

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.desks import Desk
from tracker.models.tickets import Ticket
from tracker.store import Base, Moment

WALL = "wall"


class Embed(Base):
    """What a snippet names; its owner can restyle, restrict and revoke it. `sites`: origins; empty: anywhere.

    `ticket` is the one it shows, or, of a wall, the one on whose page its customer keeps it; a desk's has none.
    """

    __tablename__ = "embeds"

    id: Mapped[int] = mapped_column(primary_key=True)
    eid: Mapped[str] = mapped_column(String(12), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"), index=True)
    desk_id: Mapped[int | None] = mapped_column(ForeignKey("desks.id"), index=True)
    variant: Mapped[str] = mapped_column(String(8), default="badge")
    theme: Mapped[str] = mapped_column(String(5), default="auto")
    title: Mapped[str] = mapped_column(String(80), default="")
    """What stands above a wall; empty: the desk's name, or words of ours."""
    sites: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    ticket: Mapped[Ticket | None] = relationship(lazy="joined")
    desk: Mapped[Desk | None] = relationship(lazy="joined")
    picks: Mapped[list["Pick"]] = relationship(order_by="Pick.place", cascade="all, delete-orphan")

    @property
    def is_wall(self) -> bool:
        """True when it shows tickets, not one ticket."""
        return self.variant == WALL

    @property
    def only_ticket(self) -> Ticket | None:
        """The one ticket it shows; None for a wall."""
        return None if self.is_wall else self.ticket


class Pick(Base):
    """A ticket that its customer picked for a wall, and where it stands there."""

    __tablename__ = "embed_picks"

    embed_id: Mapped[int] = mapped_column(ForeignKey("embeds.id"), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id"), primary_key=True, index=True)
    place: Mapped[int] = mapped_column()

    ticket: Mapped[Ticket] = relationship(lazy="joined")


class Sighting(Base):
    """How often an embed was seen on a site on a day: `way` is script or image; nothing else of a reader is kept."""

    __tablename__ = "sightings"

    embed_id: Mapped[int] = mapped_column(ForeignKey("embeds.id"), primary_key=True)
    on_day: Mapped[date] = mapped_column(primary_key=True, index=True)
    site: Mapped[str] = mapped_column(String(100), primary_key=True)
    way: Mapped[str] = mapped_column(String(6), primary_key=True)
    views: Mapped[int] = mapped_column()
