"""From a finding to the one click that takes its next step: the page, the desk, the API and the command show the same.

What the person may not do is no link: then it says who may. What would not work from where the invoice is, is not
offered at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices.admin.words import clock_text
from invoices.buttons import all_buttons
from invoices.models import Client, Invoice
from invoices.roles import Right
from invoices.workflow import EDITABLE_STEPS, PRELIMINARY_STEPS
from syncdiag.findings import Finding

# The form's name of a field, and what a person calls it; one of a line stands in its first line unless it says which.
HEAD_FIELDS: Final[Mapping[str, tuple[str, str | Promise]]] = {
    "number": ("number", gettext_lazy("Correct the number")),
    "invoice_date": ("invoice_date", gettext_lazy("Correct the invoice date")),
    "due_date": ("due_date", gettext_lazy("Correct the due date")),
    "currency": ("currency", gettext_lazy("Correct the currency")),
    "counterparty": ("party_code", gettext_lazy("Correct the counterparty")),
    "counterparty.code": ("party_code", gettext_lazy("Correct the counterparty")),
    "party_code": ("party_code", gettext_lazy("Correct the counterparty")),
    "counterparty.name": ("party_name", gettext_lazy("Correct the counterparty's name")),
    "party_name": ("party_name", gettext_lazy("Correct the counterparty's name")),
}
LINE_FIELDS: Final[Mapping[str, str | Promise]] = {
    "description": gettext_lazy("Correct the line's description"),
    "quantity": gettext_lazy("Correct the line's quantity"),
    "unit_price": gettext_lazy("Correct the line's price"),
    "account": gettext_lazy("Correct the line's account"),
    "item": gettext_lazy("Correct the line's item"),
}


class Rights(Protocol):
    """What a person may do on the invoice's client, and who else may."""

    def may(self, right: Right) -> bool:
        """Say whether they have a right."""

    def who_may(self, right: Right) -> str:
        """Say who has it."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """One click: its label and address; or a sentence where there is nothing to press; or both.

    `slug` names a button of the invoice. `fields` are sent with it: then it is a form that acts when it is pressed.
    """

    slug: str = ""
    label: str = ""
    url: str = ""
    sentence: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


NOTHING: Final = NextStep()


def next_step_of(finding: Finding, invoice: Invoice | None, rights: Rights, *, connection_id: int | None) -> NextStep:
    """Return the click that takes a finding's next step; `rights` and `connection_id` are those of the client."""
    target = finding.about or invoice
    if finding.button == "wait":
        return NextStep(sentence=_when_again(finding.until))
    if finding.button == "connection":
        return _connection(rights, connection_id)
    if finding.button == "import":
        page = reverse("admin:invoices_invoice_list_page", args=["import"])
        number = {"number": target.number, "direction": target.direction} if target and not finding.values else {}
        values = {**({"client": str(target.client_id)} if target else {}), **number, **finding.values}
        return _allowed(
            rights, Right.SYNC, NextStep(label=_("Import by number"), url=f"{page}?{urlencode(values)}", fields=values)
        )
    if target is None:
        return NOTHING
    if finding.button == "open":
        page = reverse("admin:invoices_invoice_change", args=[target.pk])
        return NextStep(label=_("Look at %(number)s") % {"number": target.number}, url=page)
    if finding.button == "preferences":
        return _preferences(rights, target.client)
    if finding.button == "edit":
        return _edit(finding.field, target, rights)
    return _press(finding.button, target, rights)


def field_anchor(name: str) -> str:
    """Return the id of an input on the invoice's edit page; empty where the page has none of this name."""
    if name in HEAD_FIELDS:
        return f"id_{HEAD_FIELDS[name][0]}"
    if name == "lines":
        return "id_lines-0-description"
    place, dot, of_line = name.partition("].")
    index = place.removeprefix("lines[") if dot else "0"
    of_line = of_line if dot else name.removeprefix("lines.")
    return f"id_lines-{index}-{of_line}" if of_line in LINE_FIELDS and index.isdecimal() else ""


def _edit(name: str, invoice: Invoice, rights: Rights) -> NextStep:
    if invoice.is_archived or invoice.step not in EDITABLE_STEPS:
        return NOTHING
    if name == "posting_date":
        kept = invoice.preliminary_posting_date if invoice.step in PRELIMINARY_STEPS else invoice.final_posting_date
        if kept is not None:  # it stands in the voucher's box; without one, the ERP posts on the invoice date
            page = reverse("admin:invoices_invoice_change", args=[invoice.pk])
            step = NextStep(label=_("Change the posting date"), url=f"{page}#box-date")
            return _allowed(rights, Right.HANDLE_QUEUE, step)
        name = "invoice_date"
    page = reverse("admin:invoices_invoice_edit", args=[invoice.pk])
    anchor = field_anchor(name)
    of_line = name.rpartition(".")[2]
    if name in HEAD_FIELDS:
        label = str(HEAD_FIELDS[name][1])
    elif name == "lines":
        label = _("Correct the lines")
    else:
        label = str(LINE_FIELDS.get(of_line, _("Correct it")))
    return _allowed(rights, Right.HAND_IN, NextStep(label=label, url=f"{page}#{anchor}" if anchor else page))


def _press(slug: str, invoice: Invoice, rights: Rights) -> NextStep:
    button = next((each for each in all_buttons() if each.slug == slug), None)
    if button is None or not button.concerns(invoice) or not button.works_from(invoice):
        return NOTHING
    url = reverse("admin:invoices_invoice_press", args=[invoice.pk, slug])
    return _allowed(rights, button.right, NextStep(slug, str(button.label), url))


def _connection(rights: Rights, connection_id: int | None) -> NextStep:
    if connection_id is None:
        step = NextStep(label=_("Connect the client"), url=reverse("admin:integrations_connection_add"))
    else:
        page = reverse("admin:integrations_connection_change", args=[connection_id])
        step = NextStep(label=_("Open the connection"), url=page)
    return _allowed(rights, Right.MANAGE_CONNECTION, step)


def _preferences(rights: Rights, client: Client) -> NextStep:
    page = reverse("admin:invoices_client_change", args=[client.pk])
    return _allowed(rights, Right.MANAGE_CONNECTION, NextStep(label=_("Open the client's preferences"), url=page))


def _allowed(rights: Rights, right: Right, step: NextStep) -> NextStep:
    return step if rights.may(right) else NextStep(label=step.label, sentence=rights.who_may(right))


def _when_again(until: datetime | None) -> str:
    if until is None:
        return _("It goes on by itself.")
    return _("It is tried again by itself at %(when)s.") % {"when": clock_text(until)}
