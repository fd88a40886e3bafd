"""Who writes notes to a server in trouble, and whether what they were told is stored is there once."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy import select, text

from tests import houses, make
from tests.servers.instance import Instance
from tracker import store
from tracker.models import Event, Ticket


@dataclass(kw_only=True)
class Writer:
    """Writes notes, each under a key of its own; what becomes of a refusal is for each drill to say."""

    answered_within_s: ClassVar[float] = 10

    server: Instance
    ref: str
    bearer: dict[str, str]
    number: int
    acknowledged: dict[str, int] = field(default_factory=dict)
    """The notes that the server said are stored, each with its seq."""
    wrong: list[str] = field(default_factory=list)

    def key(self, count: int) -> str:
        return f"w{self.number}-{count}"

    def send(self, key: str, note: str) -> tuple[int, Any]:
        """Post a note once; return the status and what was said."""
        line = http.client.HTTPConnection(self.server.host, self.server.port, timeout=self.answered_within_s)
        headers = {**self.bearer, "Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            body = json.dumps({"kind": "note", "payload": {"text": note}})
            line.request("POST", f"/api/v1/tickets/{self.ref}/events", body, headers)
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()


def hired(server: Instance) -> dict[str, Any]:
    """Open a ticket; return what a writer of it wants to know."""
    with houses.beside(server):
        ticket = make.ticket()
        return {"server": server, "ref": ticket.ref, "bearer": make.bearer(ticket.assignee, "read", "write")}


def judge(server: Instance, writers: Sequence[Writer]) -> None:
    """Compare what writers of one ticket were told with what is stored."""
    with houses.beside(server):
        assert not [fault for writer in writers for fault in writer.wrong]
        acknowledged = {note: seq for writer in writers for note, seq in writer.acknowledged.items()}
        assert len(acknowledged) >= len(writers)
        ticket = store.session().scalars(select(Ticket).where(Ticket.ref == writers[0].ref)).one()
        events = store.session().scalars(select(Event).where(Event.ticket_id == ticket.id).order_by(Event.seq)).all()
        assert [event.seq for event in events] == list(range(1, ticket.last_seq + 1))
        stored = [(event.body_source, event.seq) for event in events if event.kind == "note"]
        assert dict(stored) == acknowledged
        assert len(stored) == len(acknowledged)
        if store.db.engine.dialect.name == "sqlite":
            assert store.session().execute(text("pragma integrity_check")).scalar() == "ok"
