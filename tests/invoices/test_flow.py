"""What each button needs and keeps beyond who may press it from where."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from invoices.actions.flow import (
    abort_message,
    approve_invoice,
    archive_invoice,
    invalidate_invoice,
    note_voucher,
    offered_booking,
    post_again,
    post_invoice,
    restore_invoice,
    skip_step,
)
from invoices.buttons import all_buttons
from invoices.errors import BadInput, Conflict, NotAllowed
from invoices.models import Event, Evidence, IntegrationMessage
from invoices.workflow import MessageKind, MessageState, Step
from tests.factories import InvoiceFactory
from tests.invoices.pictures import RoomPicture, ask_erp, stand

FOUND = {"verdict": Evidence.Verdict.FOUND, "voucher": "V-7", "posting_date": date(2026, 11, 7), "matches": 1}
NEED_REASON = (abort_message, skip_step, post_again, invalidate_invoice, archive_invoice, restore_invoice)


@pytest.mark.parametrize("verb", NEED_REASON)
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_button_that_needs_a_reason_asks_for_it(acme, root, verb, reason):
    invoice = stand(acme, "preliminary_error")
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        verb(invoice.pk, by=root, reason=reason)

    assert refusal.value.fields == {"reason": "Say why: the reason stands in the event log."}
    assert before.is_unchanged()


# post -----------------------------------------------------------------------------------------------------------------


def test_posting_writes_the_message_with_the_step(acme, clerk):
    invoice = InvoiceFactory(client=acme)

    post_invoice(invoice.pk, by=clerk)

    invoice.refresh_from_db()
    message = IntegrationMessage.objects.get()
    assert invoice.current_message == message
    assert (message.kind, message.state, message.client) == (MessageKind.BOOK_PRELIMINARY, MessageState.PENDING, acme)
    assert len(message.key) == 32
    assert message.not_before is not None
    assert invoice.step_since == Event.objects.get().at


def test_a_receivable_is_booked_finally_at_once(acme, clerk):
    invoice = InvoiceFactory(client=acme, direction="receivable")

    post_invoice(invoice.pk, by=clerk)

    assert IntegrationMessage.objects.get().kind == MessageKind.BOOK_FINAL


@pytest.mark.parametrize(
    ("verb", "step", "values"),
    [
        (post_invoice, "draft", {}),
        (approve_invoice, "approval", {}),
        (skip_step, "final_error", {"reason": "x", "voucher": "V"}),
        (post_again, "final_error", {"reason": "x"}),
        (invalidate_invoice, "draft", {"reason": "x"}),
    ],
)
def test_an_archived_invoice_is_restored_first(acme, root, verb, step, values):
    invoice = stand(acme, step, archived_at=timezone.now())
    ask_erp(invoice, MessageKind.BOOK_FINAL)
    before = RoomPicture()

    with pytest.raises(Conflict, match="It is archived: restore it first"):
        verb(invoice.pk, by=root, **values)

    assert before.is_unchanged()


# approve --------------------------------------------------------------------------------------------------------------


def test_nobody_approves_what_they_handed_in_not_even_root(acme, root):
    invoice = stand(acme, "approval", created_by=root)
    before = RoomPicture()

    with pytest.raises(NotAllowed, match="somebody else must approve it"):
        approve_invoice(invoice.pk, by=root)

    assert before.is_unchanged()


# abort ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["pending", "sending", "unknown"])
def test_aborting_settles_the_open_message_and_keeps_what_was_typed(acme, handler, state):
    invoice = stand(acme, "preliminary_integration")
    IntegrationMessage.objects.update(state=state)

    abort_message(invoice.pk, by=handler, reason=" hangs ", voucher=" V-1 ", posting_date=date(2026, 11, 5))

    message = IntegrationMessage.objects.get()
    invoice.refresh_from_db()
    assert (message.state, message.reason, message.not_before) == ("aborted", "hangs", None)
    assert message.settled_at is not None
    assert (invoice.preliminary_voucher, invoice.preliminary_posting_date) == ("V-1", date(2026, 11, 5))
    assert (invoice.final_voucher, invoice.current_message) == ("", message)
    assert Event.objects.get().evidence == {"message_id": message.pk}


@pytest.mark.parametrize("voucher", ["x" * 61, "a\x00b", "a\nb", "\ud800"])
@pytest.mark.parametrize(("verb", "step"), [(abort_message, "final_integration"), (skip_step, "final_error")])
def test_a_voucher_that_cannot_be_kept_is_refused(acme, handler, verb, step, voucher):
    invoice = stand(acme, step)
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        verb(invoice.pk, by=handler, reason="hangs", voucher=voucher)

    assert list(refusal.value.fields) == ["voucher"]
    assert before.is_unchanged()


# skip -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("voucher", ["", "  "])
@pytest.mark.parametrize("step", ["preliminary_error", "final_error"])
def test_skipping_needs_a_voucher(acme, handler, step, voucher):
    invoice = stand(acme, step)
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        skip_step(invoice.pk, by=handler, reason="it is there", voucher=voucher)

    assert list(refusal.value.fields) == ["voucher"]
    assert before.is_unchanged()


def test_skipping_sends_nothing(acme, handler):
    invoice = stand(acme, "final_error")

    skip_step(invoice.pk, by=handler, reason="it is there", voucher="V-1", posting_date=date(2026, 11, 5))

    invoice.refresh_from_db()
    assert (invoice.step, invoice.status) == ("booked", "ok_to_pay")
    assert (invoice.final_voucher, invoice.final_posting_date) == ("V-1", date(2026, 11, 5))
    assert not IntegrationMessage.objects.exists()


def test_skipping_takes_the_voucher_typed_before(acme, handler):
    invoice = stand(acme, "preliminary_error", preliminary_voucher="V-3")

    skip_step(invoice.pk, by=handler, reason="it is there")

    invoice.refresh_from_db()
    assert (invoice.step, invoice.preliminary_voucher) == ("approval", "V-3")


def test_skipping_takes_the_voucher_that_the_erp_was_found_to_have(acme, handler):
    invoice = stand(acme, "preliminary_error")
    ask_erp(invoice, **FOUND, remote_id="r-7")

    skip_step(invoice.pk, by=handler, reason="it is there")

    invoice.refresh_from_db()
    assert (invoice.preliminary_voucher, invoice.preliminary_posting_date) == ("V-7", date(2026, 11, 7))
    assert invoice.remote_id == "r-7"


def test_skipping_takes_the_late_answer_to_an_aborted_message(acme, handler):
    invoice = stand(acme, "preliminary_integration")
    abort_message(invoice.pk, by=handler, reason="hangs")
    IntegrationMessage.objects.update(voucher="V-8", posting_date=date(2026, 11, 8), remote_id="r-8")

    skip_step(invoice.pk, by=handler, reason="it is there after all")

    invoice.refresh_from_db()
    assert (invoice.preliminary_voucher, invoice.remote_id) == ("V-8", "r-8")


def test_another_voucher_than_the_one_found_does_not_take_the_found_ones_id(acme, handler):
    invoice = stand(acme, "preliminary_error")
    ask_erp(invoice, **FOUND, remote_id="r-7")

    skip_step(invoice.pk, by=handler, reason="it is another", voucher="V-9")

    invoice.refresh_from_db()
    assert (invoice.preliminary_voucher, invoice.remote_id) == ("V-9", "")


@pytest.mark.parametrize(
    "values",
    [
        {"matches": 2},
        {"difference": "The total is 11.00 there."},
        {"verdict": Evidence.Verdict.NOT_FOUND, "voucher": ""},
        {"kind": MessageKind.BOOK_FINAL},
    ],
)
def test_what_is_not_surely_this_booking_is_not_offered(acme, values):
    invoice = stand(acme, "preliminary_error")
    ask_erp(invoice, **{**FOUND, **values})

    assert offered_booking(invoice) is None


# post again -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [post_again, invalidate_invoice])
@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (None, "The ERP must be asked first"),
        ({"asked_at": timezone.now() - timedelta(hours=1)}, "The ERP must be asked first"),
        ({"kind": MessageKind.BOOK_FINAL}, "The ERP must be asked first"),
        ({"verdict": Evidence.Verdict.COULD_NOT_ASK, "detail": "down"}, r"could not be asked .* \(down\)"),
        (FOUND, r"has this invoice already, under voucher V-7\. Use Skip integration step"),
    ],
)
def test_the_erp_must_have_said_no_within_ten_minutes(acme, handler, verb, evidence, sentence):
    invoice = stand(acme, "preliminary_error")
    if evidence is not None:
        ask_erp(invoice, **evidence)
    before = RoomPicture()

    with pytest.raises(Conflict, match=sentence):
        verb(invoice.pk, by=handler, reason="again")

    assert before.is_unchanged()


def test_the_last_answer_counts(acme, handler):
    invoice = stand(acme, "preliminary_error")
    ask_erp(invoice)
    ask_erp(invoice, **FOUND)

    with pytest.raises(Conflict):
        post_again(invoice.pk, by=handler, reason="again")


def test_posting_again_writes_a_new_message_under_its_own_key(acme, handler):
    invoice = stand(acme, "preliminary_integration")
    abort_message(invoice.pk, by=handler, reason="hangs")
    evidence = ask_erp(invoice)

    post_again(invoice.pk, by=handler, reason="again")

    invoice.refresh_from_db()
    second, first = IntegrationMessage.objects.all()
    assert (first.state, second.state) == ("aborted", "pending")
    assert first.key != second.key
    assert invoice.current_message == second
    assert Event.objects.order_by("sequence").last().evidence == {"evidence_id": evidence.pk}


def test_posting_again_asks_first_where_an_earlier_message_may_still_arrive(acme, handler):
    invoice = stand(acme, "preliminary_integration")
    doubt = timezone.now() + timedelta(minutes=5)
    IntegrationMessage.objects.update(state="sending", attempt_count=1, doubtful_until=doubt)
    abort_message(invoice.pk, by=handler, reason="hangs")
    ask_erp(invoice)

    post_again(invoice.pk, by=handler, reason="again")

    message = IntegrationMessage.objects.first()
    assert (message.state, message.doubtful_until) == ("unknown", doubt)


# invalidate -----------------------------------------------------------------------------------------------------------


def test_a_draft_was_never_sent_so_nobody_is_asked(acme, handler):
    invoice = stand(acme, "draft")

    invalidate_invoice(invoice.pk, by=handler, reason="twice")

    invoice.refresh_from_db()
    assert invoice.step == Step.INVALIDATED


def test_in_approval_the_log_names_the_voucher_to_be_voided(acme, handler):
    invoice = stand(acme, "approval")
    evidence = ask_erp(invoice, **FOUND)

    invalidate_invoice(invoice.pk, by=handler, reason="wrong supplier")

    assert Event.objects.get().evidence == {"evidence_id": evidence.pk, "voucher": "V-7"}


def test_in_approval_the_erp_must_have_been_asked(acme, handler):
    invoice = stand(acme, "approval")
    before = RoomPicture()

    with pytest.raises(Conflict, match="The ERP must be asked first"):
        invalidate_invoice(invoice.pk, by=handler, reason="wrong supplier")

    assert before.is_unchanged()


# note voucher, archive ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "field"), [("preliminary_integration", "preliminary"), ("final_integration", "final")]
)
def test_a_noted_voucher_stands_at_the_booking_of_the_step(acme, handler, step, field):
    invoice = stand(acme, step)

    note_voucher(invoice.pk, by=handler, voucher="V-4", posting_date=date(2026, 11, 6))

    invoice.refresh_from_db()
    assert invoice.step == step
    assert getattr(invoice, f"{field}_voucher") == "V-4"
    assert getattr(invoice, f"{field}_posting_date") == date(2026, 11, 6)


def test_noting_nothing_is_refused(acme, handler):
    invoice = stand(acme, "final_integration")
    before = RoomPicture()

    with pytest.raises(BadInput) as refusal:
        note_voucher(invoice.pk, by=handler, voucher=" ")

    assert list(refusal.value.fields) == ["voucher"]
    assert before.is_unchanged()


def test_archiving_twice_and_restoring_what_is_not_archived_are_refused(acme, clerk):
    invoice = stand(acme, "booked")

    with pytest.raises(Conflict, match="It is not archived"):
        restore_invoice(invoice.pk, by=clerk, reason="x")
    archive_invoice(invoice.pk, by=clerk, reason="done")
    before = RoomPicture()
    with pytest.raises(Conflict, match="It is archived already"):
        archive_invoice(invoice.pk, by=clerk, reason="x")

    assert before.is_unchanged()
    invoice.refresh_from_db()
    assert (invoice.is_archived, invoice.archived_reason, invoice.step) == (True, "done", "booked")


# what the page says beforehand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", Step.values)
def test_the_page_says_beforehand_what_the_verb_would(acme, clerk, clerk2, handler, manager, auditor, step):
    by_name = {button.slug: button for button in all_buttons()}
    invoice = stand(acme, step, created_by=clerk, total=Decimal("10.99"))
    values = {"reason": "x", "voucher": "V", "posting_date": None, "status": "denied", "amount": None}

    for slug in ("post", "approve", "abort", "skip", "archive", "restore", "note-voucher", "set-status"):
        button = by_name[slug]
        for person in (clerk, clerk2, handler, manager, auditor):
            why_not = button.why_not(invoice, person)
            typed = {name: values[name] for name in button.asks}
            if why_not:
                with pytest.raises((Conflict, NotAllowed)):
                    button.verb(invoice.pk, by=person, **typed)
            else:
                with transaction.atomic():
                    button.verb(invoice.pk, by=person, **typed)
                    transaction.set_rollback(True)
