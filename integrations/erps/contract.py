"""What every connector takes, returns and raises (DESIGN §6).

Frozen values in and out, `Decimal` money with its currency beside it, no database. Delivery and diagnosis read
`Capabilities`; nobody asks for a system's name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

LONGEST: Final = {"remote_id": 100, "voucher": 60, "party_code": 40, "currency": 3, "url": 500}
LONGEST_IN_DOCUMENT: Final = {"remote_id": 100, "number": 40, "currency": 3, "url": 500}
LONGEST_IN_PART: Final = {"code": 40, "account": 40, "item": 60, "voucher": 60}  # of a party, a line, a voucher
LARGEST: Final = Decimal(10) ** 11


class Stage(StrEnum):
    """The two bookings of an invoice."""

    PRELIMINARY = "preliminary"
    FINAL = "final"


class DocumentState(StrEnum):
    """Whether a document is in force in the ERP; how much of it is paid, its balance says."""

    OPEN = "open"
    VOIDED = "voided"
    DELETED = "deleted"


class ErrorKind(StrEnum):
    """What to do next."""

    UNAVAILABLE = "unavailable"  # nothing was written: send again later
    RATE_LIMITED = "rate_limited"  # nothing was written: wait what the system says
    UNCERTAIN = "uncertain"  # it may have been written: ask before sending again
    CREDENTIALS = "credentials"  # nothing was written: a person must reconnect
    REJECTED = "rejected"  # the ERP said no: a person must put something right


class Reason(StrEnum):
    """Why the ERP said no, as far as a connector can tell."""

    VALIDATION = "validation"
    DUPLICATE_NUMBER = "duplicate_number"
    PERIOD_CLOSED = "period_closed"
    REFERENCE_MISSING = "reference_missing"
    REFERENCE_INACTIVE = "reference_inactive"
    CUSTOMER_MISSING = "customer_missing"
    NO_LINES = "no_lines"
    LOCATION_MISSING = "location_missing"
    STALE_VERSION = "stale_version"
    NOT_FOUND = "not_found"
    PERMISSION = "permission"
    SUBSCRIPTION = "subscription"
    TOO_LARGE = "too_large"
    NOT_THE_FILE = "not_the_file"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a system can do."""

    native_key: bool  # the same key sent twice is answered with the first document
    void: bool
    delete: bool
    pdf: bool
    deletion_feed: bool
    webhook: bool
    number_length: int
    posting_lanes: int | None  # None: as many as the connection allows
    needs_location_on_zero_lines: bool = False  # a line without a price is refused unless it names a location
    takes_unknown_parties: bool = False  # a document is booked although its customer or supplier is not there
    pays_payables: bool = False  # the sync brings what was paid of a payable; otherwise the gate is told of it
    leaves_drafts: bool = False  # a call that was cut short may leave a draft, which `tidy` deletes


@dataclass(frozen=True, slots=True)
class Party:
    """The supplier or customer, by the code both sides know."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line; `amount` = quantity × unit price, rounded to the currency's minor unit."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    account: str = ""
    item: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or credit memo on its way to the ERP, for one stage of booking."""

    direction: str  # payable | receivable
    kind: str  # invoice | credit_memo
    stage: Stage
    number: str
    party: Party
    invoice_date: date
    due_date: date | None
    currency: str
    total: Decimal
    lines: tuple[DocumentLine, ...]
    posting_date: date | None = None
    remote_id: str = ""  # the document of the preliminary booking, where there is one
    preliminary_voucher: str = ""
    accepts_duplicate: bool = False  # people decided that a number may be there twice: a warning of that is passed over


@dataclass(frozen=True, slots=True)
class Booking:
    """What the ERP holds of one document at one stage."""

    remote_id: str
    voucher: str
    posting_date: date | None
    stage: Stage
    number: str
    party_code: str
    currency: str
    total: Decimal
    balance: Decimal
    key: str = ""
    url: str = ""
    raw: str = ""  # the answer as it came, secrets removed

    def __post_init__(self) -> None:
        """Raise ErpError for an answer that cannot be kept: then nobody can say what was booked."""
        wrong = wrong_fact(self, LONGEST, ("total", "balance"))
        if wrong is not None:
            raise ErpError(ErrorKind.UNCERTAIN, [wrong])


