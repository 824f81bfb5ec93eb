"""Booking an invoice in Tryton exactly once, although it remembers no keys (DESIGN §5).

    search by key ── more than one ──► delete drafts until exactly one is left, and look again
        │ none                             ▲
        ▼                                  │ a late call of ours added one
    create a draft ──► look again, one ────┴──► validate, or post, that one by its id ──► booked

To make a draft and to book it are two calls. A draft stands in no ledger, so one that a lost call made is no harm: it
is found by its key, or deleted. Pressing a button twice on one id books once: the second press is refused. No button
is pressed while two records have the key, nor while another draft of ours has the same number of the same party, which
an earlier message may have left. What a late call can still do after that is press a button on a record that is gone.

A payable is numbered, and its entry made, when it is validated: that is its preliminary booking. Posting it is the
final one. A receivable is posted at once. Tryton refuses neither an invoice without lines nor a party that is
inactive, and would take a total of its own reckoning: what it should refuse is refused here, before anything is
written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from integrations.erps.contract import Booking, Complaint, Document, DocumentLine, ErpError, ErrorKind, Reason, Stage
from integrations.erps.tryton_reading import (
    BOOKED,
    HEAD,
    LINES,
    MARK,
    TYPES,
    balance_of,
    key_of,
    marked,
    number_of,
    posting_date_of,
    refusals,
)
from integrations.erps.tryton_rest import Company, Record, TrytonRest, softer

T = TypeVar("T")

INVOICE: Final = "account.invoice"
FIELDS: Final = (*HEAD, *LINES)
BUTTONS: Final = {Stage.PRELIMINARY: "validate_invoice", Stage.FINAL: "post"}
OUR_DRAFTS: Final = (["state", "=", "draft"], ["number", "=", None], ["description", "like", f"{MARK}%"])
ROUNDS: Final = 6  # one makes the draft; in others another hand has changed something, and then the next attempt looks


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document in Tryton's words: the values of its head and of its lines."""

    head: Mapping[str, Any]
    lines: tuple[Mapping[str, Any], ...]


