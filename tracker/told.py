"""NEVER TELL IT TWICE: what a customer was asked on a timeline, what they answered, and what is asked again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from rapidfuzz import fuzz, process
from sqlalchemy import select

from tracker import disclosure, richtext, store
from tracker.kinds import KINDS
from tracker.models import Event, Ticket

COVERED, COVERING = 0.5, 0.8
"""Which part of an earlier question's words a new one asks for at least, and of its own: "router" asks for less than
"serial number of the router", and "serial number of the modem" for something else."""
SAME_WORD = 88
"""From which likeness on (0 to 100) two words count as the same: "riser" and "risers"."""
MOST_READ = 300
MOST_CHARACTERS = 100_000
"""How many of the newest entries with words are read, and how much of them: all that a usual ticket says."""
MOST_ASKED = 10
"""Questions of one text that are looked up: nobody asks more at once and means it."""
MOST_LISTED = 100
"""Questions of one ticket that are known, the newest."""
MOST_CARRYING = 12
"""Words of one question that are compared."""
EXCERPT = 280
QUESTION_MARKS = "?؟？;"
TOLD = ("opened", "reply", "reopened")
ASKED = frozenset(name for name, kind in KINDS.items() if kind.is_word)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SENTENCE = re.compile(r"(?:[^.!?…؟？。]++|\.(?!\s|$))+(?:[!?…؟？。]+|\.)?")
"""A point within a word ends no sentence. It matches wherever a sentence begins, so that no text is read twice."""
_WORD = re.compile(r"[^\W_]+")
_STEM = re.compile(r"(.{5,}?)(?:ing|e[dns]?|(?<!s)s)?")
"""A word without what it is said with besides: a restart, restarted, restarting."""
_ASKS = {
    "what": "what which welche welcher welches welchen welchem was quel quelle quels quelles quoi que qué cuál cuáles",
    "where": "where wo wohin woher où dónde adónde",
    "when": "when wann quand cuándo since seit",
    "who": "who whom whose wer wem wen wessen qui quién quiénes",
    "why": "why warum weshalb wieso pourquoi",
    "how": "how wie wieviel wieviele comment combien cómo cuánto cuántos cuánta cuántas",
}
_ASKING = {word: asks for asks, words in _ASKS.items() for word in words.split()}
_EMPTY = _words(
    """a an the is are was were be been am do does did has have had can could will would shall should may might must
    s you your yours we our us i me my it its he she they them this that these those there here of in on at to for from
    by with and or if so as not no yes please tell let know exactly again still just now also about any some yet already
    der die das den dem des ein eine einen einem einer ist sind war waren sein haben hat hatte können kann könnten wird
    werden würden soll sollen sie ihr ihre ihren ihrem uns unser wir ich mir mich es er man dies diese dieser dieses von
    vom in im an am auf zu zum zur für mit und oder wenn nicht kein keine bitte sagen noch mal genau jetzt auch denn
    schon bereits
    le la les un une des du de d l est sont était être avez avoir a-t-il pouvez peut vous votre vos nous notre je moi il
    elle ils on ce cette ces y en à au aux pour par avec et ou si ne pas s'il plaît dire encore déjà exactement
    el los las una unos unas es son era ser tiene tienen ha han puede podría usted su sus nos nuestro yo me él ella esto
    esta este en al para por con y o no sí favor decir todavía ya"""
)
_GIVE = _words(
    """tell send give provide share name state forward
    sagen schicken senden geben nennen mitteilen sag sage schick schicke sende gib nenne teile teilen mit
    dire envoyer donner indiquer communiquer dites envoyez donnez indiquez dis envoie donne
    decir enviar dar indicar mandar decirme decirnos enviarme enviarnos darme darnos indicarme indicarnos mandarme
    mandarnos dígame díganos envíeme envíenos deme denos indíqueme indíquenos mándeme mándenos"""
)
_HAVE = _words("have get know haben wissen erfahren bekommen avoir connaître savoir tener saber")
_NEED = _words("need still brauche brauchen benötige benötigen noch besoin ai avons necesito necesitamos")
_POLITE = _words(
    "veuillez merci por favor könntest kannst würdest darf dürfen dürften pourriez peux pourrais pouvons puis"
    " puedo podemos podría podrías pueden puedes"
)
_TRY = _words("try tried trying attempted versucht probiert ausprobiert essayé intentado probado")
"""What a question of something tried begins with: have you tried a restart, did you restart it."""
_WHETHER = _words("whether if ob si")
_HOW_IT_IS_CALLED = re.compile(r"\bwie (?:lauten?t?|hei(?:ß|ss)t|hei(?:ß|ss)en)\b")
_A_FEW, _MANY = r"(?:\W+\w+){0,3}?\W+", r"(?:\W+\w+){0,12}?\W+"


def _any(words: frozenset[str]) -> str:
    return rf"(?:{'|'.join(sorted(words))})\b"


_REQUEST = re.compile(
    rf"\b(?:(?:(?:could|can|would|will) you|please|bitte|veuillez|merci de|por favor){_A_FEW}{_any(_GIVE)}"
    rf"|(?:könn(?:en|ten|test)|kannst|würde(?:n|st)|pou(?:v|rri)ez|peux|pourrais|puede[ns]?|podría[ns]?){_MANY}"
    rf"{_any(_GIVE)}"
    rf"|{_any(_GIVE)}\W(?:sie\W)?(?:me|us|mir|uns|moi|nous)\b"
    rf"|(?:may|can|could) (?:i|we) (?:please )?(?:have|get|know) (?:your|the)\b"
    rf"|(?:darf ich|dür(?:fen|ften) wir|puis-je|pou(?:vons-nous|rrais-je)|puedo|podemos|podría){_MANY}{_any(_HAVE)}"
    r"|(?:i|we)(?: still| also| just){0,2} need (?:your|the|to know)\b"
    r"|(?:ich|wir) (?:brauchen?|benötigen?)(?: noch)? (?:ihren?|deinen?|die|den|das)\b"
    r"|(?:j['’]ai|nous avons)(?: encore)? besoin d|necesit(?:o|amos) (?:su|tu|el|la)\b)"
)
"""What asks for something without asking what it is: could you tell me, please send us, I need your."""
_FRAME = _GIVE | _HAVE | _NEED | _POLITE
_YES_OR_NO = _words(
    """is are was were am do does did has have had can could will would shall should may might must
    ist sind war waren hat haben kann können wird werden est sont a ont avez es son está están ha han tiene"""
)
MOST_NAMED = 5
"""Words of a question that only names what it wants: "Serial number of the router?"."""
_CONTACT = {
    "phone": _words("phone telephone mobile telefon telefonnummer handynummer téléphone teléfono"),
    "email": _words("email mail mailadresse courriel correo"),
}
_NUMBER = _words("number address best nummer adresse beste numéro número dirección meilleur mejor")


@dataclass(frozen=True)
class Question:
    """A question, and what the customer said to it. `seq`s name the entries; an answer of seq 0 is their contact."""

    words: str
    asked_seq: int
    answer: str = ""
    answer_seq: int = 0


@dataclass
class Record:
    """What was asked and told on one ticket, as its staff may read it."""

    asked: list[Question] = field(default_factory=list)
    told: list[tuple[int, str]] = field(default_factory=list)
    """Sentences of the customer, each with its entry."""
    contact: dict[str, str] = field(default_factory=dict)

    @cached_property
    def bare(self) -> list[tuple[int, str, frozenset[str]]]:
        """What was told and asks for nothing itself: entry, sentence, and its words in small letters."""
        said = ((seq, one) for seq, one in self.told if not (_is_question(one) or _REQUEST.match(one.casefold())))
        return [(seq, one, frozenset(_WORD.findall(one.casefold()))) for seq, one in said]

    @cached_property
    def vocabulary(self) -> list[str]:
        """Every word of these once, so that a question's words are compared with each of them once."""
        return list(frozenset().union(*(words for _, _, words in self.bare)))

    @cached_property
    def stems(self) -> dict[str, list[str]]:
        """The same by their stems."""
        return _by_stem(self.vocabulary)


