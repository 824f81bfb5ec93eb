"""One error that another system said, and how much of what it said is looked at."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LONGEST_ANSWER: Final = 256 * 1024  # characters; the rest of an answer is not looked at
LONGEST_ORIGINAL: Final = 64 * 1024  # characters kept of it
LONGEST_TEXT: Final = 4_000  # characters of one message or detail: Tryton's domain errors carry 27 kB of definitions
LONGEST_WORD: Final = 200  # characters of a code, a field or a trace id
MOST_ERRORS: Final = 200
WORDLESS: Final = "The answer has no words that can be shown."

# What no database column and no page takes: control characters, and halves of characters outside the basic plane.
_UNSTORABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SUPPORT_ID: Final = re.compile(
    r"\s*\[(?:Support|Request|Trace|Correlation) ID:? *([^\]\s]{1,200})\s*\]", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class SaidError:
    """One error as another system said it; every field may be empty."""

    code: str = ""
    message: str = ""
    detail: str = ""
    field: str = ""
    trace_id: str = ""
    original: str = ""  # the whole answer that it was in, as it came

    @property
    def text(self) -> str:
        """Message and detail as "message: detail", without saying the same twice."""
        if not self.detail or self.detail in self.message:
            return self.message
        if self.detail.startswith(self.message):
            return self.detail
        return f"{self.message.removesuffix(':')}: {self.detail}"


def storable(text: str) -> str:
    """Return a text that can be kept and shown."""
    return _UNSTORABLE.sub("", text)


def support_id_in(text: str) -> str:
    """Return the id that Intacct puts at the end of a text in brackets."""
    found = _SUPPORT_ID.search(text)
    return found[1] if found else ""


def without_support_ids(text: str) -> str:
    """Return a text without the ids in brackets, which differ at every call."""
    return _SUPPORT_ID.sub("", text) if "[" in text else text


def each_once(errors: Iterable[SaidError], original: str) -> tuple[SaidError, ...]:
    """Return errors as they can be kept, in their order, without those that say what an earlier one said."""
    seen: dict[tuple[str, str, str], SaidError] = {}
    for error in errors:
        kept = SaidError(
            code=_kept(error.code, LONGEST_WORD),
            message=_kept(error.message, LONGEST_TEXT) or WORDLESS,
            detail=_kept(error.detail, LONGEST_TEXT),
            field=_kept(error.field, LONGEST_WORD),
            trace_id=_kept(error.trace_id or support_id_in(error.message), LONGEST_WORD),
            original=original,
        )
        text = " ".join(without_support_ids(kept.text).lower().split())
        seen.setdefault((kept.code.lower(), text, kept.field), kept)
        if len(seen) == MOST_ERRORS:
            break
    return tuple(seen.values())


def _kept(text: str, longest: int) -> str:
    return storable(text).strip()[:longest].rstrip()
