"""The connector of Tryton, series 8, over REST with a user's application key.

What books and pays stands in `tryton_booking` and `tryton_paying`; here is what reads, and the door to all of it.
"""

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from integrations.erps.contract import (
    Access,
    Booking,
    Capabilities,
    ClosedPeriod,
    Complaint,
    Deletion,
    Document,
    ErpError,
    ErrorKind,
    Health,
    Listed,
    Reason,
    RemoteDocument,
    RemoteItem,
    RemotePayment,
    Stage,
)
from integrations.erps.tryton_booking import FIELDS, INVOICE, TrytonBooking
from integrations.erps.tryton_paying import TrytonPaying
from integrations.erps.tryton_reading import (
    BOOKED,
    HEAD,
    LINES,
    PAYMENTS,
    TO_PAY,
    TYPES,
    UNREADABLE,
    moment_of,
    number_of,
    read_document,
    read_item,
    read_listed,
    read_period,
    refusals,
)
from integrations.erps.tryton_rest import Company, Record, TrytonRest

LARGEST_PDF: Final = 20 * 1024 * 1024
# Tryton's server works a request to its end even when nobody waits any more; a lock there is waited for, too.
WRITE_MARGIN: Final = timedelta(seconds=60)
CALL_MARGIN: Final = timedelta(seconds=1)  # reading the answer, and a machine that is busy
DRAFT_LIVES: Final = timedelta(hours=1)  # a call that made a draft has long ended
IDS_AT_ONCE: Final = 1000
DOCUMENTS_AT_ONCE: Final = 20
LISTED: Final = (
    "type",
    "state",
    "number",
    "reference",
    "description",
    "currency.code",
    "total_amount",
    "amount_to_pay",
)


