from datetime import date
from decimal import Decimal

import pytest

from invoices.actions.flow import post_again, post_invoice
from invoices.errors import BadInput
from invoices.models import InvoiceLine
from invoices.preflight import preflight
from tests.factories import InvoiceFactory
from tests.invoices.pictures import RoomPicture, ask_erp, stand


def fields(invoice):
    return [problem.field for problem in preflight(invoice)]


def test_finds_nothing_wrong_with_what_is_right(acme):
    assert fields(InvoiceFactory(client=acme, due_date=date(2026, 11, 2))) == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"total": Decimal(0)}, ["lines"]),
        ({"currency": "XXX"}, ["currency"]),
        ({"total": Decimal("10.995")}, ["lines"]),
        ({"currency": "JPY"}, ["lines"]),
        ({"due_date": date(2026, 11, 1)}, ["due_date"]),
        ({"currency": "XXX", "due_date": date(2026, 11, 1)}, ["currency", "due_date"]),
    ],
)
def test_names_the_field_to_mend_and_nothing_is_posted(acme, clerk, values, found):
    invoice = InvoiceFactory(client=acme, **values)
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        post_invoice(invoice.pk, by=clerk)

    assert fields(invoice) == found
    assert sorted(refusal.value.fields) == sorted(set(found))
    assert all(str(sentence).endswith(".") for sentence in refusal.value.fields.values())
    assert before.is_unchanged()


def test_lines_that_cancel_each_other_are_not_above_zero(acme):
    invoice = InvoiceFactory(client=acme, total=Decimal(0))
    for position, amount in ((1, 5), (2, -5)):
        InvoiceLine.objects.create(
            invoice=invoice, position=position, description="x", quantity=1, unit_price=amount, amount=amount
        )

    assert [str(problem.sentence) for problem in preflight(invoice)] == [
        "The total is not above zero: correct quantities and prices."
    ]


def test_lines_that_do_not_add_up_are_found(acme):
    invoice = InvoiceFactory(client=acme)
    InvoiceLine.objects.update(amount=Decimal("10.98"))

    assert [str(problem.sentence) for problem in preflight(invoice)] == [
        "The lines do not add up to the total: save the invoice again."
    ]


def test_posting_again_looks_too(acme, handler):
    invoice = stand(acme, "preliminary_error", due_date=date(2026, 11, 1))
    ask_erp(invoice)
    before = RoomPicture()

    with pytest.raises(BadInput):
        post_again(invoice.pk, by=handler, reason="again")

    assert before.is_unchanged()
