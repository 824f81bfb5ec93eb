"""Words of the pages: lengths of time, moments, amounts, and which colour goes with which state."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from invoices.models import Attempt, Evidence
from invoices.money import MINOR_UNITS, rounded
from invoices.workflow import MessageState, PaymentState, Status, Step

STEP_TONES: Final[dict[str, str]] = {
    Step.DRAFT: "quiet",
    Step.PRELIMINARY_INTEGRATION: "wait",
    Step.FINAL_INTEGRATION: "wait",
    Step.PRELIMINARY_ERROR: "bad",
    Step.FINAL_ERROR: "bad",
    Step.APPROVAL: "todo",
    Step.BOOKED: "good",
    Step.INVALIDATED: "off",
}
STATUS_TONES: Final[dict[str, str]] = {
    Status.NONE: "quiet",
    Status.OK_TO_PAY: "todo",
    Status.OPEN: "todo",
    Status.PROCESSING_PAYMENT: "wait",
    Status.PARTIALLY_PAID: "wait",
    Status.PAID: "good",
    Status.DENIED: "bad",
    Status.FAILED_ERP_VALIDATION: "bad",
}
MESSAGE_TONES: Final[dict[str, str]] = {
    MessageState.PENDING: "wait",
    MessageState.SENDING: "wait",
    MessageState.UNKNOWN: "warn",
    MessageState.CONFIRMED: "good",
    MessageState.REFUSED: "bad",
    MessageState.ABORTED: "off",
}
OTHER_TONES: Final[dict[str, str]] = {
    Attempt.Outcome.OPEN: "wait",
    Attempt.Outcome.NOT_SENT: "quiet",
    Attempt.Outcome.UNCERTAIN: "warn",
    Evidence.Verdict.FOUND: "good",
    Evidence.Verdict.NOT_FOUND: "quiet",
    Evidence.Verdict.COULD_NOT_ASK: "warn",
    PaymentState.AUTHORIZED: "wait",
    PaymentState.SUCCEEDED: "good",
    PaymentState.FAILED: "bad",
    PaymentState.VOIDED: "off",
    "info": "quiet",
    "warning": "warn",
    "error": "bad",
}


def span(length: timedelta) -> str:
    """Return a length of time in its two largest units, e.g. 3 h 12 min."""
    seconds = max(0, int(length.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days >= 10:
        return _("%(days)s d") % {"days": days}
    if days:
        return _("%(days)s d %(hours)s h") % {"days": days, "hours": hours}
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)s min") % {"minutes": minutes}
    return _("%(seconds)s s") % {"seconds": seconds}


def clock_text(moment: datetime) -> str:
    """Return a moment as it stands on the pages, in UTC."""
    return date_format(timezone.localtime(moment), "j M Y, H:i:s") + " UTC"


def amount_text(amount: Decimal, currency: str) -> str:
    """Return an amount with the digits of its currency and its thousands set apart."""
    exact = rounded(amount, currency) if currency in MINOR_UNITS else amount.normalize()
    return f"{exact:,f}"
