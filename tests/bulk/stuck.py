"""Stuck invoices in any number, and what the tests of bulk runs ask about them."""

from datetime import date, timedelta
from decimal import Decimal

from django.utils import timezone

from integrations import bulk
from integrations.models import BulkItem, BulkRun
from invoices.models import Counterparty, Event, Invoice, InvoiceLine
from invoices.workflow import Direction, Step
from tests.delivery.desk import Desk


class Stuck:
    """Invoices of a desk in an error step, without the history that led there."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.party, _is_new = Counterparty.objects.get_or_create(
            client=desk.client, direction=Direction.PAYABLE, code="SUP-1", defaults={"name": "Paper & Sons"}
        )

    def make(self, count: int, *, step=Step.PRELIMINARY_ERROR, name="B") -> list[Invoice]:
        """Write `count` invoices, the first of which is stuck the longest."""
        start = Invoice.objects.count()
        now = timezone.now()
        rows = [
            Invoice(
                client=self.desk.client,
                counterparty=self.party,
                direction=Direction.PAYABLE,
                number=f"{name}-{start + number:05d}",
                invoice_date=date(2026, 11, 2),
                currency="USD",
                total=Decimal("10.99"),
                step=step,
                step_since=now - timedelta(hours=1) + timedelta(milliseconds=number),
                created_by=self.desk.clerk,
            )
            for number in range(count)
        ]
        invoices = Invoice.objects.bulk_create(rows)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=invoice, position=1, description="Paper", quantity=1, unit_price=Decimal("10.99"),
                amount=Decimal("10.99"),
            )
            for invoice in invoices
        )  # fmt: skip
        return invoices

    def start(self, button: str, invoices: list[Invoice], *, by=None, reason="outage is over") -> BulkRun:
        """Press a button for many."""
        return bulk.start_bulk(button, [invoice.pk for invoice in invoices], by=by or self.desk.handler, reason=reason)

    def run(self, button: str, invoices: list[Invoice], **options) -> BulkRun:
        """Press a button for many, and let a worker do it."""
        run = self.start(button, invoices, **options)
        bulk.work_on(run.pk)
        return self.see(run)

    def work_on_some(self, run: BulkRun, count: int) -> None:
        """Let a worker that is soon gone work on a run's first invoices, one at a time."""
        for _turn in range(count):
            bulk.work_on(run.pk, at_most=timedelta(0))
        assert self.see(run).left == run.total - count

    def see(self, run: BulkRun) -> BulkRun:
        """Return a run as it is now."""
        return BulkRun.objects.get(pk=run.pk)

    def results(self, run: BulkRun) -> list[tuple[str, str]]:
        """Return what became of each invoice, in the order in which they had their turn."""
        return list(BulkItem.objects.filter(run=run).order_by("pk").values_list("state", "sentence"))

    def actions(self, invoice: Invoice) -> list[str]:
        """Return what the log says was done."""
        return list(Event.objects.filter(invoice=invoice).order_by("sequence").values_list("action", flat=True))

    def step(self, invoice: Invoice) -> str:
        """Return the invoice's step as it is now."""
        return Invoice.objects.get(pk=invoice.pk).step
