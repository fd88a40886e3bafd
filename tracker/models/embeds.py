"""An embed: one widget of one ticket, of tickets its customer picked, or of a desk's public tickets."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tracker.models.desks import Desk
from tracker.models.tickets import Ticket
from tracker.store import Base, Moment


class Embed(Base):
    """What a snippet names; its owner can restyle, restrict and revoke it. `sites`: origins; empty: anywhere."""

    __tablename__ = "embeds"

    id: Mapped[int] = mapped_column(primary_key=True)
    eid: Mapped[str] = mapped_column(String(12), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id"), index=True)
    desk_id: Mapped[int | None] = mapped_column(ForeignKey("desks.id"), index=True)
    variant: Mapped[str] = mapped_column(String(8), default="badge")
    theme: Mapped[str] = mapped_column(String(5), default="auto")
    sites: Mapped[list[str]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)

    ticket: Mapped[Ticket | None] = relationship(lazy="joined")
    desk: Mapped[Desk | None] = relationship()
