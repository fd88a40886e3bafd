"""A desk: a team with its hours, people and public page."""

from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store import Base


class Desk(Base):
    """A team. `opening` maps weekday "0" (Monday) … "6" to spans [["09:00", "17:00"], …]; no entry means closed."""

    __tablename__ = "desks"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    about: Mapped[str] = mapped_column(String(500), default="")
    hue: Mapped[int] = mapped_column(default=0)
    zone: Mapped[str] = mapped_column(String(64), default="UTC")
    opening: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    holidays: Mapped[str] = mapped_column(String(16), default="")
    """Country, or country-subdivision, as the `holidays` library spells it: "US-IL"; empty: none."""
    closed_on: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Further closed days, ISO dates."""
    first_answer_minutes: Mapped[int] = mapped_column(default=480)
    """The promise made with every opening: minutes of the desk's hours until the first word."""
    handoff_minutes: Mapped[int] = mapped_column(default=1440)
    """How long an offered handoff may stay unanswered, wall-clock minutes."""
