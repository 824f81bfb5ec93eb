"""What of an error's words may be kept: without secrets; and what makes two of them the same. Reads no database."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

HIDDEN: Final = "•••"
SHORTEST_SECRET: Final = 4  # a shorter one would hide half of every text
NAMES: Final = (
    r"pass(?:word|wd|phrase)?|pwd|secret|client_?secret|shared_?secret|api_?key|apikey|token|access_?token|refresh_?token"
    r"|id_?token|sessionid|session_?id|cookie|private_?key|signature|sender_?password|credentials?"
)
# Each is linear in the text: it begins with fixed words, and what it takes afterwards is of one class.
SECRETS: Final = (
    re.compile(r"-----BEGIN [A-Z ]{1,40}-----[^-]*(?:-----END [A-Z ]{1,40}-----)?"),
    re.compile(r"(?P<kept>\bauthorization[\\\"']{0,8}\s{0,8}[=:]\s{0,8})[^\n\r\"'<>\\]+", re.IGNORECASE),
    re.compile(r"\b(?P<kept>bearer)\s+[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"\b(?P<kept>basic|token)\s+(?=[\w.~+/=-]{0,200}\d)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?"),  # a JSON web token
    re.compile(r"(?P<kept>://)[^\s/@:]{0,200}:[^\s/@]{1,200}(?=@)"),
    # name=…, name: …, "name": "…", with any number of escapes before the quotes
    re.compile(
        rf"(?P<kept>\b[\w-]{{0,40}}(?:{NAMES})[\w-]{{0,20}}[\\\"']{{0,8}}\s{{0,8}}[=:]\s{{0,8}})"
        r"(?:[\\]{0,4}\"[^\"]*\"?|[\\]{0,4}'[^']*'?|[^\s\"'<>&;,}\]]+)",
        re.IGNORECASE,
    ),
    # <name>…</name>, <ns:name a="b">…
    re.compile(
        rf"(?P<kept><(?:[\w-]{{1,40}}:)?[\w-]{{0,40}}(?:{NAMES})[\w-]{{0,20}}(?:\s[^<>]*)?>)[^<]+", re.IGNORECASE
    ),
)
DIFFERS: Final = re.compile(
    r"\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|‘[^’\n]{0,400}’|«[^»\n]{0,400}»"
    r"|(?<!\w)'[^'\n]{0,400}'(?!\w)"
    r"|\[[^\]\n]{0,40}\bid\b[^\]\n]{0,200}\]"  # [Support ID: …]
    r"|(?<!\S)(?=\S*[\d@])\S+",  # any word with a digit or an @: numbers, dates, ids, addresses of people
    re.IGNORECASE,
)
LONGEST: Final = 2_000


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without what looks like a secret, and without those that are `known`; NUL is taken out too."""
    text = text.replace("\x00", "").encode("utf-8", "replace").decode()
    for secret in known:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    for pattern in SECRETS:
        text = pattern.sub(lambda match: f"{match.groupdict().get('kept') or ''}{_gap(match)}{HIDDEN}", text)
    return text


def _gap(match: re.Match[str]) -> str:
    kept = match.groupdict().get("kept") or ""
    return " " if kept.isalpha() else ""


def common_words(text: str) -> str:
    """Return a text without what differs from one error to the next: quoted values, numbers, ids; at most 2,000."""
    return " ".join(DIFFERS.sub("…", text[: 2 * LONGEST]).split())[:LONGEST]


def key_of(system: str, code: str, words: str) -> str:
    """Return under which key errors are the same: by system, code and common words, whatever their case."""
    return sha256("\x1f".join((system, code, words.casefold())).encode()).hexdigest()
