"""Import by number against the sandbox ERP: every way that it can end, each with a sentence of its own."""

from datetime import date
from decimal import Decimal

import pytest

from integrations.importing import find_missing
from integrations.linking import disconnect
from integrations.models import Connection
from integrations.pulling import pull
from invoices.actions.flow import archive_invoice
from invoices.actions.importing import Outcome
from invoices.actions.preferences import change_preferences
from invoices.errors import BadInput, NotAllowed, NotThere
from invoices.models import Counterparty, Event, Invoice, Payment
from tests.factories import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


def nothing_is_here():
    return not Invoice.objects.exists() and not Counterparty.objects.exists() and not Event.objects.exists()


def test_it_comes_as_the_erp_has_it(desk, there, bring, clerk):
    desk.ask("PUT", "customers/CUS-7/", {"name": "New Readers"})
    remote_id = there("R-1", party="CUS-7")

    made = bring("R-1", reason="It was typed there")

    invoice = Invoice.objects.get()
    assert (made.outcome, made.invoice) == (Outcome.IMPORTED, invoice)
    assert made.sentence == "Imported R-1 from Sandbox ERP: 10.99 USD, of which 10.99 are open."
    assert (invoice.client, invoice.direction, invoice.kind, invoice.number) == (
        desk.client,
        "receivable",
        "invoice",
        "R-1",
    )
    assert (invoice.counterparty.code, invoice.counterparty.direction) == ("CUS-7", "receivable")
    assert (invoice.invoice_date, invoice.due_date) == (date(2026, 11, 2), date(2026, 12, 2))
    assert (invoice.currency, invoice.total, invoice.paid) == ("USD", Decimal("10.99"), 0)
    assert [(line.position, line.description, line.amount) for line in invoice.lines.all()] == [
        (1, "Paper", Decimal("10.99"))
    ]
    assert (invoice.step, invoice.status, invoice.remote_id) == ("booked", "open", remote_id)
    assert (invoice.final_voucher, invoice.final_posting_date) == ("F-000001", date(2026, 11, 2))
    assert (invoice.erp_state, invoice.erp_balance) == ("open", Decimal("10.99"))
    assert invoice.created_by == clerk
    assert invoice.pdf.size > 0
    event = invoice.events.get(action="import")
    assert (event.actor, event.reason, event.before) == (clerk, "It was typed there", {})
    assert desk.actions(invoice) == ["import", "take_pdf"]
    desk.assert_holds()


@pytest.mark.parametrize(
    ("direction", "paid", "status"),
    [
        ("receivable", "4.00", "partially_paid"),
        ("receivable", "10.99", "paid"),
        ("payable", "4.00", "partially_paid"),
        ("payable", "10.99", "paid"),
    ],
)
def test_what_is_paid_there_is_a_payment_here(desk, there, bring, pay_there, direction, paid, status):
    party = "CUS-1" if direction == "receivable" else "SUP-1"
    pay_there(there("R-1", direction=direction, party=party), paid)

    made = bring("R-1", direction)

    invoice = Invoice.objects.get()
    left = Decimal("10.99") - Decimal(paid)
    assert made.sentence == f"Imported R-1 from Sandbox ERP: 10.99 USD, of which {left} are open."
    assert (invoice.status, invoice.paid, invoice.erp_balance) == (status, Decimal(paid), left)
    payment = Payment.objects.get()
    assert (payment.amount, payment.currency, payment.state, payment.source) == (
        Decimal(paid),
        "USD",
        "succeeded",
        "ERP",
    )
    desk.assert_holds()


def test_a_payable_brings_both_vouchers(desk, there, bring):
    there("P-1", direction="payable", party="SUP-1", stage="preliminary")
    there("P-1", direction="payable", party="SUP-1", preliminary_voucher="P-000001")

    bring("P-1", "payable")

    invoice = Invoice.objects.get()
    assert (invoice.preliminary_voucher, invoice.final_voucher, invoice.status) == (
        "P-000001",
        "F-000001",
        "ok_to_pay",
    )
    desk.assert_holds()


def test_what_is_imported_goes_on_with_the_next_pull(desk, there, bring):
    remote_id = there("R-1")
    bring("R-1")
    line = {"description": "Paper", "quantity": "1", "unit_price": "12.00", "amount": "12.00"}
    desk.ask("POST", f"documents/{remote_id}/edit/", {"total": "12.00", "lines": [line]})

    pull(desk.connection.pk)

    assert Invoice.objects.get().total == Decimal("12.00")


