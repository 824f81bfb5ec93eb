"""The API's doors to the diagnoses: why one invoice is as it is, and where a missing one is."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.actions import look_up
from integrations.models import Connection
from invoices import clock
from invoices.api.serializers import Strict, TextField
from invoices.api.views import ERRORS, Door, person_of
from invoices.errors import NotThere
from invoices.models import Client, Invoice
from invoices.permissions import NOT_THERE
from invoices.roles import Right
from syncdiag.answers.missing import find_missing_invoice
from syncdiag.case import gather
from syncdiag.diagnosis import ask, ask_all
from syncdiag.questions import SLUGS, find_question
from syncdiag.showing import Shown, as_json, show, show_for
from syncdiag.standing import Standing

RELATED = ("client", "counterparty", "current_message", "created_by")


class DiagnosisIn(Strict):
    """Which question; without one, all of them are answered as far as anything is wrong."""

    question = TextField(required=False, default="", help_text=f"One of {', '.join(SLUGS)}.")


class MissingIn(Strict):
    """The invoice that somebody misses."""

    client = TextField(help_text="The client's slug.")
    number = TextField(help_text="The exact number.")
    direction = TextField(required=False, default="", help_text="`payable` or `receivable`; without it, both.")


class ProofOut(serializers.Serializer[Any]):
    """One piece of evidence."""

    label = serializers.CharField(help_text="What it is.")  # type: ignore[assignment]  # a field may be called so
    said = serializers.CharField(help_text="What it says.")
    at = serializers.DateTimeField(allow_null=True, help_text="From when it is.")
    is_quote = serializers.BooleanField(help_text="Whether these are the ERP's own words.")


class FindingOut(serializers.Serializer[Any]):
    """One line of a diagnosis: what is wrong, why, the evidence, and the next step."""

    id = serializers.CharField(help_text="What it is, for programs.")
    question = serializers.CharField(help_text="The question that it answers; empty for 'nothing wrong' on all.")
    what = serializers.CharField()
    cause = serializers.CharField(help_text="Why; empty where nobody knows.")
    steps = serializers.ListField(child=serializers.CharField(), help_text="What to do, in order, where it is known.")
    evidence = ProofOut(many=True)
    next_step = serializers.CharField()
    button = serializers.CharField(help_text="A button of the invoice, or edit, connection, import, wait, open, …")
    field = serializers.CharField(help_text="With `edit`: which field.")
    link = serializers.URLField(allow_null=True, help_text="The page that takes the step; null for who may not.")
    who_may = serializers.CharField(help_text="Who may take the step, where the person who asks may not.")
    again_at = serializers.DateTimeField(allow_null=True, help_text="When it is tried again by itself.")
    fixed_in = serializers.CharField(help_text="here, erp or connection, where the catalogue says so.")
    retry_helps = serializers.BooleanField(allow_null=True, help_text="Whether sending again can help; null: unknown.")
    guide = serializers.URLField(allow_null=True, help_text="The guide's entry.")
    invoice = serializers.IntegerField(allow_null=True, help_text="The id of another invoice that the step is about.")


class DiagnosisOut(serializers.Serializer[Any]):
    """The findings, what to do first coming first; there is always one."""

    findings = FindingOut(many=True)


class InvoiceDiagnosis(Door):
    """Why an invoice is as it is."""

    @extend_schema(
        operation_id="invoices_diagnosis",
        summary="Why is it stuck?",
        parameters=[DiagnosisIn],
        responses={"200": DiagnosisOut, **{code: ERRORS[code] for code in ("400", "401", "404")}},
    )
    def get(self, request: Request, invoice_id: int) -> Response:
        """Return the findings on one invoice from what is known here; the ERP is not asked, and nothing is changed."""
        return self._answer(request, invoice_id, request.query_params.dict())

    @extend_schema(
        operation_id="invoices_diagnosis_live",
        summary="Ask the ERP, then say why it is stuck",
        request=DiagnosisIn,
        responses={
            "200": DiagnosisOut,
            **{code: ERRORS[code] for code in ("400", "401", "403", "404", "409", "413", "415")},
        },
    )
    def post(self, request: Request, invoice_id: int) -> Response:
        """Look the invoice up in the ERP, as the button `look-up` does, and return the findings with that evidence."""
        given = DiagnosisIn(data=request.data)
        given.is_valid(raise_exception=True)
        if given.validated_data["question"]:
            find_question(given.validated_data["question"])
        look_up(self._see(request, invoice_id).pk, by=person_of(request))
        return self._answer(request, invoice_id, given.validated_data)

    def _answer(self, request: Request, invoice_id: int, typed: dict[str, Any]) -> Response:
        given = DiagnosisIn(data=typed)
        given.is_valid(raise_exception=True)
        slug = given.validated_data["question"]
        question = find_question(slug) if slug else None
        case = gather(self._see(request, invoice_id), by=person_of(request))
        return _shown(request, show(ask(case, question) if question else ask_all(case), case))

    def _see(self, request: Request, invoice_id: int) -> Invoice:
        rows = Invoice.objects.visible_to(request.user).select_related(*RELATED)
        invoice = rows.filter(pk=invoice_id).first()
        if invoice is None:
            raise NotThere(NOT_THERE)
        return invoice


class MissingInvoice(Door):
    """Where a missing invoice is."""

    @extend_schema(
        operation_id="invoices_missing",
        summary="Where is my missing invoice?",
        description="Looks for the number here and **asks the client's ERP while you wait**; nothing is written on "
        "either side. Answers with what to do first: it is archived, another client's, kept out because duplicates are "
        "not allowed, in the ERP and not here (import it), deleted there, or nobody knows the number.",
        parameters=[MissingIn],
        responses={
            "200": OpenApiResponse(DiagnosisOut, "There is always a finding."),
            **{code: ERRORS[code] for code in ("400", "401", "404")},
        },
    )
    def get(self, request: Request) -> Response:
        """Return what became of an invoice that is missing here."""
        given = MissingIn(data=request.query_params.dict())
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        person = person_of(request)
        client = Client.objects.where(person, Right.VIEW).filter(slug=asked["client"]).first()
        if client is None:
            raise NotThere(NOT_THERE)
        findings = find_missing_invoice(client.pk, asked["number"], by=person, direction=asked["direction"])
        connection = Connection.objects.filter(client=client).first()
        rights = Standing.read(person, client)
        shown = show_for(findings, None, rights, connection_id=connection.pk if connection else None, now=clock.now())
        return _shown(request, shown)


def _shown(request: Request, findings: Sequence[Shown]) -> Response:
    rows = [as_json(finding) for finding in findings]
    for row in rows:
        for name in ("link", "guide"):
            row[name] = request.build_absolute_uri(row[name]) if row[name] else None
    return Response({"findings": rows})
