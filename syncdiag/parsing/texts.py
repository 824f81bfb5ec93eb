"""Plain texts, HTML pages and forms turned into errors: what people paste, proxies show, and Web Connector logs."""

import re
from html import unescape
from typing import Final
from urllib.parse import parse_qs

from syncdiag.parsing.said import LONGEST_TEXT, SaidError

LONGEST_PAGE: Final = 64 * 1024
LONGEST_WRAPPED: Final = 60  # a line that is shorter was ended by who wrote it, and not by the width of a window

_IS_HTML: Final = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body|title|h[1-6]|center|p|div|br|pre)\b",
    re.IGNORECASE | re.DOTALL,
)
_UNSHOWN: Final = re.compile(r"<(script|style|svg)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_HEADLINE: Final = re.compile(r"<(title|h1|h2)\b[^<>]*>([^<]*)", re.IGNORECASE)
_TAG: Final = re.compile(r"<[^<>]*>")
_STATUS: Final = re.compile(r"\b([45]\d\d)\b")

_SYSTEM_CODES: Final = {
    "quickbooks_online": r"\d{3,6}|ONL\d{3}",
    "quickbooks_desktop": r"\d{3,4}|0x[0-9A-F]{8}|QBWC\d{3,5}|DESK\d\d",
    "sage_intacct": r"(?:[A-Z]{2}\d{8}|[A-Z]{2,4}-\d{4}|INT\d{3})",
    "myob": r"-?\d{1,5}",
    "xero": r"\d{1,3}|XERO\d\d",
    "netsuite": r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+",
}
# Codes that no text has by chance, whichever system is looked at.
_ANY_CODE: Final = r"[A-Z]{2}\d{8}|GW-\d{4}|REST-\d{4}|0x8004[0-9A-F]{4}|QBWC\d{4,5}|[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+"
_NAMED_CODE: Final = re.compile(
    r"\b(?:error[ _]?(?:code|no|number)|status[ _]?code|code|error)\s*[:=#]?\s*[\"'\[(]?"
    r"(-?\d{3,6}|[A-Z]{2}\d{8}|0x[0-9A-F]{8})\b",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"\A\s*(?:(?:error|fault|exception|failed|failure)\s*[:!\-–]\s*)+", re.IGNORECASE)
_LABEL: Final = re.compile(
    r"\s*(?P<label>(?:error[ _]?)?(?:code|number|no|message|details?|description2?|correction|field|element)"
    r"|support id|trace id|request id|intuit_tid|fault ?string|fault ?code)\s*[:=]\s*(?P<words>.*)",
    re.IGNORECASE,
)
_LABELS: Final = {
    "code": "code",
    "number": "code",
    "no": "code",
    "faultcode": "code",
    "message": "message",
    "faultstring": "message",
    "description2": "message",
    "detail": "detail",
    "details": "detail",
    "description": "detail",
    "correction": "detail",
    "field": "field",
    "element": "field",
}
_BULLET: Final = re.compile(r"\A\s*(?:[-*•·]|\d{1,2}[.)])\s+")
_NOTHING_WRONG: Final = re.compile(
    r"[\s\"']*(?:ok(?:ay)?|true|null|none|success(?:ful(?:ly)?)?|done|created|accepted|no errors?|status ok|\d{1,3})?"
    r"[\s.!\"']*",
    re.IGNORECASE,
)


def is_html(text: str, content_type: str) -> bool:
    """Say whether a text is a page for people."""
    return bool(_IS_HTML.match(text)) or ("html" in content_type.lower() and text.lstrip()[:1] == "<")


def read_page(text: str, status: int | None) -> SaidError:
    """Return the one error that a page for people is, where an answer for a program was asked for."""
    shown = _UNSHOWN.sub(" ", text[:LONGEST_PAGE])
    headlines = [_plain(words) for _, words in _HEADLINE.findall(shown)]
    headline = max(headlines, key=lambda words: bool(words) + bool(_STATUS.search(words)), default="")
    found = _STATUS.search(headline)
    number = str(status) if status and (status >= 400 or not found) else found[1] if found else ""
    rest = _plain(_TAG.sub(" ", shown))
    return SaidError(
        code=f"HTTP {number}" if number else "",
        message=f"An HTML page came instead of data: {headline}" if headline else "An HTML page came instead of data.",
        detail=rest[:1_000] if rest != headline else "",
    )


def read_form(text: str) -> SaidError | None:
    """Return the error of OAuth 1's `oauth_problem=…&oauth_problem_advice=…`."""
    begun = text.find("oauth_problem=")
    if begun < 0:
        return None
    fields = parse_qs(text[begun : begun + LONGEST_TEXT])
    problem = fields.get("oauth_problem", [""])[0]
    return SaidError(problem, problem, fields.get("oauth_problem_advice", [""])[0]) if problem else None


def read_text(system: str, text: str) -> list[SaidError]:
    """Return the errors of what a person pasted: several lines may be one error, or several."""
    form = read_form(text)
    if form is not None:
        return [form]
    blocks = re.split(r"\n\s*\n", text.replace("\r\n", "\n"))
    return [error for block in blocks for error in _read_block(system, block)]


def says_nothing_wrong(text: str) -> bool:
    """Say whether a plain text is what a system says when all went well."""
    return bool(_NOTHING_WRONG.fullmatch(text[:100])) and len(text) <= 100


def _read_block(system: str, block: str) -> list[SaidError]:
    labelled = _read_labelled(block)
    if labelled is not None:
        return [labelled]
    return [error for words in _split(system, block) if (error := _read_sentence(system, words)).message]


def _read_labelled(block: str) -> SaidError | None:
    """Return the error of lines like "Code: 6140" and "Message: …"; None where they are not such."""
    found: dict[str, str] = {}
    for line in block.splitlines():
        label = _LABEL.match(line)
        if label is None:
            if line.strip() and not found:
                return None
            continue
        name = label["label"].lower().replace("error", "").strip(" _").replace(" ", "")
        name = _LABELS.get(name, "trace_id")
        words = label["words"].strip().strip('",')
        found[name] = f"{found[name]} {words}" if name in found else words
    message = found.get("message") or found.get("detail")
    if not message or len(found) < 2:
        return None
    return SaidError(
        code=found.get("code", ""),
        message=message,
        detail=found.get("detail", "") if "message" in found else "",
        field=found.get("field", ""),
        trace_id=found.get("trace_id", ""),
    )


def _split(system: str, block: str) -> list[str]:
    """Return a block's errors: a line goes on where the width of a window broke it."""
    errors: list[str] = []
    last = ""
    for line in block.splitlines():
        if not line.strip():
            continue
        words = _PREFIX.sub("", _BULLET.sub("", line, count=1)).strip() or line.strip()
        begins = (
            not errors
            or _BULLET.match(line) is not None
            or _code_at_start(system, words) is not None
            or last.endswith((".", "!", "]"))
            or (len(last) < LONGEST_WRAPPED and words[:1].isupper() and not last.endswith((":", ",")))
        )
        if begins and errors and words.lower().startswith(errors[-1].lower().rstrip(" :.")):
            begins = False  # "Title", and below it "Title: the detail"
            errors.pop()
            errors.append(words)
        elif begins:
            errors.append(words)
        else:
            errors[-1] = f"{errors[-1]} {words}"
        last = words
    return errors


def _read_sentence(system: str, words: str) -> SaidError:
    """Return the error of a sentence, with the code where it names one."""
    code, rest = _code_at_start(system, words) or ("", words)
    if not code:
        named = _NAMED_CODE.search(words) or re.search(rf"\b({_ANY_CODE})\b", words)
        code = named[1] if named else ""
    return SaidError(code=code, message=rest)


def _code_at_start(system: str, words: str) -> tuple[str, str] | None:
    """Return the code that a text begins with, and what follows it."""
    codes = "|".join(filter(None, (_SYSTEM_CODES.get(system), _ANY_CODE)))
    found = re.match(
        rf"(?:[Ee]rror\s+)?(?:[Cc]ode\s+|[Nn]o\.?\s+|[Nn]umber\s+|#)?[\[(]?({codes})[\])]?(?:\s*[:\-–|]\s*|\s+(?=[A-Z\"'])|(?<=[\])])\s*)(\S.*)",
        words,
        re.DOTALL,
    )
    return (found[1], found[2]) if found else None


def _plain(words: str) -> str:
    return " ".join(unescape(words).split())
