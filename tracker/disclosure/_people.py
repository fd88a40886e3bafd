"""Those who answer and their desks, as everyone may know them, and the name a customer shows."""

from datetime import datetime

from tracker import desks, links, people
from tracker.disclosure._shown import Shown
from tracker.models import Desk, Person, Ticket


def person(one: Person) -> Shown:
    """Return what everyone may know of a person who answers."""
    return person_ref(one) | {
        "line": one.line,
        "languages": list(one.languages),
        "on_duty": one.on_duty,
        "active": one.active,
        "desk": desk(one.desk),
        "role": one.role,
    }


def person_ref(one: Person) -> Shown:
    """Return name, face and address of a person who answers."""
    return {"name": one.name, "slug": one.slug, "url": links.person(one.slug), "face": face(one)}


def face(one: Person) -> Shown:
    """Return initials on a colour, and the picture's address when there is one."""
    picture = links.face(one.face_digest) if one.face_digest else None
    return {"initials": initials(one.name), "hue": one.hue, "url": picture}


def absolute_face(shown: Shown) -> Shown:
    """Return a face for pages of other sites."""
    return shown | {"url": links.absolute(shown["url"])} if shown["url"] else shown


def initials_face(name: str) -> Shown:
    """Return the face of somebody who has none here: initials on a colour."""
    return {"initials": initials(name) or "·", "hue": people.hue_of(name), "url": None}


def initials(name: str) -> str:
    """Return one or two letters to stand for a name."""
    parts = [part for part in name.split() if part[0].isalnum()]
    picked = parts[:1] + parts[-1:] if len(parts) > 1 else parts
    return "".join(part[0] for part in picked).upper()


def customer_name(one: Ticket, audience: str) -> str:
    """Return the customer's name as this audience may read it; "" when they show none."""
    if audience != "public" or one.name_shown == "own":
        return one.customer_name
    return one.pseudonym if one.name_shown == "pseudonym" else ""


def desk(one: Desk) -> Shown:
    """Return a desk's public face."""
    return {"name": one.name, "slug": one.slug, "url": links.desk(one.slug), "hue": one.hue, "about": one.about}


def desk_page(one: Desk, *, now: datetime) -> Shown:
    """Return a desk with its hours and when a word is due for what is opened now."""
    return desk(one) | {
        "zone": one.zone,
        "opening": one.opening,
        "holidays": one.holidays,
        "closed_on": list(one.closed_on),
        "open_now": desks.is_open(one, now),
        "first_word_at": desks.first_answer_due(one, now),
        "people": [person_ref(each) for each in people.of_desk(one)],
    }
