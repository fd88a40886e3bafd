"""Quotes and signatures go, a writer's own words stay: whichever program wrote the mail, in four languages."""

from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from tracker import mime, quoting

MAILS = sorted((Path(__file__).parent / "data" / "mail").glob("*-??.eml"))
ENDS = {"en": "Tuesday after nine suits me.", "fr": "Mardi après neuf heures me convient."}
ENDS |= {"de": "Dienstag nach neun passt mir. Schöne Grüße an die Werkstatt!"}
ENDS |= {"es": "El martes después de las nueve me viene bien."}
BEGINS = {"en": "It still drips", "de": "Es tropft noch", "fr": "Ça goutte encore", "es": "Sigue goteando"}


def test_there_is_a_mail_of_each_program_in_each_language() -> None:
    assert len(MAILS) == 12


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_reply_is_its_writers_words_and_nothing_else(path: Path) -> None:
    language = path.stem[-2:]
    paragraphs = quoting.own_words(mime.read(path.read_bytes()).words).split("\n\n")
    assert len(paragraphs) == 2
    assert paragraphs[0].startswith(BEGINS[language])
    assert "\n" not in paragraphs[0], "a line the program broke is whole again"
    assert paragraphs[1] == ENDS[language]


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_so_it_is_where_only_its_html_is_there(path: Path) -> None:
    body = message_from_bytes(path.read_bytes(), policy=default).get_body(("html",))
    assert body is not None
    words = quoting.own_words(mime.words_of_html(body.get_content()))
    assert words.startswith(BEGINS[path.stem[-2:]])
    assert words.endswith(ENDS[path.stem[-2:]])


KEPT = [
    "Two things:\n- the tap drips\n- the light is out\nPlease look at both.",
    "It still drips.\nThanks, but that was the wrong tap. It is the other one.",
    "On 3 March my neighbour wrote:\nthe tap is broken\nand I believe her.",
    "I wrote on 1 March: nobody came.\n\nThe times were:\n9:00\n14:00",
    "From: the third floor I hear it too.\nPlease come.",
    "Best regards to the crew, they were kind. It works.",
    "Am Montag schrieb ich Ihnen:\nEs tropft.",
    "I said -- and meant it -- that it drips.",
    "Thanks.\n\nRegards\n\nIt still drips, by the way, in the kitchen.",
    "Hi\n\nBest wishes,\nCara\n\nPS: please ring the second bell.",
    "Merci\n\nCordialement\nCara Lindt\n\nc'est toujours dans la cuisine",
    "Two taps:\n--\nkitchen and bath\n--\nboth drip",
    "Three taps:\n-- \n" + "\n".join(f"tap {number}" for number in range(16)),
    "It drips.\nSent from my balcony you can see where.\nPlease look up.",
]


@pytest.mark.parametrize("text", KEPT)
def test_nobodys_own_line_is_taken_for_a_quote_or_a_signature(text: str) -> None:
    assert quoting.own_words(text) == text


def test_answers_between_quoted_lines_stay() -> None:
    text = (
        "On Mon, 2 Mar 2026, Ann <a@b.example> wrote:\n> Which floor?\nThe third.\n\n> Since when?\nFriday.\n-- \nCara"
    )
    assert quoting.own_words(text) == "The third.\n\nFriday."


def test_a_signature_ends_the_words() -> None:
    assert quoting.own_words("It drips.\n\n-- \nCara\n+44 20 7946 0018") == "It drips."
    assert quoting.own_words("It drips.\n\nKind regards,\nCara\n+44 20 7946 0018") == "It drips."
    assert quoting.own_words("It drips.\n\nLG\nDr. Cara von Lindt\ntel: 020 7946\nSent from my iPhone") == "It drips."
    assert quoting.own_words("It drips.\n\nGet Outlook for iOS") == "It drips."
    assert quoting.own_words(mime.words_of_html("<div>It drips.</div><span>-- </span><br>Cara")) == "It drips."


def test_a_reply_of_nothing_but_quotes_is_empty() -> None:
    assert quoting.own_words("On Mon, 2 Mar 2026, Ann <a@b.example> wrote:\n> Which floor?") == ""


@pytest.mark.parametrize(
    "below",
    [
        "Gesendet: Montag, 2. März 2026 um 10:00\nVon: Ann <desk@x.example>\nAn: cara@home.example\nBetreff: X",
        "Sent with Proton Mail secure email.\n\nOn Monday, March 2nd, 2026 at 10:00 AM, Ann <desk@x.example> wrote:",
    ],
    ids=["gmx", "proton"],
)
def test_a_reply_of_a_web_mailer_is_its_writers_words(below: str) -> None:
    mine = "To: whom it may concern\nIt still drips."
    assert quoting.own_words(f"{mine}\n\n{below}\n\n> Hello\n") == mine


def test_an_italian_reply_loses_what_it_quotes() -> None:
    text = "Gocciola ancora.\n\nIl giorno lun 2 mar 2026 alle ore 14:05 Ann <a@b.example> ha scritto:\n> Which floor?"
    assert quoting.own_words(text) == "Gocciola ancora."


def test_what_a_new_mail_forwards_is_kept() -> None:
    text = "See below.\n\n---------- Forwarded message ---------\nFrom: Shop <s@b.example>\nTo: me\nSubject: x\n\nNo."
    assert quoting.unsigned(text) == text
    assert quoting.unsigned("See below.\n-- \nCara" + text.removeprefix("See below.")) == text
