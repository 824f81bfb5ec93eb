"""The event log: append-only, one line for every change."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from invoices.errors import Conflict
from invoices.models.invoice import Invoice
from invoices.models.people import Client


class EventQuerySet(models.QuerySet["Event"]):
    """Append-only: the database refuses the rest on PostgreSQL, this does everywhere."""

    def update(self, **kwargs: Any) -> int:  # noqa: ARG002 (Django's signature)
        """Refuse."""
        raise Conflict(_("The event log cannot be changed."))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise Conflict(_("The event log cannot be changed."))


class Event(models.Model):
    """One line of the append-only log: who, what, why, before and after; chained by hash for each invoice."""

    class Level(models.TextChoices):
        """How much it matters."""

        INFO = "info", _("Info")
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    # Neither has an index of its own: those below begin with them, and a line is written with every change.
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, related_name="events", db_index=False, verbose_name=_("client")
    )
    invoice = models.ForeignKey(
        Invoice,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        db_index=False,
        verbose_name=_("invoice"),
    )
    sequence = models.IntegerField(_("line"), default=0, help_text=_("Counts from 1 for each invoice."))
    at = models.DateTimeField(_("time"))
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_name = models.CharField(_("who"), max_length=150)
    action = models.CharField(_("what"), max_length=40)
    level = models.CharField(_("level"), max_length=10, choices=Level.choices, default=Level.INFO)
    reason = models.TextField(_("why"), blank=True)
    code = models.CharField(
        _("code"), max_length=60, blank=True, help_text=_("The first that the ERP gave; the evidence has all of them.")
    )
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    evidence = models.JSONField(_("evidence"), default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("event")
        verbose_name_plural = _("event log")
        indexes: ClassVar = [
            models.Index(fields=["client", "-id"], name="event_by_client"),
            models.Index(fields=["at"], name="event_by_time"),
            models.Index(fields=["code", "client", "-id"], name="event_by_code", condition=~Q(code="")),
            models.Index(fields=["level", "client", "-id"], name="event_by_level", condition=~Q(level="info")),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["invoice", "sequence"], condition=Q(invoice__isnull=False), name="event_line_is_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new line; refuse to change one."""
        if not self._state.adding:
            raise Conflict(_("The event log cannot be changed."))
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:  # noqa: ARG002 (Django's signature)
        """Refuse."""
        raise Conflict(_("The event log cannot be changed."))
