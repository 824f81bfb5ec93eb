"""The panel "Why?" on an invoice's page."""

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from invoices.admin.panels import Panel
from invoices.buttons import all_buttons
from invoices.models import Invoice
from syncdiag.diagnosis import diagnose


def why_panel(invoice: Invoice, user: User) -> Panel | None:
    """Return the findings, or nothing where nothing is wrong; a next step that `user` may take is a link."""
    findings = diagnose(invoice)
    if findings[0].id == "nothing-wrong":
        return None
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
    return Panel(_("Why?"), "syncdiag/why_panel.html", {"rows": rows, "invoice": invoice}, is_first=True)