@pytest.mark.parametrize("number", ["R-2", "R", "r-1", "R-11", "R-1 1"])
def test_a_number_that_is_not_exact_is_not_found(there, bring, number):
    there("R-1")

    made = bring(number)

    assert (made.outcome, made.invoice) == (Outcome.NOT_FOUND, None)
    assert made.sentence == f"There is no invoice numbered {number} in Sandbox ERP: the number must be exact."
    assert nothing_is_here()


def test_blanks_around_the_number_do_not_count(there, bring):
    there("R-1")

    assert bring("  R-1 ").outcome is Outcome.IMPORTED


def test_of_several_the_person_chooses_one(desk, there, bring, acme, manager):
    desk.ask("PUT", "customers/CUS-2/", {"name": "Writers"})
    first, other = there("R-1"), there("R-1", party="CUS-2", total="20.00")

    made = bring("R-1")

    assert made.outcome is Outcome.SEVERAL
    assert made.sentence == "Sandbox ERP has 2 documents of the number R-1: choose the one that is missing here."
    assert [(one.said.remote_id, one.said.party_code, one.said.total, one.here) for one in made.choices] == [
        (first, "CUS-1", Decimal("10.99"), None),
        (other, "CUS-2", Decimal("20.00"), None),
    ]
    assert nothing_is_here()

    chosen = bring("R-1", remote_id=other)

    assert (chosen.outcome, chosen.invoice.total) == (Outcome.IMPORTED, Decimal("20.00"))
    assert [one.here for one in bring("R-1").choices] == [None, chosen.invoice]
    refused = bring("R-1", remote_id=first)
    assert refused.outcome is Outcome.NUMBER_TAKEN
    change_preferences(acme.pk, by=manager, allows_duplicate_numbers=True)
    assert bring("R-1", remote_id=first).outcome is Outcome.IMPORTED
    assert sorted(Invoice.objects.values_list("number", "twin", "remote_id")) == [("R-1", 0, other), ("R-1", 1, first)]


def test_a_choice_that_is_gone_or_of_another_number_is_not_imported(there, bring):
    there("R-1")
    other = there("R-2")

    made = bring("R-1", remote_id=other)

    assert made.outcome is Outcome.NOT_FOUND
    assert made.sentence == "The chosen document of the number R-1 is not in Sandbox ERP any more: search again."
    assert nothing_is_here()


def test_twice_the_second_says_that_it_is_here(there, bring):
    there("R-1")
    first = bring("R-1").invoice

    made = bring("R-1")

    assert (made.outcome, made.invoice) == (Outcome.HERE, first)
    assert made.sentence == "R-1 is here already, in the step Booked: nothing was imported."
    assert Invoice.objects.count() == 1


def test_one_that_is_on_its_way_here_is_not_imported_beside_it(desk, there, bring):
    draft = desk.hand_in("R-1", direction="receivable")
    there("R-1")

    made = bring("R-1")

    assert (made.outcome, made.invoice) == (Outcome.HERE, draft)
    assert made.sentence == "R-1 is here already, in the step Draft: nothing was imported."
    assert Invoice.objects.count() == 1


def test_one_that_is_archived_is_offered_for_restoring(there, bring, clerk):
    there("R-1")
    invoice = bring("R-1").invoice
    archive_invoice(invoice.pk, by=clerk, reason="Looked lost")

    made = bring("R-1")

    assert (made.outcome, made.invoice) == (Outcome.ARCHIVED, invoice)
    assert made.sentence == (
        "R-1 is here already, but archived (Looked lost): restore it, and it is on the list again."
    )


def test_a_number_of_ours_in_use_says_by_whom_and_who_may_allow_it(desk, there, bring, manager):
    ours = desk.hand_in("R-1", direction="receivable")
    desk.ask("PUT", "customers/CUS-9/", {"name": "Nine"})
    there("R-1", party="CUS-9")

    made = bring("R-1")

    assert (made.outcome, made.invoice) == (Outcome.NUMBER_TAKEN, ours)
    assert made.sentence == (
        "R-1 is the number of an invoice for Paper & Sons (CUS-1) here, and Acme does not allow duplicate invoice "
        "numbers: choose another one, or ask Manager Example to allow them."
    )
    assert Invoice.objects.get() == ours
    assert Counterparty.objects.count() == 1


def test_a_second_document_of_one_customers_number_is_mended_there(there, bring, acme, manager):
    change_preferences(acme.pk, by=manager, allows_duplicate_numbers=True)
    first, other = there("R-1"), there("R-1")
    bring("R-1", remote_id=first)

    made = bring("R-1", remote_id=other)

    assert made.outcome is Outcome.NUMBER_TAKEN
    assert made.sentence == (
        f"R-1 of Readers (CUS-1) is here already, and it is another document there ({first} instead of {other}). "
        "Numbers of one counterparty must differ: give one of them another number there, then import that."
    )
    assert Invoice.objects.count() == 1


