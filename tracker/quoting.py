"""Whose words a mail's text holds: what was quoted and signed is cut away, in one pass, never a writer's own line."""

import re
from itertools import takewhile

from tracker.mime import DASHES, ORIGINAL

MOST_WRAPPED = 4
"""Lines over which a mail program wraps "On Monday … wrote:"."""

ADDRESS = re.compile(r"<[^<>\s@]{1,100}@[^<>\s@]{1,255}>")
NAMED = re.compile(r">\s?:$")
LONGEST_ATTRIBUTION = 600
STARTS = re.compile(r"(?:On|Am|Le|El|Il)\b", re.IGNORECASE)
ENDS = re.compile(r"\b(?:wrote|schrieb(?: [^:]{1,200})?|a écrit|escribió|ha scritto)\s?:$", re.IGNORECASE)
SEPARATOR = re.compile(
    r"-{2,} ?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original"
    r"|Forwarded message|Weitergeleitete Nachricht|Message transféré|Mensaje reenviado) ?-{2,}"
    r"|(?:Begin forwarded message|Anfang der weitergeleiteten Nachricht|Début du message (?:réexpédié|transféré)"
    r"|Inicio del mensaje reenviado) ?:",
    re.IGNORECASE,
)
FROM = re.compile(r"\*?(?:From|Von|De)\s?:", re.IGNORECASE)
HEADS = re.compile(
    r"\*?(?:Sent|Date|To|Cc|Subject|Gesendet|Datum|An|Betreff|Envoyé|À|Objet|Enviado(?: el)?|Fecha|Para|Asunto)\s?:",
    re.IGNORECASE,
)
RULE = re.compile(r"[_\-]{20,}")
CLOSING = re.compile(
    r"(?:(?:(?:with )?(?:best|kind|warm|kindest|many) )?(?:regards|wishes)|yours (?:sincerely|faithfully|truly)"
    r"|sincerely|mit (?:freundlichen|besten|lieben) grüßen|(?:viele|liebe|beste|freundliche|herzliche) grüße"
    r"|mfg|vg|lg|gruß|(?:bien )?cordialement|sincères salutations|salutations(?: distinguées)?|bonne (?:journée|soirée)"
    r"|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?|atentamente|cordialmente)\s?[,.!]?",
    re.IGNORECASE,
)
DEVICE = re.compile(
    r"(?:Sent (?:from|with) (?:my|Mail|Outlook|Yahoo|Proton)|Get Outlook for|Von meinem .{1,40} gesendet"
    r"|Gesendet (?:von|mit)|Holen Sie sich Outlook|Outlook für|Envoyé (?:de(?:puis)? mon|à partir de)"
    r"|Télécharge[rz] Outlook|Obtenez Outlook|Enviado (?:desde|con)|Obt(?:ener|én) Outlook"
    r"|Descarga(?:r)? Outlook).{0,100}",
    re.IGNORECASE,
)
LONGEST_SIGNATURE, LONGEST_SIGNED = 15, 60
"""Lines below which, and characters of a line over which, nothing is taken for a signature."""
POSTSCRIPT = re.compile(r"(?:p\.?[- ]?s|p\.?d|n\.?b)\b", re.IGNORECASE)
UNNAMED = re.compile(
    r"am?|and|de[lnrs]?|d[iu]|et?|f[oü]r|i|i[mn]|la|le|of|the|und?|v|v[ao]n|y|zu|[a-z.]{1,8}:|.+[@./].+"
)
"""Words in small letters that a signature may hold."""
LISTED = re.compile(r"[-*+>#|]|\d+[.)]")
NARROWEST, NARROW, WIDEST = 45, 71, 78
"""Mail programs break lines at 72 to 78 characters."""


def own_words(text: str) -> str:
    """Return what the writer of a reply added: without history, attributions, quoted lines and signature.

    Answers between quoted lines stay. When nothing would be left the answer is empty.
    """
    lines = _before_history(_lines(text))
    return _joined(_unsigned(_unquoted(lines)))