@dataclass(frozen=True, slots=True)
class Health:
    """The answer to `check()`: who answered, as which company."""

    company: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RemoteVoucher:
    """The number that the ERP gave one booking of a document."""

    stage: Stage
    voucher: str
    posting_date: date | None


@dataclass(frozen=True, slots=True)
class RemoteDocument:
    """An invoice or credit memo as the ERP holds it now, whoever typed it.

    One that a feed shows and nobody can read must not stop the feed: it comes with `trouble`, and then only
    `remote_id`, `number` and `changed_at` count.
    """

    remote_id: str
    direction: str
    kind: str
    number: str
    party: Party
    invoice_date: date
    due_date: date | None
    posting_date: date | None  # of the last booking
    currency: str
    total: Decimal
    balance: Decimal
    lines: tuple[DocumentLine, ...]
    state: DocumentState
    stage: Stage  # of the last booking
    vouchers: tuple[RemoteVoucher, ...]
    has_pdf: bool
    changed_at: datetime  # by the ERP's clock
    url: str = ""
    trouble: str = ""
    is_being_paid: bool = False  # a payment of what is open is under way

    def __post_init__(self) -> None:
        """Raise ErpError for facts that cannot be kept."""
        if self.trouble:
            return
        wrong = [wrong_fact(self, LONGEST_IN_DOCUMENT, ("total", "balance"))]
        wrong += [wrong_fact(part, LONGEST_IN_PART) for part in (self.party, *self.vouchers)]
        wrong += [wrong_fact(line, LONGEST_IN_PART, ("quantity", "unit_price", "amount")) for line in self.lines]
        complaints = [complaint for complaint in wrong if complaint is not None]
        if complaints:
            raise ErpError(ErrorKind.UNAVAILABLE, complaints)

    @classmethod
    def unreadable(cls, remote_id: str, number: str, changed_at: datetime, trouble: str) -> "RemoteDocument":
        """Return what stands for a document that a feed shows and nobody can read."""
        return cls(
            remote_id=remote_id,
            direction="",
            kind="",
            number=number,
            party=Party("", ""),
            invoice_date=date.min,
            due_date=None,
            posting_date=None,
            currency="",
            total=Decimal(0),
            balance=Decimal(0),
            lines=(),
            state=DocumentState.OPEN,
            stage=Stage.FINAL,
            vouchers=(),
            has_pdf=False,
            changed_at=changed_at,
            trouble=trouble,
        )


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the ERP's list of all documents: enough to compare a whole connection."""

    remote_id: str
    number: str
    total: Decimal
    balance: Decimal
    currency: str

    def __post_init__(self) -> None:
        """Raise ErpError for a line that cannot be compared."""
        wrong = wrong_fact(self, LONGEST_IN_DOCUMENT, ("total", "balance"))
        if wrong is not None:
            raise ErpError(ErrorKind.UNAVAILABLE, [wrong])


@dataclass(frozen=True, slots=True)
class RemoteItem:
    """An item as the ERP has it; one that was deleted comes as inactive."""

    code: str
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class RemoteParty:
    """A customer or supplier as the ERP has it."""

    direction: str
    code: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class ClosedPeriod:
    """A stretch of days into which the ERP takes no bookings any more."""

    name: str
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Deletion:
    """One thing that was deleted in the ERP; `what` is document, payment, customer or supplier."""

    what: str
    remote_id: str
    number: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class RemotePayment:
    """A payment as the ERP has it."""

    remote_id: str
    document_id: str
    amount: Decimal
    currency: str
    paid_on: date
    key: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One error of the list that an ERP answered with; nothing of it is dropped."""

    message: str
    code: str = ""
    detail: str = ""
    field: str = ""
    reason: Reason = Reason.OTHER


class ErpError(Exception):
    """A call that did not succeed; `kind` says what to do next."""

    def __init__(
        self,
        kind: ErrorKind,
        complaints: Sequence[Complaint],
        *,
        http_status: int | None = None,
        retry_after: timedelta | None = None,
        trace_id: str = "",
        raw: str = "",
    ) -> None:
        """Take all complaints of the answer, and the answer itself with its secrets removed."""
        self.kind = kind
        self.complaints = tuple(complaints)
        self.http_status = http_status
        self.retry_after = retry_after
        self.trace_id = trace_id
        self.raw = raw
        super().__init__(" · ".join(complaint.message for complaint in self.complaints))


def wrong_fact(thing: object, lengths: Mapping[str, int], amounts: Sequence[str] = ()) -> Complaint | None:
    """Return what makes an answer unfit to be kept: a text too long or with what cannot be printed, or no amount."""
    for name, length in lengths.items():
        said = getattr(thing, name, "")
        if len(said) > length or not said.isprintable():
            return Complaint(f"The ERP's {name} cannot be read: {said[:200]!a}", field=name)
    for name in amounts:
        value = getattr(thing, name)
        if not (value.is_finite() and abs(value) < LARGEST):
            return Complaint(f"The ERP's {name} is no amount.", field=name)
    return None


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one company's ERP."""

    base_url: str
    company: str
    secret: str = field(repr=False)
    call_timeout: timedelta = timedelta(seconds=30)


