"""JSON in and out: shapes and types only; what a value must be, the verbs decide."""

import re
from decimal import Decimal
from typing import Any, Final, cast

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from invoices.actions.intake import LINES_AT_MOST, InvoiceGiven, LineGiven
from invoices.models import Event, Invoice, InvoiceLine, Payment
from invoices.money import shown
from invoices.workflow import Direction, DocumentKind, MessageState, Status, Step

PLAIN_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?")


class Strict(serializers.Serializer[Any]):
    """Refuses names that it does not know: one spelt wrong must not be dropped in silence."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values by name; raises ValidationError naming each field that is wrong or unknown."""
        unknown = [name for name in data if name not in self.fields] if isinstance(data, dict) else []
        errors: dict[Any, Any] = {}
        found: Any = None
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as exc:
            errors.update(cast("dict[Any, Any]", exc.detail))
        sentence = _("There is no field of this name here: leave it out, or correct its spelling.")
        errors.update({name: [sentence] for name in unknown})
        if errors:
            raise serializers.ValidationError(errors)
        return found


@extend_schema_field({"type": "string", "format": "decimal", "example": "10.99"})
class NumberField(serializers.Field[Decimal, Any, str, Any]):
    """A decimal number: digits in a string, or a JSON number, kept exactly as it was written."""

    default_error_messages = {"invalid": _('Give a number in plain digits, such as "10.99".')}  # noqa: RUF012 (DRF's)

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the number; raises ValidationError for anything else, booleans and NaN included."""
        if isinstance(data, Decimal) or (isinstance(data, int) and not isinstance(data, bool)):
            return Decimal(data)
        if not isinstance(data, str) or not PLAIN_NUMBER.fullmatch(data):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Decimal) -> str:
        """Return plain digits, without zeros that say nothing."""
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text


class TextField(serializers.CharField):
    """Text as it was sent, blanks included: the verb says what it must be."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, allow_blank=True, **kwargs)


class TokenIn(Strict):
    """Who wants a token."""

    username = TextField(max_length=150)
    password = TextField(max_length=4096)


class TokenOut(serializers.Serializer[Any]):
    """The token, for the header `Authorization: Token …`."""

    token = serializers.CharField()


class ErrorOut(serializers.Serializer[Any]):
    """What went wrong, as a sentence; with bad input, a sentence for each field too."""

    detail = serializers.CharField()
    fields = serializers.DictField(child=serializers.CharField(), required=False)  # type: ignore[assignment]  # the name is the contract's


class LineIn(Strict):
    """One line; `unit_price` in the invoice's currency."""

    description = TextField()
    quantity = NumberField()
    unit_price = NumberField()
    account = TextField(required=False, allow_null=True)
    item = TextField(required=False, allow_null=True)


class CounterpartyIn(Strict):
    """The supplier or customer; the code alone names one that is known."""

    code = TextField()
    name = TextField(required=False, allow_null=True)


class InvoiceFields(Strict):
    """What a person says of an invoice."""

    number = TextField()
    counterparty = CounterpartyIn()
    invoice_date = serializers.DateField()
    due_date = serializers.DateField(required=False, allow_null=True)
    currency = TextField(help_text="ISO 4217, in capitals.")
    lines = LineIn(many=True, max_length=LINES_AT_MOST)  # type: ignore[call-arg]  # the list takes it

    def given(self, direction: str, kind: str) -> InvoiceGiven:
        """Return what was sent, for the verb."""
        said = self.validated_data
        return InvoiceGiven(
            direction=direction,
            kind=kind,
            number=said["number"],
            party_code=said["counterparty"]["code"],
            party_name=said["counterparty"].get("name") or "",
            invoice_date=said["invoice_date"],
            due_date=said.get("due_date"),
            currency=said["currency"],
            lines=tuple(
                LineGiven(
                    description=line["description"],
                    quantity=line["quantity"],
                    unit_price=line["unit_price"],
                    account=line.get("account") or "",
                    item=line.get("item") or "",
                )
                for line in said["lines"]
            ),
        )


