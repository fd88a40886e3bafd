"""The words of our mails in the languages we speak, and moments as their reader's calendar and clock say them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, get_timezone_name

from tracker.speech import ar, de, en, es, fr

WORDS = {"en": en.WORDS, "de": de.WORDS, "fr": fr.WORDS, "es": es.WORDS, "ar": ar.WORDS}
NAMES = {"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ar": "العربية"}
"""The languages we speak, each by its own name."""
SHAPES = {
    "en": "EEEE, d MMMM, HH:mm",
    "de": "EEEE, d. MMMM, HH:mm",
    "fr": "EEEE d MMMM, HH:mm",
    "es": "EEEE, d 'de' MMMM, HH:mm",
    "ar": "EEEE، d MMMM، HH:mm",
}


_OURS = {
    key: re.compile(re.escape(phrase).replace(r"\{name\}", "(?P<name>.+)"))
    for key, phrase in en.WORDS.items()
    if key.startswith("because_")
}


@dataclass(frozen=True)
class Speech:
    """One reader's language and clock. `zone` is an IANA name."""

    language: str
    zone: str

    def say(self, key: str, **facts: Any) -> str:
        """Return a phrase of the catalogue with its facts put in; a phrase that is not there is a KeyError."""
        if self.direction == "rtl":  # names keep their own direction inside the sentence
            facts = {name: f"\u2068{value}\u2069" for name, value in facts.items()}
        return WORDS[self.language][key].format(**facts)

    def reason(self, text: str) -> str:
        """Return a reason that nobody typed, for it is the house's own, in this language; any other as it is."""
        for key, pattern in _OURS.items():
            if found := pattern.fullmatch(text):
                return self.say(key, **found.groupdict())
        return text

    def knows(self, key: str) -> bool:
        """Say whether the catalogue has a phrase."""
        return key in WORDS[self.language]

    def when(self, at: datetime) -> str:
        """Return day and time as this reader's calendar and clock show them: "Tuesday, 3 March, 14:00"."""
        return format_datetime(at, SHAPES[self.language], tzinfo=ZoneInfo(self.zone), locale=self.language)

    def clock(self, at: datetime) -> str:
        """Return what this reader's clock is called then: "Central European Standard Time"."""
        local = at.astimezone(ZoneInfo(self.zone))
        return get_timezone_name(local, width="long", locale=self.language)

    @property
    def direction(self) -> str:
        """Return which way the language is read: ltr or rtl."""
        return str(Locale.parse(self.language).text_direction)


def named(names: Iterable[str]) -> str:
    """Return the tag of the first of these that we speak, as people write them: "German", "Deutsch", "de"; else ""."""
    spellings = ((tag, (tag, own, Locale.parse(tag).get_display_name("en"))) for tag, own in NAMES.items())
    known = {str(word).lower(): tag for tag, words in spellings for word in words}
    return next((known[name.lower()] for name in names if name.lower() in known), "")


def pick(wanted: str) -> str:
    """Return the language we speak that fits a tag such as `de-AT` best; English when we speak none of it."""
    base = wanted.replace("_", "-").partition("-")[0].lower()
    return base if base in WORDS else "en"
