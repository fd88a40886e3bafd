"""Whose words a mail's text holds: what was quoted and signed is cut away, in one pass, never a writer's own line."""

import re

from tracker.mime import ORIGINAL

MOST_WRAPPED = 4
"""Lines over which a mail program wraps "On Monday … wrote:"."""

ADDRESS = re.compile(r"<[^<>\s@]{1,100}@[^<>\s@]{1,255}>")
NAMED = re.compile(r">\s?:$")
LONGEST_ATTRIBUTION = 600
STARTS = re.compile(r"(?:On|Am|Le|El)\b", re.IGNORECASE)
ENDS = re.compile(r"\b(?:wrote|schrieb(?: [^:]{1,200})?|a écrit|escribió)\s?:$", re.IGNORECASE)
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
    r"(?:Sent from (?:my|Mail|Outlook|Yahoo|Proton)|Get Outlook for|Von meinem .{1,40} gesendet|Gesendet (?:von|mit)"
    r"|Holen Sie sich Outlook|Outlook für|Envoyé (?:de(?:puis)? mon|à partir de)|Télécharge[rz] Outlook|Obtenez Outlook"
    r"|Enviado (?:desde|con)|Obt(?:ener|én) Outlook|Descarga(?:r)? Outlook).{0,100}",
    re.IGNORECASE,
)
LONGEST_SIGNATURE = 15
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
    """Return a text without the signature; what it quotes or forwards stays, it may be the matter itself."""
    return _joined(_unsigned(_lines(text), closings=False))


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").replace("\u202f", " ")
    return [line.strip() for line in text.split("\n")]


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
            while above >= 0 and (not lines[above] or RULE.fullmatch(lines[above])):
                above -= 1
            return lines[: above + 1]
    return lines


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
        if number and line == "--":
            return lines[:number]
        ends = DEVICE.fullmatch(line) or (closings and CLOSING.fullmatch(line))
        if ends and below <= LONGEST_SIGNATURE and any(lines[:number]):
            return lines[:number]
        below -= bool(line)
    return lines
