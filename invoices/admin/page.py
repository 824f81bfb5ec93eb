"""The page of one invoice: everything that is known about it, and the buttons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from invoices.actions.flow import OfferedBooking, step_voucher
from invoices.actions.intake import why_read_only
from invoices.admin.access import person
from invoices.admin.panels import panels
from invoices.admin.receipts import payment_rows
from invoices.admin.situation import offered_to, situation
from invoices.admin.ways import ASK, GUIDED, Offer, guided_ways, is_old, step_evidence
from invoices.admin.words import clock_text
from invoices.buttons import all_buttons
from invoices.models import Attempt, Evidence, Invoice, InvoicePdf
from invoices.permissions import may, who_may_sentence
from invoices.roles import Right
from invoices.timeline import timeline
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS, PRELIMINARY_STEPS, Step, booking_kind

NOTE_VOUCHER: Final = "note-voucher"
LOOK_UP: Final = "look-up"
FROM_THE_BOX: Final = ("abort", "skip")  # what the voucher box can go on to
LAST: Final = frozenset({"invalidate", "archive", "restore"})
LATEST: Final = 10
TIMELINE_AT_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class VoucherBox:
    """The box of article 000: the voucher and posting date of the booking that the step is about."""

    voucher: str
    posting_date: str
    origin: str
    url: str
    buttons: tuple[Offer, ...]


@require_safe
def show_invoice(request: HttpRequest, invoice: Invoice, site: Mapping[str, Any]) -> HttpResponse:
    """Show an invoice's page."""
    user = person(request)
    offered = offered_to(invoice)
    offers = offers_of(invoice, user, offered)
    box = _voucher_box(invoice, offered, offers)
    read_only = why_read_only(invoice)
    entries = timeline(invoice)
    sources = sorted({entry.source for entry in entries})
    source = request.GET.get("source", "")
    if source in sources:
        entries = [entry for entry in entries if entry.source == source]
    made = panels(invoice, user)
    evidence = step_evidence(invoice)
    ways = guided_ways(invoice, offers, evidence, offered)
    aside = {NOTE_VOUCHER, *((*GUIDED, ASK, LOOK_UP) if ways else ())}
    by_slug = {offer.button.slug: offer for offer in offers}
    context = {
        **site,
        "title": invoice.number,
        "invoice": invoice,
        "situation": situation(invoice, offered),
        "ways": ways,
        "works_now": [offer for offer in offers if not offer.why_not and offer.button.slug not in aside],
        "not_yours": _by_sentence(
            [
                offer
                for offer in offers
                if offer.why_not and offer.fits and offer.button.slug not in (GUIDED if ways else ())
            ]
        ),
        "not_now": _by_sentence([offer for offer in offers if not offer.fits]),
        "box": box,
        "why_read_only": read_only or _why_not_edit(invoice, user),
        "says_where_to_edit": bool(read_only) and invoice.step == Step.BOOKED,
        "lines": invoice.lines.all(),
        "payments": payment_rows(invoice, user),
        "pdf": InvoicePdf.objects.filter(invoice=invoice).first(),
        "messages_of": invoice.messages.all()[:LATEST],
        "attempts": Attempt.objects.filter(message__invoice=invoice).select_related("message").order_by("-pk")[:LATEST],
        "evidence": evidence,
        "evidence_is_old": is_old(evidence),
        "look_up": by_slug.get(LOOK_UP),
        "panels_first": [panel for panel in made if panel.is_first],
        "panels": [panel for panel in made if not panel.is_first],
        "entries": entries[:TIMELINE_AT_MOST],
        "entries_left_out": max(0, len(entries) - TIMELINE_AT_MOST),
        "sources": [(name, SOURCES.get(name, name)) for name in sources],
        "source": source,
    }
    return TemplateResponse(request, "admin/invoices/invoice/page.html", context)


SOURCES: Final = {
    "event": gettext_lazy("Events"),
    "attempt": gettext_lazy("Attempts"),
    "look-up": gettext_lazy("Look-ups"),
    "gate": gettext_lazy("Gate"),
}


def offers_of(invoice: Invoice, user: User, offered: OfferedBooking | None) -> list[Offer]:
    """Return every button with what it says to this person now; what puts things away stands last."""
    forward = {"post", "approve", "skip"} if offered else {"post", "approve"}
    offers = [
        Offer(
            button,
            reverse("admin:invoices_invoice_press", args=[invoice.pk, button.slug]),
            button.why_not(invoice, user),
            bool(button.works_from(invoice)),
            is_primary=button.slug in forward,
        )
        for button in all_buttons()
        if button.concerns(invoice)
    ]
    return sorted(offers, key=lambda offer: (not offer.is_primary, offer.button.slug in LAST))


def _by_sentence(offers: list[Offer]) -> list[tuple[str, list[Offer]]]:
    """Return the buttons that do not work, those with the same reason together."""
    found: dict[str, list[Offer]] = {}
    for offer in offers:
        found.setdefault(offer.why_not, []).append(offer)
    return list(found.items())


def starting_values(invoice: Invoice, offered: OfferedBooking | None) -> dict[str, Any]:
    """Return what the voucher and the posting date begin with: what was typed before, or what the ERP has."""
    if invoice.step not in (*INTEGRATION_STEPS, *ERROR_STEPS):
        return {}
    is_preliminary = invoice.step in PRELIMINARY_STEPS
    kept_date = invoice.preliminary_posting_date if is_preliminary else invoice.final_posting_date
    return {
        "voucher": step_voucher(invoice) or (offered.voucher if offered else ""),
        "posting_date": kept_date or (offered.posting_date if offered else None),
    }


def voucher_origin(invoice: Invoice, offered: OfferedBooking | None) -> str:
    """Say where the voucher in the box comes from."""
    typed = step_voucher(invoice)
    if offered is None:
        return _("Kept on the invoice.") if typed else _("Paste the voucher here if the ERP has the invoice.")
    late = invoice.messages.filter(kind=booking_kind(invoice.step)).exclude(voucher="").first()
    found = invoice.evidence.filter(kind=booking_kind(invoice.step), verdict=Evidence.Verdict.FOUND).first()
    if late is not None:
        said = _("The ERP answered the message after all: voucher %(voucher)s.")
        values = {"voucher": offered.voucher}
    else:
        said = _("Found in the ERP on %(when)s: voucher %(voucher)s.")
        values = {"voucher": offered.voucher, "when": clock_text(found.asked_at) if found else "–"}
    if typed and typed != offered.voucher:
        return _("Another voucher is kept on the invoice.") + " " + said % values
    return said % values


def _voucher_box(invoice: Invoice, offered: OfferedBooking | None, offers: list[Offer]) -> VoucherBox | None:
    by_slug = {offer.button.slug: offer for offer in offers}
    keep = by_slug.get(NOTE_VOUCHER)
    if keep is None or keep.why_not:
        return None
    values = starting_values(invoice, offered)
    posting_date = values.get("posting_date")
    return VoucherBox(
        voucher=values.get("voucher", ""),
        posting_date=posting_date.isoformat() if posting_date else "",
        origin=voucher_origin(invoice, offered),
        url=keep.url,
        buttons=tuple(by_slug[slug] for slug in FROM_THE_BOX if slug in by_slug and not by_slug[slug].why_not),
    )


def _why_not_edit(invoice: Invoice, user: User) -> str:
    return "" if may(user, Right.HAND_IN, invoice.client) else who_may_sentence(Right.HAND_IN, invoice.client)
