"""The panel "Why?" on an invoice's page: what is wrong, what to do first, and the evidence; and who may do what."""

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from integrations.actions import ASKABLE
from invoices.admin.panels import Panel
from invoices.models import Invoice
from invoices.roles import Right
from syncdiag.case import Case, gather
from syncdiag.diagnosis import ask, ask_all
from syncdiag.findings import Finding, age_text
from syncdiag.questions import find_question
from syncdiag.showing import show

TEMPLATE = "syncdiag/why_panel.html"


def why_panel(invoice: Invoice, user: User) -> Panel:
    """Return what all questions find; where that is nothing, what was checked, and further down the page."""
    case = gather(invoice, by=user)
    findings = ask_all(case)
    if findings[0].id == "nothing-wrong":
        findings = _pdf_of(case) or findings
    is_wrong = findings[0].id not in ("nothing-wrong", "pdf-not-fetched")
    handling = find_question("handling")
    context = {
        "rows": show(findings, case),
        "invoice": invoice,
        "ask_url": _ask_url(case),
        "asked": age_text(case.look_up.asked_at, case.now) if case.look_up else "",
        "handling": {"asks": handling.asks, "rows": show(ask(case, handling), case)},
        "is_wrong": is_wrong,
        "is_fine": findings[0].id == "nothing-wrong",
    }
    return Panel(_("Why?"), TEMPLATE, context, is_first=is_wrong)


def _pdf_of(case: Case) -> list[Finding]:
    """Return that no PDF was fetched yet, where nothing else is wrong with a booked invoice."""
    return [finding for finding in ask(case, find_question("pdf")) if finding.id == "pdf-not-fetched"]


def _ask_url(case: Case) -> str:
    """Return where the ERP is asked by one press, for who may, from where there is something to ask."""
    if case.invoice.step not in ASKABLE or not case.is_connected or not case.standing.may(Right.LOOK_UP):
        return ""
    return reverse("admin:invoices_invoice_press", args=[case.invoice.pk, "look-up"])
