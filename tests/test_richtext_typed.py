"""What people type as text and as names: what is stored, what is refused and why."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.test_richtext import stored
from tracker import richtext
from tracker.errors import Invalid


def text_of(text: str, **limits: Any) -> str:
    return richtext.normalise_text(text, field="what_happened", **{"max_length": 100, **limits})


def test_line_ends_become_line_feeds_and_edges_are_trimmed() -> None:
    assert text_of(" \ufeff one\r\ntwo\rthree\t \u200b\n") == "one\ntwo\nthree"


def test_letters_are_stored_composed() -> None:
    assert text_of("Zoe\u0308") == "Zoë"


def test_a_single_line_folds_its_breaks_to_a_space() -> None:
    assert text_of("Subject\r\nBcc: x\u2028y", multiline=False) == "Subject Bcc: x y"


@pytest.mark.parametrize(
    "bad", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x9f", "\ud800", "\ufffe", "\ufdd0", "\U0010ffff"]
)
def test_characters_that_storage_refuses_are_refused_by_field_and_place(bad: str) -> None:
    with pytest.raises(Invalid) as refusal:
        text_of(f"ab{bad}c")
    assert f"U+{ord(bad):04X} at character 3" in refusal.value.fields["what_happened"]
    assert "Take out" in str(refusal.value)
    assert "What happened" in str(refusal.value)


@pytest.mark.parametrize("control", "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_controls_that_turn_the_reading_direction_are_stripped(control: str) -> None:
    assert text_of(f"invoice{control}fdp.exe") == "invoicefdp.exe"


def test_the_letters_of_right_to_left_scripts_and_joiners_inside_words_stay() -> None:
    assert text_of("شركة می\u200cخواهم 👩\u200d🔧") == "شركة می\u200cخواهم 👩\u200d🔧"


def test_length_counts_characters_not_bytes_after_composing() -> None:
    assert text_of("é" * 100) == "é" * 100
    assert text_of("e\u0301" * 100) == "é" * 100
    with pytest.raises(Invalid, match="Keep this to 100 characters: it has 101"):
        text_of("🙂" * 101)


@pytest.mark.parametrize(
    "blank", ["", "  \n", "\u200b\u200b\u200b\u200b", "a\u2063\u2063\u2063", "\u2800\u3164\u115f\u00ad"]
)
def test_what_can_not_be_seen_does_not_count_as_written(blank: str) -> None:
    with pytest.raises(Invalid, match="at least 3"):
        text_of(blank, min_length=3)
    assert text_of("abc", min_length=3) == "abc"


@given(st.text(max_size=300))
def test_stored_text_is_stable_and_clean(text: str) -> None:
    once = stored(text)
    assert stored(once) == once == unicodedata.normalize("NFC", once)
    assert not [c for c in once if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not [
        c
        for c in once
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]


@given(st.text(max_size=300))
def test_a_record_of_others_is_kept_word_for_word_but_for_what_storage_refuses(text: str) -> None:
    kept = richtext.storable(text)
    assert not [c for c in kept if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    try:
        text_of(text, max_length=900)
    except Invalid:
        assert "\ufffd" in kept
    else:
        assert unicodedata.normalize("NFC", kept) == unicodedata.normalize("NFC", richtext.storable(kept))
        assert text_of(kept, max_length=900) == text_of(text, max_length=900)


def name_of(name: str, *reserved: str) -> str:
    return richtext.normalise_name(name, field="name", reserved=reserved)


@pytest.mark.parametrize(
    "name",
    [
        "Ann",
        "Zoë O’Brien-Ng (Jr.)",
        "Анна Каренина",
        "Γιώργος",
        "山田 タロウ Bob",
        "김철수",
        "李小龍 Bruce",
        "محمد علي",
        "नरेन्द्र",
        "Nguyễn Thị Ánh",
        "7of9",
    ],
)
def test_names_of_the_world_are_taken_as_they_are(name: str) -> None:
    assert name_of(name) == name


def test_names_are_folded_to_their_plain_width_without_invisible_characters() -> None:
    assert name_of(" Ａｎｎ\u200d\u00ad\ufe0f \n\u202eSmith\u2069 ") == "Ann Smith"


@pytest.mark.parametrize("mix", ["Аnn", "Αnn Smith", "Ж Bob", "Bobاحمد", "ОНО ноno", "ᎪᏁn"])
def test_names_that_mix_scripts_are_refused(mix: str) -> None:
    with pytest.raises(Invalid, match="one script"):
        name_of(mix)


@pytest.mark.parametrize("empty", ["", " ", "\u200b", "\u3164\u2800"])
def test_an_empty_name_is_refused(empty: str) -> None:
    with pytest.raises(Invalid, match="Write a name"):
        name_of(empty)


def test_long_names_and_piled_up_marks_are_refused() -> None:
    assert name_of("x" * 80) == "x" * 80
    with pytest.raises(Invalid, match="80"):
        name_of("x" * 81)
    with pytest.raises(Invalid, match="80"):
        name_of("\ufdfa" * 80)
    with pytest.raises(Invalid, match="80"):
        name_of("\u200b" * 20_000 + "x")
    with pytest.raises(Invalid, match="marks"):
        name_of("A" + "\u0323\u0330\u0325\u0324\u0331nn")


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("ann smith", "Ann Smith"),
        ("ＡＮＮ ＳＭＩＴＨ", "Ann Smith"),
        ("AnnSmith.", "Ann Smith"),
        ("a\u200bnn smith", "Ann Smith"),
        ("АНН", "AHH"),
        ("lisa", "Iisa"),
        ("Lisа".replace("а", "a"), "LISA"),
        ("rnark", "Mark"),
        ("0bama", "Obama"),
        ("Supp0rt", "support"),
        ("𝓢upport", "support"),
        ("Straße", "STRASSE"),
    ],
)
def test_names_that_look_like_a_taken_one_are_refused(typed: str, taken: str) -> None:
    with pytest.raises(Invalid, match="belongs to somebody"):
        name_of(typed, "Zoë", taken)


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("Anna", "Ann"), ("Ann Smithson", "Ann Smith"), ("Bo", "Во́н"), ("Мария", "Maria"), ("Supporter", "support")],
)
def test_names_that_only_share_letters_with_a_taken_one_are_free(typed: str, taken: str) -> None:
    assert name_of(typed, taken, "…") == typed


@given(st.text(max_size=90), st.booleans())
def test_an_accepted_name_is_stable_and_can_be_taken_only_once(name: str, capitals: bool) -> None:
    try:
        once = name_of(name)
    except Invalid:
        return
    assert name_of(once) == once
    assert 1 <= len(once) <= 80
    assert not [c for c in once if unicodedata.category(c) in ("Cf", "Cc", "Cs", "Zl", "Zp")]
    with pytest.raises(Invalid):
        name_of(once.upper() if capitals else once.casefold(), once)
