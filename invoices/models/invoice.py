"""Invoices, their lines and payments; amounts in the invoice's currency."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoices.models.people import PRINTABLE, Client, Counterparty
from invoices.roles import Right
from invoices.workflow import (
    ERROR_STEPS,
    INTEGRATION_STEPS,
    Direction,
    DocumentKind,
    Status,
    Step,
    Workflow,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User


DIFFERS: Final = Q(  # what was not read (null) differs from nothing
    Q(erp_balance__lt=F("total") - F("paid"))
    | Q(erp_balance__gt=F("total") - F("paid"))
    | (~Q(erp_currency="") & ~Q(erp_currency=F("currency")))
)


class MoneyField(models.DecimalField[Any, Any]):
    """An amount; the currency stands in a field beside it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 15, "decimal_places": 4, **kwargs})


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    """Questions about invoices."""

    def visible_to(self, user: User | Any, right: Right = Right.VIEW) -> Self:
        """Leave only the invoices of clients on which `user` has `right`."""
        return self.filter(client__in=Client.objects.where(user, right))

    def locked(self) -> Self:
        """Lock the rows until the transaction ends. SQLite has one writer at a time and no row locks."""
        return self.select_for_update(of=("self",)).select_related("client", "counterparty", "current_message")

    def differing(self) -> Self:
        """Leave those whose balance or currency is not the same in the ERP, as far as it was read."""
        return self.filter(differs_in_erp=True)

    def overdue(self, at: datetime) -> Self:
        """Leave those that have waited in an integration step longer than their client's patience."""
        limits = Q(pk__in=[])
        for step, name in (
            (Step.PRELIMINARY_INTEGRATION, "preliminary_patience"),
            (Step.FINAL_INTEGRATION, "final_patience"),
        ):
            for minutes in Client.objects.order_by().values_list(name, flat=True).distinct():
                since = at - timedelta(minutes=minutes)
                limits |= Q(step=step, step_since__lt=since, **{f"client__{name}": minutes})
        return self.filter(limits, archived_at__isnull=True)


