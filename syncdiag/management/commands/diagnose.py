"""`manage.py diagnose NUMBER`: why is it stuck, or where is it, for people as a table and for programs as JSON."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from integrations.actions import ASKABLE, look_up
from integrations.models import Connection
from invoices import clock
from invoices.errors import Refusal
from invoices.models import Client, Invoice
from syncdiag.answers.missing import find_missing_invoice
from syncdiag.case import gather
from syncdiag.diagnosis import ask, ask_all
from syncdiag.printing import table, window_width
from syncdiag.questions import MISSING, SLUGS, find_question
from syncdiag.showing import Shown, as_json, show, show_for
from syncdiag.standing import Standing

FOUND_AT_MOST = 20


class Command(BaseCommand):
    """Prints the findings on every invoice of a number, or where one is that is not here."""

    help = "Says why an invoice is stuck, or where a missing one is, with evidence and the next step."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the number, where to look, and what to ask."""
        parser.add_argument("number", help="the invoice's number, exactly")
        parser.add_argument("--client", help="the client's slug; all clients without it")
        parser.add_argument(
            "--live", action="store_true", help="ask the ERP first; for one that is not here it always is"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--question", default="", choices=("", *SLUGS, MISSING), help="answer this one alone")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Look, and print."""
        client = self._client(options["client"])
        invoices = Invoice.objects.select_related("client", "counterparty", "current_message", "created_by")
        invoices = invoices.filter(number=options["number"], **({"client": client} if client else {})).order_by("pk")
        found = list(invoices[:FOUND_AT_MOST])
        if not found or options["question"] == MISSING:
            self._say_missing(client or self._only_client(options["number"]), options)
            return
        if options["live"]:
            self._ask(found)
            found = list(invoices.all()[:FOUND_AT_MOST])
        answers = [(invoice, self._diagnose(invoice, options["question"])) for invoice in found]
        if options["json"]:
            self.stdout.write(json.dumps([self._as_json(invoice, shown) for invoice, shown in answers], indent=2))
            return
        for invoice, shown in answers:
            status = f", {invoice.get_status_display()}" if invoice.status else ""
            self._print(f"{invoice.number}  {invoice.client}  {invoice.get_step_display()}{status}", shown)

    def _client(self, slug: str | None) -> Client | None:
        if not slug:
            return None
        client = Client.objects.filter(slug=slug).first()
        if client is None:
            raise CommandError(_("There is no client %(slug)s: check the slug.") % {"slug": slug})
        return client

    def _only_client(self, number: str) -> Client:
        clients = list(Client.objects.order_by("pk")[:2])
        if len(clients) != 1:
            sentence = _(
                "No invoice has the number %(number)s: check it, or name its client with --client to look for it there."
            )
            raise CommandError(sentence % {"number": number})
        return clients[0]

    def _ask(self, invoices: list[Invoice]) -> None:
        for invoice in invoices:
            if invoice.step not in ASKABLE:
                continue
            try:
                look_up(invoice.pk, by=None)
            except Refusal as exc:
                self.stderr.write(f"{invoice.number} ({invoice.client}): {exc}")

    def _diagnose(self, invoice: Invoice, slug: str) -> list[Shown]:
        case = gather(invoice, by=None)
        return show(ask(case, find_question(slug)) if slug else ask_all(case), case)

    def _say_missing(self, client: Client, options: dict[str, Any]) -> None:
        """Say where an invoice is that is not here; the ERP is asked, for nobody else can know."""
        try:
            findings = find_missing_invoice(client.pk, options["number"], by=None)
        except Refusal as exc:
            raise CommandError(str(exc)) from exc
        connection = Connection.objects.filter(client=client).first()
        shown = show_for(
            findings,
            None,
            Standing.read(None, client),
            connection_id=connection.pk if connection else None,
            now=clock.now(),
        )
        if options["json"]:
            row = {"id": None, "number": options["number"], "client": client.slug, "step": None, "status": None}
            self.stdout.write(json.dumps([{**row, "findings": [as_json(each) for each in shown]}], indent=2))
            return
        self._print(f"{options['number']}  {client}", shown)

    def _as_json(self, invoice: Invoice, shown: list[Shown]) -> dict[str, Any]:
        return {
            "id": invoice.pk,
            "number": invoice.number,
            "client": invoice.client.slug,
            "step": invoice.step,
            "status": invoice.status,
            "findings": [as_json(each) for each in shown],
        }

    def _print(self, title: str, shown: list[Shown]) -> None:
        self.stdout.write(title)
        for line in table(shown, window_width()):
            self.stdout.write(line)
        self.stdout.write("")
