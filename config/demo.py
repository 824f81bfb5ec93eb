"""The demo's data: made by walking the real journeys, so that everything on the pages has truly happened."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User

from config.demo_erps import DemoErp
from cxmlgate.actions import configure_gate, receive_message
from integrations.delivery import drain
from integrations.linking import connect
from integrations.models import Connection
from invoices.actions.flow import approve_invoice, post_invoice
from invoices.actions.intake import InvoiceGiven, LineGiven, hand_in
from invoices.actions.roles import grant_role
from invoices.models import Client, Invoice
from invoices.roles import Role
from invoices.workflow import Direction, DocumentKind, Step

PASSWORD: Final = "demo"  # noqa: S105 (it is printed)
SENDER, SECRET = "jill@buyerorg.com", "abracadabra"  # the documented message's own
CLOSED_DAYS_AGO: Final = 100  # the month that holds this day is closed in the ERP
PAYABLE, RECEIVABLE = Direction.PAYABLE, Direction.RECEIVABLE
INVOICE, CREDIT_MEMO = DocumentKind.INVOICE, DocumentKind.CREDIT_MEMO

# username: first name, last name, what they are, role, on which client
PEOPLE: Final = {
    "clerk": ("Carla", "Clark", "hands in, posts and approves", Role.FINANCE_STAFF, "acme"),
    "clerk2": ("Chen", "Clarke", "approves what clerk handed in", Role.FINANCE_STAFF, "acme"),
    "handler": ("Hanna", "Handler", "aborts, skips and posts again", Role.QUEUE_HANDLER, "acme"),
    "manager": ("Manuel", "Manager", "grants roles, sets up the ERP", Role.INTEGRATION_MANAGER, "acme"),
    "auditor": ("Audrey", "Audit", "reads everything, changes nothing", Role.AUDITOR, "acme"),
    "stranger": ("Stefan", "Stranger", "staff of globex alone", Role.FINANCE_STAFF, "globex"),
    "root": ("Ruth", "Root", "superuser", None, ""),
}
# slug: name, whether an unknown counterparty is created in the ERP before its first invoice
CLIENTS: Final = {"acme": ("Acme Corporation", True), "globex": ("Globex Trading", False)}


@dataclass(frozen=True, slots=True)
class Story:
    """One invoice, and how far it comes: the step, then what its ERP says of it through the gate."""

    client: str
    direction: Direction
    kind: DocumentKind
    number: str
    party: tuple[str, str]
    days_ago: int
    currency: str
    lines: tuple[tuple[str, str, str, str], ...]  # description, quantity, unit price, item
    comes_to: Step
    then: tuple[str, str] | None = None  # type of the status update, amount

    def given(self, today: date) -> InvoiceGiven:
        """Return it as it is handed in."""
        invoice_date = today - timedelta(days=self.days_ago)
        return InvoiceGiven(
            direction=self.direction,
            kind=self.kind,
            number=self.number,
            party_code=self.party[0],
            party_name=self.party[1],
            invoice_date=invoice_date,
            due_date=invoice_date + timedelta(days=30),
            currency=self.currency,
            lines=tuple(
                LineGiven(text, Decimal(count), Decimal(price), "", item) for text, count, price, item in self.lines
            ),
        )


PAPER, NORTH, LIND = ("PAPER", "Paper & Sons"), ("NORTH", "Northwind Logistics"), ("LIND", "Lindqvist Möbel AB")
NEWCO, HOOLI, SPRING = ("NEWCO", "Newcomer Ltd"), ("HOOLI", "Hooli Retail"), ("SPRING", "Springfield Power")
# fmt: off
STORIES: Final = (
    Story("acme", PAYABLE, INVOICE, "INV-0001", PAPER, 12, "USD", (("Copy paper", "1", "10.99", ""),), Step.BOOKED),
    Story("acme", PAYABLE, INVOICE, "INV-0002", NORTH, 20, "USD", (("Freight", "4", "310.00", ""),), Step.BOOKED,
          ("processing_payment", "")),
    Story("acme", PAYABLE, INVOICE, "INV-0003", LIND, 25, "EUR",
          (("Office chair", "5", "129.90", "CHAIR"), ("Assembly", "2", "98.00", "")), Step.BOOKED, ("paid", "300.00")),
    Story("acme", PAYABLE, INVOICE, "INV-0004", PAPER, 31, "USD", (("Envelopes", "10", "9.90", ""),), Step.BOOKED,
          ("paid", "")),
    Story("acme", PAYABLE, INVOICE, "INV-0005", NORTH, 18, "GBP", (("Storage", "1", "2300.00", ""),), Step.BOOKED,
          ("rejected", "")),
    Story("acme", PAYABLE, INVOICE, "INV-0006", PAPER, 1, "USD", (("Toner", "3", "71.50", ""),), Step.DRAFT),
    Story("acme", PAYABLE, INVOICE, "INV-0007", NEWCO, 0, "JPY", (("Translation", "8", "6000", ""),), Step.DRAFT),
    Story("acme", PAYABLE, INVOICE, "INV-0008", NEWCO, 4, "CHF", (("Consulting", "12", "180.00", ""),), Step.APPROVAL),
    Story("acme", PAYABLE, INVOICE, "INV-0009", LIND, 6, "EUR", (("Office chair", "1", "129.90", "CHAIR"),),
          Step.APPROVAL),
    Story("acme", PAYABLE, INVOICE, "INV-0010", NORTH, CLOSED_DAYS_AGO, "USD", (("Freight, late", "1", "415.00", ""),),
          Step.PRELIMINARY_ERROR),
    Story("acme", PAYABLE, INVOICE, "INV-0011", LIND, 9, "EUR", (("Desk lamp", "20", "24.50", "LAMP"),),
          Step.FINAL_ERROR),
    Story("acme", PAYABLE, CREDIT_MEMO, "CM-0001", PAPER, 8, "USD", (("Returned paper", "2", "10.99", ""),),
          Step.BOOKED),
    Story("acme", RECEIVABLE, INVOICE, "AR-1001", HOOLI, 15, "USD", (("Widgets", "600", "9.00", ""),), Step.BOOKED),
    Story("acme", RECEIVABLE, INVOICE, "AR-1002", HOOLI, 3, "USD", (("Widgets", "50", "9.00", ""),), Step.DRAFT),
    Story("globex", PAYABLE, INVOICE, "GX-0001", SPRING, 10, "USD", (("Electricity", "1", "884.20", ""),), Step.BOOKED),
    Story("globex", PAYABLE, INVOICE, "GX-0002", SPRING, 2, "USD", (("Electricity", "1", "902.75", ""),), Step.DRAFT),
)
# fmt: on


def load(erp: DemoErp) -> None:
    """Make all of it on an empty database, beside an empty ERP that runs; raises if a story ends otherwise."""
    people = make_people()
    clients = dict(make_clients(people, erp))
    for username, (_first, _last, _what, role, slug) in PEOPLE.items():
        if role is not None:
            grant_role(clients[slug], people[username], role, by=people["root"], reason="Demo")
    today = date.today()  # noqa: DTZ011 (the demo is for whoever sits at this machine)
    told: list[tuple[Story, Invoice]] = []
    for story in STORIES:
        clerk = people["clerk" if story.client == "acme" else "stranger"]
        invoice, _is_new = hand_in(clients[story.client], story.given(today), by=clerk)
        told.append((story, invoice))
        if story.comes_to != Step.DRAFT:
            post_invoice(invoice.pk, by=clerk, reason="Demo")
    deliver()
    erp.take_out_of_use("acme", "LAMP")  # what INV-0011 then fails at
    for story, invoice in told:
        if story.direction == PAYABLE and story.comes_to in (Step.BOOKED, Step.FINAL_ERROR):
            second = people["clerk2" if story.client == "acme" else "root"]
            approve_invoice(invoice.pk, by=second, reason="Demo")
    deliver()
    for story, invoice in told:
        if story.then is not None:
            tell(story, invoice, erp)
        step = Invoice.objects.values_list("step", flat=True).get(pk=invoice.pk)
        if step != story.comes_to:
            raise RuntimeError(f"The demo's {story.number} came to {step}, not to {story.comes_to}.")


def make_people() -> dict[str, User]:
    """Make the accounts."""
    password = make_password(PASSWORD)
    return {
        username: User.objects.create(
            username=username,
            first_name=first,
            last_name=last,
            email=f"{username}@example.com",
            password=password,
            is_staff=True,
            is_superuser=role is None,
        )
        for username, (first, last, _what, role, _slug) in PEOPLE.items()
    }


def tell(story: Story, invoice: Invoice, erp: DemoErp) -> None:
    """Have the ERP tell what became of an invoice: by a payment that it takes, or through the gate."""
    kind, amount = story.then or ("", "")
    invoice.refresh_from_db()
    if kind in ("paid", "processing_payment") and erp.pay(story.client, invoice, amount, is_done=kind == "paid"):
        return
    payload_id = f"{story.number}.{kind}@erp.acme.example"
    message = status_update(story.number, kind, amount, currency=story.currency, payload_id=payload_id)
    receive_message(story.client, message.encode(), address=str, started=time.monotonic())


def make_clients(people: dict[str, User], erp: DemoErp) -> Iterator[tuple[str, Client]]:
    """Make the clients, each with its connection, its gate, and what its ERP knows."""
    for slug, (name, creates) in CLIENTS.items():
        client = Client.objects.create(slug=slug, name=name, creates_counterparties=creates)
        connect(client, by=people["root"], **erp.link(slug))
        if slug == "acme":
            configure_gate(client, by=people["root"], enabled=True, identity=SENDER, secret=SECRET)
        erp.introduce(slug)
        yield slug, client
    erp.close_month(date.today() - timedelta(days=CLOSED_DAYS_AGO))  # noqa: DTZ011


def deliver() -> None:
    """Deliver what is due, here and now: the queue does not run yet."""
    for pk in Connection.objects.values_list("pk", flat=True):
        drain(pk)


DOCUMENTED_ID: Final = "999732868377--681956365911302107@10.11.128.161"
MESSAGE: Final = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE cXML SYSTEM "http://xml.cXML.org/schemas/cXML/1.2.035/cXML.dtd">
<cXML timestamp="2001-09-05T16:34:28-07:00" payloadID="{payload_id}">
<Header>
<From><Credential domain="BuyerQuestId"><Identity>jill@buyerorg.com</Identity></Credential></From>
<To><Credential domain="BuyerQuestNetworkUserId"><Identity>jack@supplierorg.com</Identity></Credential></To>
<Sender>
<Credential domain="BuyerQuestNetworkUserId">
<Identity>{sender}</Identity>
<SharedSecret>{secret}</SharedSecret>
</Credential>
<UserAgent>Procurement Application V1.0</UserAgent>
</Sender>
</Header>
<Request>
<StatusUpdateRequest>
<DocumentReference payloadID="{number}"/>
<Status code="200" text=""/>
<InvoiceStatus type="{kind}">{amount}</InvoiceStatus>
</StatusUpdateRequest>
</Request>
</cXML>
"""


def status_update(
    number: str, kind: str, amount: str = "", *, currency: str = "USD", payload_id: str = DOCUMENTED_ID
) -> str:
    """Return the documented StatusUpdateRequest of acme's ERP; an empty amount means all that is open."""
    money = f'<PartialAmount><Money currency="{currency}">{amount}</Money></PartialAmount>' if amount else ""
    return MESSAGE.format(payload_id=payload_id, sender=SENDER, secret=SECRET, number=number, kind=kind, amount=money)


def greeting(port: int, message: Path, erp: DemoErp) -> str:
    """Return what the person who started the demo needs to know."""
    accounts = "\n".join(f"  {username:<9} {what}" for username, (_first, _last, what, _role, _slug) in PEOPLE.items())
    return f"""
Unstuck runs at     http://127.0.0.1:{port}/        (its API at /api/v1/)
{erp.greeting()}
Accounts, each with the password {PASSWORD}:
{accounts}

Tell the desk that INV-0001 is paid, as acme's ERP would:
  curl --data-binary '@{message}' -H 'Content-Type: text/xml' http://127.0.0.1:{port}/acme/cxmlgate/abc/status_update_request

Stop everything with Ctrl-C.
"""
