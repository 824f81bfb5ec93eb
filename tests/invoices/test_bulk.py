"""Rows made without asking each field: the same as Django makes them."""

import pytest
from django.db import connection

from cxmlgate.models import GateMessage, GateSettings
from invoices.bulk import column_names, make_row, new_row
from invoices.models import Event, Invoice, Payment
from tests.factories import InvoiceFactory

pytestmark = pytest.mark.django_db
CLOCKS = {"created_at", "step_since", "at", "changed_at"}


def columns_of(row):
    """The values of a row's columns, without those that a clock gives."""
    names = {column.attname for column in row._meta.concrete_fields if not column.generated} - CLOCKS
    return {name: getattr(row, name) for name in names}


@pytest.mark.parametrize("model", [Event, Payment, GateMessage, GateSettings, Invoice])
def test_new_row_has_the_defaults_of_its_model(model):
    row = new_row(model)

    assert columns_of(row) == columns_of(model())
    assert (row.pk, row._state.adding, row._state.db) == (None, True, None)


def test_no_two_new_rows_share_a_default():
    first, second = new_row(Event), new_row(Event)

    first.evidence["source"] = "test"

    assert second.evidence == {}


def test_new_row_is_saved_as_any_other():
    invoice = InvoiceFactory()

    new_row(Payment, invoice_id=invoice.pk, amount=1, currency="USD", state="succeeded").save()

    payment = Payment.objects.get()
    assert (payment.invoice, payment.amount, payment.is_applied) == (invoice, 1, True)
    assert payment.created_at is not None


def test_name_that_is_no_column_is_refused():
    with pytest.raises(TypeError, match="Payment has no invoice"):
        new_row(Payment, invoice=None)


def test_row_that_was_read_in_part_reads_the_rest_when_asked(django_assert_num_queries):
    invoice = InvoiceFactory(final_voucher="V-1")
    only = frozenset({"id", "number", "status", "total"})
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column_names(Invoice, 'invoices_invoice', only)} FROM invoices_invoice")
        row = make_row(Invoice, cursor.fetchone(), only)

    with django_assert_num_queries(0):
        assert (row, row.number, row.total) == (invoice, invoice.number, invoice.total)
        assert not row._state.adding
    with django_assert_num_queries(1):
        assert row.final_voucher == "V-1"


def test_row_that_was_read_keeps_its_states_protected():
    invoice = InvoiceFactory()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column_names(Invoice, 'invoices_invoice')} FROM invoices_invoice")
        row = make_row(Invoice, cursor.fetchone())

    with pytest.raises(AttributeError):
        row.step = "booked"
    assert columns_of(row) == columns_of(Invoice.objects.get(pk=invoice.pk))
