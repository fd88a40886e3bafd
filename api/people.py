"""Desks and people, as everyone may know them."""

from flask import Response

from api.answers import reader, shared, shown
from api.spec import PREFIX, SLUG, fails, gives
from api.strict import Blueprint
from tracker import desks, disclosure, people, statistics, store
from tracker.models import Desk, Person
from tracker.viewer import admits

blueprint = Blueprint("people_api", __name__, url_prefix=PREFIX, description="Desks, and the people who answer")


@blueprint.route("/desks", methods=["GET"], tags=["Desks and people"])
@shared
@admits("anyone")
@gives(200, "Desks", "All desks, by name.")
@fails()
def all_desks() -> Response:
    """List desks"""
    reader()
    return shown({"items": [disclosure.desk(one) for one in desks.everyone()], "next": None}, audience="public")


@blueprint.route("/desks/<slug>", methods=["GET"], parameters=[SLUG], tags=["Desks and people"])
@shared
@admits("anyone")
@gives(200, "DeskPage", "The desk.")
@fails(404)
def desk(slug: str) -> Response:
    """Read a desk

    Its hours, its people, when a first word is due for what is opened now, and how much of its public words in twelve
    months was written for the case.
    """
    reader()
    one = desks.find(slug)
    return shown(disclosure.desk_page(one, now=store.now()) | _written(one), audience="public")


@blueprint.route("/people/<slug>", methods=["GET"], parameters=[SLUG], tags=["Desks and people"])
@shared
@admits("anyone")
@gives(200, "PersonPage", "The person.")
@fails(404)
def person(slug: str) -> Response:
    """Read a person

    And what became of their promises in twelve months, and how much of their public words was written for the case.
    """
    reader()
    one = people.find(slug)
    return shown(disclosure.person(one) | {"promises": statistics.promises(one)} | _written(one), audience="public")


def _written(by: Person | Desk) -> dict[str, object]:
    found = statistics.written(by)
    return {"written_for_the_case": {"counted": found.counted, "percent": found.percent} if found else None}
