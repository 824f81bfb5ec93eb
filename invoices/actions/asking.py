"""Asking a queue handler for help, by mail, where one may not act oneself."""

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from invoices import clock
from invoices.actions.taking import take_invoice, wrong_step
from invoices.errors import Conflict
from invoices.events import facts, record
from invoices.models import Event, Invoice
from invoices.permissions import person_name, who_may
from invoices.roles import Right
from invoices.workflow import ERROR_STEPS, INTEGRATION_STEPS

ONCE_IN: Final = timedelta(hours=1)


@transaction.atomic
def ask_handler(invoice_id: int, *, by: User, reason: str = "") -> Invoice:
    """Write to everybody who may handle the queue of the invoice's client, with a link; `reason` is the person's words.

    Raises Conflict when nobody may, and when the same person asked about the same invoice within the hour.
    """
    invoice = take_invoice(invoice_id, by=by, right=Right.VIEW)
    if invoice.step not in (*INTEGRATION_STEPS, *ERROR_STEPS):
        raise wrong_step(invoice)
    handlers = [person for person in who_may(Right.HANDLE_QUEUE, invoice.client) if person.email]
    if not handlers:
        raise Conflict(_("Nobody can be asked yet: an Integration manager must grant the role first."))
    since = clock.now() - ONCE_IN
    if Event.objects.filter(invoice=invoice, action="ask_handler", actor=by, at__gt=since).exists():
        raise Conflict(_("You asked within the last hour; the answer is on its way."))
    before = facts(invoice)
    names = ", ".join(person_name(person) for person in handlers)
    record(invoice, "ask_handler", by=by, reason=reason, before=before, evidence={"asked": names})
    values = {
        "person": person_name(by),
        "number": invoice.number,
        "client": str(invoice.client),
        "step": invoice.get_step_display(),
        "reason": reason or _("(nothing more was said)"),
        "url": settings.SITE_URL + reverse("admin:invoices_invoice_change", args=[invoice.pk]),
    }
    mail = EmailMessage(
        subject=_("Please look at invoice %(number)s of %(client)s") % values,
        body=_("%(person)s asks you to look at invoice %(number)s, in the step %(step)s:\n\n%(reason)s\n\n%(url)s\n")
        % values,
        to=[person.email for person in handlers],
        reply_to=[by.email] if by.email else [],
    )
    transaction.on_commit(lambda: mail.send(fail_silently=False), robust=True)
    return invoice
