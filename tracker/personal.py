"""Personal data in typed words: mail addresses, numbers of phones, cards and accounts, addresses, greetings, names."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum import iban, luhn

MAIL, PHONE, CARD, ACCOUNT, ADDRESS, NAME = (
    "mail address",
    "phone number",
    "card number",
    "account number",
    "address",
    "name",
)
REGIONS: Final = ("US", "GB", "DE", "FR", "ES", "IT", "AT", "CH")
"""Where a number without its country code may be at home."""
MARK_END: Final = " hidden›"
SHORTEST_NAME: Final = 3
TELLING_NAME: Final = 5
"""So long, a part of a name is found in small letters too: shorter ones may be a word."""
SHORTEST_NUMBER: Final = 7
MOST_TRIES: Final = 2_000
"""How many numbers of a text are tried as a phone's in one region: a log of 10,000 characters has some 1,200."""
CALLED_WITHIN: Final = 120
"""Characters before a number in which it is called a phone's."""

_MAIL = re.compile(
    r"[\w.!#$&'*+/=?^`{|}~-]{1,64}\\?(?:@|%40|\s{0,2}[\[({]\s?at\s?[\])}]\s{0,2})"
    r"[\w-]{1,63}(?:(?:\.|\s{0,2}[\[({]\s?dot\s?[\])}]\s{0,2})[\w-]{1,63}){1,6}",
    re.IGNORECASE,
)
_MANY_DIGITS = re.compile(r"\d(?:[^\w\n]{0,3}\d){6,}")
_CARD = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")
_IBAN = re.compile(r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z\d]{2,4}){3,8}(?: ?[A-Z\d]{1,3})?(?!\w)", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"\b(?:account|acct|routing|sort code|konto|kontonummer|blz|compte|cuenta)\b(?:[\s.:#-]|number|no|nr|is|ist){0,6}"
    r"(\d(?:[ -]?\d){5,16})",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"\b(?:phone|call|tel|mobile|cell|text|fax|whatsapp|ring|reach|telefon|handy|ruf|anruf|nummer|téléphone|appel"
    r"|teléfono|llam)\w*\W{0,3}(?:\w+\W{1,2}){0,4}$",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"\d{1,3}(?:[ .,]\d{3})+")
_HOME = re.compile(
    r"\b(?:i live (?:at|in)|my (?:home )?address(?: is)?|we live (?:at|in)|(?:ich wohne|wir wohnen) (?:in|an)(?: der)?"
    r"|meine adresse(?: ist)?|j['’]habite(?: au)?|mon adresse(?: est)?|vivo en|mi dirección(?: es)?)\W{1,3}"
    r"((?:[^\n.;!?]|(?<=str)\.(?= ?\d)){0,60}\d[^\n.;!?]{0,60})",
    re.IGNORECASE,
)
_STREET = (
    r"(?:(?-i:\b\d{1,5}[a-z]?,? (?:[^\W\d_a-z][\w'’.-]{0,30} ){1,4}?(?:S(?:treet|T(?:REET)?|t)|A(?:venue|VE(?:NUE)?|ve)"
    r"|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Square|Boulevard|Blvd|Terrace|Row|Close|Gardens|Crescent))\b"
    r"|\b\d{1,5}(?: ?bis| ?ter)?,? (?:rue|avenue|boulevard|bd|allée|chemin|impasse|quai|cours)\b"
    r"|(?:straße|strasse|str\.?|weg|platz|gasse|allee|ufer|damm) \d"
    r"|\b(?:calle|avenida|avda|plaza|paseo|viale|piazza|corso)\b[^\n;!?\d]{1,40}\d)"
)
_BROUGHT = re.compile(
    r"\b(?:(?:delivere?d?|ship|shipped|send|sent|bring)(?: \w{1,20}){0,3} to|(?:delivery|shipping) address(?: is)?"
    r"|i['’]m at|i am at|come to my|lieferadresse(?: ist)?|(?:liefern|schicken|senden)(?: \w{1,20}){1,3} (?:an|in|nach)"
    r"|adresse de livraison(?: est)?|livrer(?: \w{1,20}){0,3} (?:à|au)|dirección de envío(?: es)?"
    rf"|enviar(?: \w{{1,20}}){{0,3}} a)\W{{1,3}}(?=[^\n.;!?]{{0,60}}?{_STREET})"
    r"((?:[^\n.;!?]|\.(?=\S)|(?<=[Ss]tr)\.){1,120})",
    re.IGNORECASE,
)
"""What is brought somewhere, or somebody's being there; a street alone may be anybody's, and where the fault is."""
_WORD = r"[^\W\d_a-zß-öø-ÿ][\w'’.-]{0,30}"
_WORDS = rf"({_WORD}(?: (?:de |von |van |der |la |del )?{_WORD}){{0,3}})"
_TITLE = r"(?:(?:mr|mrs|ms|miss|dr|prof|herr|frau|mme|mlle|m|sr|sra|señora?|monsieur|madame)\b\.? )?"
_HAIL = (
    r"(?i:dear|hello|hi|hey|good (?:morning|day|afternoon|evening)|hallo|moin|liebe[rs]?|sehr geehrte[rs]?"
    r"|guten (?:tag|morgen|abend)|servus|salut|bonjour|bonsoir|ch[eè]re?|hola|buen[oa]s (?:d[ií]as|tardes|noches)"
    r"|estimad[oa]|querid[oa])"
)
_SALUTED = re.compile(
    rf"(?m:^)\W{{0,3}}{_HAIL},? (?i:{_TITLE}){_WORDS}"
    rf"(?:(?: (?:and|und|et|y|e|&|\+)|,(?= {_HAIL})) (?:{_HAIL} )?(?i:{_TITLE}){_WORDS})?(?=\s*(?:[,!:–-]|$))",
    re.MULTILINE,
)
_SALUTED_IN_SMALL = re.compile(
    r"^\W{0,3}(?i:dear|hello|hi|hey|hallo|moin|salut|hola) ([a-zß-öø-ÿ][a-zß-öø-ÿ'’-]{1,30})(?=\s*(?:[,!]|$))",
    re.MULTILINE,
)
_TITLED = re.compile(rf"\b(?:Mrs?|Ms|Mme|Mlle|Sra?)\.? {_WORDS}|\b(?:Herrn?|Frau|Madame|Monsieur|Señora?) {_WORDS}")
_CLOSED = re.compile(
    r"(?:^\W{0,3}|(?<=[.!?] ))(?i:(?:(?:best|kind|warm|many|with) )*(?:regards|wishes|greetings)"
    r"|(?:yours )?sincerely|cheers|yours"
    r"|(?:many )?thanks|thank you|best"
    r"|(?:mit )?(?:freundlichen|lieben|besten|vielen?|liebe|beste|herzliche)n? gr(?:ü|ue)(?:ß|ss)en?"
    r"|lg|mfg|vg|danke|cordialement|bien à vous|merci|(?:un )?saludos?|atentamente|gracias)[,.!–-]{0,2}\s{1,4}"
    rf"(?:(?i:best|cheers|yours|regards)[,.!–-]{{0,2}}\s{{1,4}})?{_WORDS}[.!]?\s*$",
    re.MULTILINE,
)
_NAMED = re.compile(
    rf"\b(?i:my name is|mein name ist|ich hei(?:ß|ss)e|je m['’]appelle|mon nom est|me llamo|mi nombre es) {_WORDS}"
)
_NOBODY = frozenset(
    re.findall(
        r"\S+",
        "all team everyone everybody sir madam there together both friends folks desk alle zusammen damen herren tous"
        " equipo todos the you i we it this that again today and ma'am neighbour neighbours neighbor neighbors guys"
        " people colleague colleagues customer customers resident residents support service office city"
        " good morning afternoon evening thanks kollegen leute"
        " nachbarn what please help world so no yes hello nochmal bürgermeister bürgermeisterin president",
    )
)


class Finding(NamedTuple):
    """What stands from `start` to `end` of a text."""

    start: int
    end: int
    what: str


@dataclass(frozen=True)
class Whose:
    """Whose ticket it is, as far as readers are not to know: empty fields are no secret, or not known."""

    name: str = ""
    email: str = ""
    phone: str = ""
    spoken_of: Callable[[], Collection[str]] = field(default=tuple, compare=False)
    """Names that everyone may read: those who answer here, and the one the customer shows. Asked only when needed."""


def find(text: str, whose: Whose = Whose()) -> list[Finding]:
    """Return the personal data in a text, in order, without overlaps."""
    found = [Finding(*one.span(), MAIL) for one in _MAIL.finditer(text)] if "@" in text or _may_be_mail(text) else []
    if _MANY_DIGITS.search(text) or any(character.isdigit() for character in text):
        found += [*_numbers(text, whose), *_addresses(text)]
    found += [*_secrets(text, whose), *_greetings(text, whose)]
    return _apart(found)


def mask(text: str, findings: Sequence[Finding]) -> str:
    """Return a text with what was found replaced by what it is."""
    parts, last = [], 0
    for one in findings:
        parts += [text[last : one.start], f"‹{one.what}{MARK_END}"]
        last = one.end
    return "".join([*parts, text[last:]])


def _may_be_mail(text: str) -> bool:
    return "%40" in text or re.search(r"[\[({]\s?at\s?[\])}]", text, re.IGNORECASE) is not None


def _apart(found: list[Finding]) -> list[Finding]:
    apart: list[Finding] = []
    for one in sorted(found, key=lambda finding: (finding.start, -finding.end)):
        if apart and one.start < apart[-1].end:
            apart[-1] = apart[-1]._replace(end=max(one.end, apart[-1].end))
        else:
            apart.append(one)
    return apart


def _addresses(text: str) -> Iterator[Finding]:
    for pattern in (_HOME, _BROUGHT):
        yield from (Finding(*one.span(1), ADDRESS) for one in pattern.finditer(text))


def _numbers(text: str, whose: Whose) -> Iterator[Finding]:
    for one in _ACCOUNT.finditer(text):
        yield Finding(*one.span(1), ACCOUNT)
    for one in _CARD.finditer(text):
        if luhn.is_valid(_digits(one.group())):
            yield Finding(*one.span(), CARD)
    yield from _ibans(text)
    if _MANY_DIGITS.search(text):
        yield from _phones(text)
    own = _digits(whose.phone).lstrip("0")[-8:]
    if len(own) >= SHORTEST_NUMBER:
        for one in _MANY_DIGITS.finditer(text):
            if _digits(one.group()).endswith(own):
                yield Finding(*one.span(), PHONE)


def _ibans(text: str) -> Iterator[Finding]:
    for one in _IBAN.finditer(text):
        candidate = one.group()
        while len(candidate) >= 15:
            if iban.is_valid(candidate):
                yield Finding(one.start(), one.start() + len(candidate), ACCOUNT)
                break
            candidate = candidate.rpartition(" ")[0]


def _phones(text: str) -> Iterator[Finding]:
    """Take numbers with a country code as valid; those without one must be grouped as such, or spoken of as one.

    Where there are more numbers than anybody writes, each long one counts as a phone's: none hides in the crowd.
    """
    seen: set[tuple[int, int]] = set()
    for region in REGIONS:
        matcher = PhoneNumberMatcher(text, region, leniency=Leniency.VALID, max_tries=MOST_TRIES)
        for one in matcher:
            place = (one.start, one.end)
            if place in seen:
                continue
            spelt = one.raw_string
            parts = re.findall(r"\d+", spelt)
            is_grouped = len(parts) > 1 and (spelt.startswith(("0", "(")) or len(parts) > 2)
            is_grouped = is_grouped and not _AMOUNT.fullmatch(spelt)
            if spelt.startswith(("+", "00")) or is_grouped or _is_called(text, one.start):
                seen.add(place)
                yield Finding(*place, PHONE)
        if matcher._max_tries <= 0:  # it says in no other way that it gave up
            yield from (Finding(*one.span(), PHONE) for one in _MANY_DIGITS.finditer(text))
            return


def _is_called(text: str, start: int) -> bool:
    return _CALLED.search(text[max(0, start - CALLED_WITHIN) : start]) is not None


def _secrets(text: str, whose: Whose) -> Iterator[Finding]:
    """Find the customer's own address in whatever spelling, their whole name, each part of it, and what is whose."""
    if whose.email and whose.email.casefold() in text.casefold():
        for one in re.finditer(re.escape(whose.email), text, re.IGNORECASE):
            yield Finding(*one.span(), MAIL)
    parts = [part.strip(".,") for part in whose.name.split()]
    if whose.name and (len(parts) > 1 or len(whose.name) >= SHORTEST_NAME):
        whole = r"\s{1,3}".join(map(re.escape, whose.name.split()))
        for one in re.finditer(rf"(?<!\w){whole}s?(?!\w)", text, re.IGNORECASE):
            yield Finding(*one.span(), NAME)
    telling = [part for part in parts if len(part) >= SHORTEST_NAME]
    here = [part for part in telling if part.casefold() in text.casefold()]
    known = _known(whose) if here else frozenset()
    for part in here:
        if part.casefold() not in known:
            flags = re.IGNORECASE if len(part) >= TELLING_NAME else re.NOFLAG
            for one in re.finditer(rf"(?<!\w)(?:{re.escape(part)}|{re.escape(part.upper())})s?(?!\w)", text, flags):
                yield Finding(*one.span(), NAME)


def _greetings(text: str, whose: Whose) -> Iterator[Finding]:
    patterns = (_SALUTED, _SALUTED_IN_SMALL, _TITLED, _CLOSED, _NAMED)
    found = [one for pattern in patterns for one in pattern.finditer(text)]
    known = _known(whose) | _NOBODY if found else frozenset()
    for one in found:
        for place, said in enumerate(one.groups(default=""), start=1):
            names = {word.strip(".,'’").casefold() for word in said.split()}
            if not names <= known:
                yield Finding(*one.span(place), NAME)


def _known(whose: Whose) -> frozenset[str]:
    return frozenset(part.casefold() for name in whose.spoken_of() for part in name.split())


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