class InvoiceEdit(InvoiceFields):
    """What may be edited of an invoice: all of it is replaced."""

    reason = TextField(default="", help_text="Why; stands in the event log.")


class InvoiceIn(InvoiceFields):
    """An invoice to hand in."""

    client = TextField(help_text="The client's slug.")
    direction = serializers.ChoiceField(choices=Direction.choices)
    kind = serializers.ChoiceField(choices=DocumentKind.choices, default=DocumentKind.INVOICE)

    def handed_in(self) -> InvoiceGiven:
        """Return what was handed in, for the verb."""
        return self.given(self.validated_data["direction"], self.validated_data["kind"])


class PressIn(Strict):
    """What goes with a button; each takes what it asks for, and needs what its description says."""

    reason = TextField(default="", help_text="Why; stands in the event log.")
    voucher = TextField(default="", help_text="The ERP's voucher: abort, skip, note-voucher.")
    posting_date = serializers.DateField(default=None, allow_null=True, help_text="With the voucher.")
    status = TextField(default="", help_text="The new status: set-status.")
    amount = NumberField(
        default=None, allow_null=True, help_text="What was paid, invoice's currency: set-status, record-payment."
    )
    method = TextField(default="", help_text="ach, card, check, transfer or other: record-payment.")
    state = TextField(default="", help_text="authorized or succeeded: record-payment.")
    paid_on = serializers.DateField(default=None, allow_null=True, help_text="record-payment; today if left out.")
    reference = TextField(default="", help_text="record-payment.")


class PaymentIn(Strict):
    """A payment to record; `amount` in the invoice's currency."""

    amount = NumberField()
    method = TextField(help_text="ach, card, check, transfer or other.")
    state = TextField(help_text="authorized or succeeded.")
    paid_on = serializers.DateField(default=None, allow_null=True, help_text="Today, in UTC, if left out.")
    reference = TextField(default="")
    reason = TextField(default="", help_text="Why; stands in the event log.")


class PaymentPressIn(Strict):
    """What goes with a payment's button."""

    reason = TextField(default="", help_text="Why; stands in the event log. fail and void need it.")


class PageIn(Strict):
    """Where to go on reading."""

    cursor = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1, help_text="See `next`.")
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200, help_text="Rows a page.")


class InvoiceFilter(PageIn):
    """Which invoices; an empty value asks for nothing."""

    client = TextField(required=False, help_text="The client's slug.")
    number = TextField(required=False, help_text="Exactly.")
    step = serializers.ChoiceField(choices=Step.choices, required=False, allow_blank=True)
    status = serializers.ChoiceField(
        choices=[(value, label) for value, label in Status.choices if value], required=False, allow_blank=True
    )
    direction = serializers.ChoiceField(choices=Direction.choices, required=False, allow_blank=True)
    message_state = serializers.ChoiceField(
        choices=MessageState.choices, required=False, allow_blank=True, help_text="Of the current integration message."
    )
    archived = serializers.ChoiceField(choices=["true", "false"], required=False, allow_blank=True)


class LineOut(serializers.ModelSerializer[InvoiceLine]):
    """One line as it was handed in, and its amount in the invoice's currency."""

    quantity = NumberField()
    unit_price = NumberField()
    amount = serializers.SerializerMethodField()

    class Meta:
        model = InvoiceLine
        fields = ("description", "quantity", "unit_price", "amount", "account", "item")

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_amount(self, line: InvoiceLine) -> str:
        """Return the amount with its currency's digits."""
        return shown(line.amount, self.context["currency"])


class CounterpartyOut(serializers.Serializer[Any]):
    """The supplier or customer."""

    code = serializers.CharField()
    name = serializers.CharField()


