"""The connector of the sandbox ERP (integrations/sandbox), which serves as the pattern for every other connector.

It knows the sandbox by its HTTP interface alone and imports nothing of it.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

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
    RemoteParty,
    RemotePayment,
    Stage,
)
from integrations.erps.http import Answer, Channel, Dialect
from integrations.erps.sandbox_reading import (
    UNREADABLE,
    day,
    instant,
    month,
    objects,
    read_document,
    read_item,
    read_listed,
    read_party,
    text,
)

T = TypeVar("T")

EVER = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_PDF = 20 * 1024 * 1024
# The sandbox begins no saving after X-Not-After. This much later than the call's end, so that a write which comes
# true after its sender stopped waiting can happen here as with any other ERP.
WRITE_MARGIN = timedelta(seconds=5)
CALL_MARGIN = timedelta(seconds=1)  # reading the answer, and a machine that is busy

REASONS = {
    "VALIDATION": Reason.VALIDATION,
    "BAD_REQUEST": Reason.VALIDATION,
    "NUMBER_TOO_LONG": Reason.VALIDATION,
    "TOTAL_MISMATCH": Reason.VALIDATION,
    "CURRENCY_MISMATCH": Reason.VALIDATION,
    "OVERPAID": Reason.VALIDATION,
    "NO_LINES": Reason.NO_LINES,
    "LOCATION_MISSING": Reason.LOCATION_MISSING,
    "PERIOD_CLOSED": Reason.PERIOD_CLOSED,
    "DUPLICATE_NUMBER": Reason.DUPLICATE_NUMBER,
    "ITEM_UNKNOWN": Reason.REFERENCE_MISSING,
    "ITEM_INACTIVE": Reason.REFERENCE_INACTIVE,
    "PARTY_MISSING": Reason.CUSTOMER_MISSING,
    "PARTY_INACTIVE": Reason.REFERENCE_INACTIVE,
    "NOT_FOUND": Reason.NOT_FOUND,
    "DOCUMENT_MISSING": Reason.NOT_FOUND,
    "NO_PDF": Reason.NOT_FOUND,
    "DOCUMENT_VOIDED": Reason.STALE_VERSION,
    "ALREADY_FINAL": Reason.STALE_VERSION,
}


def read_complaints(body: Any) -> list[Complaint]:
    """Return every error of an answer."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return []
    return [
        Complaint(
            message=str(error.get("message") or error.get("code") or ""),
            code=str(error.get("code") or ""),
            detail=str(error.get("detail") or ""),
            field=str(error.get("field") or ""),
            reason=REASONS.get(str(error.get("code")), Reason.OTHER),
        )
        for error in errors
        if isinstance(error, dict)
    ]


DIALECT = Dialect(
    complaints=read_complaints,
    trace_header=b"x-trace-id",
    # The sandbox documents that with these nothing was read or written, so a write is `unavailable`, not uncertain.
    unwritten_codes=frozenset({"MAINTENANCE", "TOO_LATE"}),
)


