"""What the gate answers: a cXML Response that every client we know of can read.

The DOCTYPE stands there because some clients fail without it; the reason stands in the content because some read
only that, and the contract's words in `text` because others read only those.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from django.utils import timezone
from django.utils.functional import Promise

from cxmlgate.verdicts import Verdict

CONTENT_TYPE: Final = "text/xml; charset=utf-8"
DOCTYPE: Final = '<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.069/cXML.dtd">'
LONGEST_REASON: Final = 1000


@dataclass(frozen=True, slots=True)
class Profile:
    """What a ProfileRequest is told: since when, and under which address."""

    effective_since: datetime
    address: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, ready to be sent; `xml` is UTF-8."""

    verdict: Verdict
    reason: str
    xml: bytes


def compose_answer(verdict: Verdict, reason: str | Promise, *, profile: Profile | None = None) -> Answer:
    """Return the cXML Response with a payloadID and a timestamp of its own."""
    said = str(reason)[:LONGEST_REASON]
    xml = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"{DOCTYPE}\n"
        f'<cXML payloadID="{uuid.uuid4().hex}@unstuck" xml:lang="en"'
        f' timestamp="{timezone.now().isoformat(timespec="seconds")}">\n'
        "<Response>\n"
        f"{_status_opening(verdict)}{escape(said)}</Status>\n"
        f"{_profile_xml(profile) if profile else ''}"
        "</Response>\n"
        "</cXML>\n"
    )
    return Answer(verdict, said, xml.encode())


@lru_cache(maxsize=20)
def _status_opening(verdict: Verdict) -> str:
    return f"<Status code={quoteattr(str(verdict.code))} text={quoteattr(verdict.text)}>"


def _profile_xml(profile: Profile) -> str:
    transactions = "".join(
        f'<Transaction requestName="{name}"><URL>{escape(profile.address)}</URL></Transaction>\n'
        for name in ("ProfileRequest", "StatusUpdateRequest")
    )
    since = profile.effective_since.isoformat(timespec="seconds")
    return f'<ProfileResponse effectiveDate="{since}">\n{transactions}</ProfileResponse>\n'
