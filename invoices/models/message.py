"""The outbox: messages to the ERP, the attempts at delivering them, and what the ERP said when asked."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoices.models.invoice import Invoice, MoneyField
from invoices.models.payment import Payment
from invoices.models.people import Client
from invoices.workflow import BOOKING_KINDS, LIVE_PAYMENT_STATES, OPEN_MESSAGE_STATES, MessageKind, MessageState


class IntegrationMessageQuerySet(models.QuerySet["IntegrationMessage"]):
    """Questions about the outbox."""

    def open(self) -> Self:
        """Leave those that are not settled."""
        return self.filter(state__in=OPEN_MESSAGE_STATES)

    def due(self, at: datetime) -> Self:
        """Leave those that a drain may take at `at` (the database's clock): the unknown first, then by age."""
        waiting = Q(state__in=(MessageState.PENDING, MessageState.UNKNOWN), not_before__lte=at)
        return self.filter(waiting & (Q(lease_until__isnull=True) | Q(lease_until__lte=at))).order_by(
            "-state", "not_before", "pk"
        )

    def stopped_pushes(self) -> Self:
        """Leave the pushes of payments that go on by themselves no more: refused, in doubt, or given up."""
        waits_for_a_person = Q(state__in=(MessageState.PENDING, MessageState.UNKNOWN), not_before__isnull=True)
        refused = Q(state=MessageState.REFUSED, payment__state__in=LIVE_PAYMENT_STATES, payment__is_applied=True)
        return self.filter(
            waits_for_a_person | refused,
            kind=MessageKind.PUSH_PAYMENT,
            payment__pushed_at__isnull=True,
        )

    def lease_ran_out(self, at: datetime) -> Self:
        """Leave those whose worker did not come back."""
        return self.filter(state=MessageState.SENDING, lease_until__lte=at)


class IntegrationMessage(models.Model):
    """One thing to tell the ERP: the outbox row, written in the transaction of the step change."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="messages", verbose_name=_("client"))
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="messages", verbose_name=_("invoice"))
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="messages")
    kind = models.CharField(_("kind"), max_length=20, choices=MessageKind.choices)
    key = models.CharField(_("key"), max_length=36, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=MessageState.choices, default=MessageState.PENDING)
    attempt_count = models.PositiveIntegerField(_("attempts"), default=0)
    look_up_count = models.PositiveIntegerField(_("look-ups"), default=0)
    not_before = models.DateTimeField(
        _("next try"), null=True, blank=True, help_text=_("Empty: it is for a person now.")
    )
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    doubtful_until = models.DateTimeField(
        _("may still arrive until"), null=True, blank=True, help_text=_("Before that, 'not found' proves nothing.")
    )
    reason = models.TextField(_("why it waits or failed"), blank=True)
    complaints = models.JSONField(_("what the ERP said"), default=list, blank=True)
    voucher = models.CharField(_("voucher"), max_length=60, blank=True)
    posting_date = models.DateField(_("posting date"), null=True, blank=True)
    remote_id = models.CharField(_("id in the ERP"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("written"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    objects = IntegrationMessageQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("integration message")
        verbose_name_plural = _("integration messages")
        indexes: ClassVar = [
            models.Index(
                fields=["client", "-state", "not_before", "id"],
                name="message_due",
                condition=Q(state__in=["pending", "unknown"]),
            ),
            models.Index(fields=["client", "lease_until"], name="message_leased", condition=Q(state="sending")),
            models.Index(fields=["created_at"], name="message_open", condition=Q(state__in=OPEN_MESSAGE_STATES)),
            models.Index(fields=["client", "invoice"], name="message_unknown", condition=Q(state="unknown")),
            models.Index(fields=["client"], name="message_answered_late", condition=Q(state="aborted", voucher__gt="")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=MessageState.values), name="message_state_is_known"),
            models.CheckConstraint(condition=Q(kind__in=MessageKind.values), name="message_kind_is_known"),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(state__in=OPEN_MESSAGE_STATES, kind__in=BOOKING_KINDS),
                name="one_open_booking_message_an_invoice",
            ),
            models.UniqueConstraint(
                fields=["invoice"],
                condition=Q(state__in=OPEN_MESSAGE_STATES, kind=MessageKind.PUSH_PAYMENT),
                name="one_open_payment_message_an_invoice",
            ),
            models.CheckConstraint(
                condition=Q(kind=MessageKind.PUSH_PAYMENT, payment__isnull=False)
                | (~Q(kind=MessageKind.PUSH_PAYMENT) & Q(payment__isnull=True)),
                name="payment_message_names_its_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        """Whether it is not settled yet."""
        return self.state in OPEN_MESSAGE_STATES

    @property
    def is_for_a_person(self) -> bool:
        """Whether nothing will happen by itself any more."""
        return self.is_open and self.not_before is None and self.state != MessageState.SENDING


class Attempt(models.Model):
    """One try at delivering a message; written before the call, completed after it."""

    class Outcome(models.TextChoices):
        """How it ended."""

        OPEN = "open", _("No answer yet")
        CONFIRMED = "confirmed", _("Confirmed")
        REFUSED = "refused", _("Refused")
        NOT_SENT = "not_sent", _("Not sent")
        UNCERTAIN = "uncertain", _("Uncertain")

    message = models.ForeignKey(IntegrationMessage, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveIntegerField(_("number"))
    started_at = models.DateTimeField(_("started"))
    duration_ms = models.PositiveIntegerField(_("duration in ms"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome.choices, default=Outcome.OPEN)
    request = models.JSONField(_("what we sent"))
    response = models.TextField(_("what the ERP answered"), blank=True)
    error_kind = models.CharField(_("kind of error"), max_length=20, blank=True)
    complaints = models.JSONField(_("what the ERP said"), default=list, blank=True)
    trace_id = models.CharField(_("trace id"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "number"], name="attempt_number_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_outcome_display()}"


class Evidence(models.Model):
    """What the ERP said when it was asked whether it has an invoice booked."""

    class Verdict(models.TextChoices):
        """The answer."""

        FOUND = "found", _("Found")
        NOT_FOUND = "not_found", _("Not found")
        COULD_NOT_ASK = "could_not_ask", _("Could not ask")

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="evidence")
    message = models.ForeignKey(
        IntegrationMessage, on_delete=models.PROTECT, null=True, blank=True, related_name="evidence"
    )
    kind = models.CharField(_("booking"), max_length=20, choices=MessageKind.choices)
    verdict = models.CharField(_("verdict"), max_length=15, choices=Verdict.choices)
    asked_at = models.DateTimeField(_("asked"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    voucher = models.CharField(_("voucher"), max_length=60, blank=True)
    posting_date = models.DateField(_("posting date"), null=True, blank=True)
    total = MoneyField(_("total"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    party_code = models.CharField(_("counterparty"), max_length=40, blank=True)
    remote_id = models.CharField(_("id in the ERP"), max_length=100, blank=True)
    url = models.CharField(_("link"), max_length=500, blank=True)
    matches = models.PositiveSmallIntegerField(_("documents found"), default=0)
    difference = models.TextField(_("what differs"), blank=True)
    detail = models.TextField(_("what was said"), blank=True)
    is_word = models.BooleanField(
        _("a person's word"), default=False, help_text=_("The ERP could not be asked; a person looked there.")
    )

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        indexes: ClassVar = [
            models.Index(fields=["invoice", "kind", "-id"], name="evidence_latest"),
            models.Index(fields=["invoice"], name="evidence_of_two_documents", condition=Q(matches__gt=1)),
        ]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} {self.voucher}".strip()


class HandIn(models.Model):
    """One accepted hand-in under an Idempotency-Key: the same key and body answers the same invoice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="hand_in_key_is_unique_for_its_user"),
        ]

    def __str__(self) -> str:
        return self.key