class TrytonBooking:
    """Books the invoices of one company."""

    def __init__(self, rest: TrytonRest) -> None:
        """Take the records."""
        self._rest = rest

    def book(self, document: Document, key: str) -> Booking:
        """Book a document at its stage; raises ErpError."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        wanted: Wanted | None = None
        for _round in range(ROUNDS):
            records = self._records(document, key, company, until)
            booked = [record for record in records if record["state"] in BOOKED[document.stage]]
            if booked:
                self._delete_drafts(records, until)
                return self.booking_of(booked[0], document.stage)
            wanted = wanted or self._wanted(document, company, until)
            target = self._only_one(records, until)
            if target is None:
                if not self._delete_strays(document, company, until):
                    self._create(wanted, document, key, company, until)
                continue  # whoever made one at the same time sees both, or is seen
            record = self._adapt(target, wanted, until)
            try:
                self._demand_total(record, document)
                pressed = self._press(record, document, company, until)
            except ErpError as exc:
                if exc.kind is ErrorKind.REJECTED:
                    self._take_back(record, target, until)
                raise
            if pressed is not None:
                return self._confirmed(pressed, document)
        raise ErpError(ErrorKind.UNAVAILABLE, [Complaint("Tryton's record of it keeps changing. It is tried again.")])

    def update(self, shown: Record, document: Document) -> Booking:
        """Make a record that is not posted what the document is now; a payable is validated again."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        if shown["state"] not in ("draft", "validated"):
            message = f"The invoice is {shown['state']} in Tryton: it is corrected there, if at all."
            raise ErpError(ErrorKind.REJECTED, [Complaint(message, reason=Reason.STALE_VERSION)])
        changed = self._adapt(shown, self._wanted(document, company, until), until)
        self._demand_total(changed, document)
        if changed["state"] == "draft" and document.direction == "payable":
            button = BUTTONS[Stage.PRELIMINARY]
            changed = self._rest.press(INVOICE, changed["id"], button, FIELDS, until=until)
        return self.booking_of(changed, document.stage)

    def booking_of(self, shown: Record, stage: Stage) -> Booking:
        """Return what Tryton holds of an invoice at a stage; its number there is the voucher of both."""
        return Booking(
            remote_id=str(shown["id"]),
            voucher=shown["number"] or "",
            posting_date=posting_date_of(shown),
            stage=stage,
            number=number_of(shown),
            party_code=shown["party"]["code"] or "",
            currency=shown["currency"]["code"],
            total=abs(Decimal(shown["total_amount"])),
            balance=balance_of(shown),
            key=key_of(shown["description"]),
            url=self._rest.url_of(INVOICE, shown["id"]),
        )

    def find(self, document: Document, keys: Sequence[str]) -> tuple[Booking, ...]:
        """Return the bookings of the document's stage under these keys, or else of its number and party."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        ours = self._ours(document, keys)
        there = ["state", "in", list(BOOKED[document.stage])]
        found = self._search([ours, there], document, company, until) if ours else []
        if not found:
            number = ["OR", ["reference", "=", document.number], ["number", "=", document.number]]
            same = [number, ["party.code", "=", document.party.code], there]
            found = self._search(same, document, company, until)
            found = [one for one in found if (one["total_amount"] < 0) == (document.kind == "credit_memo")]
        return tuple(self.booking_of(one, document.stage) for one in found)

    # Which record it is

    def _search(self, domain: Sequence[Any], document: Document, company: Company, until: float) -> list[Record]:
        ours = [["company", "=", company.id], ["type", "=", TYPES[document.direction]], *domain]
        return self._rest.search(INVOICE, ours, FIELDS, until=until, company=company.id)

    def _ours(self, document: Document, keys: Sequence[str]) -> list[Any]:
        """Return what is surely this document: our key, and for the final booking the record of the preliminary one."""
        ways: list[Any] = [["description", "in", [marked(key) for key in keys]]] if keys else []
        if document.stage is Stage.FINAL and document.direction == "payable":
            if document.remote_id.isdecimal():
                ways.append(["id", "=", int(document.remote_id)])
            elif document.preliminary_voucher:
                ways.append([["number", "=", document.preliminary_voucher], ["party.code", "=", document.party.code]])
        return ["OR", *ways] if ways else []

    def _records(self, document: Document, key: str, company: Company, until: float) -> list[Record]:
        """Return every record of this message; of a final booking, the one that was booked preliminarily."""
        domain = [self._ours(document, [key]), ["state", "!=", "cancelled"]]
        records = self._search(domain, document, company, until)
        has_earlier = bool(document.remote_id or document.preliminary_voucher)
        if document.stage is Stage.FINAL and document.direction == "payable" and has_earlier and not records:
            name = document.preliminary_voucher or document.remote_id
            message = f"Tryton has no invoice {name} of {document.party.code} that could be posted."
            raise ErpError(ErrorKind.REJECTED, [Complaint(message, reason=Reason.NOT_FOUND)])
        return records

    def _only_one(self, records: Sequence[Record], until: float) -> Record | None:
        """Return the one record that is left, and delete the other drafts; raises ErpError if one cannot be deleted."""
        if not records:
            return None
        target = min(records, key=lambda record: (not record["number"], record["id"]))
        self._delete_drafts([record for record in records if record["id"] != target["id"]], until)
        return target

    def _delete_strays(self, document: Document, company: Company, until: float, but: int = 0) -> bool:
        """Delete drafts of ours of the same number and party, but one; say whether there were any.

        An earlier message left them, or a call of it that came late.
        """
        same = [["reference", "=", document.number], ["party.code", "=", document.party.code], ["id", "!=", but]]
        strays = self._search([*same, *OUR_DRAFTS], document, company, until)
        self._delete_drafts(strays, until)
        return bool(strays)

    def _delete_drafts(self, records: Sequence[Record], until: float) -> None:
        for record in records:
            if record["state"] == "draft" and not record["number"]:
                self._delete(record["id"], until)

    def _delete(self, number: int, until: float) -> None:
        """Delete a draft; one that is gone already is fine, one that was booked meanwhile is looked at again."""
        try:
            unbooked(lambda: self._rest.delete(INVOICE, number, until=until))
        except ErpError as exc:
            if Reason.NOT_FOUND not in refusals(exc.complaints):
                raise softer(exc) from exc

    def tidy(self, before: datetime) -> int:
        """Delete our drafts that were made before a moment: a message that still needs one makes it anew."""
        until = self._rest.deadline()
        company = self._rest.company(until)
        domain = [["company", "=", company.id], *OUR_DRAFTS, ["create_date", "<", before]]
        left = self._rest.search(INVOICE, domain, ["id", "state", "number"], size=100, until=until, company=company.id)
        self._delete_drafts(left, until)
        return len(left)

    # What stands in it

    def _create(self, wanted: Wanted, document: Document, key: str, company: Company, until: float) -> None:
        values = {
            **wanted.head,
            "type": TYPES[document.direction],
            "company": company.id,
            "description": marked(key),
            "lines": [["create", list(wanted.lines)]],
        }
        unbooked(lambda: self._rest.create(INVOICE, values, ["id"], until=until))

    def _adapt(self, target: Record, wanted: Wanted, until: float) -> Record:
        """Make a record that was made before what the document is now; one that is so already is left alone.

        Where the final booking names no day, that of the preliminary one stays.
        """
        if wanted.head["accounting_date"] is None and target["number"]:
            wanted = replace(wanted, head={**wanted.head, "accounting_date": target["accounting_date"]})
        if is_as_wanted(target, wanted):
            return target
        number = target["id"]
        if target["state"] == "validated":
            unbooked(lambda: self._rest.press(INVOICE, number, "draft", ["state"], until=until))
        gone = [line["id"] for line in target["lines"]]
        lines = [["delete", gone]] if gone else []
        values = {**wanted.head, "lines": [*lines, ["create", list(wanted.lines)]]}
        return unbooked(lambda: self._rest.change(INVOICE, number, values, FIELDS, until=until))

    def _demand_total(self, target: Record, document: Document) -> None:
        """Refuse what Tryton reckons otherwise, with taxes or another rounding: it would book another amount."""
        theirs = Decimal(target["total_amount"])
        ours = -document.total if document.kind == "credit_memo" else document.total
        if theirs == ours:
            return
        message = f"Tryton reckons {abs(theirs)} {document.currency} where the invoice says {document.total}."
        raise ErpError(ErrorKind.REJECTED, [Complaint(message, code="TOTAL_MISMATCH", reason=Reason.VALIDATION)])

    def _press(self, target: Record, document: Document, company: Company, until: float) -> Record | None:
        """Validate or post the record; return it booked, or None where it has to be looked for again."""
        number, button = target["id"], BUTTONS[document.stage]
        try:
            return self._rest.press(INVOICE, number, button, FIELDS, until=until)
        except ErpError as exc:
            if exc.kind is not ErrorKind.REJECTED:
                raise
            refusal = exc
        reasons = refusals(refusal.complaints)
        now = self._rest.search(INVOICE, [["id", "=", number]], FIELDS, until=until, company=company.id)
        if not now or now[0]["state"] in BOOKED[document.stage] or Reason.NOT_FOUND in reasons:
            return None  # somebody was quicker: deleted it as a stray, or booked it
        if Reason.DUPLICATE_NUMBER in reasons:
            if self._delete_strays(document, company, until, but=number):
                return None
            if document.accepts_duplicate:
                return self._rest.press(INVOICE, number, button, FIELDS, until=until, past_warning=True)
        raise refusal

    def _take_back(self, record: Record, before: Record, until: float) -> None:
        """Leave no trace of a refused booking: delete its draft, or validate again what was booked preliminarily.

        What cannot be done now is tidied away later, or done by the next attempt.
        """
        try:
            if not before["number"]:
                self._delete_drafts([record], until)
            elif before["state"] == "validated" and record["state"] == "draft":
                earlier = {"accounting_date": before["accounting_date"]}
                self._rest.change(INVOICE, record["id"], earlier, ["state"], until=until)
                self._rest.press(INVOICE, record["id"], BUTTONS[Stage.PRELIMINARY], ["state"], until=until)
        except ErpError:
            return

    def _confirmed(self, shown: Record, document: Document) -> Booking:
        """Return the booking that an answer names; anything less leaves it uncertain."""
        amount = (abs(Decimal(shown["total_amount"])), shown["currency"]["code"])
        is_booked = shown["state"] in BOOKED[document.stage] and shown["number"]
        if not is_booked or amount != (document.total, document.currency):
            message = "Tryton answered, but not with a booking of this total."
            raise ErpError(ErrorKind.UNCERTAIN, [Complaint(message)])
        return self.booking_of(shown, document.stage)

    # What Tryton needs to know, and our own refusals

    def _wanted(self, document: Document, company: Company, until: float) -> Wanted:
        """Return the document in Tryton's words; raises one `rejected` with everything that is wrong with it."""
        kind = TYPES[document.direction]
        wrong: list[Complaint] = []
        if not document.lines:
            wrong.append(Complaint("The invoice has no lines.", code="NO_LINES", reason=Reason.NO_LINES))
        party = self._party(document, company, until, wrong)
        currency = self._currency(document, company, until, wrong)
        lines = self._lines(document, company, currency, until, wrong)
        account = party.get(f"account_{'payable' if kind == 'in' else 'receivable'}") or company.accounts[kind]
        if account is None:
            message = "Tryton has no default account for what is owed. Set one in its accounting configuration."
            wrong.append(Complaint(message, code="NO_ACCOUNT", field="account", reason=Reason.REFERENCE_MISSING))
        if wrong:
            raise ErpError(ErrorKind.REJECTED, wrong)
        head = {
            "party": party["id"],
            "invoice_address": party["addresses"][0],
            "account": account,
            "journal": company.journals[kind],
            "currency": currency,
            "invoice_date": document.invoice_date,
            "accounting_date": document.posting_date,
            "payment_term_date": document.due_date,
            "reference": document.number,
        }
        return Wanted(head, lines)

    def _party(self, document: Document, company: Company, until: float, wrong: list[Complaint]) -> Record:
        code = document.party.code
        fields = ["active", "addresses", "account_payable", "account_receivable"]
        domain = [["code", "=", code], ["active", "in", [True, False]]]
        found = self._rest.search("party.party", domain, fields, until=until, company=company.id)
        if not found:
            message = f"Tryton has no party with the code {code}."
            wrong.append(Complaint(message, code="PARTY_MISSING", field="Party", reason=Reason.CUSTOMER_MISSING))
        elif not found[0]["active"]:
            message = f"The party {code} is inactive in Tryton."
            wrong.append(Complaint(message, code="PARTY_INACTIVE", field="Party", reason=Reason.REFERENCE_INACTIVE))
        elif not found[0]["addresses"]:
            message = f"The party {code} has no address in Tryton."
            wrong.append(Complaint(message, code="NO_ADDRESS", field="Address", reason=Reason.REFERENCE_MISSING))
        return found[0] if found else {}

    def _currency(self, document: Document, company: Company, until: float, wrong: list[Complaint]) -> int | None:
        domain = [["code", "=", document.currency]]
        found = self._rest.search("currency.currency", domain, ["id"], until=until, company=company.id)
        if found:
            return int(found[0]["id"])
        message = f"Tryton has no currency {document.currency}, or it is inactive."
        wrong.append(Complaint(message, code="CURRENCY_MISSING", field="Currency", reason=Reason.REFERENCE_MISSING))
        return None

    def _lines(
        self, document: Document, company: Company, currency: int | None, until: float, wrong: list[Complaint]
    ) -> tuple[Record, ...]:
        kind = TYPES[document.direction]
        accounts = self._accounts({line.account for line in document.lines} - {""}, company, until)
        products = self._products({line.item for line in document.lines} - {""}, kind, company, until)
        sign = -1 if document.kind == "credit_memo" else 1
        lines = []
        for position, line in enumerate(document.lines, start=1):
            account = self._account(line, position, kind, company, accounts, products, wrong)
            product = products.get(line.item, {})
            values: Record = {
                "type": "line",
                "invoice_type": kind,
                "company": company.id,
                "currency": currency,
                "account": account,
                "description": line.description,
                "quantity": float(sign * line.quantity),  # a float there too
                "unit_price": line.unit_price,
            }
            if product:
                values |= {"product": product["id"], "unit": product["default_uom"]}
            lines.append(values)
        return tuple(lines)

    def _account(
        self,
        line: DocumentLine,
        position: int,
        kind: str,
        company: Company,
        accounts: Mapping[str, Record],
        products: Mapping[str, Record],
        wrong: list[Complaint],
    ) -> int | None:
        """Return where a line stands: the account that it names, that of its item, or the company's default."""
        field = f"lines[{position - 1}]"
        if line.item:
            product = products.get(line.item)
            if product is None:
                message = f"Tryton has no item {line.item}, which line {position} names."
                reason = Reason.REFERENCE_MISSING
                wrong.append(Complaint(message, code="ITEM_UNKNOWN", field=f"{field}.item", reason=reason))
            elif not (product["active"] and product["template"]["active"]):
                message = f"The item {line.item} of line {position} is inactive in Tryton."
                reason = Reason.REFERENCE_INACTIVE
                wrong.append(Complaint(message, code="ITEM_INACTIVE", field=f"{field}.item", reason=reason))
        if line.account:
            account = accounts.get(line.account)
            if account is None:
                message = f"Tryton has no account {line.account}, which line {position} names."
                reason = Reason.REFERENCE_MISSING
                wrong.append(Complaint(message, code="ACCOUNT_UNKNOWN", field=f"{field}.account", reason=reason))
            elif account["closed"]:
                message = f"The account {line.account} of line {position} is closed in Tryton."
                reason = Reason.REFERENCE_INACTIVE
                wrong.append(Complaint(message, code="ACCOUNT_CLOSED", field=f"{field}.account", reason=reason))
            return account["id"] if account else None
        category = products.get(line.item, {}).get("template", {}).get("account_category") or {}
        own = category.get("account_expense" if kind == "in" else "account_revenue")
        default = company.line_accounts[kind]
        if own is None and default is None:
            message = f"Line {position} names no account, and Tryton has no default one for it."
            reason = Reason.REFERENCE_MISSING
            wrong.append(Complaint(message, code="NO_ACCOUNT", field=f"{field}.account", reason=reason))
        return own if own is not None else default["id"] if default else None

    def _accounts(self, codes: set[str], company: Company, until: float) -> dict[str, Record]:
        if not codes:
            return {}
        domain = [["code", "in", sorted(codes)], ["company", "=", company.id]]
        found = self._rest.search("account.account", domain, ["code", "closed"], until=until, company=company.id)
        return {one["code"]: one for one in found}

    def _products(self, codes: set[str], kind: str, company: Company, until: float) -> dict[str, Record]:
        if not codes:
            return {}
        account = f"template.account_category.account_{'expense' if kind == 'in' else 'revenue'}"
        domain = [["code", "in", sorted(codes)], ["active", "in", [True, False]]]
        fields = ["code", "active", "template.active", "default_uom", account]
        found = self._rest.search("product.product", domain, fields, until=until, company=company.id)
        return {one["code"]: one for one in found}


def unbooked(write: Callable[[], T]) -> T:
    """Make a write that books nothing: where its answer is lost, nothing is uncertain that matters."""
    try:
        return write()
    except ErpError as exc:
        if exc.kind is not ErrorKind.UNCERTAIN:
            raise
        raise softer(exc) from exc


def is_as_wanted(shown: Record, wanted: Wanted) -> bool:
    """Say whether a record is the document already."""
    head = {
        "party": shown["party"]["id"],
        "currency": shown["currency"]["id"],
        "invoice_date": shown["invoice_date"],
        "accounting_date": shown["accounting_date"],
        "payment_term_date": shown["payment_term_date"],
        "reference": shown["reference"],
    }
    if any(wanted.head[name] != value for name, value in head.items()):
        return False
    there = [
        (
            line["account"]["id"] if line["account"] else None,
            line["product"]["id"] if line["product"] else None,
            line["description"] or "",
            Decimal(line["quantity"] or 0),
            Decimal(line["unit_price"] or 0),
        )
        for line in shown["lines"]
    ]
    here = [
        (line["account"], line.get("product"), line["description"], Decimal(str(line["quantity"])), line["unit_price"])
        for line in wanted.lines
    ]
    return there == here
