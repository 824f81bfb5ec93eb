"""The API's doors of this room: bulk runs, and import by number."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.bulk import start_bulk
from integrations.importing import import_by_number
from integrations.models import BulkItem, BulkRun
from invoices.actions.importing import Choice, Imported, Outcome
from invoices.api.serializers import InvoiceOut, PageIn, Strict, TextField
from invoices.api.views import ERRORS, Door, asked_of, first_page, person_of
from invoices.errors import NotThere
from invoices.models import Client, Invoice
from invoices.money import shown
from invoices.permissions import NOT_THERE
from invoices.roles import Right

BIGGEST_ID = 2**63 - 1


class BulkRunIn(Strict):
    """One press for many invoices."""

    button = TextField(help_text="`post-again`, `look-up` or `posted-in-erp`.")
    invoices = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=BIGGEST_ID), help_text="Ids of at most 1,000 invoices."
    )
    reason = TextField(help_text="Why; stands in the event log of every invoice.")


class BulkItemOut(serializers.ModelSerializer[BulkItem]):
    """What became of one invoice."""

    invoice = serializers.IntegerField(source="invoice_id")
    number = serializers.CharField(source="invoice.number")

    class Meta:
        model = BulkItem
        fields = ("invoice", "number", "state", "sentence", "finished_at")


class BulkRunOut(serializers.ModelSerializer[BulkRun]):
    """How a run gets on."""

    by = serializers.CharField(source="by.username")
    left = serializers.IntegerField(help_text="Invoices that have not had their turn.")

    class Meta:
        model = BulkRun
        fields: tuple[str, ...] = (
            "id", "button", "by", "reason", "created_at", "started_at", "finished_at", "cancelled_at",
            "total", "done", "refused", "left",
        )  # fmt: skip


class BulkRunPage(BulkRunOut):
    """How a run gets on, with some of its invoices in the order of their turns, and the address of those after them."""

    items = BulkItemOut(many=True)
    next = serializers.CharField(allow_null=True)

    class Meta(BulkRunOut.Meta):
        fields = (*BulkRunOut.Meta.fields, "items", "next")


class BulkRuns(Door):
    """Press one button for many invoices."""

    @extend_schema(
        operation_id="bulk_runs_start",
        summary="Press a button for many invoices",
        request=BulkRunIn,
        responses={"201": BulkRunOut, **{code: ERRORS[code] for code in ("400", "401", "404", "413", "415")}},
    )
    def post(self, request: Request) -> Response:
        """Have the worker press a button for each invoice; rights are asked when each one's turn comes."""
        given = BulkRunIn(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        run = start_bulk(said["button"], said["invoices"], by=person_of(request), reason=said["reason"])
        return Response(BulkRunOut(run).data, status=201)


class OneBulkRun(Door):
    """Follow one bulk run."""

    @extend_schema(
        operation_id="bulk_run",
        summary="Look at a bulk run",
        parameters=[PageIn],
        responses={"200": BulkRunPage, **{code: ERRORS[code] for code in ("400", "401", "404")}},
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Return its counts, and what became of each invoice, done or refused and why."""
        asked = asked_of(request)
        run = BulkRun.objects.visible_to(person_of(request)).select_related("by").filter(pk=run_id).first()
        if run is None:
            raise NotThere(NOT_THERE)
        rows = run.items.select_related("invoice").filter(pk__gt=asked.get("cursor", 0))
        return Response(
            {**BulkRunOut(run).data, **first_page(request, rows, asked["limit"], BulkItemOut, name="items")}
        )


class ImportIn(Strict):
    """An invoice that the ERP has and that is missing here."""

    client = TextField(help_text="The client's slug.")
    direction = TextField(help_text="`payable` or `receivable`.")
    number = TextField(help_text="The exact number that it has in the ERP.")
    remote_id = TextField(required=False, default="", help_text="Which one, where the ERP has several of the number.")
    reason = TextField(required=False, default="", help_text="Why; stands in the event log.")


class ChoiceOut(serializers.Serializer[Choice]):
    """One of several documents of a number in the ERP; amounts are strings with the digits of its currency."""

    remote_id = serializers.CharField(source="said.remote_id")
    kind = serializers.CharField(source="said.kind")
    party_code = serializers.CharField(source="said.party_code")
    party_name = serializers.CharField(source="said.party_name")
    invoice_date = serializers.DateField(source="said.invoice_date")
    currency = serializers.CharField(source="said.currency")
    total = serializers.SerializerMethodField()
    balance = serializers.SerializerMethodField()
    invoice = serializers.IntegerField(
        source="here.pk", default=None, allow_null=True, help_text="Its id, if it is here."
    )

    def get_total(self, choice: Choice) -> str:
        """Return the total."""
        return shown(choice.said.total, choice.said.currency)

    def get_balance(self, choice: Choice) -> str:
        """Return what is open."""
        return shown(choice.said.balance, choice.said.currency)


class NotImportedOut(serializers.Serializer[Imported]):
    """Why nothing was imported."""

    detail = serializers.CharField(source="sentence")
    outcome = serializers.ChoiceField(choices=[outcome.value for outcome in Outcome])
    invoice = serializers.IntegerField(
        source="invoice.pk", default=None, allow_null=True, help_text="The id of the invoice here that it is about."
    )
    choices = ChoiceOut(many=True, help_text="Send one's `remote_id` along to import that one.")


class ImportInvoice(Door):
    """Import an invoice by its number."""

    @extend_schema(
        operation_id="invoices_import",
        summary="Import an invoice by its number",
        request=ImportIn,
        responses={
            "201": InvoiceOut,
            "200": OpenApiResponse(InvoiceOut, "It is here already."),
            **{code: ERRORS[code] for code in ("400", "401", "403", "413", "415")},
            "404": OpenApiResponse(NotImportedOut, "The ERP has none of this number; or no such client of yours."),
            "409": OpenApiResponse(NotImportedOut, "Nothing was imported; `outcome` and `detail` say why."),
        },
    )
    def post(self, request: Request) -> Response:
        """Ask the ERP for exactly this number, and take in what it has as a booked invoice."""
        given = ImportIn(data=request.data)
        given.is_valid(raise_exception=True)
        said = dict(given.validated_data)
        client = Client.objects.where(request.user, Right.VIEW).filter(slug=said.pop("client")).first()
        if client is None:
            raise NotThere(NOT_THERE)
        made = import_by_number(client.pk, said.pop("number"), said.pop("direction"), by=person_of(request), **said)
        if made.invoice is not None and made.outcome in (Outcome.IMPORTED, Outcome.HERE):
            invoice = Invoice.objects.select_related("client", "counterparty", "current_message").get(
                pk=made.invoice.pk
            )
            return Response(InvoiceOut(invoice).data, status=201 if made.outcome is Outcome.IMPORTED else 200)
        return Response(NotImportedOut(made).data, status=404 if made.outcome is Outcome.NOT_FOUND else 409)
