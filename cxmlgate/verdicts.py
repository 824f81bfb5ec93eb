"""The answers of article 003, and no others; their words are the contract and are never translated."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer says in `Status`: the number and the words beside it."""

    code: int
    text: str


OK: Final = Verdict(200, "OK")
ALREADY_RECEIVED: Final = Verdict(200, "Invoice Update Already Received")
PERMANENT: Final = Verdict(400, "Permanent Error")
MALFORMED: Final = Verdict(402, "Malformed Message")
NOT_FOUND: Final = Verdict(403, "Invoice Not Found")
WRONG_STATUS: Final = Verdict(404, "Invoice In Wrong Status")
TRANSIENT: Final = Verdict(500, "Transient Error - Please resend")

ALL: Final = (OK, ALREADY_RECEIVED, PERMANENT, MALFORMED, NOT_FOUND, WRONG_STATUS, TRANSIENT)
