"""Why a message is not taken, each with the sentence that its sender reads.

GateRefusal
├── Malformed        it is no XML that we read                            (402)
├── Unacceptable     it is read, but says what we cannot take             (400)
│   └── NotKnown     client, gate, identity, secret or network: never says which (400)
├── UnknownInvoice   no invoice of that number within the client          (403)
├── WrongStatus      the invoice's status does not allow it               (404)
└── Transient        it may work when it is sent again                    (500)
"""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cxmlgate import verdicts
from cxmlgate.verdicts import Verdict


class GateRefusal(Exception):  # noqa: N818 (a refusal is an answer, not an accident)
    """A message that changed nothing, and why."""

    verdict: ClassVar[Verdict]

    def __init__(self, reason: str | Promise) -> None:
        """Take the sentence for the sender."""
        self.reason = reason
        super().__init__(reason)


class Malformed(GateRefusal):
    """It is no XML that we read."""

    verdict = verdicts.MALFORMED


class Unacceptable(GateRefusal):
    """It is read, but says what we cannot take."""

    verdict = verdicts.PERMANENT


class NotKnown(Unacceptable):
    """Unknown client, disabled gate, wrong identity, secret and network look exactly alike from outside."""

    def __init__(self, for_staff: str = "") -> None:
        """Say the one sentence; `for_staff` is kept beside it and never answered."""
        self.for_staff = for_staff
        super().__init__(_("The sender is not known here: check the address, the identity and the shared secret."))


class UnknownInvoice(GateRefusal):
    """No invoice of that number within the client."""

    verdict = verdicts.NOT_FOUND


class WrongStatus(GateRefusal):
    """The invoice's status does not allow it."""

    verdict = verdicts.WRONG_STATUS


class Transient(GateRefusal):
    """It may work when it is sent again."""

    verdict = verdicts.TRANSIENT
