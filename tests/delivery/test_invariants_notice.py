"""Each invariant fails when what it watches over is broken: in the rows, in the ERP's audit list, or in the answers."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.db.models import F

from integrations.models import Connection
from invoices import clock
from invoices.actions.flow import abort_message, post_invoice, skip_step
from invoices.actions.payments import StatusUpdate, Update, update_status
from invoices.models import Attempt, IntegrationMessage, Invoice, Payment, RoleGrant
from tests.delivery.desk import SECRET
from tests.invariants import Answer, assert_holds, check, read_audit, secrecy

pytestmark = pytest.mark.django_db


@dataclass
class Story:
    """Invoices that have been through everything, the ERP's audit list and the answers that were given."""

    booked: Invoice
    refused: Invoice
    skipped: Invoice
    waiting: Invoice
    pushed: Payment
    company: str
    audit: dict[str, Any]
    answers: list[Answer]

    def document(self, invoice: Invoice) -> dict[str, Any]:
        ours = [one for one in self.audit["documents"] if one["company"] == self.company]
        return next(one for one in ours if one["number"] == invoice.number)

    def check(self, **more: Any) -> list[str]:
        return check(self.audit, answers=self.answers, **more)


@pytest.fixture
def story(desk, handler) -> Story:
    booked, refused = desk.hand_in("BOOKED"), desk.hand_in("REFUSED", due_date=None, party_code="NOBODY")
    skipped = desk.post("SKIPPED")
    abort_message(skipped.pk, by=handler, reason="booked by hand")
    skip_step(skipped.pk, by=handler, reason="booked by hand", voucher="HAND-1")
    desk.client.creates_counterparties = False
    desk.client.save()
    for invoice in (booked, refused):
        desk.answers.append(Answer("post", "acme", invoice.number, is_yes=True))
        post_invoice(invoice.pk, by=desk.clerk)
    desk.drain()
    desk.approve(booked)
    desk.drain()
    update_status(booked.pk, StatusUpdate(Update.PAID, "erp@acme", "pay-1", Decimal("4.00"), "USD"), by=None)
    desk.answers.append(Answer("gate", "acme", "BOOKED", is_yes=True, text="OK", key="pay-1"))
    pushed = desk.pay(desk.book("PUSHED"), "4.00")
    desk.drain()
    pushed.refresh_from_db()
    waiting = desk.post("WAITING")
    audit = read_audit(desk.erp.url)
    assert_holds(audit, answers=desk.answers, secrets=[SECRET])
    return Story(
        booked, refused, skipped, waiting, pushed, desk.connection.company, copy.deepcopy(audit), list(desk.answers)
    )


def _rewrite(statement: str, *values: Any) -> None:
    """Change lines of the log past everything that forbids it."""
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE invoices_event DISABLE TRIGGER USER")
        cursor.execute(statement, values)


def _row(invoice: Invoice, **values: Any) -> None:
    assert Invoice.objects.filter(pk=invoice.pk).update(**values) == 1


def _message(invoice: Invoice, **values: Any) -> None:
    assert IntegrationMessage.objects.filter(invoice=invoice).update(**values)


def _second_document(story: Story, **facts: Any) -> None:
    story.audit["documents"].append(copy.deepcopy(story.document(story.booked)) | {"id": "999"} | facts)


def _second_booking(story: Story) -> None:
    bookings = story.document(story.booked)["bookings"]
    bookings.append(bookings[0] | {"voucher": "P-9"})


def _unlisted_key(story: Story) -> None:
    story.document(story.booked)["bookings"][0]["key"] = "somebody-else-s"


def _other_stage(story: Story) -> None:
    first, second = story.document(story.booked)["bookings"]
    first["key"], second["key"] = second["key"], first["key"]


def _same_key_on_two(story: Story) -> None:
    _second_document(story, number="OTHER")


def _call_without_attempt(story: Story) -> None:
    (attempt,) = Attempt.objects.filter(message__invoice=story.booked, message__kind="book_final")
    attempt.delete()
    IntegrationMessage.objects.filter(invoice=story.booked, kind="book_final").update(attempt_count=0)


def _payment(story: Story) -> dict[str, Any]:
    return next(one for one in story.audit["payments"] if one["company"] == story.company)


def _strip_rights(story: Story, username: str) -> None:
    RoleGrant.objects.filter(user__username=username).update(
        granted_at=F("granted_at") - timedelta(days=9), until=F("granted_at") - timedelta(days=8)
    )


def _answer(story: Story, *args: Any, **facts: Any) -> None:
    story.answers.append(Answer(*args, **facts))


def _refuse_the_gate_message(story: Story) -> None:
    story.answers[:] = [replace(one, is_yes=one.is_yes and one.verb != "gate") for one in story.answers]


def _remove_first_line(story: Story) -> None:
    _rewrite("DELETE FROM invoices_event WHERE invoice_id = %s AND sequence = 1", story.booked.pk)


