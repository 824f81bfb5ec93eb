"""The noun of this room: a client's connection to its ERP, with its health, breaker and drain."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.addresses import address_of
from integrations.erps.contract import Access
from integrations.erps.registry import CONNECTORS
from integrations.policy import Breaker, BreakerState
from integrations.secrets import EncryptedTextField
from invoices.models import Client


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

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["client__name"]
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(lanes__gte=1, lanes__lte=256), name="connection_lanes_are_1_to_256"),
            models.CheckConstraint(condition=Q(call_timeout_seconds__gte=1), name="connection_call_takes_some_time"),
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
