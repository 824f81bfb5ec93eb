"""Payments on receivables in Tryton: recorded as its own button Pay does, which REST does not have.

    an entry with our key ─post─► in the ledger ─link─► pays the invoice ─reconcile what comes to nothing─► paid

Each step is found done or not done when the payment is sent again, so an answer that was lost is no harm: the entry is
found by its key, and drafts of it are deleted until one is left, as with invoices.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from integrations.erps.contract import Complaint, ErpError, ErrorKind, Reason, RemotePayment
from integrations.erps.tryton_booking import INVOICE, ROUNDS, unbooked
from integrations.erps.tryton_reading import HEAD, PAID_BY, balance_of, is_credit, marked, read_payments, refusals
from integrations.erps.tryton_rest import Company, Record, TrytonRest, softer

MOVE: Final = "account.move"
PAID_FIELDS: Final = (*HEAD, *PAID_BY, "account", "lines_to_pay.reconciliation", "payment_lines.reconciliation")
MOVE_FIELDS: Final = ("state", "lines.account", "lines.debit", "lines.credit", "lines.reconciliation")


class TrytonPaying:
    """Records and reads the payments of one company."""

    def __init__(self, rest: TrytonRest) -> None:
        """Take the records."""
        self._rest = rest

    def payments_of(self, remote_id: str) -> tuple[RemotePayment, ...]:
        """Return all payments of one document."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        shown = self._rest.get(INVOICE, remote_id, PAID_FIELDS, until=until)
        return read_payments(shown, company.currency)

    def push(self, payment: RemotePayment, key: str) -> RemotePayment:
        """Record a payment under our key; raises ErpError."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        shown = self._rest.get(INVOICE, payment.document_id, PAID_FIELDS, until=until)
        move = self._posted_move(payment, key, shown, company, until)
        line = next(one for one in move["lines"] if one["account"] == shown["account"])
        linked = {one["id"] for one in (*shown["payment_lines"], *shown["reconciliation_lines"])}
        if line["id"] not in linked:
            values = {"payment_lines": [["add", [line["id"]]]]}
            shown = self._rest.change(INVOICE, shown["id"], values, PAID_FIELDS, until=until)
        if shown["state"] == "posted" and balance_of(shown) == 0:
            self._reconcile(shown, payment.paid_on, company, until)
        return RemotePayment(
            str(line["id"]), payment.document_id, payment.amount, payment.currency, payment.paid_on, key
        )

    def _posted_move(self, payment: RemotePayment, key: str, shown: Record, company: Company, until: float) -> Record:
        """Return the one entry with our key, posted; make it unless it is there."""
        for _round in range(ROUNDS):
            domain = [["company", "=", company.id], ["description", "=", marked(key)]]
            moves = self._rest.search(MOVE, domain, MOVE_FIELDS, until=until, company=company.id)
            posted = [move for move in moves if move["state"] == "posted"]
            drafts = [move for move in moves if move["state"] != "posted"]
            for extra in drafts if posted else drafts[1:]:
                self._delete(extra["id"], until)
            if posted:
                return posted[0]
            if not drafts:
                self._make(self._entry(payment, key, shown, company, until), until)
                continue
            try:
                return self._rest.press(MOVE, drafts[0]["id"], "post", MOVE_FIELDS, until=until)
            except ErpError as exc:
                if exc.kind is not ErrorKind.REJECTED:
                    raise
                if not refusals(exc.complaints) & {Reason.STALE_VERSION, Reason.NOT_FOUND}:
                    self._delete(drafts[0]["id"], until)
                    raise
        raise ErpError(ErrorKind.UNAVAILABLE, [Complaint("Tryton's entry of it keeps changing. It is tried again.")])

    def _make(self, values: Record, until: float) -> None:
        unbooked(lambda: self._rest.create(MOVE, values, ["id"], until=until))

    def _entry(self, payment: RemotePayment, key: str, shown: Record, company: Company, until: float) -> dict[str, Any]:
        """Return the entry of a payment, by the first payment method of the company; raises ErpError."""
        wrong = self._why_not(payment, shown, company)
        asked = ["journal", "debit_account", "credit_account"]
        mine = [["company", "=", company.id]]
        methods = self._rest.search("account.invoice.payment.method", mine, asked, until=until, company=company.id)
        if not methods:
            message = "Tryton has no payment method. Set one up there, with its journal and accounts."
            wrong.append(Complaint(message, code="NO_PAYMENT_METHOD", reason=Reason.REFERENCE_MISSING))
        day = payment.paid_on
        within = [["start_date", "<=", day], ["end_date", ">=", day], ["type", "=", "standard"], *mine]
        periods = self._rest.search("account.period", within, ["id"], until=until, company=company.id)
        if not periods:
            message = f"Tryton has no period for the date {day}."
            wrong.append(Complaint(message, code="NO_PERIOD", reason=Reason.PERIOD_CLOSED))
        if wrong:
            raise ErpError(ErrorKind.REJECTED, wrong)
        comes_in = not is_credit(shown)
        owed = {"account": shown["account"], "party": shown["party"]["id"]}
        bank = {"account": methods[0]["debit_account" if comes_in else "credit_account"]}
        received, given = (bank, owed) if comes_in else (owed, bank)
        zero = Decimal(0)
        return {
            "company": company.id,
            "journal": methods[0]["journal"],
            "period": periods[0]["id"],
            "date": day,
            "description": marked(key),
            "origin": f"{INVOICE},{shown['id']}",
            "lines": [
                [
                    "create",
                    [
                        {**received, "debit": payment.amount, "credit": zero},
                        {**given, "debit": zero, "credit": payment.amount},
                    ],
                ]
            ],
        }

    def _why_not(self, payment: RemotePayment, shown: Record, company: Company) -> list[Complaint]:
        """Return what speaks against recording a payment."""
        if payment.currency != company.currency:
            message = (
                f"Only payments in {company.currency} can be recorded from here: record this one in Tryton itself."
            )
            return [Complaint(message, code="OTHER_CURRENCY", field="currency", reason=Reason.VALIDATION)]
        if shown["state"] != "posted":
            message = f"The invoice is {shown['state']} in Tryton, where only a posted one can be paid."
            return [Complaint(message, code="NOT_POSTED", reason=Reason.STALE_VERSION)]
        if payment.amount > balance_of(shown):
            message = f"The payment is more than the {balance_of(shown)} {company.currency} that are open in Tryton."
            return [Complaint(message, code="OVERPAID", field="amount", reason=Reason.VALIDATION)]
        return []

    def _reconcile(self, shown: Record, day: date, company: Company, until: float) -> None:
        """Reconcile what together comes to nothing: Tryton then calls the invoice paid.

        Tryton 8.2 lets nobody do that over REST. There the invoice stays posted, with nothing to pay, until somebody
        reconciles its account in Tryton, which is usual there.
        """
        lines = [*shown["lines_to_pay"], *shown["payment_lines"]]
        open_lines = sorted({line["id"] for line in lines if not line["reconciliation"]})
        values = {"company": company.id, "date": day, "lines": [["add", open_lines]]}
        try:
            self._rest.create("account.move.reconciliation", values, ["id"], until=until)
        except ErpError as exc:
            if exc.kind is not ErrorKind.REJECTED:
                raise

    def _delete(self, number: int, until: float) -> None:
        try:
            unbooked(lambda: self._rest.delete(MOVE, number, until=until))
        except ErpError as exc:
            if Reason.NOT_FOUND not in refusals(exc.complaints):
                raise softer(exc) from exc

    def find(self, payment: RemotePayment, keys: Sequence[str]) -> tuple[RemotePayment, ...]:
        """Return the payments under these keys, or else of the same document, amount, currency and day."""
        there = self.payments_of(payment.document_id)
        wanted = tuple(found for found in there if found.key in keys)
        if wanted:
            return wanted
        facts = (payment.amount, payment.currency, payment.paid_on)
        return tuple(found for found in there if (found.amount, found.currency, found.paid_on) == facts)
