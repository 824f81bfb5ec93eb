"""What must be right before anything is sent to the ERP; readable without asking it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.models import Invoice
from invoices.money import is_currency, is_exact


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: the field, and a sentence that says how."""

    field: str
    sentence: str | Promise


Check = Callable[[Invoice], Iterable[Problem]]
_checks: Final[list[Check]] = []


def add_check(check: Check) -> None:
    """Have `check(invoice)` give problems as well, without asking the ERP; called when the process starts."""
    if check not in _checks:
        _checks.append(check)


def preflight(invoice: Invoice) -> list[Problem]:
    """Return what stands in the way of posting `invoice`; empty when nothing does."""
    problems: list[Problem] = []
    lines = list(invoice.lines.all())
    if not lines:
        problems.append(Problem("lines", _("The invoice has no lines: add at least one line, then post it.")))
    if invoice.total <= 0 and lines:
        problems.append(Problem("lines", _("The total is not above zero: correct quantities and prices.")))
    if not is_currency(invoice.currency):
        problems.append(Problem("currency", _("The currency is not known: use an ISO 4217 code such as USD.")))
    elif not is_exact(invoice.total, invoice.currency):
        problems.append(Problem("lines", _("The total has more decimal places than the currency.")))
    if sum(line.amount for line in lines) != invoice.total:
        problems.append(Problem("lines", _("The lines do not add up to the total: save the invoice again.")))
    if invoice.due_date and invoice.due_date < invoice.invoice_date:
        problems.append(Problem("due_date", _("The due date lies before the invoice date: correct one of them.")))
    if not invoice.counterparty.code.strip():
        problems.append(Problem("counterparty.code", _("The counterparty has no code: choose who it is for.")))
    for check in _checks:
        problems.extend(check(invoice))
    return problems
