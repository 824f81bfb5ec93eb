"""Tryton's REST interface on our channel: records, buttons, and the company that a key belongs to.

    /DATABASE/rest/model/MODEL[/ID[/BUTTON]]      Authorization: bearer KEY of a user's application "rest"

A domain, an order and the context travel as base64url of JSON. The context names the company, asks for amounts by the
ledger (a payment that is only under way has paid nothing), and the language is English, for messages are all that
Tryton's errors have.
"""

import base64
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from integrations.erps.contract import Access, Complaint, ErpError, ErrorKind, Reason
from integrations.erps.http import Answer, Channel, Dialect
from integrations.erps.tryton_reading import UNREADABLE, packed, read_complaints, unpacked

T = TypeVar("T")
Record = dict[str, Any]
Domain = Sequence[Any]

DIALECT = Dialect(complaints=read_complaints, trace_header=b"x-request-id")
LOCKED = "could not obtain lock"  # PostgreSQL's words in Tryton's 503: the transaction came to nothing
NOTHING = Complaint("Tryton answered, but not with the record that was written.")


@dataclass(frozen=True, slots=True)
class Company:
    """What is known of the company, for one drain or pull."""

    id: int
    currency: str
    accounts: Mapping[str, int | None]  # by type, in and out: where what is owed stands
    line_accounts: Mapping[str, Record | None]  # by type: where a line stands that names no account
    journals: Mapping[str, int | None]  # by type
    has_payments: bool  # whether the module account_payment is there
    prints_pdf: bool


