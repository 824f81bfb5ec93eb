"""The API's doors to sync runs: press Sync now, and see how the run gets on."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.models import SyncItem, SyncRun
from integrations.sync_runs import connection_of, sync_now
from invoices.api.serializers import PageIn, Strict, TextField
from invoices.api.views import ERRORS, Door, asked_of, first_page, person_of
from invoices.errors import NotThere
from invoices.models import Client
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right


class SyncIn(Strict):
    """Why, if that matters."""

    reason = TextField(required=False, default="", max_length=2000, help_text="Stands in the log.")


class SyncItemOut(serializers.ModelSerializer[SyncItem]):
    """What became of one message, or why an invoice needs a person."""

    invoice = serializers.IntegerField(source="invoice_id")
    number = serializers.CharField(source="invoice.number")

    class Meta:
        model = SyncItem
        fields = ("invoice", "number", "state", "sentence", "said", "finished_at")


class SyncRunOut(serializers.ModelSerializer[SyncRun]):
    """How a run gets on."""

    client = serializers.CharField(source="connection.client.slug")
    by = serializers.CharField(source="by.username", allow_null=True, default=None, help_text="Null: the schedule.")
    left = serializers.IntegerField(help_text="Messages that have not had their turn.")

    class Meta:
        model = SyncRun
        fields: tuple[str, ...] = (
            "id", "client", "by", "reason", "phase", "stopped", "created_at", "started_at", "finished_at",
            "cancelled_at", "total", "done", "failed", "later", "left", "known", "drafts", "changed", "unchanged",
            "problems",
        )  # fmt: skip


class SyncRunPage(SyncRunOut):
    """How a run gets on, with some of what became of each, and the address of those after them."""

    items = SyncItemOut(many=True)
    next = serializers.CharField(allow_null=True)

    class Meta(SyncRunOut.Meta):
        fields = (*SyncRunOut.Meta.fields, "items", "next")


class SyncNow(Door):
    """Sync a client's connection now."""

    @extend_schema(
        operation_id="sync_now",
        summary="Press Sync now",
        request=SyncIn,
        responses={
            "202": SyncRunOut,
            **{code: ERRORS[code] for code in ("400", "401", "403", "404", "409", "413", "415")},
        },
    )
    def post(self, request: Request, client: str) -> Response:
        """Begin a run, or join the one that is not over: then its id is answered again."""
        given = SyncIn(data=request.data)
        given.is_valid(raise_exception=True)
        person = person_of(request)
        found = Client.objects.where(person, Right.VIEW).filter(slug=client).first()
        if found is None:
            raise NotThere(NOT_THERE)
        require(person, Right.SYNC, found)
        run, _is_new = sync_now(connection_of(found).pk, by=person, reason=given.validated_data["reason"])
        return Response(SyncRunOut(run).data, status=202)


class OneSyncRun(Door):
    """Follow one sync run."""

    @extend_schema(
        operation_id="sync_run",
        summary="Look at a sync run",
        parameters=[PageIn],
        responses={"200": SyncRunPage, **{code: ERRORS[code] for code in ("400", "401", "404")}},
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Return its counts, and what became of each, sent or refused and why."""
        asked = asked_of(request)
        rows = SyncRun.objects.visible_to(person_of(request)).select_related("connection__client", "by")
        run = rows.filter(pk=run_id).first()
        if run is None:
            raise NotThere(NOT_THERE)
        items = run.items.select_related("invoice").filter(pk__gt=asked.get("cursor", 0))
        return Response(
            {**SyncRunOut(run).data, **first_page(request, items, asked["limit"], SyncItemOut, name="items")}
        )
