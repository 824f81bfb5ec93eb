"""The PDF of an invoice, pulled from the ERP into Django's file storage."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from invoices.models.invoice import Invoice


class InvoicePdf(models.Model):
    """An invoice's PDF as the ERP printed it last, or why there is none; trouble keeps the older file."""

    class Trouble(models.TextChoices):
        """Why the last try brought no PDF."""

        NO = "", _("It was fetched")
        NONE = "none", _("The ERP has none")
        TOO_LARGE = "too_large", _("Too large")
        NOT_PDF = "not_pdf", _("Not a PDF")
        FAILED = "failed", _("Could not be fetched")

    invoice = models.OneToOneField(Invoice, on_delete=models.PROTECT, related_name="pdf", verbose_name=_("invoice"))
    file = models.FileField(_("file"), blank=True, max_length=200)
    sha256 = models.CharField(_("checksum (SHA-256)"), max_length=64, blank=True)
    size = models.PositiveIntegerField(_("size in bytes"), default=0)
    fetched_at = models.DateTimeField(_("fetched"), null=True, blank=True)
    shows_change = models.DateTimeField(
        _("shows the document as of"), null=True, blank=True, help_text=_("By the ERP's clock.")
    )
    trouble = models.CharField(_("trouble"), max_length=10, choices=Trouble.choices, blank=True)
    detail = models.TextField(_("what was said"), blank=True)
    asked_at = models.DateTimeField(_("asked for"))

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("PDF")
        verbose_name_plural = _("PDFs")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(file="", trouble=""), name="pdf_is_there_or_says_why_not"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice}.pdf"
