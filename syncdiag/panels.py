"""The panels "Why?" and "Why is there no PDF?" on an invoice's page."""

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from invoices.admin.panels import Panel
from invoices.buttons import all_buttons
from invoices.models import Invoice
from syncdiag.diagnosis import diagnose
from syncdiag.findings import Finding
from syncdiag.syncing import why_no_pdf


def why_panel(invoice: Invoice, user: User) -> Panel | None:
    """Return the findings, or nothing where nothing is wrong; a next step that `user` may take is a link."""
    findings = diagnose(invoice)
    if findings[0].id == "nothing-wrong":
        return None
    return _panel(_("Why?"), findings, invoice, user, is_first=True)


def pdf_panel(invoice: Invoice, user: User) -> Panel | None:
    """Return why a booked invoice has no PDF yet, where nothing else is wrong with it."""
    findings = [finding for finding in why_no_pdf(invoice, asked=True) if finding.id == "pdf-not-fetched"]
    return _panel(_("Why is there no PDF?"), findings, invoice, user, is_first=False) if findings else None


def _panel(title: str, findings: list[Finding], invoice: Invoice, user: User, *, is_first: bool) -> Panel:
    buttons = {button.slug: button for button in all_buttons()}
    rows = [
        {
            "finding": finding,
            "button": buttons[finding.button]
            if finding.button in buttons and not buttons[finding.button].why_not(invoice, user)
            else None,
        }
        for finding in findings
    ]
    return Panel(title, "syncdiag/why_panel.html", {"rows": rows, "invoice": invoice}, is_first=is_first)
