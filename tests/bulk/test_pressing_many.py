"""What a worker does with each invoice of a run: asks the ERP, presses once, and says what became of it."""

from datetime import timedelta

import pytest

from integrations import bulk
from integrations.models import BulkItem, Connection
from invoices import clock
from invoices.actions import flow
from invoices.models import Evidence, IntegrationMessage, Invoice, RoleGrant
from invoices.workflow import MessageState, Step
from tests.delivery.desk import Beside
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
DONE, REFUSED, WAITING = BulkItem.State.DONE, BulkItem.State.REFUSED, BulkItem.State.WAITING


def test_post_again_sends_each_that_the_erp_does_not_have(stuck):
    invoices = stuck.make(10)

    run = stuck.run("post-again", invoices)

    assert (run.done, run.refused, run.left, run.is_over) == (10, 0, 0, True)
    assert stuck.results(run) == [(DONE, "The ERP does not have it: handed to the ERP again.")] * 10
    assert [stuck.actions(invoice) for invoice in invoices] == [["post_again"]] * 10
    assert set(Evidence.objects.values_list("verdict", "asked_by__username")) == {("not_found", "handler")}
    stuck.desk.settle()
    assert {stuck.step(invoice) for invoice in invoices} == {Step.APPROVAL}
    assert [len(stuck.desk.documents(invoice)) for invoice in invoices] == [1] * 10


def test_what_the_erp_has_is_not_posted_again(stuck):
    there, missing = stuck.make(2)
    stuck.desk.book_by_hand(there)

    run = stuck.run("post-again", [there, missing])

    (first, sentence), (second, _said) = stuck.results(run)
    assert (first, second, run.done, run.refused) == (REFUSED, DONE, 1, 1)
    assert sentence.startswith("The ERP has this invoice already, under voucher ")
    assert stuck.actions(there) == []
    assert there.evidence.get().verdict == Evidence.Verdict.FOUND


def test_posted_in_erp_skips_under_the_voucher_that_was_found(stuck):
    invoices = stuck.make(3)
    vouchers = [stuck.desk.book_by_hand(invoice)["booking"]["voucher"] for invoice in invoices]

    run = stuck.run("posted-in-erp", invoices)

    assert (run.done, run.refused) == (3, 0)
    seen = [Invoice.objects.get(pk=invoice.pk) for invoice in invoices]
    assert [(invoice.step, invoice.preliminary_voucher) for invoice in seen] == [
        (Step.APPROVAL, voucher) for voucher in vouchers
    ]
    assert [stuck.actions(invoice) for invoice in invoices] == [["skip"]] * 3
    assert not IntegrationMessage.objects.exists()


def test_posted_in_erp_aborts_a_message_that_still_waits(stuck):
    invoice = stuck.desk.post()
    stuck.desk.book_by_hand(invoice)

    run = stuck.run("posted-in-erp", [invoice])

    assert run.done == 1
    assert stuck.desk.message(invoice).state == MessageState.ABORTED
    assert stuck.actions(invoice)[-2:] == ["abort", "skip"]


def _not_there(stuck, invoice):
    pass


def _differs(stuck, invoice):
    stuck.desk.book_by_hand(invoice, total="11.00")


def _twice(stuck, invoice):
    stuck.desk.book_by_hand(invoice)
    stuck.desk.book_by_hand(invoice)


def _cannot_be_asked(stuck, invoice):
    stuck.desk.book_by_hand(invoice)
    stuck.desk.erp.faults(down=True)


def _voucher_typed_by_a_person(stuck, invoice):
    flow.note_voucher(invoice.pk, by=stuck.desk.handler, voucher="V-TYPED")


def _a_persons_word(stuck, invoice):
    Evidence.objects.create(
        invoice=invoice, kind="book_preliminary", verdict="found", asked_at=clock.now(), voucher="V-WORD", matches=1,
        is_word=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arrange", "sentence"),
    [
        (_not_there, "The ERP was asked and does not have it"),
        (_differs, "What the ERP has is not this invoice as it stands here: The amount is 11.00"),
        (_twice, "What the ERP has is not this invoice as it stands here: The ERP has 2 bookings of it"),
        (_cannot_be_asked, "The ERP could not be asked whether it has this invoice"),
        (_voucher_typed_by_a_person, "The ERP was asked and does not have it"),
        (_a_persons_word, "The ERP was asked and does not have it"),
    ],
    ids=["not_there", "differs", "twice", "cannot_be_asked", "voucher_typed", "persons_word"],
)
def test_nothing_is_skipped_without_a_voucher_found_in_the_erp(stuck, arrange, sentence):
    (invoice,) = stuck.make(1)
    arrange(stuck, invoice)
    before = stuck.actions(invoice)

    run = stuck.run("posted-in-erp", [invoice])

    ((state, said),) = stuck.results(run)
    assert state == REFUSED
    assert said.startswith(sentence)
    assert stuck.step(invoice) == Step.PRELIMINARY_ERROR
    assert stuck.actions(invoice) == before
    assert not Evidence.objects.filter(invoice=invoice, is_word=True, asked_by__isnull=False).exists()


def test_look_up_says_what_the_erp_has(stuck):
    there, missing, other = stuck.make(3)
    voucher = stuck.desk.book_by_hand(there)["booking"]["voucher"]
    stuck.desk.book_by_hand(other, total="11.00")

    run = stuck.run("look-up", [there, missing, other], by=stuck.desk.clerk)

    first, second, third = stuck.results(run)
    assert first == (DONE, f"The ERP has it under voucher {voucher}.")
    assert second == (DONE, "The ERP does not have it.")
    assert third[1].startswith("The ERP has something else under this number: The amount is 11.00")
    assert [stuck.actions(invoice) for invoice in (there, missing, other)] == [[], [], []]
    assert Evidence.objects.count() == 3


