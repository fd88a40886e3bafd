"""What tells people from machines at a form: a field to leave empty, and when the form was made."""

from flask import request

from tracker import links
from tracker.errors import Invalid, Unauthorized

FASTEST_S = 2
"""Nobody reads and fills a form sooner; what does is no person."""
FORM_LIVES_S = 24 * 3600


def stamp() -> str:
    """Return when the form was made; one that comes back keeps its time, so that a quick correction is not too fast."""
    made = request.form.get("made", "")
    try:
        links.unsign(made, "form", max_age_s=FORM_LIVES_S)
    except Unauthorized:
        return links.sign("form", "form")
    return made


def require() -> None:
    """Raise Invalid, in words, for what no person sends."""
    require_empty()
    try:
        links.unsign(request.form.get("made", ""), "form", max_age_s=FORM_LIVES_S)
        if _is_fresh(request.form["made"]):
            raise Invalid("That was very fast. Please look over what you wrote, then send it again.")
    except Unauthorized:
        raise Invalid("This form has been open for long. Everything you typed is still here: send it again.") from None


def require_empty() -> None:
    """Raise Invalid for who fills the field that people do not see."""
    if request.form.get("website"):
        raise Invalid("Leave the empty field empty, please; it is there to catch machines.")


def _is_fresh(made: str) -> bool:
    try:
        links.unsign(made, "form", max_age_s=FASTEST_S - 1)
    except Unauthorized:
        return False
    return True
