"""What was voided or deleted in the ERP is posted again as a new document; the old one is kept as evidence."""

import pytest

from integrations import actions
from integrations.deletions import sync_deletions
from invoices.actions.flow import offered_booking
from invoices.actions.payments import StatusUpdate, Update, update_status
from invoices.errors import Conflict
from invoices.models import Evidence, Invoice
from invoices.workflow import MessageState, Status, Step
from tests.delivery.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reopened(desk: Desk) -> Invoice:
    """Return an invoice that was booked, and then failed the ERP's validation."""
    invoice = desk.post()
    desk.drain()
    desk.approve(invoice)
    desk.drain()
    update_status(invoice.pk, StatusUpdate(Update.FAILED_ERP_VALIDATION, "erp", reason="wrong account"), by=None)
    invoice = desk.see(invoice)
    assert (invoice.step, invoice.status) == (Step.FINAL_ERROR, Status.FAILED_ERP_VALIDATION)
    return invoice


def void(desk, invoice):
    desk.ask("POST", f"documents/{invoice.remote_id}/void/", {})


def delete(desk, invoice):
    desk.ask("DELETE", f"documents/{invoice.remote_id}/")


def in_force(desk, invoice):
    return [one for one in desk.documents(invoice) if one["state"] != "voided"]


@pytest.mark.parametrize(("end", "word"), [(void, "voided"), (delete, "deleted")])
def test_it_is_booked_as_a_new_document_under_a_new_key(desk: Desk, reopened, end, word):
    old_key = desk.message(reopened).key
    end(desk, reopened)

    actions.post_again(reopened.pk, by=desk.handler, reason="corrected")
    sent = desk.see(reopened)
    desk.drain()

    (there,) = in_force(desk, reopened)
    invoice = desk.see(reopened)
    assert (sent.remote_id, sent.preliminary_voucher, sent.final_voucher, sent.erp_state) == ("", "", "", "")
    assert (invoice.step, invoice.status) == (Step.BOOKED, Status.OK_TO_PAY)
    assert (invoice.remote_id, invoice.final_voucher) == (there["id"], there["bookings"][-1]["voucher"])
    assert invoice.remote_id != reopened.remote_id
    assert desk.message(invoice).key != old_key
    line = invoice.events.get(action="post_again")
    evidence = Evidence.objects.get(pk=line.evidence["evidence_id"])
    assert (evidence.verdict, evidence.remote_id) == ("not_found", reopened.remote_id)
    assert evidence.detail == f"Its document {reopened.remote_id} was {word} in the ERP."
    assert line.evidence == {
        "evidence_id": evidence.pk,
        "gone": evidence.detail,
        "remote_id": reopened.remote_id,
        "preliminary_voucher": reopened.preliminary_voucher,
        "final_voucher": reopened.final_voucher,
    }
    assert (line.before["remote_id"], line.after["remote_id"]) == (reopened.remote_id, "")
    desk.assert_holds(settled=True)


@pytest.mark.parametrize("end", [void, delete])
def test_a_lost_answer_books_the_new_one_once(forgetful: Desk, reopened, end):
    desk = forgetful
    end(desk, reopened)
    actions.post_again(reopened.pk, by=desk.handler, reason="corrected")
    desk.drain()  # the ERP is asked first, for the booking before may have arrived
    desk.erp.faults(lose_answers=1)

    desk.settle()

    assert len(in_force(desk, reopened)) == 1
    assert desk.see(reopened).step == Step.BOOKED
    desk.assert_holds(settled=True)


def test_while_its_document_is_in_force_it_is_not_posted_again(desk: Desk, reopened):
    with pytest.raises(Conflict, match="The ERP has this invoice already, under voucher"):
        actions.post_again(reopened.pk, by=desk.handler, reason="again")

    assert desk.see(reopened).remote_id == reopened.remote_id
    assert len(in_force(desk, reopened)) == 1


def test_a_preliminary_document_that_waits_for_its_final_booking_is_kept(desk: Desk):
    invoice = desk.post()
    desk.drain()
    desk.erp.close_period("2026-11", desk.connection.company)
    desk.approve(invoice)
    desk.drain()
    assert desk.see(invoice).step == Step.FINAL_ERROR
    desk.erp.ask("POST", "/periods/2026-11/open/", {"company": desk.connection.company})

    actions.post_again(invoice.pk, by=desk.handler, reason="opened")
    desk.drain()

    (there,) = in_force(desk, invoice)
    assert [one["stage"] for one in there["bookings"]] == ["preliminary", "final"]
    assert "gone" not in invoice.events.get(action="post_again").evidence
    desk.assert_holds(settled=True)


def test_where_the_document_cannot_be_read_nothing_is_taken_for_gone(desk: Desk, reopened):
    void(desk, reopened)
    desk.erp.faults(down=True)

    with pytest.raises(Conflict, match="could not be asked"):
        actions.post_again(reopened.pk, by=desk.handler, reason="again")

    invoice = desk.see(reopened)
    assert (invoice.step, invoice.remote_id) == (Step.FINAL_ERROR, reopened.remote_id)


def test_the_look_up_says_so_and_skip_offers_the_old_voucher_no_more(desk: Desk, reopened):
    before = offered_booking(reopened).voucher
    void(desk, reopened)

    evidence = actions.look_up(reopened.pk, by=desk.clerk)

    assert before == reopened.final_voucher
    assert (evidence.verdict, evidence.detail) == (
        "not_found", f"Its document {reopened.remote_id} was voided in the ERP."
    )  # fmt: skip
    assert offered_booking(desk.see(reopened)) is None


def test_the_deletions_leave_the_new_one_alone(desk: Desk, reopened):
    delete(desk, reopened)
    actions.post_again(reopened.pk, by=desk.handler, reason="corrected")
    desk.drain()

    sync_deletions(desk.connection.pk)

    invoice = desk.see(reopened)
    assert (invoice.is_archived, invoice.step) == (False, Step.BOOKED)
    assert desk.message(invoice).state == MessageState.CONFIRMED
