"""The nouns of this room: a client's connection to its ERP, and two kinds of runs with what became of each invoice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.addresses import address_of
from integrations.erps.contract import Access
from integrations.erps.registry import CONNECTORS
from integrations.knowledge import KnownDocument as KnownDocument
from integrations.knowledge import KnownParty as KnownParty
from integrations.policy import Breaker, BreakerState
from integrations.secrets import EncryptedTextField
from invoices.models import Client, IntegrationMessage, Invoice, MoneyField
from invoices.roles import Right

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Questions about connections."""

    def able(self, at: datetime) -> Self:
        """Leave those that may exchange anything at `at` (the database's clock)."""
        free = Q(breaker_until__isnull=True) | Q(breaker_until__lte=at)
        return self.filter(free, is_enabled=True, needs_credentials=False)


class Connection(models.Model):
    """A client's link to one ERP, with its credentials, health and breaker."""

    client = models.OneToOneField(Client, on_delete=models.PROTECT, related_name="connection", verbose_name=_("client"))
    connector = models.CharField(
        _("system"), max_length=30, choices=[(name, kind.label) for name, kind in CONNECTORS.items()]
    )
    company = models.CharField(_("company in the ERP"), max_length=100)
    secret = EncryptedTextField(_("secret"), blank=True)
    lanes = models.PositiveSmallIntegerField(
        _("lanes"), default=4, help_text=_("How many invoices may be on their way at once.")
    )
    call_timeout_seconds = models.PositiveSmallIntegerField(
        _("longest call in seconds"), default=30, help_text=_("After that an answer counts as lost.")
    )
    is_enabled = models.BooleanField(_("enabled"), default=True)
    needs_credentials = models.BooleanField(
        _("needs new credentials"), default=False, help_text=_("The ERP refused the ones we have.")
    )

    breaker_state = models.CharField(
        _("breaker"), max_length=10, choices=BreakerState.choices, default=BreakerState.CLOSED
    )
    breaker_failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    breaker_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)
    last_answer_at = models.DateTimeField(_("last answer"), null=True, blank=True)

    drain_queued_at = models.DateTimeField(null=True, blank=True, editable=False)
    drain_token = models.CharField(max_length=32, blank=True, editable=False)
    drain_until = models.DateTimeField(null=True, blank=True, editable=False)

    changes_until = models.DateTimeField(
        _("changes read until"), null=True, blank=True, editable=False, help_text=_("By the ERP's clock.")
    )
    deletions_until = models.DateTimeField(
        _("deletions read until"), null=True, blank=True, editable=False, help_text=_("By the ERP's clock.")
    )
    deletions_read_at = models.DateTimeField(
        _("deletions last taken"), null=True, blank=True, editable=False, help_text=_("By our clock.")
    )
    deletions_not_before = models.DateTimeField(null=True, blank=True, editable=False)
    deletions_token = models.CharField(max_length=32, blank=True, editable=False)
    deletions_lease = models.DateTimeField(null=True, blank=True, editable=False)
    deletions_held = models.PositiveIntegerField(
        _("deletions that a person must confirm"), default=0, editable=False, help_text=_("Too many at once.")
    )
    pulled_at = models.DateTimeField(_("last pull that read everything"), null=True, blank=True, editable=False)
    pull_token = models.CharField(max_length=32, blank=True, editable=False)
    pull_until = models.DateTimeField(null=True, blank=True, editable=False)
    learned_at = models.DateTimeField(
        _("items and periods read"), null=True, blank=True, editable=False, help_text=_("By our clock.")
    )
    parties_learned_at = models.DateTimeField(
        _("customers and suppliers read"), null=True, blank=True, editable=False, help_text=_("By our clock.")
    )
    needs_location = models.BooleanField(_("lines without a price need a location"), default=False, editable=False)

    sync_every_minutes = models.PositiveIntegerField(
        _("minutes between two syncs"), default=60, help_text=_("0: only when somebody presses Sync now.")
    )
    next_sync_at = models.DateTimeField(_("next sync"), null=True, blank=True, editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["client__name"]
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(lanes__gte=1, lanes__lte=256), name="connection_lanes_are_1_to_256"),
            models.CheckConstraint(condition=Q(call_timeout_seconds__gte=1), name="connection_call_takes_some_time"),
            models.CheckConstraint(
                condition=Q(sync_every_minutes=0) | Q(sync_every_minutes__gte=5),
                name="connection_syncs_never_or_every_five_minutes_at_most",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client} → {self.get_connector_display()}"

    @property
    def breaker(self) -> Breaker:
        """The breaker as delivery reckons with it."""
        return Breaker(BreakerState(self.breaker_state), self.breaker_failures, self.breaker_until)

    def access(self) -> Access:
        """Return how to reach the ERP; the address is the system's own, never typed by anybody."""
        return Access(
            base_url=address_of(self.connector),
            company=self.company,
            secret=self.secret,
            call_timeout=timedelta(seconds=self.call_timeout_seconds),
        )