class MessageOut(serializers.Serializer[Any]):
    """The integration message that the invoice waits for, or waited for last."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    state = serializers.CharField()
    reason = serializers.CharField(help_text="Why it waits or failed.")
    next_try = serializers.DateTimeField(source="not_before", allow_null=True)
    attempts = serializers.IntegerField(source="attempt_count")


class InvoiceOut(serializers.ModelSerializer[Invoice]):
    """An invoice; amounts are strings with the digits of its currency."""

    client = serializers.CharField(source="client.slug", help_text="The client's slug.")
    counterparty = CounterpartyOut()
    lines = serializers.SerializerMethodField()
    step = serializers.CharField()
    status = serializers.CharField(help_text="Empty until booked.")
    total = serializers.SerializerMethodField()
    paid = serializers.SerializerMethodField()
    balance = serializers.SerializerMethodField()
    erp_balance = serializers.SerializerMethodField()
    message_state = serializers.SerializerMethodField()
    message = MessageOut(source="current_message", allow_null=True)
    archived = serializers.BooleanField(source="is_archived")

    class Meta:
        model = Invoice
        fields = (
            "id", "number", "client", "direction", "kind", "counterparty", "invoice_date", "due_date", "currency",
            "lines", "step", "step_since", "status", "total", "paid", "balance", "erp_balance", "erp_state",
            "synced_at", "preliminary_voucher", "preliminary_posting_date", "final_voucher", "final_posting_date",
            "message_state", "message", "archived", "archived_reason", "created_at",
        )  # fmt: skip

    @extend_schema_field(LineOut(many=True))
    def get_lines(self, invoice: Invoice) -> Any:
        """Return the lines."""
        return LineOut(invoice.lines.all(), many=True, context={"currency": invoice.currency}).data

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_total(self, invoice: Invoice) -> str:
        """Return the total."""
        return shown(invoice.total, invoice.currency)

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_paid(self, invoice: Invoice) -> str:
        """Return what is paid."""
        return shown(invoice.paid, invoice.currency)

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_balance(self, invoice: Invoice) -> str:
        """Return what is open."""
        return shown(invoice.balance, invoice.currency)

    @extend_schema_field({"type": "string", "format": "decimal", "nullable": True})
    def get_erp_balance(self, invoice: Invoice) -> str | None:
        """Return what the ERP says is open; None before it was asked."""
        return None if invoice.erp_balance is None else shown(invoice.erp_balance, invoice.currency)

    def get_message_state(self, invoice: Invoice) -> str | None:
        """Return the state of the current message; None before there was one."""
        return invoice.current_message.state if invoice.current_message else None


class EventOut(serializers.ModelSerializer[Event]):
    """One line of the event log."""

    who = serializers.CharField(source="actor_name")
    what = serializers.CharField(source="action")
    why = serializers.CharField(source="reason")
    before = serializers.JSONField()
    after = serializers.JSONField()
    evidence = serializers.JSONField()

    class Meta:
        model = Event
        fields = (
            "sequence", "at", "who", "what", "why", "level", "before", "after", "evidence", "previous_hash", "hash",
        )  # fmt: skip


class PaymentOut(serializers.ModelSerializer[Payment]):
    """A payment; the amount is a string with the digits of its currency."""

    amount = serializers.SerializerMethodField()
    state = serializers.CharField()
    counts = serializers.BooleanField(source="is_applied", help_text="Against the invoice's balance.")
    failed_after_push = serializers.BooleanField(help_text="It came to nothing, and the ERP still has it.")

    class Meta:
        model = Payment
        fields = (
            "id", "amount", "currency", "method", "state", "counts", "source", "reference", "paid_on", "remote_id",
            "pushed_at", "gone_at", "failed_after_push", "failure_reason", "created_at",
        )  # fmt: skip

    @extend_schema_field({"type": "string", "format": "decimal"})
    def get_amount(self, payment: Payment) -> str:
        """Return the amount."""
        return shown(payment.amount, payment.currency)


class PaymentList(serializers.Serializer[Any]):
    """All payments of an invoice, oldest first."""

    results = PaymentOut(many=True)


class InvoicePage(serializers.Serializer[Any]):
    """Some invoices, latest first, and the address of those after them."""

    results = InvoiceOut(many=True)
    next = serializers.CharField(allow_null=True)


class EventPage(serializers.Serializer[Any]):
    """Some lines of the log, oldest first, and the address of those after them."""

    results = EventOut(many=True)
    next = serializers.CharField(allow_null=True)
