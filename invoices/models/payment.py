"""Payments on invoices, and the rule of which ones count."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoices.models.invoice import Invoice, MoneyField
from invoices.workflow import LIVE_PAYMENT_STATES, PaymentState, PaymentWorkflow


class PaymentQuerySet(models.QuerySet["Payment"]):
    """Questions about payments."""

    def unpushed(self) -> Self:
        """Leave those recorded here that the ERP does not have yet, oldest first."""
        return self.filter(is_recorded_here=True, pushed_at__isnull=True, state__in=LIVE_PAYMENT_STATES).order_by("pk")

    def failed_after_push(self) -> Self:
        """Leave those that came to nothing and that the ERP still has."""
        return self.filter(
            state__in=(PaymentState.FAILED, PaymentState.VOIDED), pushed_at__isnull=False, gone_at__isnull=True
        )


class Payment(PaymentWorkflow):
    """Money against an invoice."""

    class Method(models.TextChoices):
        """How it was paid."""

        ACH = "ach", _("ACH")
        CARD = "card", _("Card")
        CHECK = "check", _("Check")
        TRANSFER = "transfer", _("Transfer")
        OTHER = "other", _("Other")

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount = MoneyField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    method = models.CharField(_("method"), max_length=10, choices=Method.choices, default=Method.OTHER)
    is_applied = models.BooleanField(_("counts against the balance"), default=True)
    source = models.CharField(_("told by"), max_length=100)
    reference = models.CharField(_("reference"), max_length=200, blank=True)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    is_recorded_here = models.BooleanField(
        _("recorded here"), default=False, help_text=_("The ERP does not know of it by itself: it is pushed.")
    )
    remote_id = models.CharField(_("id in the ERP"), max_length=100, blank=True)
    pushed_at = models.DateTimeField(_("pushed"), null=True, blank=True)
    gone_at = models.DateTimeField(_("seen to be deleted in the ERP"), null=True, blank=True)
    failure_reason = models.CharField(_("why it does not count"), max_length=500, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("received"), default=timezone.now)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        indexes: ClassVar = [
            models.Index(
                fields=["invoice"],
                name="payment_failed_after_push",
                condition=Q(state__in=["failed", "voided"], pushed_at__isnull=False, gone_at__isnull=True),
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_is_positive"),
            models.CheckConstraint(condition=Q(state__in=PaymentState.values), name="payment_state_is_known"),
            models.CheckConstraint(
                condition=Q(method__in=["ach", "card", "check", "transfer", "other"]), name="payment_method_is_known"
            ),
            models.CheckConstraint(
                condition=Q(pushed_at__isnull=True) | Q(remote_id__gt=""), name="pushed_payment_has_its_id_in_the_erp"
            ),
            models.CheckConstraint(
                condition=Q(gone_at__isnull=True) | Q(is_applied=False), name="payment_gone_in_the_erp_does_not_count"
            ),
            models.UniqueConstraint(
                fields=["invoice", "remote_id"],
                condition=Q(remote_id__gt=""),
                name="one_payment_an_id_in_the_erp",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    @property
    def is_live(self) -> bool:
        """Whether it is authorized or succeeded."""
        return self.state in LIVE_PAYMENT_STATES

    @property
    def failed_after_push(self) -> bool:
        """Whether it came to nothing and the ERP still has it: a person must delete it there."""
        return not self.is_live and self.pushed_at is not None and self.gone_at is None


def counts(payment: Payment, preference: bool, *, is_on_its_way: bool = False) -> bool:  # noqa: FBT001 (the rule's two words)
    """Say whether a payment counts against the balance, and so is pushed.

    A succeeded one does; an authorized one does if it is ACH and the client's `preference`, Submit authorized ACH
    payments, is on. One that failed or was voided still does while the ERP has it, or may have it (`is_on_its_way`):
    it cannot be taken back there, so the balance changes once it is deleted there (article 001).
    """
    if payment.gone_at is not None:
        return False
    if payment.state == PaymentState.SUCCEEDED:
        return True
    if payment.state == PaymentState.AUTHORIZED:
        return payment.method == Payment.Method.ACH and preference
    return payment.is_applied and (payment.pushed_at is not None or is_on_its_way)