def name_of_system(client_id: int) -> str:
    """Return what a client's ERP is called; empty where none is connected."""
    connection = Connection.objects.filter(client_id=client_id).first()
    return connection.get_connector_display() if connection else ""


AnyRun = TypeVar("AnyRun", bound="Run")


class RunQuerySet(models.QuerySet[AnyRun]):
    """Questions about runs of any kind."""

    def free(self, at: datetime) -> Self:
        """Leave those that are not over and that no worker holds at `at` (the database's clock)."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lte=at), finished_at__isnull=True)


class Run(models.Model):
    """Work in the background that goes on over several turns of several workers, one at a time."""

    created_at = models.DateTimeField(_("pressed"), default=timezone.now)
    started_at = models.DateTimeField(_("begun"), null=True, blank=True)
    finished_at = models.DateTimeField(_("over"), null=True, blank=True)

    queued_at = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.CharField(max_length=32, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.finished_at is not None


class CancellableRun(Run):
    """A run that a person may end where it is."""

    cancelled_at = models.DateTimeField(_("cancelled"), null=True, blank=True)

    class Meta:
        abstract = True


class Reconciliation(Run):
    """One comparison of all booked invoices of a connection with the ERP's list, and what it counted."""

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="reconciliations", verbose_name=_("connection")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by"))
    listed = models.PositiveIntegerField(_("in the ERP's list"), default=0)
    same = models.PositiveIntegerField(_("the same"), default=0)
    differ = models.PositiveIntegerField(_("different"), default=0)
    missing_there = models.PositiveIntegerField(_("missing in the ERP"), default=0)
    missing_here = models.PositiveIntegerField(_("missing here"), default=0)
    error = models.TextField(_("why it stopped"), blank=True)

    objects = RunQuerySet["Reconciliation"].as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"], condition=Q(finished_at__isnull=True), name="one_reconciliation_a_connection"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} · {self.created_at:%Y-%m-%d %H:%M}"


class Difference(models.Model):
    """One document on which our invoices and the ERP's list did not agree; amounts in the currency beside them."""

    class Kind(models.TextChoices):
        """In what they did not agree."""

        DIFFERS = "differs", _("Different balance")
        MISSING_THERE = "missing_there", _("Not in the ERP")
        MISSING_HERE = "missing_here", _("Not here")

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.CASCADE, related_name="differences")
    kind = models.CharField(_("what"), max_length=20, choices=Kind.choices)
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("invoice")
    )
    remote_id = models.CharField(_("id in the ERP"), max_length=100)
    number = models.CharField(_("number"), max_length=100)
    here = MoneyField(_("balance here"), null=True, blank=True)
    currency_here = models.CharField(_("currency here"), max_length=3, blank=True)
    there = MoneyField(_("balance in the ERP"), null=True, blank=True)
    currency_there = models.CharField(_("currency in the ERP"), max_length=3, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        indexes: ClassVar = [models.Index(fields=["reconciliation", "kind", "id"], name="difference_by_kind")]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_kind_display()}"


class KnownInactiveItem(models.Model):
    """An item that the ERP did not let anybody use at the last pull."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="inactive_items")
    code = models.CharField(_("code"), max_length=60)
    name = models.CharField(_("name"), max_length=200, blank=True)

    class Meta:
        ordering: ClassVar = ["code"]
        verbose_name = _("inactive item")
        verbose_name_plural = _("inactive items")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "code"], name="inactive_item_is_known_once"),
        ]

    def __str__(self) -> str:
        return self.code


class KnownClosedPeriod(models.Model):
    """A stretch of days into which the ERP took no bookings at the last pull."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="closed_periods")
    name = models.CharField(_("name"), max_length=60)
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        ordering: ClassVar = ["first_day"]
        verbose_name = _("closed period")
        verbose_name_plural = _("closed periods")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "name"], name="closed_period_is_known_once"),
        ]

    def __str__(self) -> str:
        return self.name


class BulkRunQuerySet(RunQuerySet["BulkRun"]):
    """Questions about bulk runs."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Leave those that `user` started, and those of clients of which `user` may see every one."""
        if not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        hidden = BulkRun.clients.through.objects.filter(bulkrun=OuterRef("pk"))
        hidden = hidden.exclude(client__in=Client.objects.where(user, Right.VIEW))
        return self.filter(Q(by_id=user.pk) | ~Exists(hidden))