def unsigned(text: str) -> str:
    """Return a text without the signature, unless it is all there is.

    What it quotes or forwards stays: it may be the matter itself.
    """
    lines = _lines(text)
    written = _before_history(lines)
    return _joined(_unsigned(written, closings=False) + lines[len(written) :]) or _joined(lines)


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").replace("\u202f", " ")
    return [line if line == DASHES else line.strip() for line in text.split("\n")]


def _joined(lines: list[str]) -> str:
    """Return lines as one text; those a mail program broke because they were full are whole again."""
    joined: list[str] = []
    above = ""
    for line in lines:
        if above and line and not LISTED.match(line) and _was_broken(above, line):
            joined[-1] += f" {line}"
        else:
            joined.append(line)
        above = line
    return re.sub(r"\n{3,}", "\n\n", "\n".join(joined)).strip()


def _was_broken(line: str, following: str) -> bool:
    return NARROWEST < len(line) <= WIDEST and len(line) + 1 + len(following.split(maxsplit=1)[0]) > NARROW


def _before_history(lines: list[str]) -> list[str]:
    """Cut where Outlook or a forwarding program begins an older mail without marking its lines."""
    for number, line in enumerate(lines):
        if line == ORIGINAL or SEPARATOR.fullmatch(line) or _is_head(lines, number):
            above = number - 1
            while above >= 0 and (not lines[above] or RULE.fullmatch(lines[above]) or _is_sent(lines, above)):
                above -= 1
            return lines[: above + 1]
    return lines


def _is_sent(lines: list[str], number: int) -> bool:
    """Say whether a line is of a head that says first when it was sent, as GMX writes one."""
    return HEADS.match(lines[number]) is not None and FROM.match(lines[number + 1]) is not None


def _is_head(lines: list[str], number: int) -> bool:
    if not FROM.match(lines[number]):
        return False
    return sum(1 for line in lines[number + 1 : number + 8] if HEADS.match(line)) >= 2


def _unquoted(lines: list[str]) -> list[str]:
    kept: list[str] = []
    for number, line in enumerate(lines):
        if line.startswith(">"):
            continue
        kept.append(line)
        if not line.endswith(":"):
            continue
        quoted = next((lines[later] for later in range(number + 1, len(lines)) if lines[later]), "").startswith(">")
        if count := _attribution(kept, quoted=quoted):
            del kept[-count:]
            if not quoted:
                break  # the older mail follows with its lines unmarked
    return kept


def _attribution(kept: list[str], *, quoted: bool) -> int:
    """Return over how many of the last lines an "On Monday Ann wrote:" runs; 0 when they are somebody's own words.

    It names a time and an address, or stands right above quoted lines.
    """
    for count in range(1, min(MOST_WRAPPED, len(kept)) + 1):
        run = kept[-count:]
        whole = " ".join(run)
        if not run[0] or len(whole) > LONGEST_ATTRIBUTION:
            return 0
        bare = ADDRESS.sub("", whole)
        if not re.search(r"\d", bare) or not (ENDS.search(bare) or NAMED.search(whole)):
            continue
        if STARTS.match(whole) and (quoted or bare != whole):
            return count
        if bare != whole:
            above = kept[-count - 1] if len(kept) > count else ""
            return count + 1 if STARTS.match(above) and re.search(r"\d", above) else count
    return 0


def _unsigned(lines: list[str], *, closings: bool = True) -> list[str]:
    below = sum(1 for line in lines if line)
    for number, line in enumerate(lines):
        below -= bool(line)
        if not line or below > LONGEST_SIGNATURE:
            continue
        if line == DASHES:
            return lines[:number]
        if (DEVICE.fullmatch(line) or (closings and CLOSING.fullmatch(line))) and any(lines[:number]):
            rest = takewhile(lambda one: one != DASHES, lines[number + 1 :])
            if all(_is_signed(one) for one in rest if one):
                return lines[:number]
    return lines


def _is_signed(line: str) -> bool:
    """Say whether a line below a closing can only be name, post, place or number; anything else may be a word more."""
    if DEVICE.fullmatch(line):
        return True
    if len(line) > LONGEST_SIGNED or line[-1] in ".!?…" or POSTSCRIPT.match(line):
        return False
    return all(word[0].isupper() or not word[0].isalpha() or UNNAMED.fullmatch(word) for word in line.split())