class Invoice(Workflow):
    """An invoice or credit memo, on its way to the ERP and back."""

    class InErp(models.TextChoices):
        """What the ERP said last of its document."""

        UNKNOWN = "", _("Not asked yet")
        OPEN = "open", _("In force")
        VOIDED = "voided", _("Voided")
        MISSING = "missing", _("Not there any more")

    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, related_name="invoices", db_index=False, verbose_name=_("client")
    )
    counterparty = models.ForeignKey(
        Counterparty, on_delete=models.PROTECT, related_name="invoices", verbose_name=_("counterparty")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=DocumentKind.choices, default=DocumentKind.INVOICE)
    number = models.CharField(_("number"), max_length=40, validators=[PRINTABLE])
    twin = models.IntegerField(default=0, editable=False)  # 0, or which duplicate of its number a receivable is
    invoice_date = models.DateField(_("invoice date"))
    due_date = models.DateField(_("due date"), null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3)
    total = MoneyField(_("total"), default=Decimal(0))
    paid = MoneyField(_("paid"), default=Decimal(0), editable=False)
    step_since = models.DateTimeField(_("in this step since"), default=timezone.now, editable=False)
    news_at = models.DateTimeField(
        _("last news of its payment"), null=True, blank=True, editable=False, help_text=_("While it is processed.")
    )
    payment_stuck_since = models.DateTimeField(
        _("a payment needs a person since"), null=True, blank=True, editable=False, help_text=_("Empty: none does.")
    )

    preliminary_voucher = models.CharField(_("preliminary voucher"), max_length=60, blank=True)
    preliminary_posting_date = models.DateField(_("preliminary posting date"), null=True, blank=True)
    final_voucher = models.CharField(_("final voucher"), max_length=60, blank=True)
    final_posting_date = models.DateField(_("final posting date"), null=True, blank=True)
    remote_id = models.CharField(_("id in the ERP"), max_length=100, blank=True, editable=False)

    erp_state = models.CharField(
        _("in the ERP"), max_length=10, choices=InErp.choices, default=InErp.UNKNOWN, blank=True,
        editable=False,
    )  # fmt: skip
    erp_balance = MoneyField(_("balance in the ERP"), null=True, blank=True, editable=False)
    erp_balance_at = models.DateTimeField(
        _("changed in the ERP"), null=True, blank=True, editable=False, help_text=_("By its clock.")
    )
    erp_currency = models.CharField(_("currency in the ERP"), max_length=3, blank=True, editable=False)
    erp_read_at = models.DateTimeField(
        _("balance in the ERP last read"), null=True, blank=True, editable=False, help_text=_("By our clock.")
    )
    deleted_in_erp_at = models.DateTimeField(
        _("deleted in the ERP"), null=True, blank=True, editable=False, help_text=_("By its clock.")
    )
    # Stored, so that an index on it leaves rows alone whose balances stay the same when they are paid.
    differs_in_erp = models.GeneratedField(
        expression=models.ExpressionWrapper(DIFFERS, output_field=models.BooleanField()),
        output_field=models.BooleanField(null=True),
        db_persist=True,
        editable=False,
    )
    synced_at = models.DateTimeField(_("last the same on both sides"), null=True, blank=True, editable=False)
    sync_problem = models.TextField(_("why its changes there were not taken"), blank=True, editable=False)

    current_message = models.ForeignKey(
        "IntegrationMessage", on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    archived_reason = models.CharField(_("why archived"), max_length=500, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(_("handed in"), default=timezone.now, editable=False)
    event_count = models.IntegerField(default=0, editable=False)
    event_head = models.CharField(max_length=64, blank=True, editable=False)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        indexes: ClassVar = [
            models.Index(fields=["client", "number"], name="invoice_by_number"),
            models.Index(fields=["number"], name="invoice_by_bare_number", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["client", "step", "step_since"], name="invoice_by_step"),
            models.Index(fields=["client", "-id"], name="invoice_by_client"),
            models.Index(fields=["client", "remote_id"], name="invoice_by_remote_id", condition=~Q(remote_id="")),
            models.Index(
                fields=["step_since", "id", "client", "step"],  # the desk reads it in this order, and nothing else
                name="invoice_stuck",
                condition=Q(step__in=[*INTEGRATION_STEPS, *ERROR_STEPS], archived_at__isnull=True),
            ),
            models.Index(
                fields=["news_at", "id", "client"],
                name="invoice_without_news",
                condition=Q(news_at__isnull=False),
            ),
            models.Index(
                fields=["payment_stuck_since", "id", "client"],
                name="invoice_payment_stuck",
                condition=Q(payment_stuck_since__isnull=False),
            ),
            models.Index(fields=["client", "-id"], name="invoice_balance_differs", condition=Q(differs_in_erp=True)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "direction", "kind", "counterparty", "number"],
                name="invoice_number_is_unique_for_its_counterparty",
            ),
            models.UniqueConstraint(
                fields=["client", "kind", "number", "twin"],
                name="invoice_number_is_unique_unless_duplicates_are_allowed",
                condition=Q(direction=Direction.RECEIVABLE),
            ),
            models.CheckConstraint(
                condition=Q(twin=0) | Q(direction=Direction.RECEIVABLE), name="invoice_twin_is_receivable"
            ),
            models.CheckConstraint(condition=Q(step__in=Step.values), name="invoice_step_is_known"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="invoice_status_is_known"),
            models.CheckConstraint(condition=Q(direction__in=Direction.values), name="invoice_direction_is_known"),
            models.CheckConstraint(condition=Q(kind__in=DocumentKind.values), name="invoice_kind_is_known"),
            models.CheckConstraint(
                condition=Q(paid__gte=0) & Q(paid__lte=F("total")), name="invoice_paid_within_total"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def balance(self) -> Decimal:
        """What is still open, in the invoice's currency."""
        open_amount: Decimal = self.total - self.paid
        return open_amount

    @property
    def balance_differs(self) -> bool:
        """Whether balance or currency is not the same in the ERP, as far as it was read."""
        is_other_amount = self.erp_balance is not None and self.erp_balance != self.balance
        return is_other_amount or bool(self.erp_currency and self.erp_currency != self.currency)

    @property
    def is_synced(self) -> bool:
        """Whether the ERP has booked it finally under an id that is known here; then its word counts."""
        return bool(self.remote_id and self.status)

    @property
    def is_archived(self) -> bool:
        """Whether it was put away."""
        return self.archived_at is not None

    @property
    def voucher(self) -> str:
        """The voucher of the booking that the step is about."""
        return self.final_voucher or self.preliminary_voucher


class InvoiceLine(models.Model):
    """One line of an invoice; amounts in the invoice's currency."""

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField(_("position"))
    description = models.CharField(_("description"), max_length=500)
    quantity = models.DecimalField(_("quantity"), max_digits=15, decimal_places=4)
    unit_price = MoneyField(_("unit price"))
    amount = MoneyField(_("amount"), editable=False)
    account = models.CharField(_("account"), max_length=40, blank=True)
    item = models.CharField(_("item"), max_length=60, blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.description}"
