"""Why is there no PDF? (article 001: "Why is the invoice not loading?") It comes from the ERP."""

from collections.abc import Iterator
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices.models import InvoicePdf
from invoices.workflow import Step
from syncdiag.answers.shared import since
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, Turn, when

Trouble = InvoicePdf.Trouble
# What is wrong, and what mends it.
PDF_TROUBLES: Final[dict[str, tuple[str | Promise, str | Promise]]] = {
    Trouble.NONE: (
        gettext_lazy("The ERP has no PDF of it."),
        gettext_lazy("Have it printed there, then press Re-sync."),
    ),
    Trouble.TOO_LARGE: (
        gettext_lazy("Its PDF is larger than 20 MB, so it was not fetched."),
        gettext_lazy("Have it made smaller there (pictures, attachments), then press Re-sync."),
    ),
    Trouble.NOT_PDF: (
        gettext_lazy("What the ERP sent as its PDF is none."),
        gettext_lazy("Open it there to see what it is; when it is right, press Re-sync."),
    ),
    Trouble.FAILED: (
        gettext_lazy("Its PDF could not be fetched."),
        gettext_lazy("Press Re-sync when the ERP answers again."),
    ),
}


def why_no_pdf(case: Case) -> Iterator[Finding]:
    """Give why a booked invoice has no PDF, or an old one, although it was tried."""
    invoice, pdf = case.invoice, case.pdf
    if not invoice.is_synced or invoice.is_archived or invoice.step != Step.BOOKED or pdf is None or not pdf.trouble:
        return
    what, next_step = PDF_TROUBLES[pdf.trouble]
    yield Finding(
        f"pdf-{pdf.trouble.replace('_', '-')}",
        what,
        (
            when(_("asked for"), pdf.asked_at),
            Proof(_("the ERP said"), pdf.detail or "–", pdf.asked_at, is_quote=bool(pdf.detail)),
            when(_("PDF of before"), pdf.fetched_at),
        ),
        next_step,
        "re-sync",
    )


def why_no_pdf_yet(case: Case) -> Iterator[Finding]:
    """Give the same, and why there is none where nothing went wrong: for somebody who asks about it."""
    yield from why_no_pdf(case)
    invoice = case.invoice
    if case.pdf is not None:
        return
    if case.connection is not None and not case.has_pdfs:
        yield Finding(
            "pdf-not-offered",
            _("%(system)s hands out no PDFs.") % {"system": case.system_name},
            (Proof(_("what the system can do"), _("no PDFs"), case.now),),
            _("Open the invoice there to see it printed."),
            turn=Turn.KNOW,
        )
    elif invoice.is_archived:
        yield Finding(
            "pdf-archived",
            _("It is archived, and nothing is fetched for what is archived."),
            (when(_("archived"), invoice.archived_at),),
            _("Restore it, then press Re-sync."),
            "restore",
        )
    elif not invoice.is_synced or invoice.step != Step.BOOKED:
        yield Finding(
            "pdf-not-booked",
            _("The PDF is the ERP's, and it has not booked the invoice yet."),
            (Proof(_("step"), invoice.get_step_display(), invoice.step_since), since(case)),
            _("It comes by itself once the invoice is booked."),
            turn=Turn.WAIT,
        )
    else:
        yield Finding(
            "pdf-not-fetched",
            _("Its PDF was not fetched yet."),
            (when(_("last the same on both sides"), invoice.synced_at),),
            _("It comes with the next sync; press Re-sync to have it now."),
            "re-sync",
        )
