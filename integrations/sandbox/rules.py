"""What the sandbox ERP refuses, and in which words.

A refusal carries a list of errors, because a real ERP finds several things wrong at once and so do we.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
CURRENCY = re.compile(r"[A-Z]{3}")
MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
DECODER = json.JSONDecoder(parse_float=Decimal)
LONGEST_NUMBER = 40
LONGEST_KEY = 36
STAGES = ("preliminary", "final")
PAPERS = ("", "none", "large", "other")  # what there is in place of a document's PDF


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of an answer."""

    code: str
    message: str
    detail: str = ""
    field: str = ""


class RefusedError(Exception):
    """The ERP says no, with everything that it found wrong."""

    def __init__(self, *problems: Problem, status: int = 422) -> None:
        """Take the errors, and the HTTP status that they are answered with."""
        super().__init__(", ".join(problem.code for problem in problems))
        self.status = status
        self.errors = [asdict(problem) for problem in problems]


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as it was sent, read and well formed."""

    direction: str
    kind: str
    number: str
    party_code: str
    party_name: str
    invoice_date: date
    due_date: date | None
    currency: str
    total: Decimal
    lines: list[dict[str, str]]
    posting_date: date | None

    @property
    def role(self) -> str:
        """Say in which list the party stands."""
        return "suppliers" if self.direction == "payable" else "customers"

    @property
    def month(self) -> str:
        """Return the accounting period, YYYY-MM: that of the posting date, else of the invoice date."""
        return f"{self.posting_date or self.invoice_date:%Y-%m}"


class Form:
    """Reads fields of a JSON object and collects what is wrong with them."""

    def __init__(self, body: Mapping[str, Any], prefix: str = "") -> None:
        """Take the object, and the path that its fields are named with."""
        self.body = body
        self.prefix = prefix
        self.problems: list[Problem] = []

    def complain(self, field: str, sentence: str, detail: str = "") -> None:
        """Note one field that is missing or ill-formed."""
        self.problems.append(Problem("VALIDATION", sentence, detail, self.prefix + field))

    def text(self, field: str, *, needed: bool = True, among: tuple[str, ...] = ()) -> str:
        """Return a text; one of `among` where that is given."""
        value = self.body.get(field)
        if value is None or value == "":
            if needed:
                self.complain(field, f"The field {self.prefix}{field} is missing. Please fill it in.")
            return ""
        if not isinstance(value, str) or (among and value not in among):
            wanted = " or ".join(among) if among else "a text"
            self.complain(field, f"The field {self.prefix}{field} must be {wanted}.", f"It was {value!r}.")
            return ""
        return value

    def amount(self, field: str) -> Decimal:
        """Return an exact number, sent as a string or as a JSON number."""
        value = self.body.get(field)
        if value is None or value == "":
            self.complain(field, f"The field {self.prefix}{field} is missing. Please fill it in.")
            return Decimal(0)
        written = str(value)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or not AMOUNT.fullmatch(written):
            self.complain(field, f"The field {self.prefix}{field} must be an amount like 10.99.", f"It was {value!r}.")
            return Decimal(0)
        return Decimal(written)

    def day(self, field: str, *, needed: bool = True) -> date | None:
        """Return a date written as YYYY-MM-DD."""
        written = self.text(field, needed=needed)
        if not written:
            return None
        try:
            if written[4:5] + written[7:8] + str(len(written)) != "--10":  # fromisoformat reads weeks and more
                raise ValueError
            return date.fromisoformat(written)
        except ValueError:
            sentence = f"The field {self.prefix}{field} must be a date like 2026-11-30."
            self.complain(field, sentence, f"It was {written!r}.")
            return None

    def currency(self) -> str:
        """Return the currency's three letters."""
        written = self.text("currency")
        if written and not CURRENCY.fullmatch(written):
            sentence = f"The field {self.prefix}currency must be three letters like USD."
            self.complain("currency", sentence, f"It was {written!r}.")
        return written

    def key(self) -> str:
        """Return the sender's key; it may be empty."""
        written = self.text("key", needed=False)
        if len(written) > LONGEST_KEY:
            self.complain("key", f"The key is too long. It may have at most {LONGEST_KEY} characters.")
        return written

    def finish(self) -> None:
        """Refuse if anything was wrong."""
        if self.problems:
            raise RefusedError(*self.problems)


