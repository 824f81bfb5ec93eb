"""The API's doors to bulk runs: start one, and see how it gets on."""

from typing import cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from integrations.bulk import start_bulk
from integrations.models import BulkItem, BulkRun
from invoices.api.serializers import PageIn, Strict, TextField
from invoices.api.views import ERRORS, Door
from invoices.errors import NotThere
from invoices.permissions import NOT_THERE

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
        run = start_bulk(said["button"], said["invoices"], by=_person(request), reason=said["reason"])
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
        asked = PageIn(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        limit = asked.validated_data["limit"]
        run = BulkRun.objects.visible_to(_person(request)).select_related("by").filter(pk=run_id).first()
        if run is None:
            raise NotThere(NOT_THERE)
        rows = run.items.select_related("invoice").filter(pk__gt=asked.validated_data.get("cursor", 0))
        found = list(rows[: limit + 1])
        shown = found[:limit]
        there = request.build_absolute_uri()
        following = replace_query_param(there, "cursor", shown[-1].pk) if len(found) > limit else None
        return Response({**BulkRunOut(run).data, "items": BulkItemOut(shown, many=True).data, "next": following})


def _person(request: Request) -> User:
    return cast("User", request.user)  # IsAuthenticated let nobody else in
