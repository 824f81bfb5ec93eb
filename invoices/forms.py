"""Forms of the admin: they read what was typed and show what the verb says of it; they hold no rule."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from invoices.actions.intake import InvoiceGiven, LineGiven
from invoices.buttons import Button, PaymentButton
from invoices.errors import BadInput, Sentence
from invoices.models import Invoice, Payment
from invoices.roles import Role
from invoices.workflow import LIVE_PAYMENT_STATES, Direction, DocumentKind, Status

DATE: Final = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
PLACES: Final = {"counterparty.code": "party_code", "counterparty.name": "party_name"}
BY_HAND: Final = (
    Status.PROCESSING_PAYMENT,
    Status.PARTIALLY_PAID,
    Status.PAID,
    Status.DENIED,
    Status.FAILED_ERP_VALIDATION,
)


def show_refusal(form: forms.BaseForm, fields: Mapping[str, Sentence]) -> None:
    """Put each sentence of a BadInput at its field; what has no field of this form stands on top."""
    for name, sentence in fields.items():
        place = PLACES.get(name, name)
        form.add_error(place if place in form.fields else None, str(sentence))


class PressForm(forms.Form):
    """What a button asks for."""

    def __init__(self, button: Button | PaymentButton, *args: Any, **kwargs: Any) -> None:
        """Take the button; its `asks` are the fields."""
        super().__init__(*args, **kwargs)
        for name in button.asks:
            self.fields[name] = _field(name, is_needed=name in button.needs)


def _field(name: str, *, is_needed: bool) -> forms.Field:
    if name == "voucher":
        return forms.CharField(label=_("Voucher"), max_length=60, required=is_needed)
    if name == "posting_date":
        return forms.DateField(label=_("Posting date"), widget=DATE, required=is_needed)
    if name == "paid_on":
        return forms.DateField(
            label=_("Paid on"), widget=DATE, required=is_needed, help_text=_("Empty: today, in UTC.")
        )
    if name == "method":
        return forms.ChoiceField(label=_("Method"), choices=Payment.Method.choices, required=is_needed)
    if name == "state":
        states = [(state.value, state.label) for state in LIVE_PAYMENT_STATES]
        return forms.ChoiceField(label=_("State"), choices=states, required=is_needed)
    if name == "amount":
        return forms.DecimalField(label=_("Amount"), max_digits=15, decimal_places=4, required=is_needed)
    if name == "status":
        choices = [("", "–"), *((status.value, status.label) for status in BY_HAND)]
        return forms.ChoiceField(label=_("Status"), choices=choices, required=is_needed)
    if name == "seen":
        area = forms.Textarea(attrs={"rows": 2})
        return forms.CharField(
            label=_("What you saw in the ERP"),
            widget=area,
            max_length=2000,
            required=is_needed,
            help_text=_("Only where the ERP cannot be asked: it is kept as your word."),
        )
    if name == "reason":
        help_text = _("Stands in the event log.") if is_needed else _("May be left empty; it stands in the event log.")
        area = forms.Textarea(attrs={"rows": 2})
        return forms.CharField(label=_("Why"), widget=area, max_length=2000, required=is_needed, help_text=help_text)
    return forms.CharField(label=name.replace("_", " ").capitalize(), max_length=200, required=is_needed)


class InvoiceForm(forms.Form):
    """The head of an invoice."""

    client = forms.TypedChoiceField(label=_("Client"), coerce=int)
    direction = forms.ChoiceField(label=_("Direction"), choices=Direction.choices)
    kind = forms.ChoiceField(label=_("Kind"), choices=DocumentKind.choices)
    number = forms.CharField(label=_("Number"), max_length=40)
    party_code = forms.CharField(
        label=_("Counterparty code"),
        max_length=40,
        help_text=_("The supplier or customer, by the code that the ERP knows. Choose a known one or type a new one."),
        widget=forms.TextInput(attrs={"list": "known-parties", "autocomplete": "off"}),
    )
    party_name = forms.CharField(
        label=_("Counterparty name"), max_length=200, required=False, help_text=_("Only for a new counterparty.")
    )
    invoice_date = forms.DateField(label=_("Invoice date"), widget=DATE)
    due_date = forms.DateField(label=_("Due date"), widget=DATE, required=False)
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        help_text=_("ISO 4217, such as USD."),
        widget=forms.TextInput(attrs={"size": 4}),
    )

    def __init__(self, *args: Any, clients: Mapping[int, str], **kwargs: Any) -> None:
        """Take the clients for which the person may hand in."""
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]  # a choice field has them

    def given(self, lines: Sequence[LineGiven]) -> InvoiceGiven:
        """Return what was typed as the verb takes it."""
        typed = self.cleaned_data
        return InvoiceGiven(
            direction=typed["direction"],
            kind=typed["kind"],
            number=typed["number"],
            party_code=typed["party_code"],
            party_name=typed["party_name"],
            invoice_date=typed["invoice_date"],
            due_date=typed["due_date"],
            currency=typed["currency"].upper(),
            lines=tuple(lines),
        )


class EditForm(InvoiceForm):
    """The head of an invoice that is here already: client, direction and kind stay."""

    seen = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("May be left empty; it stands in the event log."),
    )

    def __init__(self, *args: Any, invoice: Invoice, **kwargs: Any) -> None:
        """Take the invoice, which says what stays."""
        kwargs.setdefault(
            "initial",
            {
                "number": invoice.number,
                "party_code": invoice.counterparty.code,
                "party_name": invoice.counterparty.name,
                "invoice_date": invoice.invoice_date,
                "due_date": invoice.due_date,
                "currency": invoice.currency,
                "seen": invoice.event_count,
            },
        )
        super().__init__(*args, clients={}, **kwargs)
        self.invoice = invoice
        for name in ("client", "direction", "kind"):
            del self.fields[name]

    def given(self, lines: Sequence[LineGiven]) -> InvoiceGiven:
        """Return what was typed as the verb takes it."""
        self.cleaned_data.update(direction=self.invoice.direction, kind=self.invoice.kind)
        return super().given(lines)


class LineForm(forms.Form):
    """One line of an invoice; a row in which nothing was typed is none."""

    description = forms.CharField(label=_("Description"), max_length=500)
    quantity = forms.DecimalField(label=_("Quantity"), initial=1, max_digits=15, decimal_places=4)
    unit_price = forms.DecimalField(label=_("Unit price"), max_digits=15, decimal_places=4)
    account = forms.CharField(label=_("Account"), max_length=40, required=False)
    item = forms.CharField(label=_("Item"), max_length=60, required=False)


class BaseLineFormSet(forms.BaseFormSet[LineForm]):
    """The lines of an invoice."""

    def add_fields(self, form: LineForm, index: int | None) -> None:
        """Call the box for taking a line away what it does."""
        super().add_fields(form, index)
        form.fields["DELETE"].label = _("Remove")

    def given(self) -> tuple[list[LineGiven], list[int]]:
        """Return the lines as the verb takes them, and for each the row in which it stands."""
        lines: list[LineGiven] = []
        rows: list[int] = []
        for row, form in enumerate(self.forms):
            typed = form.cleaned_data
            if not typed or typed.get("DELETE"):
                continue
            values: dict[str, str | Decimal] = {name: typed[name] for name in LineForm.base_fields}
            lines.append(LineGiven(**values))  # type: ignore[arg-type]  # each field's form cleans to its type
            rows.append(row)
        return lines, rows


LineFormSet = cast(
    type[BaseLineFormSet],
    forms.formset_factory(LineForm, formset=BaseLineFormSet, extra=3, can_delete=True, max_num=1000, absolute_max=1010),
)


def show_line_refusals(head: InvoiceForm, lines: BaseLineFormSet, rows: Sequence[int], refusal: BadInput) -> None:
    """Put the sentences of a BadInput at the head's fields and at the fields of the lines, `lines[3].quantity`."""
    others: dict[str, Sentence] = {}
    for name, sentence in refusal.fields.items():
        place, _dot, field = name.partition("].")
        index = place.removeprefix("lines[")
        if field and index.isdigit() and int(index) < len(rows) and field in LineForm.base_fields:
            lines.forms[rows[int(index)]].add_error(field, str(sentence))
        else:
            others[name] = sentence
    show_refusal(head, others)


class GrantForm(forms.Form):
    """A role to be granted."""

    client = forms.TypedChoiceField(label=_("Client"), coerce=int)
    username = forms.CharField(
        label=_("Person"),
        max_length=150,
        help_text=_("The username. People who have a role on your clients are offered."),
        widget=forms.TextInput(attrs={"list": "known-people", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    until = forms.DateTimeField(
        label=_("Until"),
        required=False,
        help_text=_("UTC. Empty: until it is revoked."),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}),
    )
    reason = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Stands in the event log."),
    )

    def __init__(self, *args: Any, clients: Mapping[int, str], **kwargs: Any) -> None:
        """Take the clients on which the person may grant roles."""
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]  # a choice field has them


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Stands in the event log."),
    )