def record(ticket: Ticket) -> Record:
    """Return what was asked and told on a ticket. What customers say next answers all that was asked before it."""
    found, waiting = Record(contact={"phone": ticket.phone, "email": ticket.email}), list[Question]()
    for event, words in _spoken(ticket):
        if event.kind in ASKED:
            waiting += [Question(one, event.seq) for one in _asked(event, words)]
            continue
        found.told += [(event.seq, one) for one in _sentences(words)]
        found.asked += [replace(one, answer=_short(words), answer_seq=event.seq) for one in waiting]
        waiting = []
    found.asked = [*found.asked, *waiting][-MOST_LISTED:]
    return found


def again(ticket: Ticket, text: str) -> list[Question]:
    """Return the questions in a text that this customer has answered already, with their answers."""
    asked = [one for one in _sentences(richtext.plain_text(text)) if _asks(one)][:MOST_ASKED]
    if not asked:
        return []
    known = record(ticket)
    return [answered for one in asked if (answered := _answered(one, known))]


def _answered(question: str, known: Record) -> Question | None:
    asks, words = _essence(question)
    if not words:
        return None
    for kind, names in _CONTACT.items():
        if names & set(words) and set(words) <= names | _NUMBER and known.contact[kind]:
            return Question(question, 0, known.contact[kind])
    for one in reversed(known.asked):
        if one.answer and _same(asks, words, *_essence(one.words)):
            return replace(one, words=question)
    if asks:  # yes or no may have changed since; what, where and when they told once
        spelt = [frozenset(_likes(word, known.vocabulary, known.stems)) for word in words]
        for seq, sentence, theirs in known.bare:
            if all(theirs & likes for likes in spelt) and (len(words) > 1 or _names_one(sentence)):
                return Question(question, 0, _short(sentence), seq)
    return None


