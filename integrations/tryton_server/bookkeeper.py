"""A person who works in Tryton, over its JSON-RPC: pays, closes periods, cancels. For the demo and the tests.

The connector does none of this: it speaks REST with a user-application key.
"""

import base64
import json
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LONGEST_CALL: Final = 60.0  # seconds


class SaidNoError(Exception):
    """Tryton refused what the person wanted; its words."""


def packed(value: object) -> object:
    """Return a value as Tryton's JSON has it."""
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        raise TypeError("A moment is not needed here.")
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(f"{type(value).__name__} has no form in Tryton's JSON.")


def unpacked(shown: dict[str, Any]) -> Any:
    """Return what an object of Tryton's JSON stands for."""
    kind = shown.get("__class__")
    if kind == "Decimal":
        return Decimal(shown["decimal"])
    if kind == "date":
        return date(shown["year"], shown["month"], shown["day"])
    return shown


class Bookkeeper:
    """One user of one company."""

    def __init__(self, url: str, login: str, password: str) -> None:
        """Log in at `url`, which ends in the database's name and a slash."""
        self._url = f"{url}rpc/"
        self._headers = {"Content-Type": "application/json"}
        self._context: dict[str, Any] = {}
        user, token, *_more = self._call("common.db.login", [login, {"password": password}])
        session = base64.b64encode(f"{login}:{user}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {session}"
        self._context = self.ask("res.user", "get_preferences", True)
        self.company = self._context["company"]

    def ask(self, model: str, method: str, *params: Any, **context: Any) -> Any:
        """Call a method of a model; raises SaidNoError."""
        return self._call(f"model.{model}.{method}", [*params, {**self._context, **context}])

    def find(self, model: str, *domain: Any, fields: Sequence[str] = ("id",)) -> list[dict[str, Any]]:
        """Return records."""
        found: list[dict[str, Any]] = self.ask(model, "search_read", list(domain), 0, None, None, list(fields))
        return found

    def invoice(self, reference: str) -> int:
        """Return the id of the one invoice with a reference."""
        (found,) = self.find("account.invoice", ["reference", "=", reference])
        return int(found["id"])

    def pay(self, invoice: int, amount: Decimal | str, *, on: date, in_part: bool = False) -> None:
        """Pay an invoice at once, by the wizard behind its button Pay."""
        name = "wizard.account.invoice.pay"
        about = {"active_model": "account.invoice", "active_id": invoice, "active_ids": [invoice]}
        (shown,) = self.ask("account.invoice", "read", [invoice], ["party", "currency"])
        (method,) = self.find("account.invoice.payment.method", ["company", "=", self.company])
        session, _start, _end = self._call(f"{name}.create", [self._context])
        start = {
            "payee": shown["party"],
            "amount": Decimal(amount),
            "currency": shown["currency"],
            "company": self.company,
            "payment_method": method["id"],
            "date": on,
            "description": "",
        }
        context = {**self._context, **about}
        self._call(f"{name}.execute", [session, {}, "start", context])
        said = self._call(f"{name}.execute", [session, {"start": start}, "choice", context])
        if said.get("view"):
            asked = {key: value for key, value in said["view"]["defaults"].items() if not key.endswith(".")}
            asked["type"] = "partial" if in_part else asked.get("type", "partial")
            self._call(f"{name}.execute", [session, {"start": start, "ask": asked}, "pay", context])
        self._call(f"{name}.delete", [session, self._context])

    def begin_payment(self, invoice: int, amount: Decimal | str, *, on: date) -> int:
        """Have a payment processed, which pays the invoice only when the bank has done it; return its id."""
        (shown,) = self.ask("account.invoice", "read", [invoice], ["party", "type", "lines_to_pay"])
        (journal,) = self.find("account.payment.journal", ["company", "=", self.company])
        values = {
            "company": self.company,
            "journal": journal["id"],
            "kind": "payable" if shown["type"] == "in" else "receivable",
            "party": shown["party"],
            "line": shown["lines_to_pay"][0],
            "amount": Decimal(amount),
            "date": on,
        }
        (payment,) = self.ask("account.payment", "create", [values])
        for step in ("submit", "approve"):
            self.ask("account.payment", step, [payment])
        name = "wizard.account.payment.process"
        context = {**self._context, "active_model": "account.payment", "active_id": payment, "active_ids": [payment]}
        session, start, _end = self._call(f"{name}.create", [self._context])
        self._call(f"{name}.execute", [session, {}, start, context])
        self._call(f"{name}.delete", [session, self._context])
        return int(payment)

    def close_period(self, day: date) -> None:
        """Close the month of a day."""
        self.ask("account.period", "close", [self._period(day)])

    def reopen_period(self, day: date) -> None:
        """Open the month of a day again."""
        self.ask("account.period", "reopen", [self._period(day)])

    def set_active(self, model: str, code: str, *, active: bool) -> None:
        """Take an item or a party out of use, or back into it."""
        (found,) = self.find(model, ["code", "=", code], ["active", "in", [True, False]])
        self.ask(model, "write", [found["id"]], {"active": active})

    def _period(self, day: date) -> int:
        within = [["start_date", "<=", day], ["end_date", ">=", day], ["type", "=", "standard"]]
        (found,) = self.find("account.period", *within, ["company", "=", self.company])
        return int(found["id"])

    def _call(self, method: str, params: Sequence[Any]) -> Any:
        body = json.dumps({"id": 0, "method": method, "params": params}, default=packed).encode()
        request = urllib.request.Request(self._url, body, self._headers)  # noqa: S310 (the demo's own address)
        with DIRECT.open(request, timeout=LONGEST_CALL) as answer:
            said: Mapping[str, Any] = json.loads(answer.read(), object_hook=unpacked)
        if "error" in said:
            raise SaidNoError(str(said["error"])[:2000])
        return said["result"]
