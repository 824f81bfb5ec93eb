"""`manage.py diagnose NUMBER`: why is it stuck, for people as a table and for programs as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.actions import ASKABLE, look_up
from invoices.errors import Refusal
from invoices.models import Invoice
from syncdiag.diagnosis import diagnose


class Command(BaseCommand):
    """Prints the findings on every invoice of a number."""

    help = "Says why an invoice is stuck, with evidence and the next step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the number, and where to look."""
        parser.add_argument("number", help="the invoice's number, exactly")
        parser.add_argument("--client", help="the client's slug; all clients without it")
        parser.add_argument("--live", action="store_true", help="ask the ERP first")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look, and print."""
        invoices = Invoice.objects.select_related("client", "counterparty", "current_message", "created_by")
        invoices = invoices.filter(number=options["number"])
        if options["client"]:
            invoices = invoices.filter(client__slug=options["client"])
        found = list(invoices)
        if not found:
            raise CommandError(f"No invoice has the number {options['number']}: check it, or import it by number.")
        if options["live"]:
            self._ask(found)
            found = list(invoices.all())
        if options["json"]:
            self.stdout.write(json.dumps([self._as_json(invoice) for invoice in found], indent=2))
            return
        for invoice in found:
            self._print(invoice)

    def _ask(self, invoices: list[Invoice]) -> None:
        for invoice in invoices:
            if invoice.step not in ASKABLE:
                continue
            try:
                look_up(invoice.pk, by=None)
            except Refusal as exc:
                self.stderr.write(f"{invoice.number} ({invoice.client}): {exc}")

    def _as_json(self, invoice: Invoice) -> dict[str, Any]:
        return {
            "id": invoice.pk,
            "number": invoice.number,
            "client": invoice.client.slug,
            "step": invoice.step,
            "status": invoice.status,
            "findings": [finding.as_json() for finding in diagnose(invoice)],
        }

    def _print(self, invoice: Invoice) -> None:
        status = f", {invoice.get_status_display()}" if invoice.status else ""
        self.stdout.write(f"{invoice.number}  {invoice.client}  {invoice.get_step_display()}{status}")
        for finding in diagnose(invoice):
            self.stdout.write(f"\n  {finding.what}")
            for proof in finding.evidence:
                self.stdout.write(f"    {proof.label!s:<22} {proof.said}")
            self.stdout.write(f"  → {finding.next_step}")
        self.stdout.write("")