class SandboxConnector:
    """The connector of the sandbox ERP."""

    capabilities = Capabilities(
        native_key=True,
        void=True,
        delete=True,
        pdf=True,
        deletion_feed=True,
        webhook=False,
        number_length=40,
        posting_lanes=None,
    )

    def __init__(self, access: Access, lanes: int) -> None:
        """Take the access to one company, and how many calls may be under way at once."""
        self.longest_call = access.call_timeout + CALL_MARGIN
        self.longest_write = access.call_timeout + WRITE_MARGIN
        self._server = access.base_url.rstrip("/")
        self._channel = Channel(
            access,
            lanes,
            DIALECT,
            base_url=f"{self._server}/companies/{quote(access.company, safe='')}/",
            headers={"Authorization": f"Bearer {access.secret}"},
        )

    def __repr__(self) -> str:
        return f"<SandboxConnector {self._channel!r}>"

    def close(self) -> None:
        """Give the connections back."""
        self._channel.close()

    def check(self) -> Health:
        """Say whether the ERP answers to these credentials."""
        answer = self._channel.read("")
        return self._understand(answer, lambda body: Health(company=text(body, "company"), detail=text(body, "system")))

    # Documents

    def create(self, document: Document, key: str) -> Booking:
        """Book `document` at its stage; the sandbox answers the same key with the first booking."""
        body = {
            "key": key,
            "stage": str(document.stage),
            "remote_id": document.remote_id,
            "preliminary_voucher": document.preliminary_voucher,
            **written(document),
        }
        return self._booked(self._write("POST", "documents/", body), document.stage)

    def find(self, document: Document, keys: Sequence[str]) -> tuple[Booking, ...]:
        """Return the bookings of the document's stage under these keys, or else of its number and party.

        Voided documents are left out: they are not posted.
        """
        until = self._channel.deadline()
        if keys:
            by_key = self._find([("key", key) for key in keys], document.stage, until)
            wanted = tuple(booking for booking in by_key if booking.key in keys)
            if wanted:
                return wanted
        facts = [
            ("number", document.number),
            ("direction", document.direction),
            ("kind", document.kind),
            ("party", document.party.code),
        ]
        return self._find(facts, document.stage, until)

    def _find(self, params: list[tuple[str, str]], stage: Stage, until: float) -> tuple[Booking, ...]:
        answer = self._channel.read("documents/", params, until=until)

        def read(body: dict[str, Any]) -> tuple[Booking, ...]:
            return tuple(
                self._booking(shown, booking)
                for shown in objects(body, "documents")
                if shown["state"] != "voided"
                for booking in objects(shown, "bookings")
                if booking["stage"] == stage
            )

        return self._understand(answer, read)

    def get(self, remote_id: str, stage: Stage) -> Booking:
        """Return one document as it was booked at `stage`; a voided one has no balance."""
        answer = self._channel.read(f"documents/{segment(remote_id)}/")

        def read(body: dict[str, Any]) -> Booking | None:
            booking = booking_of(body, stage)
            return self._booking(body, booking, answer) if booking else None

        booking = self._understand(answer, read)
        if booking is None:
            message = f"Document {remote_id} is there, but has no {stage} booking."
            complaint = Complaint(message, reason=Reason.NOT_FOUND)
            raise ErpError(
                ErrorKind.REJECTED, [complaint], trace_id=answer.trace_id, raw=self._channel.clean(answer.text)
            )
        return booking

    def update(self, remote_id: str, document: Document) -> Booking:
        """Change a document that is not final yet."""
        answer = self._write("PATCH", f"documents/{segment(remote_id)}/", written(document))
        return self._booked(answer, document.stage)

    def void(self, remote_id: str) -> None:
        """Void a document; voiding it again is no error."""
        self._demand_id(self._write("POST", f"documents/{segment(remote_id)}/void/", {}))

    def delete(self, remote_id: str) -> None:
        """Delete a document; `rejected` / `not_found` when it is not there any more."""
        self._demand_id(self._write("DELETE", f"documents/{segment(remote_id)}/"))

    def pdf(self, remote_id: str) -> bytes:
        """Return the document as PDF."""
        path = f"documents/{segment(remote_id)}/pdf/"
        return self._channel.download(path, largest=LARGEST_PDF, content_type="application/pdf")

    def tidy(self) -> int:
        """Delete nothing: the sandbox makes no drafts."""
        return 0

    # Counterparties and payments

    def ensure_party(self, document: Document) -> None:
        """Create the document's counterparty where the ERP does not know its code; an inactive one stays so."""
        until = self._channel.deadline()
        path = "suppliers/" if document.direction == "payable" else "customers/"
        try:
            self._channel.read(f"{path}{segment(document.party.code)}/", until=until)
        except ErpError as exc:
            if not exc.complaints or exc.complaints[0].reason is not Reason.NOT_FOUND:
                raise
        else:
            return
        body = {"code": document.party.code, "name": document.party.name or document.party.code}
        try:
            self._write("POST", path, body, until)
        except ErpError as exc:
            if exc.http_status != 409:  # somebody else has just created it
                raise

    def payments(self, since: datetime, remote_id: str = "") -> tuple[RemotePayment, ...]:
        """Return payments since then, of one document if it is named."""
        params = [("document", remote_id)] if remote_id else []
        return self._feed("payments", since, params, read_payment)

    def find_payments(self, payment: RemotePayment, keys: Sequence[str]) -> tuple[RemotePayment, ...]:
        """Return the payments under these keys, or else of the same document, amount, currency and day."""
        if keys:
            by_key = self._feed("payments", EVER, [("key", key) for key in keys], read_payment)
            wanted = tuple(found for found in by_key if found.key in keys)
            if wanted:
                return wanted
        facts = (payment.amount, payment.currency, payment.paid_on)
        return tuple(
            found
            for found in self.payments(EVER, payment.document_id)
            if (found.amount, found.currency, found.paid_on) == facts
        )

    def push_payment(self, payment: RemotePayment, key: str) -> RemotePayment:
        """Record a payment on a document; the same key is answered with the first payment."""
        body = {
            "key": key,
            "document_id": payment.document_id,
            "amount": payment.amount,
            "currency": payment.currency,
            "paid_on": payment.paid_on,
        }
        answer = self._write("POST", "payments/", body)
        message = "The ERP answered, but did not say which payment it recorded."
        try:
            recorded = read_payment(answer.body)
        except UNREADABLE as exc:
            raise self._channel.unclear(ErrorKind.UNCERTAIN, message, answer) from exc
        if not recorded.remote_id:
            raise self._channel.unclear(ErrorKind.UNCERTAIN, message, answer)
        return recorded

    # Feeds

    def changes(self, since: datetime) -> Iterator[RemoteDocument]:
        """Give what changed since then, oldest first, a page at a time."""
        for page in self._pages("changes", [("since", instant(since))], self._change):
            yield from page

    def _change(self, shown: Mapping[str, Any]) -> RemoteDocument:
        try:
            return read_document(shown, self._server)
        except (*UNREADABLE, ErpError) as exc:
            trouble = self._channel.clean(f"{type(exc).__name__}: {exc}")
            named, number = str(shown.get("id", ""))[:100], str(shown.get("number", ""))[:40]
            changed_at = datetime.fromisoformat(shown["changed_at"])  # without it the feed itself cannot be read
            return RemoteDocument.unreadable(named, self._channel.clean(number), changed_at, trouble)

    def read(self, remote_id: str) -> RemoteDocument:
        """Return one document with all its facts."""
        answer = self._channel.read(f"documents/{segment(remote_id)}/")
        return self._understand(answer, lambda body: read_document(body, self._server))

    def search(self, number: str, direction: str) -> tuple[RemoteDocument, ...]:
        """Return the documents of exactly this number, voided ones too."""
        answer = self._channel.read("documents/", [("number", number), ("direction", direction)])
        return self._understand(
            answer, lambda body: tuple(read_document(shown, self._server) for shown in objects(body, "documents"))
        )

    def listing(self) -> Iterator[tuple[Listed, ...]]:
        """Give every document that there is, in pages by id; a voided one has no balance."""
        yield from map(tuple, self._pages("listing", [], read_listed))

    def items(self, since: datetime) -> Iterator[RemoteItem]:
        """Give the items that changed since then, a page at a time; the deleted ones last, as inactive."""
        there: set[str] = set()
        for page in self._pages("items", [("since", instant(since))], read_item):
            there.update(item.code for item in page)
            yield from page
        for deletion in self.deletions(since):
            if deletion.what == "item" and deletion.remote_id not in there:  # it may have been made again since
                yield RemoteItem(deletion.remote_id, "", is_active=False)

    def parties(self, since: datetime) -> Iterator[RemoteParty]:
        """Give the customers and suppliers that changed since then, a page at a time."""
        asked = [("since", instant(since))]
        for name, direction in (("customers", "receivable"), ("suppliers", "payable")):
            for page in self._pages(name, asked, partial(read_party, direction=direction)):
                yield from page

    def periods(self) -> tuple[ClosedPeriod, ...]:
        """Return the months that are closed now."""
        answer = self._channel.read("periods/")
        return self._understand(answer, lambda body: tuple(month(name) for name in objects(body, "closed")))

    def company_capabilities(self) -> Capabilities:
        """Return the capabilities, with what the company prefers."""
        answer = self._channel.read("preferences/")
        needs, takes = self._understand(
            answer, lambda body: (body["needs_location"] is True, body["allow_unknown_parties"] is True)
        )
        return replace(self.capabilities, needs_location_on_zero_lines=needs, takes_unknown_parties=takes)

    def deletions(self, since: datetime) -> tuple[Deletion, ...]:
        """Return what was deleted since then, oldest first."""
        return self._feed("deletions", since, [], read_deletion)

    def _feed(
        self, name: str, since: datetime, params: list[tuple[str, str]], read: Callable[[dict[str, Any]], T]
    ) -> tuple[T, ...]:
        """Return all pages of a feed, within one call's time: half a feed would look like the whole one."""
        asked = [("since", instant(since)), *params]
        pages = self._pages(name, asked, read, until=self._channel.deadline())
        return tuple(row for page in pages for row in page)

    def _pages(
        self,
        name: str,
        asked: list[tuple[str, str]],
        read: Callable[[dict[str, Any]], Any] = lambda shown: shown,
        *,
        until: float | None = None,
    ) -> Iterator[list[Any]]:
        """Give a list page by page; each page has a call's time of its own unless `until` is given."""
        after = ""
        while True:
            answer = self._channel.read(f"{name}/", [*asked, ("after", after)] if after else asked, until=until)
            yield self._understand(answer, lambda body: [read(shown) for shown in objects(body, name)])
            after = self._understand(answer, lambda body: text(body, "next"))
            if not after:
                return

    # What every call has in common

    def _write(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, until: float | None = None
    ) -> Answer:
        """Send a write, with the instant after which the sandbox must not begin to save it."""
        until = until or self._channel.deadline()
        not_after = time.time() + (until - time.monotonic()) + WRITE_MARGIN.total_seconds()
        return self._channel.write(method, path, body, headers=[(b"X-Not-After", b"%.3f" % not_after)], until=until)

    def _understand(self, answer: Answer, read: Callable[[dict[str, Any]], T]) -> T:
        """Return what `read` makes of the answer to a read; JSON of another form is no answer."""
        try:
            return read(answer.body)
        except UNREADABLE as exc:
            message = "The ERP's answer is JSON, but not of the form that was expected."
            raise self._channel.unclear(ErrorKind.UNAVAILABLE, message, answer) from exc

    def _booked(self, answer: Answer, stage: Stage) -> Booking:
        """Return the booking of a write; without a document id and a voucher nothing is certain."""
        message = "The ERP answered, but named no document and voucher."
        try:
            shown = answer.body
            booking = shown.get("booking") or booking_of(shown, stage) or {}
            booked = self._booking(shown, booking, answer)
        except UNREADABLE as exc:
            raise self._channel.unclear(ErrorKind.UNCERTAIN, message, answer) from exc
        if not booked.remote_id or not booked.voucher:
            raise self._channel.unclear(ErrorKind.UNCERTAIN, message, answer)
        return booked

    def _demand_id(self, answer: Answer) -> None:
        """Raise unless the answer to a write names its document."""
        if not isinstance(answer.body, dict) or not answer.body.get("id"):
            raise self._channel.unclear(ErrorKind.UNCERTAIN, "The ERP answered, but named no document.", answer)

    def _booking(self, shown: Mapping[str, Any], booking: Mapping[str, Any], answer: Answer | None = None) -> Booking:
        """Return one booking of a document as the sandbox shows it."""
        return Booking(
            remote_id=text(shown, "id"),
            voucher=text(booking, "voucher"),
            posting_date=day(booking.get("posting_date")),
            stage=Stage(booking["stage"]),
            number=text(shown, "number"),
            party_code=text(shown["party"], "code"),
            currency=text(shown, "currency"),
            total=Decimal(shown["total"]),
            balance=Decimal(shown["balance"]),
            key=text(booking, "key"),
            url=self._server + text(shown, "url"),
            raw=self._channel.clean(answer.text) if answer else "",
        )


