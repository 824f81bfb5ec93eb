"""The two guided ways on an invoice's page, side by side: "It is posted in the ERP" and "It is not posted in the ERP".

The verbs decide; what stands here says beforehand which way the evidence leads, and closes the one that it refutes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from invoices.actions.flow import EVIDENCE_LASTS, OfferedBooking
from invoices.admin.words import clock_text
from invoices.buttons import Button
from invoices.models import Evidence, Invoice
from invoices.workflow import BOOKING_KINDS, ERROR_STEPS, INTEGRATION_STEPS, booking_kind

POSTED: Final = "posted-in-erp"
NOT_POSTED: Final = "not-posted"
ASK: Final = "ask-handler"
GUIDED: Final = (POSTED, NOT_POSTED)
GUIDED_STEPS: Final = (*INTEGRATION_STEPS, *ERROR_STEPS)


@dataclass(frozen=True, slots=True)
class Offer:
    """A button as the page shows it; `why_not` is empty for one that works now."""

    button: Button
    url: str
    why_not: str
    fits: bool
    is_primary: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """One card: the button, what speaks for it or against it, and whether it is open."""

    offer: Offer
    because: str
    is_open: bool
    leads: bool  # the evidence says that it is this one
    may_edit: bool = False  # what is wrong can be corrected first


@dataclass(frozen=True, slots=True)
class Ways:
    """Both cards; `why_not` says who may, to a person who may not, and `ask` is their button."""

    cards: tuple[Way, ...]
    why_not: str
    ask: Offer | None


def step_evidence(invoice: Invoice) -> Evidence | None:
    """Return what the ERP, or a person, said last on the booking that the step is about; None for a step without."""
    if invoice.step not in GUIDED_STEPS:
        return invoice.evidence.filter(kind__in=BOOKING_KINDS).select_related("asked_by").first()
    return invoice.evidence.filter(kind=booking_kind(invoice.step)).select_related("asked_by").first()


def is_old(evidence: Evidence | None) -> bool:
    """Say whether the ERP is asked again before anything is done."""
    return evidence is None or evidence.asked_at < timezone.now() - EVIDENCE_LASTS


def must_say(invoice: Invoice) -> bool:
    """Say whether a person must say what they saw, because the ERP could not be asked."""
    evidence = step_evidence(invoice) if invoice.step in GUIDED_STEPS else None
    return (
        evidence is not None
        and evidence.verdict == Evidence.Verdict.COULD_NOT_ASK
        and timezone.now() - evidence.asked_at < EVIDENCE_LASTS + timedelta(minutes=1)
    )


def guided_ways(
    invoice: Invoice, offers: Sequence[Offer], evidence: Evidence | None, offered: OfferedBooking | None
) -> Ways | None:
    """Return the two cards in the steps where they begin; None elsewhere."""
    by_slug = {offer.button.slug: offer for offer in offers}
    both = [by_slug[slug] for slug in GUIDED if slug in by_slug and by_slug[slug].fits]
    if len(both) < len(GUIDED):
        return None
    posted, not_posted = both
    why_not = posted.why_not or not_posted.why_not
    found = evidence is not None and evidence.verdict == Evidence.Verdict.FOUND
    absent = evidence is not None and evidence.verdict == Evidence.Verdict.NOT_FOUND
    known = not is_old(evidence)
    odd = evidence is not None and found and bool(evidence.difference or evidence.matches > 1)
    return Ways(
        (
            Way(
                posted,
                _why_posted(evidence, offered, known=known),
                is_open=not why_not and not (known and (absent or odd)),
                leads=offered is not None and not odd and not absent,
            ),
            Way(
                not_posted,
                _why_not_posted(evidence, known=known),
                is_open=not why_not and not (known and found),
                leads=absent,
                may_edit=invoice.step in ERROR_STEPS,
            ),
        ),
        why_not,
        by_slug.get(ASK) if why_not else None,
    )


def _why_posted(evidence: Evidence | None, offered: OfferedBooking | None, *, known: bool) -> str:
    if evidence is not None and known:
        if evidence.verdict == Evidence.Verdict.NOT_FOUND:
            return _("The ERP was asked at %(when)s and does not have it.") % {"when": clock_text(evidence.asked_at)}
        if evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
            return _("The ERP could not be asked: look there yourself and say what you saw.")
        if evidence.matches > 1:
            return _("The ERP has more than one document. Void one of them there, then look it up again.")
        if evidence.difference:
            return _("What the ERP has differs from this invoice. Settle that first, then look it up again.")
    if offered is not None:
        values = {"voucher": offered.voucher}
        if offered.posting_date is None:
            return _("It goes on under voucher %(voucher)s.") % values
        values["day"] = date_format(offered.posting_date, "j M Y")
        return _("It goes on under voucher %(voucher)s, posted on %(day)s.") % values
    return _("The ERP is asked when you press; its voucher is filled in.")


def _why_not_posted(evidence: Evidence | None, *, known: bool) -> str:
    if evidence is not None and known:
        if evidence.verdict == Evidence.Verdict.FOUND:
            return _("The ERP has it already, under voucher %(voucher)s.") % {"voucher": evidence.voucher}
        if evidence.verdict == Evidence.Verdict.COULD_NOT_ASK:
            return _("The ERP could not be asked: look there yourself and say what you saw.")
        return _("The ERP was asked at %(when)s and does not have it.") % {"when": clock_text(evidence.asked_at)}
    return _("The ERP is asked when you press; if it has the invoice, nothing is sent.")