class BulkRun(CancellableRun):
    """One press for many invoices, done by a worker one after the other."""

    button = models.CharField(_("button"), max_length=30)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by"))
    reason = models.TextField(_("why"))
    clients = models.ManyToManyField(Client, related_name="+", verbose_name=_("clients"))
    total = models.PositiveIntegerField(_("invoices"))
    done = models.PositiveIntegerField(_("done"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)

    objects = BulkRunQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("bulk run")
        verbose_name_plural = _("bulk runs")
        indexes: ClassVar = [
            models.Index(fields=["lease_until"], name="bulk_run_unfinished", condition=Q(finished_at__isnull=True)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(total__gte=F("done") + F("refused")), name="bulk_run_counts_within_its_total"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(finished_at__isnull=False),
                name="bulk_run_cancelled_is_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.button} × {self.total}"

    @property
    def left(self) -> int:
        """How many invoices have not had their turn."""
        return self.total - self.done - self.refused


class BulkItem(models.Model):
    """One invoice of a bulk run, and what became of it; in the order in which they are done."""

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    run = models.ForeignKey(BulkRun, on_delete=models.CASCADE, related_name="items")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+", verbose_name=_("invoice"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    sentence = models.TextField(_("what happened"), blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("invoice of a bulk run")
        verbose_name_plural = _("invoices of a bulk run")
        indexes: ClassVar = [models.Index(fields=["run", "state", "id"], name="bulk_item_next")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "invoice"], name="bulk_item_is_once_in_its_run"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "done", "refused"]), name="bulk_item_state_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.get_state_display()}"


class SyncRunQuerySet(RunQuerySet["SyncRun"]):
    """Questions about sync runs."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Leave those of clients that `user` may see."""
        return self.filter(connection__client__in=Client.objects.where(user, Right.VIEW))

    def unfinished(self) -> Self:
        """Leave those that are not over."""
        return self.filter(finished_at__isnull=True)


class SyncRun(CancellableRun):
    """One sync of a connection: all that waits is sent, then all that changed in the ERP is taken."""

    class Phase(models.TextChoices):
        """How far it is."""

        SENDING = "sending", _("Sending what waits")
        READING = "reading", _("Reading what changed")
        DONE = "done", _("Over")

    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="sync_runs", verbose_name=_("connection")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    reason = models.TextField(_("why"), blank=True)
    phase = models.CharField(_("phase"), max_length=10, choices=Phase.choices, default=Phase.SENDING)
    stopped = models.TextField(_("why it ended early"), blank=True)
    total = models.PositiveIntegerField(_("to send"), default=0)
    done = models.PositiveIntegerField(_("sent"), default=0)
    failed = models.PositiveIntegerField(_("refused"), default=0)
    later = models.PositiveIntegerField(_("waiting"), default=0)
    known = models.PositiveIntegerField(_("refused before"), default=0, help_text=_("They are among the refused."))
    drafts = models.PositiveIntegerField(_("not posted yet"), default=0)
    changed = models.PositiveIntegerField(_("changed here"), default=0)
    unchanged = models.PositiveIntegerField(_("read, and the same"), default=0)
    problems = models.PositiveIntegerField(_("cannot be read"), default=0)
    hurried_until = models.BigIntegerField(default=0, editable=False)  # the last item whose message was made due

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("sync run")
        verbose_name_plural = _("sync runs")
        indexes: ClassVar = [
            models.Index(fields=["connection", "-id"], name="sync_run_by_connection"),
            models.Index(fields=["finished_at"], name="sync_run_finished"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection"],
                condition=Q(finished_at__isnull=True),
                name="one_unfinished_sync_run_a_connection",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=F("done") + F("failed") + F("later")), name="sync_run_counts_within_its_total"
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at__isnull=True) | Q(finished_at__isnull=False),
                name="sync_run_cancelled_is_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connection} · {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def left(self) -> int:
        """How many messages have not had their turn."""
        return self.total - self.done - self.failed - self.later


class SyncItem(models.Model):
    """What became of one message in a sync run; or an invoice that needs a person, and why."""

    class State(models.TextChoices):
        """How it ended."""

        WAITING = "waiting", _("Not yet")
        DONE = "done", _("Sent")
        FAILED = "failed", _("Refused")
        LATER = "later", _("Waits")
        PROBLEM = "problem", _("Cannot be read")

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="items", db_index=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="+", verbose_name=_("invoice"))
    message = models.ForeignKey(IntegrationMessage, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.WAITING)
    sentence = models.TextField(_("what happened"), blank=True)
    said = models.JSONField(_("what the ERP said"), default=list, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("invoice of a sync run")
        verbose_name_plural = _("invoices of a sync run")
        indexes: ClassVar = [
            models.Index(fields=["run", "id"], name="sync_item_in_order"),
            models.Index(fields=["run", "state", "id"], name="sync_item_next"),
            models.Index(fields=["run", "-finished_at"], name="sync_item_latest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "message"], name="sync_item_is_once_in_its_run"),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "done", "failed", "later", "problem"]),
                name="sync_item_state_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.get_state_display()}"
