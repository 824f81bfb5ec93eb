"""What was learned of the ERP's parties and documents, row by row; `integrations.learning` keeps and reads it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoices.workflow import Direction, DocumentKind


class KnownParty(models.Model):
    """A customer or supplier that the ERP had at the last pull."""

    connection = models.ForeignKey("integrations.Connection", on_delete=models.CASCADE, related_name="known_parties")
    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices)
    code = models.CharField(_("code"), max_length=40)
    is_active = models.BooleanField(_("may be used"), default=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("counterparty in the ERP")
        verbose_name_plural = _("counterparties in the ERP")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "direction", "code"], name="party_is_known_once"),
        ]

    def __str__(self) -> str:
        return self.code


class KnownDocument(models.Model):
    """A document that the ERP had at the last pull, and that is no invoice here."""

    connection = models.ForeignKey("integrations.Connection", on_delete=models.CASCADE, related_name="known_documents")
    remote_id = models.CharField(_("id in the ERP"), max_length=100)
    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices)
    kind = models.CharField(_("kind"), max_length=12, choices=DocumentKind.choices)
    number = models.CharField(_("number"), max_length=40)
    party_code = models.CharField(_("counterparty"), max_length=40)

    class Meta:
        ordering: ClassVar = ["number"]
        verbose_name = _("document that is only in the ERP")
        verbose_name_plural = _("documents that are only in the ERP")
        indexes: ClassVar = [models.Index(fields=["connection", "number"], name="document_known_by_number")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "remote_id"], name="document_is_known_once"),
        ]

    def __str__(self) -> str:
        return self.number