def read_object(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a request; an empty body is an empty object."""
    try:
        body = DECODER.decode(raw.decode()) if raw else {}
    except (ValueError, InvalidOperation, RecursionError) as exc:
        raise RefusedError(
            Problem("BAD_REQUEST", "The body is not JSON. Please send a JSON object."), status=400
        ) from exc
    if not isinstance(body, dict):
        raise RefusedError(Problem("BAD_REQUEST", "The body must be one JSON object."), status=400)
    return body


def read_draft(form: Form) -> Draft:
    """Read a document; ill-formed fields are noted in `form` and stop everything together."""
    lines = read_lines(form)
    draft = Draft(
        direction=form.text("direction", among=("payable", "receivable")),
        kind=form.text("kind", among=("invoice", "credit_memo")),
        number=form.text("number"),
        party_code=read_party(form, "code"),
        party_name=read_party(form, "name"),
        invoice_date=form.day("invoice_date") or date.min,
        due_date=form.day("due_date", needed=False),
        currency=form.currency(),
        total=form.amount("total"),
        lines=lines,
        posting_date=form.day("posting_date", needed=False),
    )
    form.finish()
    return draft


def read_party(form: Form, field: str) -> str:
    """Read one field of the party; only the code is needed."""
    party = form.body.get("party")
    if not isinstance(party, dict):
        if field == "code":
            form.complain("party", "The field party is missing. Please name the supplier or customer by its code.")
        return ""
    inner = Form(party, "party.")
    value = inner.text(field, needed=field == "code")
    form.problems += inner.problems
    return value


def read_lines(form: Form) -> list[dict[str, str]]:
    """Read the lines; none at all is not ill-formed, it is refused later as NO_LINES."""
    sent = form.body.get("lines")
    if sent is None:
        return []
    if not isinstance(sent, list) or not all(isinstance(line, dict) for line in sent):
        form.complain("lines", "The field lines must be a list of objects.")
        return []
    read = []
    for index, line in enumerate(sent):
        inner = Form(line, f"lines[{index}].")
        read.append(
            {
                "description": inner.text("description", needed=False),
                "quantity": str(inner.amount("quantity")),
                "unit_price": str(inner.amount("unit_price")),
                "amount": str(inner.amount("amount")),
                "account": inner.text("account", needed=False),
                "item": inner.text("item", needed=False),
            }
        )
        form.problems += inner.problems
    return read


def judge_content(draft: Draft) -> list[Problem]:
    """Return what is wrong with a document by itself, whatever the books hold."""
    problems = []
    if len(draft.number) > LONGEST_NUMBER:
        message = f"The document number is too long. It may have at most {LONGEST_NUMBER} characters."
        problems.append(Problem("NUMBER_TOO_LONG", message, f"It has {len(draft.number)}.", "number"))
    if not draft.lines:
        problems.append(Problem("NO_LINES", "The document has no lines. At least one line is required.", "", "lines"))
        return problems
    lines_total = sum((Decimal(line["amount"]) for line in draft.lines), Decimal(0))
    if lines_total != draft.total:
        message = "The lines do not add up to the total."
        detail = f"The lines make {lines_total} {draft.currency}, the total says {draft.total} {draft.currency}."
        problems.append(Problem("TOTAL_MISMATCH", message, detail, "total"))
    return problems


def judge_locations(draft: Draft) -> list[Problem]:
    """Return the lines without a price, for a company that wants a location for each: lines here have none."""
    message = "A valid location must be given for a line without a price."
    return [
        Problem("LOCATION_MISSING", message, "Give the line a price, or take it off.", f"lines[{index}].unit_price")
        for index, line in enumerate(draft.lines)
        if not Decimal(line["unit_price"])
    ]


def period_closed(month: str) -> Problem:
    """Say that nothing may be written into `month` any more."""
    message = f"The accounting period {month} is closed."
    return Problem(
        "PERIOD_CLOSED", message, "Reopen the period, or choose a posting date in an open one.", "posting_date"
    )


def read_instant(written: str, field: str) -> str:
    """Return an instant in the form that the books sort by; empty means the beginning of time."""
    if not written:
        return ""
    try:
        # A plus sign in a query string arrives as a blank.
        instant = datetime.fromisoformat(written.replace(" ", "+") if "T" in written else written)
    except ValueError as exc:
        message = f"The parameter {field} must be a time like 2026-11-30T12:00:00+00:00."
        raise RefusedError(Problem("VALIDATION", message, f"It was {written!r}.", field)) from exc
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")


def now() -> str:
    """Return this instant in the form that the books sort by."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