def test_look_up_decides_an_unknown_outcome(stuck):
    stuck.desk.erp.faults(lose_answers=1)
    invoice = stuck.desk.post()
    stuck.desk.drain()
    stuck.desk.erp.faults()
    message = stuck.desk.message(invoice)
    assert message.state in (MessageState.UNKNOWN, MessageState.CONFIRMED)

    run = stuck.run("look-up", [invoice])

    assert run.done == 1
    assert stuck.desk.message(invoice).state == MessageState.CONFIRMED
    assert stuck.step(invoice) == Step.APPROVAL
    stuck.desk.assert_holds(settled=True)


def test_the_longest_stuck_has_its_turn_first(stuck):
    invoices = stuck.make(3)

    run = stuck.start("post-again", [invoices[2], invoices[0], invoices[1]])

    assert list(run.items.values_list("invoice_id", flat=True)) == [invoice.pk for invoice in invoices]


def test_one_that_is_not_in_the_step_any_more_is_refused_without_asking(stuck):
    moved, waiting = stuck.make(2)
    run = stuck.start("post-again", [moved, waiting])
    Invoice.objects.filter(pk=moved.pk).update(step=Step.INVALIDATED)

    bulk.work_on(run.pk)

    (first, sentence), (second, _said) = stuck.results(run)
    assert (first, second) == (REFUSED, DONE)
    assert "is in the step Invalidated, from which this is not possible" in sentence
    assert not moved.evidence.exists()


def test_one_that_changes_while_the_erp_is_asked_is_refused(stuck):
    (invoice,) = stuck.make(1)
    run = stuck.start("post-again", [invoice])
    stuck.desk.erp.faults(latency_ms=1500, times=1)

    worker = Beside(lambda: bulk.work_on(run.pk))
    wait_until(lambda: not stuck.desk.erp.ask("GET", "/faults/")[1], "the ERP is being asked")
    Invoice.objects.filter(pk=invoice.pk).update(number="OTHER")
    worker.join()

    ((state, said),) = stuck.results(run)
    assert (state, said) == (REFUSED, "OTHER changed while the ERP was asked: look at it, then press again.")
    assert stuck.actions(invoice) == []


def test_a_right_revoked_half_way_refuses_the_rest(stuck):
    invoices = stuck.make(6)
    run = stuck.start("post-again", invoices)
    stuck.work_on_some(run, 3)
    RoleGrant.objects.filter(user=stuck.desk.handler).update(until=clock.now())

    bulk.work_on(run.pk)

    states = [state for state, _said in stuck.results(run)]
    assert states == [DONE] * 3 + [REFUSED] * 3
    assert {said for state, said in stuck.results(run) if state == REFUSED} == {
        "There is no such thing here, or it belongs to a client that you have no part in."
    }
    assert [stuck.actions(invoice) for invoice in invoices] == [["post_again"]] * 3 + [[]] * 3


def test_a_right_revoked_while_the_erp_is_asked_refuses_too(stuck):
    (invoice,) = stuck.make(1)
    run = stuck.start("post-again", [invoice])
    stuck.desk.erp.faults(latency_ms=1500, times=1)

    worker = Beside(lambda: bulk.work_on(run.pk))
    wait_until(lambda: not stuck.desk.erp.ask("GET", "/faults/")[1], "the ERP is being asked")
    RoleGrant.objects.filter(user=stuck.desk.handler).update(until=clock.now())
    worker.join()

    assert [state for state, _said in stuck.results(run)] == [REFUSED]
    assert stuck.actions(invoice) == []
    assert not invoice.evidence.exists()


def test_someone_who_may_see_but_not_press_reads_who_may(stuck, auditor):
    (invoice,) = stuck.make(1)

    run = stuck.run("post-again", [invoice], by=auditor)

    assert stuck.results(run) == [(REFUSED, "Only Integration queue handler of Acme may do this. Ask Handler Example.")]
    assert not invoice.evidence.exists()


def test_while_the_connection_is_paused_nothing_is_asked(stuck):
    (invoice,) = stuck.make(1)
    stuck.desk.tune(breaker_state="open", breaker_until=clock.now() + timedelta(minutes=5), last_error="Refused.")

    run = stuck.run("look-up", [invoice])

    assert stuck.results(run) == [
        (
            REFUSED,
            "The ERP could not be asked, because the connection is paused (Refused.). Try again when it runs.",
        )
    ]


def test_an_invoice_whose_connection_is_gone_is_refused(stuck):
    (invoice,) = stuck.make(1)
    Connection.objects.all().delete()

    run = stuck.run("look-up", [invoice])

    assert stuck.results(run) == [(REFUSED, "Acme is not connected to an ERP: connect it first.")]


def test_an_error_of_ours_refuses_one_and_the_run_goes_on(stuck):
    broken, sound = stuck.make(2)
    flow.note_voucher(broken.pk, by=stuck.desk.handler, voucher="V-1")
    Invoice.objects.filter(pk=broken.pk).update(event_count=0)  # its next line in the log is there already

    run = stuck.run("post-again", [broken, sound])

    (first, sentence), (second, _said) = stuck.results(run)
    assert (first, second, run.is_over) == (REFUSED, DONE, True)
    assert sentence.startswith("This is our fault, and nothing was done")
    assert stuck.step(broken) == Step.PRELIMINARY_ERROR
    assert stuck.actions(broken) == ["note_voucher"]