class TrytonConnector:
    """The connector of one company in Tryton."""

    capabilities = Capabilities(
        native_key=False,
        void=True,
        delete=True,
        pdf=True,  # of the documents that say so: where the server makes PDF of its reports
        deletion_feed=False,
        webhook=False,
        number_length=40,
        posting_lanes=1,  # two posts at once wait for each other's numbers, and on PostgreSQL end in 503
        pays_payables=True,
        leaves_drafts=True,
    )

    def __init__(self, access: Access, lanes: int) -> None:
        """Take the access to one company, and how many calls may be under way at once."""
        self.longest_call = access.call_timeout + CALL_MARGIN
        self.longest_write = access.call_timeout + WRITE_MARGIN
        self._company_name = access.company
        self._rest = TrytonRest(access, lanes)
        self._booking = TrytonBooking(self._rest)
        self._paying = TrytonPaying(self._rest)

    def __repr__(self) -> str:
        return f"<TrytonConnector {self._rest.channel!r}>"

    def close(self) -> None:
        """Give the connections back."""
        self._rest.channel.close()

    def check(self) -> Health:
        """Say whether Tryton answers to this key, as a user who works in the company and may see its invoices."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        self._rest.search(INVOICE, [["company", "=", company.id]], ["id"], size=1, until=until, company=company.id)
        return Health(company=self._company_name, detail=f"Tryton, {company.currency}")

    # Documents

    def create(self, document: Document, key: str) -> Booking:
        """Book `document` at its stage, exactly once."""
        return self._booking.book(document, key)

    def find(self, document: Document, keys: Sequence[str]) -> tuple[Booking, ...]:
        """Return the bookings of the document's stage under these keys, or else of its number and party."""
        return self._booking.find(document, keys)

    def get(self, remote_id: str, stage: Stage) -> Booking:
        """Return one document as it was booked at `stage`; a cancelled one has no balance."""
        shown = self._rest.get(INVOICE, remote_id, FIELDS)
        if shown["state"] not in (*BOOKED[stage], "cancelled"):
            message = f"Invoice {remote_id} is there, but has no {stage} booking."
            raise ErpError(ErrorKind.REJECTED, [Complaint(message, reason=Reason.NOT_FOUND)])
        return self._booking.booking_of(shown, stage)

    def update(self, remote_id: str, document: Document) -> Booking:
        """Change a document that is not posted yet."""
        shown = self._rest.get(INVOICE, remote_id, FIELDS)
        return self._booking.update(shown, document)

    def void(self, remote_id: str) -> None:
        """Cancel a document, with an entry that takes it out of the ledger; cancelling it again is no error."""
        until = self._rest.deadline()
        shown = self._rest.get(INVOICE, remote_id, ["state"], until=until)
        if shown["state"] != "cancelled":
            self._rest.press(INVOICE, shown["id"], "cancel", ["state"], until=until)

    def delete(self, remote_id: str) -> None:
        """Delete a draft that was never numbered; Tryton deletes nothing else."""
        until = self._rest.deadline()
        self._rest.delete(INVOICE, self._rest.get(INVOICE, remote_id, ["state"], until=until)["id"], until=until)

    def pdf(self, remote_id: str) -> bytes:
        """Return the document as PDF; Tryton without LibreOffice has it as an OpenDocument text, which is none."""
        self._rest.get(INVOICE, remote_id, ["id"])
        return self._rest.download(f"report/{INVOICE}/{remote_id}", largest=LARGEST_PDF, content_type="application/pdf")

    def tidy(self) -> int:
        """Delete the drafts that calls of ours left behind an hour ago or more."""
        return self._booking.tidy(datetime.now(UTC) - DRAFT_LIVES)

    # Counterparties and payments

    def ensure_party(self, document: Document) -> None:
        """Create the document's counterparty where Tryton does not know its code; an inactive one stays so."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        code = document.party.code
        domain = [["code", "=", code], ["active", "in", [True, False]]]
        if self._rest.search("party.party", domain, ["id"], until=until, company=company.id):
            return
        values = {"code": code, "name": document.party.name or code, "addresses": [["create", [{}]]]}
        try:
            self._rest.create("party.party", values, ["code"], until=until)
        except ErpError as exc:
            is_there = "must be unique" in str(exc)  # somebody else has just created it
            if not (exc.kind is ErrorKind.REJECTED and is_there):
                raise

    def payments(self, since: datetime, remote_id: str = "") -> tuple[RemotePayment, ...]:
        """Return the payments of one document, or of all that changed since then."""
        ids = [remote_id] if remote_id else [str(number) for _moment, number in self._changed(since)]
        return tuple(payment for number in ids for payment in self._paying.payments_of(number))

    def push_payment(self, payment: RemotePayment, key: str) -> RemotePayment:
        """Record a payment on a receivable."""
        return self._paying.push(payment, key)

    def find_payments(self, payment: RemotePayment, keys: Sequence[str]) -> tuple[RemotePayment, ...]:
        """Return the payments under these keys, or else of the same document, amount, currency and day."""
        return self._paying.find(payment, keys)

    # Feeds

    def changes(self, since: datetime) -> Iterator[RemoteDocument]:
        """Give what changed since then, oldest first, a page at a time.

        Tryton dates a write when its transaction begins, and shows it when that ends: the caller's overlap bears it.
        """
        waiting: list[tuple[datetime, int]] = []
        for changed in self._changed(since):
            waiting.append(changed)
            if len(waiting) == DOCUMENTS_AT_ONCE:
                yield from self._documents(waiting)
                waiting = []
        yield from self._documents(waiting)

    def _changed(self, since: datetime) -> Iterator[tuple[datetime, int]]:
        """Give moment and id of each invoice that was written, or a payment of which was, since then, oldest first."""
        company = self._rest.company()
        paid = self._payments_changed(since, company)
        written = (
            (moment, number)
            for moment, number in heapq.merge(
                self._moments("write_date", [], since, company),
                self._moments("create_date", [["write_date", "=", None]], since, company),
            )
            if paid.get(number, since) <= moment
        )
        written_at = self._written_at(list(paid), company)
        later = sorted((moment, number) for number, moment in paid.items() if moment > written_at[number])
        yield from heapq.merge(written, later)

    def _moments(
        self, name: str, domain: list[Any], since: datetime, company: Company
    ) -> Iterator[tuple[datetime, int]]:
        """Give moment and id of the numbered invoices by one of their two times, pages by keyset."""
        ours = [["company", "=", company.id], ["number", "!=", None], *domain]
        at, last = since, 0
        while True:
            after = ["OR", [name, ">", at], [[name, "=", at], ["id", ">", last]]]
            page = self._rest.search(
                INVOICE,
                [*ours, after],
                [name],
                order=[[name, "ASC"], ["id", "ASC"]],
                size=IDS_AT_ONCE,
                company=company.id,
            )
            for row in page:
                at, last = row[name], row["id"]
                yield at, last
            if len(page) < IDS_AT_ONCE:
                return

    def _payments_changed(self, since: datetime, company: Company) -> dict[int, datetime]:
        """Return when a payment of an invoice was last written, of all of which one was since then.

        A payment that is being processed does not write the invoice that it will pay.
        """
        if not company.has_payments:
            return {}
        until = self._rest.deadline()
        changed = ["OR", ["write_date", ">=", since], [["write_date", "=", None], ["create_date", ">=", since]]]
        domain = [["company", "=", company.id], ["line.move.origin", "like", f"{INVOICE},%"], changed]
        fields = ["create_date", "write_date", "line.move.origin"]
        found: dict[int, datetime] = {}
        for row in self._rest.search("account.payment", domain, fields, until=until, company=company.id):
            origin = row["line"]["move"]["origin"]
            number = int(str(origin["id"] if isinstance(origin, dict) else origin).rpartition(",")[2])
            found[number] = max(found.get(number, moment_of(row)), moment_of(row))
        return found

    def _written_at(self, numbers: Sequence[int], company: Company) -> dict[int, datetime]:
        """Return when each of these invoices was last written itself; one that is gone counts as just now."""
        at = dict.fromkeys(numbers, datetime.max.replace(tzinfo=UTC))
        for start in range(0, len(numbers), IDS_AT_ONCE):
            some = [["id", "in", numbers[start : start + IDS_AT_ONCE]]]
            found = self._rest.search(INVOICE, some, ["write_date", "create_date"], company=company.id)
            at.update((one["id"], moment_of(one)) for one in found)
        return at

    def _documents(self, changed: Sequence[tuple[datetime, int]]) -> Iterator[RemoteDocument]:
        """Give the documents of these ids in their order; what is too large for one answer is read in halves."""
        if not changed:
            return
        company = self._rest.company()
        ids = [number for _moment, number in changed]
        try:
            shown = self._rest.search(INVOICE, [["id", "in", ids]], self._fields(company), company=company.id)
        except ErpError as exc:
            if Reason.TOO_LARGE not in refusals(exc.complaints):
                raise
            if len(changed) == 1:
                yield RemoteDocument.unreadable(str(ids[0]), "", changed[0][0], str(exc))
                return
            half = len(changed) // 2
            yield from self._documents(changed[:half])
            yield from self._documents(changed[half:])
            return
        by_id = {one["id"]: one for one in shown}
        for moment, number in changed:
            if number in by_id:  # else it was deleted meanwhile
                yield self._change(by_id[number], moment, company)

    def _change(self, shown: Record, moment: datetime, company: Company) -> RemoteDocument:
        try:
            return self._read(shown, company)
        except (*UNREADABLE, ErpError) as exc:
            trouble = self._rest.channel.clean(f"{type(exc).__name__}: {exc}")
            number = self._rest.channel.clean(str(shown.get("reference") or shown.get("number") or ""))[:40]
            return RemoteDocument.unreadable(str(shown["id"]), number, moment, trouble)

    def _read(self, shown: Record, company: Company) -> RemoteDocument:
        default = company.line_accounts[shown["type"]]
        return read_document(
            shown,
            url=self._rest.url_of(INVOICE, shown["id"]),
            default_account=str(default["code"]) if default else "",
            has_pdf=company.prints_pdf,
        )

    def _fields(self, company: Company) -> Sequence[str]:
        return (*HEAD, *LINES, *TO_PAY, *(PAYMENTS if company.has_payments else ()))

    def read(self, remote_id: str) -> RemoteDocument:
        """Return one document with all its facts."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        shown = self._rest.get(INVOICE, remote_id, self._fields(company), until=until)
        return self._readable(shown, company)

    def search(self, number: str, direction: str) -> tuple[RemoteDocument, ...]:
        """Return the numbered documents of exactly this number, cancelled ones too."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        named = ["OR", ["reference", "=", number], ["number", "=", number]]
        domain = [["company", "=", company.id], ["type", "=", TYPES[direction]], ["number", "!=", None], named]
        found = self._rest.search(INVOICE, domain, self._fields(company), until=until, company=company.id)
        return tuple(self._readable(shown, company) for shown in found if number_of(shown) == number)

    def _readable(self, shown: Record, company: Company) -> RemoteDocument:
        try:
            return self._read(shown, company)
        except UNREADABLE as exc:
            message = "Tryton's answer is JSON, but not of the form that was expected."
            raise ErpError(ErrorKind.UNAVAILABLE, [Complaint(message, detail=str(exc)[:200])]) from exc

    def listing(self) -> Iterator[tuple[Listed, ...]]:
        """Give every numbered document, in pages by id; a cancelled one has no balance."""
        company = self._rest.company()
        last = 0
        while True:
            domain = [["company", "=", company.id], ["number", "!=", None], ["id", ">", last]]
            page = self._rest.search(INVOICE, domain, LISTED, size=IDS_AT_ONCE, company=company.id)
            if not page:
                return
            yield tuple(read_listed(shown) for shown in page)
            last = page[-1]["id"]

    def items(self, since: datetime) -> Iterator[RemoteItem]:
        """Give the products with a code that changed since then, a page at a time; one may come more than once.

        Each time is asked for by itself: within an "or" Tryton leaves the inactive ones out.
        """
        company = self._rest.company()
        fields = ["code", "name", "active", "template.active"]
        for name in ("create_date", "write_date", "template.write_date"):
            last, is_more = 0, True
            while is_more:
                changed = [[name, ">=", since], ["id", ">", last]]
                domain = [["code", "!=", None], ["active", "in", [True, False]], *changed]
                page = self._rest.search("product.product", domain, fields, size=IDS_AT_ONCE, company=company.id)
                yield from (read_item(shown) for shown in page)
                last, is_more = page[-1]["id"] if page else 0, len(page) == IDS_AT_ONCE

    def periods(self) -> tuple[ClosedPeriod, ...]:
        """Return the periods that are closed now."""
        company = self._rest.company()
        domain = [["company", "=", company.id], ["type", "=", "standard"], ["state", "!=", "open"]]
        fields = ["name", "start_date", "end_date"]
        found = self._rest.search("account.period", domain, fields, company=company.id)
        return tuple(read_period(shown) for shown in found)

    def company_capabilities(self) -> Capabilities:
        """Return the capabilities: no preference of a company changes them."""
        return self.capabilities

    def deletions(self, since: datetime) -> tuple[Deletion, ...]:  # noqa: ARG002 (the contract's)
        """Return nothing: Tryton tells nobody what was deleted, so its whole list is compared instead."""
        return ()