def written(document: Document) -> dict[str, Any]:
    """Return a document as the sandbox takes it; Decimals and dates become strings in the channel."""
    return {
        "direction": document.direction,
        "kind": document.kind,
        "number": document.number,
        "party": {"code": document.party.code, "name": document.party.name},
        "invoice_date": document.invoice_date,
        "due_date": document.due_date,
        "posting_date": document.posting_date,
        "currency": document.currency,
        "total": document.total,
        "lines": [
            {
                "description": line.description,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "amount": line.amount,
                "account": line.account,
                "item": line.item,
            }
            for line in document.lines
        ],
    }


def segment(name: str) -> str:
    """Return a code or id as one part of a path."""
    return quote(name, safe="")


def read_payment(shown: Mapping[str, Any]) -> RemotePayment:
    """Return a payment as the sandbox shows it."""
    return RemotePayment(
        remote_id=text(shown, "id"),
        document_id=text(shown, "document_id"),
        amount=Decimal(shown["amount"]),
        currency=text(shown, "currency"),
        paid_on=date.fromisoformat(shown["paid_on"]),
        key=text(shown, "key"),
    )


def read_deletion(shown: Mapping[str, Any]) -> Deletion:
    """Return one line of the deletions feed."""
    return Deletion(
        what=text(shown, "what"),
        remote_id=text(shown, "remote_id"),
        number=text(shown, "number"),
        deleted_at=datetime.fromisoformat(shown["deleted_at"]),
    )


def booking_of(shown: Mapping[str, Any], stage: Stage) -> dict[str, Any] | None:
    """Return a document's first booking at a stage, or None."""
    return next((booking for booking in objects(shown, "bookings") if booking["stage"] == stage), None)
