"""Facts about this installation as a whole."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from tracker.store import Base


class Fact(Base):
    """One named fact, such as the epoch that changes when a backup is restored."""

    __tablename__ = "facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[str] = mapped_column(String(200))
