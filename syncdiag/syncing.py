"""Why is it not as in the accounting system, and why is there no PDF? Functions over what the last sync left behind."""

from collections.abc import Iterator
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices.models import Event, Invoice, InvoicePdf
from invoices.workflow import Step
from syncdiag.findings import Finding, Proof, moment_text

Trouble = InvoicePdf.Trouble
# What is wrong, and what mends it.
PDF_TROUBLES: Final[dict[str, tuple[str | Promise, str | Promise]]] = {
    Trouble.NONE: (
        gettext_lazy("The accounting system has no PDF of it."),
        gettext_lazy("Have it printed there, then press Re-sync."),
    ),
    Trouble.TOO_LARGE: (
        gettext_lazy("Its PDF is larger than 20 MB, so it was not fetched."),
        gettext_lazy("Have it made smaller there (pictures, attachments), then press Re-sync."),
    ),
    Trouble.NOT_PDF: (
        gettext_lazy("What the accounting system sent as its PDF is none."),
        gettext_lazy("Open it there to see what it is; when it is right, press Re-sync."),
    ),
    Trouble.FAILED: (
        gettext_lazy("Its PDF could not be fetched."),
        gettext_lazy("Press Re-sync when the accounting system answers again."),
    ),
}


def why_not_synced(invoice: Invoice) -> Iterator[Finding]:
    """Give what keeps a booked invoice from being the same on both sides."""
    if not invoice.is_synced or invoice.is_archived:
        return
    if invoice.erp_state == Invoice.InErp.MISSING:
        yield Finding(
            "missing-in-erp",
            _("The accounting system does not have it any more."),
            (Proof(_("id there"), invoice.remote_id), *_when(invoice, "missing_in_erp")),
            _("If it was deleted there on purpose, archive it here."),
            "archive",
        )
    if invoice.erp_state == Invoice.InErp.VOIDED:
        yield Finding(
            "voided-in-erp",
            _("It was voided in the accounting system."),
            (Proof(_("id there"), invoice.remote_id), *_when(invoice, "voided_in_erp")),
            _("If that is right, archive it here."),
            "archive",
        )
    if invoice.sync_problem:
        yield Finding(
            "not-taken",
            _("What changed in the accounting system could not be taken here."),
            (Proof(_("why"), invoice.sync_problem), *_when(invoice, "not_taken")),
            _("Put right what it names, then press Re-sync."),
            "re-sync",
        )


def why_no_pdf(invoice: Invoice, *, asked: bool = False) -> Iterator[Finding]:
    """Give why a booked invoice has no PDF; that none was fetched yet is said only where somebody `asked`."""
    if not invoice.is_synced or invoice.is_archived or invoice.step != Step.BOOKED:
        return
    pdf = InvoicePdf.objects.filter(invoice=invoice).first()
    if pdf is None and asked:
        yield Finding(
            "pdf-not-fetched",
            _("Its PDF was not fetched yet."),
            (Proof(_("last the same on both sides"), moment_text(invoice.synced_at)),),
            _("It comes with the next sync; press Re-sync to have it now."),
            "re-sync",
        )
    if pdf is not None and pdf.trouble:
        what, next_step = PDF_TROUBLES[pdf.trouble]
        yield Finding(
            f"pdf-{pdf.trouble.replace('_', '-')}",
            what,
            (
                Proof(_("asked for"), moment_text(pdf.asked_at)),
                Proof(_("the ERP said"), pdf.detail or "–"),
                Proof(_("PDF of before"), moment_text(pdf.fetched_at)),
            ),
            next_step,
            "re-sync",
        )


def _when(invoice: Invoice, action: str) -> tuple[Proof, ...]:
    event = Event.objects.filter(invoice=invoice, action=action).order_by("-sequence").first()
    return (Proof(_("noted"), moment_text(event.at)),) if event else ()