def test_two_suppliers_may_have_used_one_number(desk, there, bring):
    desk.ask("PUT", "suppliers/SUP-2/", {"name": "Ink Ltd"})
    first = there("P-1", direction="payable", party="SUP-1")
    other = there("P-1", direction="payable", party="SUP-2")

    made = [bring("P-1", "payable", remote_id=one).outcome for one in (first, other)]

    assert made == [Outcome.IMPORTED, Outcome.IMPORTED]


def test_what_was_voided_there_says_so(desk, there, bring):
    desk.ask("POST", f"documents/{there('R-1')}/void/")

    made = bring("R-1")

    assert made.outcome is Outcome.VOIDED
    assert made.sentence == "R-1 was voided in Sandbox ERP: there is nothing to import."
    assert nothing_is_here()


def test_what_was_deleted_there_is_not_found(desk, there, bring):
    desk.ask("DELETE", f"documents/{there('R-1')}/")

    assert bring("R-1").outcome is Outcome.NOT_FOUND
    assert nothing_is_here()


def test_what_is_booked_only_preliminarily_is_not_imported(there, bring):
    there("P-1", direction="payable", party="SUP-1", stage="preliminary")

    made = bring("P-1", "payable")

    assert made.outcome is Outcome.NOT_BOOKED
    assert made.sentence == ("P-1 is booked only preliminarily in Sandbox ERP: book it finally there, then import it.")
    assert nothing_is_here()


@pytest.mark.parametrize("switches", [{"down": True}, {"status": 500}, {"status": 429}])
def test_while_the_erp_cannot_be_asked_nothing_is_imported(desk, there, bring, switches):
    there("R-1")
    desk.erp.faults(**switches)

    made = bring("R-1")

    assert made.outcome is Outcome.NOT_ASKED
    assert made.sentence.startswith("The ERP could not be asked (")
    assert made.sentence.endswith("). Nothing was imported; try again when it answers.")
    assert nothing_is_here()


def test_a_client_without_a_connection(bring, acme, there):
    Connection.objects.all().delete()

    made = bring("R-1")

    assert (made.outcome, made.sentence) == (
        Outcome.NOT_CONNECTED,
        "Acme is not connected to an ERP: connect it first.",
    )


def test_a_client_that_was_disconnected(desk, there, bring, manager):
    there("R-1")
    disconnect(desk.connection.pk, by=manager, reason="Moving")

    made = bring("R-1")

    assert (made.outcome, made.sentence) == (
        Outcome.DISCONNECTED,
        "Acme was disconnected from its ERP: connect it again first.",
    )
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("number", "direction", "remote_id", "field"),
    [
        ("", "receivable", "", "number"),
        ("  ", "receivable", "", "number"),
        ("x" * 41, "receivable", "", "number"),
        ("R\x001", "receivable", "", "number"),
        ("R-1", "sideways", "", "direction"),
        ("R-1", "receivable", "x" * 101, "remote_id"),
    ],
)
def test_what_cannot_be_a_number_names_its_field(desk, bring, number, direction, remote_id, field):
    with pytest.raises(BadInput) as refused:
        bring(number, direction, remote_id=remote_id)

    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("handler", NotAllowed), ("manager", NotAllowed), ("auditor", NotAllowed), ("stranger", NotThere)],
)
def test_nobody_else_may(there, bring, acme, request, who, refusal):
    there("R-1")
    person = request.getfixturevalue(who)

    with pytest.raises(refusal):
        bring("R-1", by=person)
    with pytest.raises(refusal):
        find_missing(acme.pk, "R-1", "receivable", by=person)

    assert nothing_is_here()


def test_a_client_that_is_not_there(clerk, db):
    client = ClientFactory()
    pk = client.pk
    client.delete()

    with pytest.raises(NotThere):
        find_missing(pk, "R-1", "receivable", by=clerk)


def test_finding_a_missing_one_says_what_an_import_would_and_writes_nothing(there, acme, clerk):
    there("R-1")

    found = find_missing(acme.pk, "R-1", "receivable", by=clerk)

    assert (found.outcome, found.sentence) == (
        Outcome.IMPORTABLE,
        "R-1 is in Sandbox ERP and not here: import it by its number.",
    )
    assert find_missing(acme.pk, "R-2", "receivable", by=clerk).outcome is Outcome.NOT_FOUND
    assert nothing_is_here()