TAMPERING: dict[str, tuple[Callable[[Story], Any], str]] = {
    "an acknowledged hand-in that is not there": (
        lambda s: _answer(s, "hand_in", "acme", "LOST-1", is_yes=True),
        "Hand-in of LOST-1 (acme) was acknowledged, and 0 invoices have that number.",
    ),
    "a log that does not begin with the hand-in": (
        _remove_first_line,
        "The log of BOOKED (acme) does not begin with its hand-in.",
    ),
    "an acknowledged button without its line": (
        lambda s: _answer(s, "post", "acme", "BOOKED", is_yes=True),
        "post of BOOKED (acme) was answered yes 2 times, the log has 1.",
    ),
    "an accepted gate message without effect": (
        lambda s: _answer(s, "gate", "acme", "BOOKED", is_yes=True, text="OK", key="pay-2"),
        "The gate message 'pay-2' for BOOKED (acme) was accepted 1 times (and 0 answers were lost), and acted 0 times.",
    ),
    "a gate message that acted and was refused": (
        _refuse_the_gate_message,
        "The gate message 'pay-1' for BOOKED (acme) was accepted 0 times (and 0 answers were lost), and acted 1 times.",
    ),
    "a payment that stands there twice": (
        lambda s: Payment.objects.create(
            invoice=s.booked, amount=4, currency="USD", state="succeeded", source="erp@acme", reference="pay-1"
        ),
        "BOOKED: erp@acme told of payment 'pay-1' in 1 lines of the log, and 2 payments are there.",
    ),
    "two documents of one invoice": (
        _second_document,
        "The ERP has 2 documents of the payable invoice BOOKED of SUP-1",
    ),
    "two bookings at one stage": (_second_booking, "The ERP has 2 preliminary bookings on document BOOKED."),
    "a key of ours on two documents": (
        _same_key_on_two,
        "BOOKED: the ERP has 2 bookings under the keys of its book_final.",
    ),
    "a key that no message has": (
        _unlisted_key,
        "The ERP has BOOKED booked under the key somebody-else-s, which no message has.",
    ),
    "a key of the other stage": (_other_stage, "The ERP has BOOKED booked preliminary under the key of a book_final."),
    "two payments in the ERP of one here": (
        lambda s: s.audit["payments"].append(_payment(s) | {"id": "999"}),
        "PUSHED: the ERP has 2 payments for payment",
    ),
    "a payment under a key that no message has": (
        lambda s: _payment(s).__setitem__("key", "somebody-else-s"),
        "under the key somebody-else-s, which no message has.",
    ),
    "a pushed payment that the ERP does not have": (
        lambda s: s.audit["payments"].remove(_payment(s)),
        "was pushed, and the ERP does not have it so.",
    ),
    "a pushed payment of another amount": (
        lambda s: _payment(s).__setitem__("amount", "3.99"),
        "was pushed, and the ERP does not have it so.",
    ),
    "a payment that counts and that nothing tells the ERP of": (
        lambda s: Payment.objects.create(
            invoice=s.pushed.invoice, amount=1, currency="USD", state="succeeded", source="x", is_recorded_here=True
        ),
        "counts, and nothing tells the ERP of it.",
    ),
    "a failed payment that counts and never was in the ERP": (
        lambda s: Payment.objects.filter(pk=s.pushed.pk).update(state="failed", pushed_at=None),
        "PUSHED: a failed payment counts that the ERP never had.",
    ),
    "a call that was not written down": (_call_without_attempt, "times, 0 attempts are written down."),
    "an invoice past a step without a voucher": (
        lambda s: _row(s.booked, preliminary_voucher=""),
        "BOOKED is in booked without a preliminary voucher.",
    ),
    "a voucher that the ERP does not have": (
        lambda s: _row(s.booked, final_voucher="F-999999"),
        "BOOKED carries the final voucher F-999999, which the ERP does not have for it.",
    ),
    "a skip with another voucher": (
        lambda s: _row(s.skipped, preliminary_voucher="HAND-2"),
        "SKIPPED carries the preliminary voucher HAND-2, which the ERP does not have for it.",
    ),
    "another amount in the ERP": (
        lambda s: s.document(s.booked).__setitem__("total", "10.00"),
        "BOOKED is booked over 10.9900 USD, in the ERP over 10.00 USD.",
    ),
    "an attempt that is missing": (
        lambda s: _message(s.waiting, attempt_count=1),
        "counts 1 attempts, 0 are written down.",
    ),
    "a confirmation without a voucher": (
        lambda s: _message(s.booked, voucher=""),
        "is confirmed without a voucher.",
    ),
    "a refusal without a reason": (lambda s: _message(s.refused, reason=""), "is refused and does not say why."),
    "an abort that nobody pressed": (
        lambda s: _message(s.refused, state="aborted"),
        "is aborted, and nobody pressed that.",
    ),
    "a settled message without its time": (
        lambda s: _message(s.booked, settled_at=None),
        "is confirmed and has no time at which it was settled.",
    ),
    "a message for a person that does not say why": (
        lambda s: _message(s.waiting, not_before=None),
        "is for a person and does not say why.",
    ),
    "a message on its way without a lease": (
        lambda s: _message(s.waiting, state="sending"),
        "is on its way without a lease and an attempt.",
    ),
    "an invoice that waits for nothing": (
        lambda s: _message(s.waiting, state="confirmed"),
        "WAITING waits in preliminary_integration for 0 open messages.",
    ),
    "an invoice that points at another message": (
        lambda s: _row(s.waiting, current_message=None),
        "which is not the one it points at.",
    ),
    "an open message of an invoice that does not wait": (
        lambda s: _message(s.refused, state="unknown"),
        "REFUSED is in preliminary_error, and message",
    ),
    "a row that was changed past the log": (
        lambda s: _row(s.booked, number="BOOKED-2"),
        "BOOKED-2: number is 'BOOKED-2', the log says 'BOOKED'.",
    ),
    "a line that does not fit the one before": (
        lambda s: _rewrite(
            "UPDATE invoices_event SET before = %s WHERE invoice_id = %s AND action = 'approve'",
            '{"step": "draft"}',
            s.booked.pk,
        ),
        "says step was 'draft', it was 'approval'.",
    ),
    "a line that was rewritten": (
        lambda s: _rewrite(
            "UPDATE invoices_event SET reason = 'no' WHERE invoice_id = %s AND sequence = 2", s.booked.pk
        ),
        "BOOKED: line 2 of the log was tampered with, or stands where another should.",
    ),
    "a last line that is gone": (
        lambda s: _rewrite(
            "DELETE FROM invoices_event WHERE invoice_id = %s AND sequence = %s", s.waiting.pk, s.waiting.event_count
        ),
        "WAITING: the log does not end with the line that the invoice knows as its last.",
    ),
    "a move without the right": (
        lambda s: _strip_rights(s, "clerk2"),
        "Clerk2 Example did approve (BOOKED), and was not finance_staff there.",
    ),
    "an approval by who handed it in": (
        lambda s: _rewrite(
            "UPDATE invoices_invoice SET created_by_id ="
            " (SELECT id FROM auth_user WHERE username = 'clerk2') WHERE id = %s",
            s.booked.pk,
        ),
        "Clerk2 Example did approve (BOOKED), who handed it in.",
    ),
    "an action that nobody knows": (
        lambda s: _rewrite("UPDATE invoices_event SET action = 'bless' WHERE action = 'approve'"),
        "Clerk2 Example did bless (BOOKED), and no role is known that may.",
    ),
    "a balance that does not add up": (
        lambda s: _row(s.booked, paid=Decimal("5.00")),
        "BOOKED: 5.0000 is paid, the payments make 4.0000.",
    ),
    "a status that does not fit the balance": (
        lambda s: _row(s.booked, status="paid"),
        "BOOKED is paid with 4.0000 of 10.9900 paid.",
    ),
    "a payment that needs a person and is not on the desk": (
        lambda s: (
            IntegrationMessage.objects.filter(payment=s.pushed).update(state="unknown", not_before=None)
            and Payment.objects.filter(pk=s.pushed.pk).update(pushed_at=None, remote_id="")
        ),
        "PUSHED: a payment needs a person, and the desk does not say so.",
    ),
    "a payment in another currency": (
        lambda s: Payment.objects.update(currency="EUR"),
        "BOOKED: a payment is in EUR.",
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_noticed(story, what):
    tamper, sentence = TAMPERING[what]

    tamper(story)

    assert [one for one in story.check() if sentence in one], story.check()


def test_nothing_is_said_of_what_holds(story):
    assert story.check(secrets=[SECRET], texts={"the log": "nothing"}) == []


def test_noticed_when_it_should_be_settled(story):
    assert [one for one in story.check(settled=True) if one.startswith("WAITING")] == [
        f"WAITING: message {story.waiting.current_message_id} is not settled: it is pending."
    ]


def test_a_payment_that_needs_nobody_is_noticed_on_the_desk(story):
    _row(Invoice.objects.get(number="PUSHED"), payment_stuck_since=clock.now())

    assert "PUSHED: the desk says that a payment needs a person, and none does." in story.check(settled=True)


@pytest.mark.parametrize("form", sorted(secrecy._written_forms(SECRET)))
def test_a_secret_in_a_column_is_noticed_in_any_form(story, form):
    Connection.objects.update(last_error=f"401 for {form}!")

    assert story.check(secrets=[SECRET]) == [
        "The secret that begins with ope stands in integrations_connection.last_error."
    ]


def test_a_secret_in_json_and_bytes_is_noticed(story):
    Attempt.objects.update(request={"header": SECRET})

    assert "stands in invoices_attempt.request." in story.check(secrets=[SECRET])[0]


def test_a_secret_on_a_page_is_noticed(story):
    assert story.check(secrets=[SECRET], texts={"the page": f"<b>{SECRET}</b>"}) == [
        "The secret that begins with ope stands in the page."
    ]


def test_all_violations_are_said_at_once(story):
    _row(story.booked, paid=Decimal("5.00"), final_voucher="")

    with pytest.raises(AssertionError, match=r"(?s)invariants do not hold:.*without a final.*payments make 4"):
        assert_holds(story.audit, answers=story.answers)