class Connector(Protocol):
    """The code that speaks to one kind of ERP. Every call raises `ErpError` and nothing else of its own.

    A call ends within `longest_call`; what it asked for is written, or never will be, within `longest_write` of its
    start.
    """

    capabilities: Capabilities
    longest_call: timedelta
    longest_write: timedelta

    def check(self) -> Health:
        """Say whether the ERP answers to these credentials."""

    def create(self, document: Document, key: str) -> Booking:
        """Book `document` at its stage, under our key of at most 36 characters."""

    def ensure_party(self, document: Document) -> None:
        """Create the document's counterparty where the ERP does not know its code."""

    def find(self, document: Document, keys: Sequence[str]) -> tuple[Booking, ...]:
        """Return every booking of the document's stage under any of `keys`, or else of its number and party."""

    def get(self, remote_id: str, stage: Stage) -> Booking:
        """Return one document; `rejected` / `not_found` when it is not there."""

    def update(self, remote_id: str, document: Document) -> Booking:
        """Change a document that is not final yet."""

    def void(self, remote_id: str) -> None:
        """Void a document."""

    def delete(self, remote_id: str) -> None:
        """Delete a document."""

    def changes(self, since: datetime) -> Iterator[RemoteDocument]:
        """Give what changed since then, oldest first, a page at a time: each page is a call of its own."""

    def read(self, remote_id: str) -> RemoteDocument:
        """Return one document with all its facts; `rejected` / `not_found` when it is not there."""

    def search(self, number: str, direction: str) -> tuple[RemoteDocument, ...]:
        """Return the documents of exactly this number, voided ones too."""

    def listing(self) -> Iterator[tuple[Listed, ...]]:
        """Give every document that there is, in pages of at most 5,000 by id."""

    def items(self, since: datetime) -> Iterator[RemoteItem]:
        """Give the items that changed since then, a page at a time; the deleted ones last, as inactive."""

    def periods(self) -> tuple[ClosedPeriod, ...]:
        """Return the periods that are closed now."""

    def company_capabilities(self) -> Capabilities:
        """Return the capabilities as the company's own preferences have them now."""

    def deletions(self, since: datetime) -> tuple[Deletion, ...]:
        """Return what was deleted since then, oldest first."""

    def payments(self, since: datetime, remote_id: str = "") -> tuple[RemotePayment, ...]:
        """Return payments since then, of one document if it is named."""

    def push_payment(self, payment: RemotePayment, key: str) -> RemotePayment:
        """Record a payment on a document."""

    def find_payments(self, payment: RemotePayment, keys: Sequence[str]) -> tuple[RemotePayment, ...]:
        """Return every payment under any of `keys`, or else of the same document, amount, currency and day."""

    def pdf(self, remote_id: str) -> bytes:
        """Return the document as PDF."""

    def tidy(self) -> int:
        """Delete the drafts that calls of ours left behind, none of which is booked; return how many there were."""

    def close(self) -> None:
        """Give the connections back."""


@runtime_checkable
class ListsParties(Protocol):
    """A connector whose ERP can say which customers and suppliers it has; the preflight of an invoice looks at them."""

    def parties(self, since: datetime) -> Iterator[RemoteParty]:
        """Give the customers and suppliers that changed since then, a page at a time; what was deleted is not in it."""
