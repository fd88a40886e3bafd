"""Made-up tickets, people and timelines in the agreed shapes: every kind, long names, right-to-left, overdue."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tracker import tallies
from tracker.statistics import Figures, Period, Spread, Written

Row = dict[str, Any]

NOW = datetime.now(UTC).replace(microsecond=0)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def ahead(**span: float) -> datetime:
    return NOW + timedelta(**span)


def person(name: str, hue: int, line: str = "", languages: tuple[str, ...] = (), *, url: str | None = None) -> Row:
    initials = "".join(word[0] for word in name.split()[:2]).upper()
    slug = name.lower().replace(" ", "-")
    return {
        "name": name,
        "slug": slug,
        "url": f"/people/{slug}",
        "line": line,
        "languages": list(languages),
        "on_duty": hue % 2 == 0,
        "face": {"initials": initials, "hue": hue, "url": url},
    }


ROSA = person("Rosa Ortega", 0, "Plumbing. I ring back.", ("English", "Spanish"))
BEN = person("Ben Adeyemi", 4, "Conservation and everything with bricks", ("English",))
LONG = person(
    "Maximiliane Freifrau von Hohenstein-Wolfratshausen zu Unterschleißheim", 9, "", ("German", "English", "French")
)
LAYLA = person("ليلى الخطيب", 6, "أجيب بالعربية", ("العربية", "English"))
ROBIN = person("Robin Fields", 2, "Roads", (), url="/static/icon.svg")
MINA = {"name": "M.", "role": "customer", "face": {"initials": "M", "hue": 8, "url": None}, "url": None}
SYSTEM = {"name": "The system", "role": "system", "face": {"initials": "TS", "hue": 3, "url": None}, "url": None}
DESK = {"name": "City Buildings Desk", "slug": "buildings", "url": "/desks/buildings", "hue": 8}


def actor(who: Row, role: str = "agent") -> Row:
    return {"name": who["name"], "role": role, "face": who["face"], "url": who["url"]}


def ref(who: Row) -> Row:
    return {key: who[key] for key in ("name", "slug", "url", "face")}


def ticket(**changes: Any) -> Row:
    base = {
        "ref": "8f3k2m9q4t7w",
        "url": "/t/8f3k2m9q4t7w",
        "subject": "No running water on the third floor",
        "status": "open",
        "visibility": "public",
        "desk": DESK,
        "assignee": ROSA,
        "assigned_at": ago(days=3),
        "customer": {"name": "M.", "face": MINA["face"]},
        "opened_at": ago(days=12, hours=4),
        "ended_at": None,
        "elapsed_s": 12 * 86400 + 4 * 3600,
        "elapsed": "12 days 4 h",
        "elapsed_short": "12 d 4 h",
        "waiting_us_s": 10 * 86400 + 5 * 3600,
        "waiting_us": "10 d 5 h",
        "waiting_customer_s": 86400 + 23 * 3600,
        "waiting_customer": "1 d 23 h",
        "business_us_s": 61 * 3600,
        "waiting_too": 3,
        "passed_on": 2,
        "imported": False,
        "promise": {"due_at": ago(hours=3), "made_at": ago(days=3), "state": "missed", "check_in": False, "part": 100},
        "latest": {
            "at": ago(days=3),
            "html": "<p>The part is ordered; there is a tap in the yard.</p>",
            "by": "Rosa Ortega",
        },
        "last": 23,
        "epoch": "e1",
    }
    made = base | changes
    promise = made["promise"]
    made["overdue"] = bool(promise) and promise["state"] == "missed"
    return made


STANDING = {"due_at": ahead(hours=5), "made_at": ago(hours=20), "state": "standing", "check_in": False, "part": 80}
TICKETS = [
    ticket(),
    ticket(
        ref="wait",
        subject="Alley light flickers",
        status="waiting",
        assignee=BEN,
        promise=STANDING | {"check_in": True},
    ),
    ticket(
        ref="long",
        subject="Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft antwortet nicht, seit Wochen, auf nichts, was wir schreiben, rufen oder faxen",
        assignee=LONG,
        promise=STANDING,
    ),
    ticket(
        ref="rtl",
        subject="لا توجد مياه في الطابق الثالث",
        assignee=LAYLA,
        promise=STANDING,
        customer={"name": "", "face": MINA["face"]},
    ),
    ticket(
        ref="done",
        subject="Street light out at the school crossing",
        status="resolved",
        ended_at=ago(hours=2),
        promise=None,
        elapsed="14 days 2 h",
        elapsed_short="14 d 2 h",
    ),
    ticket(
        ref="closed",
        subject="Hole in the pavement, wheelchair stuck",
        status="closed",
        ended_at=ago(days=2),
        promise=None,
        passed_on=0,
        assignee=ROBIN,
    ),
    ticket(
        ref="no",
        subject="Please paint my house",
        status="declined",
        ended_at=ago(days=1),
        promise=None,
        passed_on=1,
        waiting_customer_s=0,
    ),
    ticket(
        ref="imp",
        subject="Rodent baiting, 1400 W Grand Ave",
        imported=True,
        promise=None,
        assigned_at=ago(days=4000),
        waiting_customer_s=0,
        passed_on=0,
        customer={"name": "", "face": None},
        business_us_s=0,
    ),
]


def entry(kind: str, who: Row, body: str = "", *, age: float = 0, **fields: Any) -> Row:
    at = ago(days=age)
    return {
        "ref": "8f3k2m9q4t7w", "kind": kind, "at": at, "recorded_at": at, "actor": who, "sentence": f"{who['name']}: {kind}.",
        "body_html": body, "audience": "public", "correction": None, "redaction": None,
    } | fields  # fmt: skip


def timeline() -> list[Row]:
    rosa, ben = actor(ROSA), actor(BEN)
    told = "<p>I'm sorry, carrying water upstairs for your mother is not something that can wait. An inspector goes there tomorrow.</p>"
    events = [
        entry("opened", MINA, "<p>The whole third floor has had no water since Friday evening. The landlord does not pick up.</p>", age=12.2, source="phone", assignee=ref(BEN), next_word_at=ago(days=11), impact="I carry water up for my mother, she is 81.", feeling="upset", urgency_on="2026-12-03", recorded_at=ago(days=12)),
        entry("update", ben, told, age=11.1, next_word_at=ago(days=9)),
        entry("promise_kept", SYSTEM, age=11.1, due_at=ago(days=11), early_s=7200),
        entry("reply", MINA, "<p>Here is my number: …</p>", age=10, published=False, audience="customer"),
        entry("note", ben, "<p>She sounds exhausted. Ring before noon.</p>", age=9.9, audience="staff"),
        entry("promise_moved", ben, age=9.5, due_at=ago(days=7), was_due_at=ago(days=9), reason="The inspector fell ill; another goes on Thursday."),
        entry("waiting", ben, "<p>When is somebody at home? Any of:</p><ul><li>Mon 9–12</li><li>Tue 14–16</li></ul>", age=8, check_in_at=ago(days=6)),
        entry("reply", MINA, "<p>Tuesday. See <a href='https://example.org/a/very/long/address/that/does/not/end/and/never/breaks/on/its/own' rel='nofollow'>https://example.org/a/very/long/address/that/does/not/end/and/never/breaks/on/its/own</a></p>", age=7, published=True),
        entry("resumed", ben, age=7),
        entry("handoff_offered", ben, age=4, to=ref(ROSA), reason="It is the riser, plumbing must open the wall.", briefing_html="<p>Mother is 81, they carry water. Tuesday afternoons.</p>"),
        entry("handoff_accepted", rosa, age=3.98, came_from=ref(BEN), took_s=1200),
        entry("update", rosa, "<p>Ben told me everything, you need not repeat it. The riser is cracked between the second and third floor.</p><blockquote><p>quoted</p></blockquote><pre><code>pipe 3/4 in, a line of code that is much longer than any phone is wide, so that it has to scroll</code></pre>", age=3, next_word_at=ago(hours=3), correction={"at": ago(days=2), "by": "Rosa Ortega", "reason": "the wrong floor", "old_html": "<p>The riser is cracked between the first and second floor.</p>"}),
        entry("corrected", rosa, age=2, target=12, reason="the wrong floor"),
        entry("update", rosa, "", age=1.9, next_word_at=ago(hours=3), redaction={"at": ago(days=1.5), "by": ref(LONG), "reason": "It named a neighbour."}),
        entry("redacted", actor(LONG, "lead"), age=1.5, target=14, reason="It named a neighbour."),
        entry("thanks", {"name": "A neighbour", "role": "public", "face": None, "url": None}, "<p>The tap in the yard works, thank you!</p>", age=1),
        entry("promise_missed", SYSTEM, age=0.13, due_at=ago(hours=3)),
        entry("reassigned", actor(LONG, "lead"), age=0.1, came_from=ref(BEN), to=ref(LAYLA), reason="Ben is off duty with a promise due."),
        entry("update", actor(LAYLA), "<p>مرحبا، سأتصل بكم غدا صباحا.</p>", age=0.08, next_word_at=ahead(hours=5)),
        entry("resolved", rosa, "<p>The riser is replaced, water is back on all floors.</p>", age=0.05),
        entry("reopened", MINA, "<p>Brown water comes out.</p>", age=0.04),
        entry("confirmed", MINA, age=0.03),
        entry("feedback", MINA, "<p>You called back.</p>", age=0.02, solved=True, understood="yes", audience="customer"),
        entry("declined", rosa, "<p>We can't repaint.</p>", age=0.02),
        entry("visibility_changed", MINA, age=0.01, visibility="public", name_shown="M."),
        entry("imported", SYSTEM, age=0.01, what="note", summary="Opened by phone. Inspector assigned.", to=None, status=None),
        entry("imported", SYSTEM, age=0.01, what="assignee", summary="", to=ref(ROBIN), status=None),
        entry("imported", SYSTEM, age=0.01, what="status", summary="", to=None, status="closed"),
    ]  # fmt: skip
    for number, event in enumerate(events, start=1):
        event["seq"] = number
        event["prev"] = number - 1
    return events


def figures() -> Figures:
    """Return a year of a desk: long and short columns, months with too little to show, every cell of the square."""
    months = [_month(number) for number in range(12)]
    return Figures(open_now=1_204, whole=_month(13, of_all=True), months=months)


def _month(number: int, *, of_all: bool = False) -> Period:
    """Return what happened in the n-th month of a year; of every fourth there is too little to show."""
    if number % 4 == 2:
        few = Spread(3, None, None)
        return Period(202501 + number, few, few, None, None, None, None, None)
    many = 12_000 if of_all else 60 + 11 * number
    first, solution = timedelta(minutes=25 * (number % 5 + 1)), timedelta(hours=20 * (number % 7 + 1))
    understood = zip(("solved",) * 3 + ("unsolved",) * 3, tallies.UNDERSTOOD * 2, strict=True)
    return Period(
        month=0 if of_all else 202501 + number,
        first_word=Spread(many, first, 4 * first),
        solution=Spread(many, solution, 3 * solution),
        declined=many // 9,
        passed_on=many // 5,
        promises={"kept": many * 5, "moved": many, "missed": number % 3 * many // 4},
        written=Written(many * 3, many * 3 - many // 2),
        answers=dict(zip(understood, (many, many // 3, many // 9, many // 12, many // 20, many // 7), strict=True)),
    )
