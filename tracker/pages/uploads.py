"""Files in forms: kept when they arrive, so that a form which comes back need not ask for them again."""

from typing import Any

from flask import g, request

from tracker import attachments, limits, viewer
from tracker.errors import Invalid

UPLOADED, WRONG = "uploaded", "uploaded_wrong"
"""Hidden fields: `key/name` of what was kept, one a line; what was wrong with the rest."""


def typed() -> dict[str, str]:
    """Return what a form sent as text, its files among it by their names here."""
    found = request.form.to_dict()
    kept = [line for line in found.pop(UPLOADED, "").splitlines() if "/" in line]
    found.pop(WRONG, None)
    for sent in request.files.getlist("files"):
        if not sent.filename:
            continue
        try:
            limits.hit("uploads", viewer.network())
            one = attachments.keep(sent.read(), sent.filename)
            kept.append(f"{one.key}/{one.name}")
        except Invalid as error:
            found[WRONG] = f"{sent.filename[:60]}: {error.message}"
    found[UPLOADED] = g.uploaded = "\n".join(kept)
    return found


def wanted(given: dict[str, str]) -> list[dict[str, Any]]:
    """Return the files for a payload; raise Invalid when one of them could not be taken."""
    if WRONG in given:
        raise Invalid(fields={"files": given[WRONG]})
    keys = [line.partition("/")[0] for line in given.get(UPLOADED, "").splitlines()]
    return [{"file": key, "alt": given.get("alt", "")} for key in keys]


def kept() -> str:
    """Return the names of this request's files, for a form that is sent once more."""
    return str(g.get("uploaded", ""))
