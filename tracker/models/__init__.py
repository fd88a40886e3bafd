"""The nouns as tables. Import them from here."""

from tracker.models.desk_work import Draft, Helper
from tracker.models.desks import Desk
from tracker.models.embeds import Embed, Pick, Sighting
from tracker.models.events import Event
from tracker.models.files import File
from tracker.models.following import Subscription
from tracker.models.handoffs import Handoff
from tracker.models.incoming import IncomingMail
from tracker.models.keys import ApiToken, CustomerKey, EndedSession, LinkToken, Replay
from tracker.models.outbox import Delivery, News
from tracker.models.people import Face, Person
from tracker.models.promises import Promise
from tracker.models.reports import Report
from tracker.models.system import Fact
from tracker.models.tallies import Tally, TallyMark
from tracker.models.tickets import ENDED, OPEN, STATUSES, Ticket, Waiter

__all__ = [
    "ENDED",
    "OPEN",
    "STATUSES",
    "ApiToken",
    "CustomerKey",
    "Delivery",
    "Desk",
    "Draft",
    "Embed",
    "EndedSession",
    "Event",
    "Face",
    "Fact",
    "File",
    "Handoff",
    "Helper",
    "IncomingMail",
    "LinkToken",
    "News",
    "Person",
    "Pick",
    "Promise",
    "Replay",
    "Report",
    "Sighting",
    "Subscription",
    "Tally",
    "TallyMark",
    "Ticket",
    "Waiter",
]
