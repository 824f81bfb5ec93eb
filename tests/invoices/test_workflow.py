"""The state tables are DESIGN §4, written down by hand."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django_fsm import TransitionNotAllowed

from invoices.models import IntegrationMessage, Invoice, Payment
from invoices.workflow import PaymentState, Status, Step, may_move
from tests.factories import InvoiceFactory
from tests.invoices.pictures import stand

STEP_MOVES = {
    "post": {"draft": "preliminary_integration"},
    "confirm": {"preliminary_integration": "approval", "final_integration": "booked"},
    "stop": {"preliminary_integration": "preliminary_error", "final_integration": "final_error"},
    "post_again": {"preliminary_error": "preliminary_integration", "final_error": "final_integration"},
    "skip": {"preliminary_error": "approval", "final_error": "booked"},
    "approve": {"approval": "final_integration"},
    "invalidate": {
        "draft": "invalidated",
        "approval": "invalidated",
        "preliminary_error": "invalidated",
        "final_error": "invalidated",
    },
    "reopen": {"booked": "final_error"},
}
PAYABLE_MOVES = {
    "begin_payment": {"": "ok_to_pay", "failed_erp_validation": "ok_to_pay"},
    "process_payment": {"ok_to_pay": "processing_payment"},
    "pay_part": dict.fromkeys(("ok_to_pay", "processing_payment", "partially_paid", "open"), "partially_paid"),
    "pay_in_full": dict.fromkeys(("ok_to_pay", "processing_payment", "partially_paid", "open"), "paid"),
    "deny": dict.fromkeys(("ok_to_pay", "processing_payment"), "denied"),
    "fail_validation": dict.fromkeys(("ok_to_pay", "processing_payment"), "failed_erp_validation"),
    "take_back_part": {},
    "take_back_all": {},
}
RECEIVABLE_MOVES = {
    **PAYABLE_MOVES,
    "begin_payment": {"": "open", "failed_erp_validation": "open"},
    "process_payment": {},
    "take_back_part": dict.fromkeys(("paid", "partially_paid"), "partially_paid"),
    "take_back_all": dict.fromkeys(("paid", "partially_paid"), "open"),
}


PAYMENT_MOVES = {
    "succeed": {"authorized": "succeeded"},
    "fail": {"authorized": "failed", "succeeded": "failed"},
    "void": {"authorized": "voided", "succeeded": "voided"},
}


def move(invoice, field, name, target):
    """Try a move; say what the machine did."""
    was = getattr(invoice, field)
    assert may_move(getattr(invoice, name)) == (target is not None)
    if target is None:
        with pytest.raises(TransitionNotAllowed):
            getattr(invoice, name)()
        assert getattr(invoice, field) == was
    else:
        getattr(invoice, name)()
        assert getattr(invoice, field) == target


@pytest.mark.parametrize("step", Step.values)
@pytest.mark.parametrize("name", STEP_MOVES)
def test_a_payable_moves_between_steps_as_drawn(name, step):
    move(Invoice(direction="payable", step=step), "step", name, STEP_MOVES[name].get(step))


def test_a_receivable_goes_straight_to_final_integration():
    move(Invoice(direction="receivable", step="draft"), "step", "post", "final_integration")


@pytest.mark.parametrize("status", Status.values)
@pytest.mark.parametrize("name", PAYABLE_MOVES)
@pytest.mark.parametrize(("direction", "moves"), [("payable", PAYABLE_MOVES), ("receivable", RECEIVABLE_MOVES)])
def test_status_moves_as_drawn(direction, moves, name, status):
    move(Invoice(direction=direction, step="booked", status=status), "status", name, moves[name].get(status))


@pytest.mark.parametrize("state", PaymentState.values)
@pytest.mark.parametrize("name", PAYMENT_MOVES)
def test_a_payment_moves_as_drawn(name, state):
    move(Payment(state=state), "state", name, PAYMENT_MOVES[name].get(state))


def test_the_tables_name_every_move_there_is():
    machine = {
        transition.name
        for field in ("step", "status")
        for transition in Invoice._meta.get_field(field).get_all_transitions(Invoice)
    }

    assert machine == {*STEP_MOVES, *PAYABLE_MOVES}
    assert {each.name for each in Payment._meta.get_field("state").get_all_transitions(Payment)} == {*PAYMENT_MOVES}


# protection -----------------------------------------------------------------------------------------------------------


def assert_protected(invoice):
    step, status = invoice.step, invoice.status
    with pytest.raises(AttributeError, match="Direct step modification is not allowed"):
        invoice.step = Step.BOOKED
    with pytest.raises(AttributeError, match="Direct status modification is not allowed"):
        invoice.status = Status.PAID
    assert (invoice.step, invoice.status) == (step, status)


def test_a_state_cannot_be_assigned(acme):
    assert_protected(Invoice(direction="payable"))
    assert_protected(InvoiceFactory(client=acme))
    assert_protected(Invoice.objects.get())


def test_refreshing_loads_the_states_and_keeps_the_protection(acme):
    invoice = InvoiceFactory(client=acme)
    Invoice.objects.filter(pk=invoice.pk).update(step="booked", status="paid", number="other")

    invoice.refresh_from_db()

    assert (invoice.step, invoice.status, invoice.number) == ("booked", "paid", "other")
    assert_protected(invoice)


def test_refreshing_one_state_leaves_the_rest(acme):
    invoice = InvoiceFactory(client=acme)
    Invoice.objects.filter(pk=invoice.pk).update(step="booked", status="paid", number="other")
    before = invoice.number

    invoice.refresh_from_db(fields=["status"])

    assert (invoice.step, invoice.status, invoice.number) == ("draft", "paid", before)
    assert_protected(invoice)


def test_refreshing_leaves_a_deferred_state_deferred_and_it_loads_when_asked(acme):
    InvoiceFactory(client=acme, step="approval")
    invoice = Invoice.objects.defer("step").get()

    invoice.refresh_from_db()

    assert invoice.get_deferred_fields() == {"step"}
    assert invoice.step == "approval"
    assert_protected(invoice)


def test_a_refresh_that_fails_keeps_the_states_and_the_protection_of_all(acme):
    invoice = InvoiceFactory(client=acme, step="approval")
    other = InvoiceFactory(client=acme)
    Invoice.objects.filter(pk=invoice.pk).delete()

    with pytest.raises(Invoice.DoesNotExist):
        invoice.refresh_from_db()

    assert invoice.step == "approval"
    assert_protected(invoice)
    assert_protected(other)


def test_a_refresh_elsewhere_does_not_open_the_protection(acme):
    invoice = Invoice(direction="payable")
    seen = []

    class Looking(Invoice):
        class Meta:
            proxy = True
            app_label = "invoices"

        def get_deferred_fields(self):
            thread = threading.Thread(target=lambda: seen.append(tried(invoice)))
            thread.start()
            thread.join()
            return super().get_deferred_fields()

    def tried(invoice):
        try:
            invoice.step = Step.BOOKED
        except AttributeError:
            return "refused"
        return "allowed"

    looking = Looking.objects.get(pk=InvoiceFactory(client=acme).pk)
    looking.refresh_from_db()

    assert seen
    assert set(seen) == {"refused"}


def test_a_full_clean_passes_and_keeps_the_protection(acme):
    invoice = stand(acme, "booked")

    invoice.full_clean()

    assert_protected(invoice)


def test_a_full_clean_still_looks_at_the_other_fields(acme):
    invoice = InvoiceFactory(client=acme)
    invoice.number = "A\x07"

    with pytest.raises(ValidationError) as refusal:
        invoice.full_clean()

    assert list(refusal.value.message_dict) == ["number"]


# the database refuses what no machine knows ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("step", "bogus"),
        ("step", ""),
        ("status", "bogus"),
        ("direction", "sideways"),
        ("kind", "bill"),
        ("paid", "-0.01"),
        ("paid", "11.00"),
    ],
)
def test_an_update_to_what_cannot_be_is_refused(acme, field, value):
    invoice = InvoiceFactory(client=acme)
    before = Invoice.objects.values().get()

    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(**{field: value})

    assert Invoice.objects.values().get() == before


def test_creating_in_a_bogus_step_is_refused(acme):
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceFactory(client=acme, step="bogus")


@pytest.mark.parametrize(("field", "value"), [("state", "bogus"), ("kind", "bogus")])
def test_a_message_in_a_bogus_state_is_refused(acme, field, value):
    stand(acme, "final_integration")

    with pytest.raises(IntegrityError), transaction.atomic():
        IntegrationMessage.objects.update(**{field: value})


def test_an_invoice_has_one_open_booking_message_at_most(acme):
    message = stand(acme, "final_integration").current_message

    with pytest.raises(IntegrityError), transaction.atomic():
        IntegrationMessage.objects.create(
            client=acme, invoice=message.invoice, kind="book_preliminary", key="other", state="unknown"
        )