class TrytonRest:
    """The records of one company, from as many threads as there are lanes."""

    def __init__(self, access: Access, lanes: int) -> None:
        """Take the access; its base address ends in the name of the database."""
        self._server = access.base_url.rstrip("/")
        self._name = access.company
        headers = {"Authorization": f"bearer {access.secret}", "Accept-Language": "en"}
        self.channel = Channel(access, lanes, DIALECT, base_url=f"{self._server}/rest/", headers=headers)
        self._known: Company | None = None
        self._knowing = threading.Lock()

    def deadline(self) -> float:
        """Return the end of a call that begins now."""
        return self.channel.deadline()

    def url_of(self, model: str, number: object) -> str:
        """Return the address of a record for Tryton's own client."""
        where = urlsplit(self._server)
        return f"tryton://{where.netloc.rpartition('@')[2]}{where.path}/model/{model}/{number}"

    # Reading

    def search(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
        size: int | None = None,
        until: float | None = None,
        company: int | None = None,
    ) -> list[Record]:
        """Return the records of a domain."""
        params = [("d", _encoded(domain)), ("o", _encoded(order)), *(("f", name) for name in fields)]
        if size is not None:
            params.append(("s", str(size)))
        answer = self.channel.read(f"model/{model}", params, headers=self._context(company), until=until)
        return self.understand(answer, _records)

    def get(self, model: str, number: str, fields: Sequence[str], *, until: float | None = None) -> Record:
        """Return one record; `rejected` / `not_found` when it is not there."""
        found = []
        if number.isdecimal() and len(number) < 19:  # anything else is no id of Tryton's
            company = self.company(until)
            found = self.search(model, [["id", "=", int(number)]], fields, until=until, company=company.id)
        if not found:
            message = f"Tryton has no {model} {number}."
            raise ErpError(ErrorKind.REJECTED, [Complaint(message, reason=Reason.NOT_FOUND)])
        return found[0]

    def download(self, path: str, *, largest: int, content_type: str) -> bytes:
        """Return a file."""
        company = self.company()
        headers = self._context(company.id)
        return self.channel.download(path, largest=largest, content_type=content_type, headers=headers)

    def company(self, until: float | None = None) -> Company:
        """Return the company that the access names, by its party's name or code; read once."""
        with self._knowing:
            if self._known is None:
                self._known = self._read_company(until)
            return self._known

    def _read_company(self, until: float | None) -> Company:
        fields = ["party.name", "party.code", "currency.code"]
        named = ["OR", ["party.name", "=", self._name], ["party.code", "=", self._name]]
        found = self.search("company.company", named, fields, until=until)
        if len(found) != 1:
            message = f"Tryton has {len(found) or 'no'} companies called {self._name}."
            raise ErpError(ErrorKind.REJECTED, [Complaint(message, reason=Reason.NOT_FOUND)])
        number = int(found[0]["id"])
        # A user sees the books of its own company alone, whatever the context says.
        if not self.search("account.fiscalyear", [["company", "=", number]], ["id"], size=1, until=until):
            message = f"The key's user does not work in {self._name}, or that has no fiscal year."
            raise ErpError(ErrorKind.REJECTED, [Complaint(message, reason=Reason.PERMISSION)])
        kinds = {"in": ("payable", "expense"), "out": ("receivable", "revenue")}
        names = [f"default_account_{party}" for party, _line in kinds.values()]
        names += [f"default_category_account_{line}.code" for _party, line in kinds.values()]
        asked = [("f", name) for name in names]
        answer = self.channel.read("model/account.configuration/1", asked, headers=self._context(number), until=until)
        settings: Record = self.understand(answer, dict)
        wanted = [["type", "in", ["expense", "revenue"]]]
        journals = self.search("account.journal", wanted, ["type"], until=until, company=number)
        models = self.search("ir.model", [["name", "=", "account.payment"]], ["id"], size=1, until=until)
        reports = self.search("ir.action.report", [["report_name", "=", "account.invoice"]], ["extension"], until=until)
        return Company(
            id=number,
            currency=str(found[0]["currency"]["code"]),
            accounts={kind: settings.get(f"default_account_{party}") for kind, (party, _line) in kinds.items()},
            line_accounts={
                kind: settings.get(f"default_category_account_{line}") for kind, (_party, line) in kinds.items()
            },
            journals={
                kind: next((one["id"] for one in journals if one["type"] == line), None)
                for kind, (_party, line) in kinds.items()
            },
            has_payments=bool(models),
            prints_pdf=any(report["extension"] == "pdf" for report in reports),
        )

    # Writing

    def create(self, model: str, values: Mapping[str, Any], fields: Sequence[str], *, until: float) -> Record:
        """Make a record and return it."""
        return self._write("POST", f"model/{model}", values, fields, until)

    def change(
        self, model: str, number: int, values: Mapping[str, Any], fields: Sequence[str], *, until: float
    ) -> Record:
        """Change a record and return it."""
        return self._write("PUT", f"model/{model}/{number}", values, fields, until)

    def press(
        self, model: str, number: int, button: str, fields: Sequence[str], *, until: float, past_warning: bool = False
    ) -> Record:
        """Press a button of a record and return it; `past_warning` where a person has decided what it warned of."""
        return self._write("POST", f"model/{model}/{number}/{button}", {}, fields, until, past_warning=past_warning)

    def delete(self, model: str, number: int, *, until: float) -> None:
        """Delete a record; `rejected` / `not_found` when it is not there any more."""
        self._send("DELETE", f"model/{model}/{number}", None, until)

    def _write(
        self,
        method: str,
        path: str,
        values: Mapping[str, Any],
        fields: Sequence[str],
        until: float,
        *,
        past_warning: bool = False,
    ) -> Record:
        asked = "&".join(f"f={name}" for name in fields)
        answer = self._send(method, f"{path}?{asked}", packed(values), until, past_warning=past_warning)
        try:
            record: Record = unpacked(answer.body)
            if not record["id"]:
                raise ValueError("the record has no id")
        except UNREADABLE as exc:
            raise self.channel.unclear(ErrorKind.UNCERTAIN, NOTHING.message, answer) from exc
        return record

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, until: float, *, past_warning: bool = False
    ) -> Answer:
        company = self.company(until).id
        headers = self._context(company, past_warning=past_warning)
        try:
            return self.channel.write(method, path, body, headers=headers, until=until)
        except ErpError as exc:
            if exc.http_status == 503 and LOCKED in exc.raw:
                raise softer(exc) from exc
            raise

    def _context(self, company: int | None, *, past_warning: bool = False) -> list[tuple[bytes, bytes]]:
        context: Record = {"with_payment": False}
        if company is not None:
            context["company"] = company
        if past_warning:
            context["_skip_warnings"] = True
        return [(b"X-Tryton-Context", _encoded(context).encode())]

    def understand(self, answer: Answer, read: Callable[[Any], T]) -> T:
        """Return what `read` makes of the answer to a read; JSON of another form is no answer."""
        try:
            return read(unpacked(answer.body))
        except UNREADABLE as exc:
            message = "Tryton's answer is JSON, but not of the form that was expected."
            raise self.channel.unclear(ErrorKind.UNAVAILABLE, message, answer) from exc


def softer(error: ErpError) -> ErpError:
    """Return an error as one that certainly booked nothing."""
    return ErpError(
        ErrorKind.UNAVAILABLE, error.complaints, http_status=error.http_status, trace_id=error.trace_id, raw=error.raw
    )


def _records(body: Any) -> list[Record]:
    if not isinstance(body, list) or not all(isinstance(one, dict) and one["id"] for one in body):
        raise TypeError("not a list of records")
    return body


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(packed(value), separators=(",", ":")).encode()).decode()
