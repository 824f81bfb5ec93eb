"""Tags of our pages: pills, ages, amounts, and the machines."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django import template
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoices.admin.words import MESSAGE_TONES, OTHER_TONES, STATUS_TONES, STEP_TONES, amount_text, clock_text, span
from invoices.drawing import LYING, STANDING, Drawing, draw, machines_of
from invoices.models import IntegrationMessage, Invoice
from invoices.permissions import person_name
from invoices.workflow import MessageState, Status, Step

register = template.Library()

CAPPED_AT: Final = 20_000
STATES: Final = {value: label for value, label in [*Step.choices, *Status.choices] if value}


@register.simple_tag
def pill(label: str, tone: str) -> SafeString:
    """Return a pill: its tone gives the colour and a sign, its label says it in words."""
    return format_html('<span class="pill {}">{}</span>', tone, label)


@register.filter
def step_pill(invoice: Invoice) -> SafeString:
    """Return the pill of an invoice's step."""
    return pill(str(Step(invoice.step).label), STEP_TONES[invoice.step])


@register.filter
def status_pill(invoice: Invoice) -> SafeString:
    """Return the pill of an invoice's status; a dash before it is booked."""
    if not invoice.status:
        return format_html('<span class="none">{}</span>', "–")
    return pill(str(Status(invoice.status).label), STATUS_TONES[invoice.status])


@register.filter
def message_pill(message: IntegrationMessage | None) -> SafeString:
    """Return the pill of a message's state; a dash for no message."""
    if message is None:
        return format_html('<span class="none">{}</span>', "–")
    return pill(str(MessageState(message.state).label), MESSAGE_TONES[message.state])


@register.simple_tag
def choice_pill(row: Any, field: str) -> SafeString:
    """Return the pill of another choice field: an attempt's outcome, a verdict, a payment's state, a level."""
    value = getattr(row, field)
    tones = {**MESSAGE_TONES, **OTHER_TONES}
    return pill(getattr(row, f"get_{field}_display")(), tones.get(value, "quiet"))


def time_tag(moment: datetime, text: str) -> SafeString:
    """Return `text` as a time element whose title is the moment."""
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), clock_text(moment), text)


@register.filter
def age(moment: datetime | None) -> SafeString | str:
    """Return how long ago a moment was."""
    return "" if moment is None else time_tag(moment, span(timezone.now() - moment))


@register.filter
def coming(moment: datetime | None) -> SafeString | str:
    """Return in how much time a moment is; one that has come is due now."""
    if moment is None:
        return ""
    left = moment - timezone.now()
    text = _("in %(span)s") % {"span": span(left)} if left > timedelta(0) else _("now")
    return time_tag(moment, text)


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """Return a moment with its date."""
    if value is None:
        return "–"
    return time_tag(value, date_format(timezone.localtime(value), "j M Y H:i"))


@register.filter
def day(value: date | None) -> str:
    """Return a date as the pages have it."""
    return "–" if value is None else date_format(value, "j M Y")


@register.simple_tag
def money(amount: Decimal | None, currency: str) -> SafeString | str:
    """Return an amount with its currency."""
    if amount is None:
        return "–"
    return format_html(
        '<span class="money">{} <span class="currency">{}</span></span>', amount_text(amount, currency), currency
    )


@register.simple_tag
def balance_there(invoice: Invoice) -> SafeString | str:
    """Return the balance in the ERP, with a sign where it is another one than here."""
    shown = money(invoice.erp_balance, invoice.erp_currency or invoice.currency)
    if not invoice.balance_differs:
        return shown
    return format_html("{} {}", shown, pill(_("differs"), "warn"))


@register.filter
def plain_number(value: Decimal | None) -> str:
    """Return a quantity without idle zeros."""
    return "–" if value is None else f"{value.normalize():,f}"


@register.filter
def shown_changes(details: tuple[tuple[str, str], ...], currency: str = "") -> list[tuple[str, str]]:
    """Return the changes of an event in words: fields by their names, states by their labels; our own keys left out.

    With a `currency`, amounts have its digits, and dates are as the page has them.
    """
    fields = {field.name: str(field.verbose_name) for field in Invoice._meta.fields}
    shown = []
    for name, text in details:
        if name.endswith("_id") and name not in fields and name != "counterparty_id":
            continue
        sides = [_side(name, side, currency) for side in text.split(" → ")] if name in fields else [text]
        label = fields.get(name) or fields.get(name.removesuffix("_id")) or name
        shown.append((label, " → ".join(sides)))
    return shown


def _side(name: str, side: str, currency: str) -> str:
    """Return one side of a change as the page has such values."""
    if name in ("step", "status"):
        return str(STATES.get(side, side))
    if side == "–" or not currency:
        return side
    if name in ("total", "paid"):
        return amount_text(Decimal(side), currency)
    if name.endswith("_date"):
        return day(date.fromisoformat(side))
    if name.endswith("_at"):
        return clock_text(datetime.fromisoformat(side))
    return side


@register.filter
def called(user: User | None) -> str:
    """Return what a person is called; the system where it was nobody."""
    return person_name(user) if user else "Unstuck"


@register.filter
def raw(value: Any) -> str:
    """Return what another system said as text, cut at 20,000 characters."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= CAPPED_AT else text[:CAPPED_AT] + "\n…"


@register.simple_tag
def next_try(message: IntegrationMessage | None) -> SafeString | str:
    """Say when an open message is tried next, or that a person must look."""
    if message is None or not message.is_open:
        return ""
    if message.is_for_a_person:
        return format_html('<strong class="person">{}</strong>', _("a person must look"))
    if message.state == MessageState.SENDING:
        return format_html('<span class="next">{} {}</span>', _("sent"), _("just now"))
    label = _("asks") if message.state == MessageState.UNKNOWN else _("next try")
    return format_html('<span class="next">{} {}</span>', label, coming(message.not_before))


@register.simple_tag
def drawings(invoice: Invoice) -> list[tuple[Drawing, Drawing]]:
    """Return both machines of an invoice, each lying and standing."""
    steps, status = machines_of(invoice.direction)
    return [
        (draw(machine, now, LYING, tones), draw(machine, now, STANDING, tones))
        for machine, now, tones in ((steps, invoice.step, STEP_TONES), (status, invoice.status, STATUS_TONES))
    ]


@register.simple_tag
def capped_text(count: int, *, is_capped: bool) -> str:
    """Return how many rows there are, as far as they were counted."""
    if is_capped:
        return _("more than %(count)s rows") % {"count": f"{count:,}"}
    return ngettext("%(count)s row", "%(count)s rows", count) % {"count": f"{count:,}"}