def _names_one(sentence: str) -> bool:
    """Tell whether a sentence that shares one word with a question tells which: "flat 12", not "in the flat"."""
    return any(character.isdigit() for character in sentence)


def _same(asks: str, words: Sequence[str], others_ask: str, others: Sequence[str]) -> bool:
    if asks != others_ask or not others:
        return False
    stems = _by_stem(others)
    met = [frozenset(_likes(word, others, stems)) for word in words]
    covered = len(frozenset().union(*met)) / len(frozenset(others))
    return covered > COVERED and sum(map(bool, met)) / len(words) >= COVERING


def _likes(word: str, words: Sequence[str], stems: Mapping[str, Sequence[str]]) -> Iterator[str]:
    found = process.extract_iter(word, words, scorer=fuzz.ratio, score_cutoff=SAME_WORD)
    yield from (one for one, _likeness, _place in found)
    yield from stems.get(_stem(word), ())


def _by_stem(words: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        found.setdefault(_stem(word), []).append(word)
    return found


def _stem(word: str) -> str:
    found = _STEM.fullmatch(word)
    return found[1] if found else word


@lru_cache(maxsize=512)
def _essence(question: str) -> tuple[str, tuple[str, ...]]:
    """Return what a question asks for (what, where, …, or "" for yes and no) and the words that carry it."""
    said = _HOW_IT_IS_CALLED.sub("was", question.casefold())
    words, requested = _WORD.findall(said), _REQUEST.search(said) is not None
    carrying = [word for word in words if word not in _ASKING and word not in _EMPTY]
    if requested:
        carrying = [word for word in carrying if word not in _FRAME]
    carrying = [word for word in carrying if word not in _TRY] or carrying
    asks = next((_ASKING[word] for word in words if word in _ASKING), "")
    if not asks and (_names_alone(words, carrying) or (requested and _WHETHER.isdisjoint(words))):
        asks = "what"
    return asks, tuple(carrying[:MOST_CARRYING])


def _names_alone(words: Sequence[str], carrying: Sequence[str]) -> bool:
    """Tell whether a question is but the name of what it wants: "Serial number?"."""
    return len(carrying) > 1 and len(words) <= MOST_NAMED and _YES_OR_NO.isdisjoint(words)


def _asked(event: Event, words: str) -> list[str]:
    found = [one for one in _sentences(words) if _asks(one)]
    return found or ([_short(words)] if event.kind == "waiting" and words else [])


def _asks(sentence: str) -> bool:
    return _is_question(sentence) or _REQUEST.search(sentence.casefold()) is not None


def _is_question(sentence: str) -> bool:
    return sentence[-1:] in QUESTION_MARKS


def _sentences(words: str) -> list[str]:
    return [one.strip() for one in _SENTENCE.findall(words) if one.strip()]


def _spoken(ticket: Ticket) -> Iterator[tuple[Event, str]]:
    """Yield the words of both sides, oldest first, as staff reads them now: corrected, without those that were hidden.

    Of a long story the newest part.
    """
    query = select(Event).where(Event.ticket_id == ticket.id, Event.kind.in_((*TOLD, *ASKED, "corrected")))
    better: dict[int, str] = {}
    spoken: list[tuple[Event, str]] = []
    left = MOST_CHARACTERS
    for event in store.session().scalars(query.order_by(Event.seq.desc()).limit(MOST_READ)):
        html = disclosure.body_html(event, "staff")
        left -= len(html)
        if left < 0:
            break
        if event.kind == "corrected":
            better[event.seq] = html
        elif event.redacted_by is None and html:
            spoken.append((event, richtext.plain(better.get(event.corrected_by or 0, html))))
    return reversed(spoken)


def _short(words: str) -> str:
    return words if len(words) <= EXCERPT else words[: EXCERPT - 1].rsplit(" ", 1)[0] + "…"
