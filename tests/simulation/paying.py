"""Payments on the receivables of a simulated world: recorded, settled, failed, voided, and pushed one at a time.

What is real: `invoices.models.payment.counts`, the moves of a payment, `outbox.set_paid`, `first_state`, `mark_aborted`
and `apply_report`. What is mirrored, because there it is SQL:
- `Paying.push_next`: `outbox.push_next_payment`
- `Paying.record`, `succeed`, `end`: `receipts.record_payment`, `settle_payment`, `_end`
- `Paying.unknown_to_us`: `delivery._without_known`
"""

from decimal import Decimal

from integrations.erps.contract import Booking
from invoices.actions.outbox import first_state, mark_aborted, set_paid
from invoices.models import IntegrationMessage, Invoice, Payment
from invoices.models.payment import counts
from invoices.workflow import Direction, MessageKind, MessageState, PaymentState, Step, may_move

TOTAL = Decimal(3)  # in payments of one each, which the ERP cannot tell apart but by their keys
WORDS = "because the money has not come"


class BrokenPromiseError(AssertionError):
    """What DESIGN §5 promises did not hold."""


class Paying:
    """The part of a world that is about payments."""

    def open_cash_desk(self):
        self.prefers_authorized = self.rng.random() < 0.7
        self.payments = []

    def payment_of(self, message):
        return self.payments[message.payment_id - 1] if message.payment_id else None

    def pushes(self, invoice):
        return [m for m in self.messages if m.invoice_id == invoice.pk and m.kind == MessageKind.PUSH_PAYMENT]

    def payments_on(self, invoice):
        return [payment for payment in self.payments if payment.invoice_id == invoice.pk]

    def some_payment(self):
        return self.payments[int(self.rng.random() * len(self.payments))] if self.payments else None

    # people --------------------------------------------------------------------------------------------------------

    def record(self, invoice: Invoice) -> None:
        """Press Record a payment."""
        if invoice.step != Step.BOOKED or invoice.direction != Direction.RECEIVABLE or invoice.balance < 1:
            return
        state = self.rng.choice((PaymentState.AUTHORIZED, PaymentState.AUTHORIZED, PaymentState.SUCCEEDED))
        payment = Payment(
            pk=len(self.payments) + 1, invoice_id=invoice.pk, amount=Decimal(1), currency="USD", method="ach",
            state=state, is_recorded_here=True,
        )  # fmt: skip
        self.payments.append(payment)
        payment.is_applied = counts(payment, self.prefers_authorized)
        self.count_again(invoice)
        self.push_next(invoice)
        self.note(f"payment {payment.pk} of {invoice.pk}, {state}")

    def succeed(self) -> None:
        """Press Succeeded."""
        payment = self.some_payment()
        if payment is None or not may_move(payment.succeed):
            return
        invoice = self.invoices[payment.invoice_id - 1]
        if not payment.is_applied and payment.amount > invoice.balance:
            return
        payment.succeed()
        payment.is_applied = payment.is_applied or counts(payment, self.prefers_authorized)
        self.count_again(invoice)
        self.push_next(invoice)
        self.note(f"payment {payment.pk} succeeds")

    def end_payment(self) -> None:
        """Press Failed or Void."""
        payment = self.some_payment()
        if payment is None or not may_move(payment.fail):
            return
        invoice = self.invoices[payment.invoice_id - 1]
        message = next((m for m in self.pushes(invoice) if m.payment_id == payment.pk and m.is_open), None)
        if message is not None and message.state == MessageState.PENDING:
            self.take_out(message)
        self.rng.choice((payment.fail, payment.void))()
        payment.failure_reason = WORDS
        is_on_its_way = message is not None and message.is_open
        payment.is_applied = counts(payment, self.prefers_authorized, is_on_its_way=is_on_its_way)
        self.count_again(invoice)
        self.push_next(invoice)
        self.note(f"payment {payment.pk} {payment.state}")

    def take_out(self, message: IntegrationMessage) -> None:
        """Abort the unsent message of a payment that came to nothing; a test of the simulation breaks this."""
        mark_aborted(message, WORDS, self.now)

    def ask_payment(self) -> None:
        """Press Look up on a payment that is in doubt."""
        unknown = [m for m in self.messages if m.payment_id and m.state == MessageState.UNKNOWN]
        if unknown:
            self.ask_about(self.rng.choice(unknown))

    # the outbox ----------------------------------------------------------------------------------------------------

    def count_again(self, invoice: Invoice) -> None:
        set_paid(invoice, sum((p.amount for p in self.payments_on(invoice) if p.is_applied), Decimal(0)))

    def has_open_push(self, invoice: Invoice) -> bool:
        """Say whether one is under way; a test of the simulation breaks this."""
        return any(message.is_open for message in self.pushes(invoice))

    def push_next(self, invoice: Invoice, *, again: bool = False) -> None:
        """Write the message for the oldest payment that waits."""
        if not invoice.remote_id or self.has_open_push(invoice):
            return
        for payment in self.payments_on(invoice):
            earlier = [m for m in self.pushes(invoice) if m.payment_id == payment.pk]
            waits = payment.pushed_at is None and payment.is_live and payment.is_applied
            if waits and counts(payment, self.prefers_authorized) and (again or not earlier):
                state, doubtful_until = first_state(earlier)
                self.write(MessageKind.PUSH_PAYMENT, invoice, state, doubtful_until, payment_id=payment.pk)
                return

    def push_after(self, messages) -> None:
        """Write the next one of each invoice of which a push has just settled."""
        for message in messages:
            if message.payment_id and not message.is_open:
                self.push_next(self.invoices[message.invoice_id - 1])

    def unknown_to_us(self, message: IntegrationMessage, bookings: tuple[Booking, ...]) -> tuple[Booking, ...]:
        """Leave out what is known to be another payment of ours."""
        ours = self.payments_on(self.invoices[message.invoice_id - 1])
        others = {payment.remote_id for payment in ours if payment.pk != message.payment_id}
        return tuple(booking for booking in bookings if booking.remote_id not in others)

    # the promise ---------------------------------------------------------------------------------------------------

    def check_payments(self) -> None:
        for invoice in self.invoices:
            there = self.erp.bookings.get((invoice.pk, MessageKind.PUSH_PAYMENT), [])
            owner = {message.key: message.payment_id for message in self.pushes(invoice)}
            pushed = {payment.remote_id for payment in self.payments_on(invoice) if payment.pushed_at is not None}
            for payment in self.payments_on(invoice):
                held = [booking.remote_id for booking in there if owner[booking.key] == payment.pk]
                if len(held) > 1:
                    raise BrokenPromiseError(f"The ERP has payment {payment.pk} {len(held)} times.")
                if payment.pushed_at is not None and payment.remote_id not in held:
                    raise BrokenPromiseError(f"Payment {payment.pk} is {payment.remote_id}, the ERP has {held} of it.")
                self.check_told(invoice, payment)
            in_doubt = [m for m in self.pushes(invoice) if m.is_open]
            if len(there) != len(pushed) and not in_doubt:
                raise BrokenPromiseError(f"The ERP has {len(there)} payments of {invoice.pk}, {len(pushed)} are known.")
            applied = sum((p.amount for p in self.payments_on(invoice) if p.is_applied), Decimal(0))
            if (invoice.paid, invoice.balance) != (applied, TOTAL - applied):
                raise BrokenPromiseError(f"{invoice.pk}: {invoice.paid} is paid, the payments make {applied}.")

    def check_told(self, invoice: Invoice, payment: Payment) -> None:
        """A payment that counts is in the ERP, or a person is told why not, or it waits for one that is."""
        messages = [m for m in self.pushes(invoice) if m.payment_id == payment.pk]
        is_there = payment.pushed_at is not None or any(message.is_open for message in messages)
        if not payment.is_live and payment.is_applied and not is_there:
            raise BrokenPromiseError(f"Payment {payment.pk} came to nothing and counts, though the ERP never had it.")
        if not (payment.is_live and payment.is_applied) or payment.pushed_at is not None or not invoice.remote_id:
            return
        if not messages and not self.has_open_push(invoice):
            raise BrokenPromiseError(f"Payment {payment.pk} counts, and nothing tells the ERP of it.")
        last = messages[-1] if messages else None
        if last is not None and not (last.reason and (last.is_for_a_person or last.state == MessageState.REFUSED)):
            raise BrokenPromiseError(f"Payment {payment.pk} is not in the ERP, and nobody is told why.")
