"""The buttons that ask the ERP: who may press which from where (DESIGN §4), and that a refusal changes nothing."""

import pytest

from invoices.buttons import press
from invoices.errors import Conflict, NotAllowed, NotThere
from invoices.models import Event, Evidence, IntegrationMessage, Invoice
from invoices.workflow import Step
from tests.factories import InvoiceFactory

pytestmark = pytest.mark.django_db(transaction=True)

ERRORS = {"preliminary_error", "final_error"}
SENT = {"preliminary_integration", "final_integration", "approval", "booked"} | ERRORS
# button: who may, from where
TABLE = {
    "post-again": ({"handler", "root"}, ERRORS),
    "invalidate": ({"handler", "root"}, {"draft", "approval"} | ERRORS),
    "look-up": ({"clerk", "clerk2", "handler", "manager", "root"}, SENT),
    "re-sync": ({"clerk", "clerk2", "root"}, {"preliminary_integration", "final_integration", "booked"}),
    "not-posted": ({"handler", "root"}, {"preliminary_integration", "final_integration"} | ERRORS),
    "posted-in-erp": ({"handler", "root"}, {"preliminary_integration", "final_integration"} | ERRORS),
    "ask-handler": (
        {"clerk", "clerk2", "handler", "manager", "auditor", "root"},
        {"preliminary_integration", "final_integration"} | ERRORS,
    ),
}
PEOPLE = ["clerk", "clerk2", "handler", "manager", "auditor", "stranger", "root"]


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (Invoice, IntegrationMessage, Event, Evidence)]


def answer_to(button, invoice, person):
    """Press, and return the kind of refusal, or None."""
    try:
        press(button, invoice.pk, by=person, reason="Because")
    except (Conflict, NotAllowed, NotThere) as refusal:
        return type(refusal)
    return None


@pytest.mark.parametrize("step", Step.values)
@pytest.mark.parametrize("who", PEOPLE)
def test_every_person_presses_every_button_from_every_step(who, step, desk, request, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    person = request.getfixturevalue(who)

    for button, (people, steps) in TABLE.items():
        invoice = InvoiceFactory(client=desk.client, step=step)
        if button == "posted-in-erp":
            desk.book_by_hand(invoice, stage="final" if step.startswith("final") else "preliminary")
        if button == "re-sync" and step == "booked":
            there = desk.book_by_hand(invoice, stage="final")
            Invoice.objects.filter(pk=invoice.pk).update(remote_id=there["id"], status="ok_to_pay")
        before = everything()

        answer = answer_to(button, invoice, person)

        if who in people and step in steps:
            assert answer is None, button
        else:
            assert answer is (NotThere if who == "stranger" else Conflict if who in people else NotAllowed), button
            assert everything() == before, button
