"""Keeping the PDF that the ERP printed of an invoice."""

import hashlib
from datetime import datetime
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from invoices import clock
from invoices.actions.taking import take_invoice
from invoices.events import facts, record
from invoices.faults import fault
from invoices.models import InvoicePdf
from invoices.roles import Right

LARGEST_PDF: Final = 20 * 1024 * 1024  # bytes
MAGIC: Final = b"%PDF-"
MAGIC_WITHIN: Final = 1024  # readers take a PDF whose first bytes are a mail header or a printer's command


def is_pdf(content: bytes) -> bool:
    """Say whether `content` begins as a PDF does, whatever it was called."""
    return MAGIC in content[:MAGIC_WITHIN]


def keep_pdf(invoice_id: int, content: bytes, *, shows_change: datetime | None) -> InvoicePdf:
    """Keep what the ERP sent as the invoice's PDF; what is none, or too large, is noted as trouble.

    The file is written before the row, so that a row never leads to nothing; a file whose row was not written is left
    over, and taken when the same bytes come again.
    """
    if len(content) > LARGEST_PDF:
        return note_pdf_trouble(invoice_id, InvoicePdf.Trouble.TOO_LARGE, shows_change=shows_change)
    if not is_pdf(content):
        return note_pdf_trouble(invoice_id, InvoicePdf.Trouble.NOT_PDF, shows_change=shows_change)
    digest = hashlib.sha256(content).hexdigest()
    name = _written(digest, content)
    fault("after_pdf_file")
    with transaction.atomic():
        invoice = take_invoice(invoice_id, by=None, right=Right.SYNC)
        before = facts(invoice)
        known = InvoicePdf.objects.filter(invoice=invoice).first()
        now = clock.now()
        kept, _is_new = InvoicePdf.objects.update_or_create(
            invoice=invoice,
            defaults={
                "file": name,
                "sha256": digest,
                "size": len(content),
                "fetched_at": now,
                "asked_at": now,
                "shows_change": shows_change,
                "trouble": InvoicePdf.Trouble.NO,
                "detail": "",
            },
        )
        if known is None or known.sha256 != digest:
            record(invoice, "take_pdf", by=None, before=before, evidence={"sha256": digest, "size": len(content)})
    return kept


def note_pdf_trouble(
    invoice_id: int, trouble: InvoicePdf.Trouble, *, detail: str = "", shows_change: datetime | None = None
) -> InvoicePdf:
    """Note why the last try brought no PDF; one that was fetched before stays."""
    kept, _is_new = InvoicePdf.objects.update_or_create(
        invoice_id=invoice_id,
        defaults={"trouble": trouble, "detail": detail, "shows_change": shows_change, "asked_at": clock.now()},
    )
    return kept


def _written(digest: str, content: bytes) -> str:
    """Return the name of the stored file of these bytes; they are not stored twice.

    A process that dies while it writes leaves half a file under the name, which its size gives away.
    """
    name = f"invoice-pdfs/{digest[:2]}/{digest}.pdf"
    if default_storage.exists(name) and default_storage.size(name) == len(content):
        return name
    return default_storage.save(name, ContentFile(content))
