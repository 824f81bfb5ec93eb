"""The nouns of this room: alerts, who was told of them, and the webhooks that carry them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from integrations.secrets import EncryptedTextField
from invoices.models import Client
from syncdiag.stored import (  # noqa: F401 (Django finds an app's models here)
    CatalogueEntry,
    ReadingMark,
    UnknownError,
    UnknownSighting,
)


class Cause(models.TextChoices):
    """What may go on that people are told of."""

    OVERDUE = "overdue", _("Waiting too long")
    BREAKER_OPEN = "breaker_open", _("ERP out of reach")
    CREDENTIALS = "credentials", _("Credentials refused")
    GROWING = "growing", _("Failing again and again")
    DELETIONS = "deletions", _("Many deletions at once")


class News(models.TextChoices):
    """What is told of an alert."""

    BEGAN = "began", _("Began")
    GREW = "grew", _("Grew")
    OVER = "over", _("Over")


class Sending(models.TextChoices):
    """What has become of a mail or a delivery."""

    PENDING = "pending", _("Pending")
    DELIVERED = "delivered", _("Delivered")
    GIVEN_UP = "given_up", _("Given up")


class AlertQuerySet(models.QuerySet["Alert"]):
    """Questions about alerts."""

    def going_on(self) -> Self:
        """Leave those that are not over."""
        return self.filter(over_at__isnull=True)


class Alert(models.Model):
    """One cause on one client, from when it was first seen until it is over."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="alerts", verbose_name=_("client"))
    cause = models.CharField(_("cause"), max_length=20, choices=Cause.choices)
    subject = models.CharField(
        _("about"), max_length=120, blank=True, help_text=_("The connection, or the error on it; empty: the client.")
    )
    began_at = models.DateTimeField(_("began"))
    last_seen_at = models.DateTimeField(_("last seen"))
    over_at = models.DateTimeField(_("over"), null=True, blank=True)
    count = models.PositiveIntegerField(_("how often"), default=1)
    told_count = models.PositiveIntegerField(
        _("how often when last told"), default=1, help_text=_("Twice as often is told again.")
    )
    facts = models.JSONField(_("facts"), default=dict, help_text=_("What the sentence about it needs."))

    objects = AlertQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        indexes: ClassVar = [
            models.Index(fields=["client", "-id"], name="alert_by_client"),
            models.Index(fields=["over_at"], name="alert_by_end"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["client", "cause", "subject"],
                condition=Q(over_at__isnull=True),
                name="one_alert_goes_on_for_a_cause",
            ),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="alert_cause_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.client} · {self.get_cause_display()}"

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.over_at is not None


class OutgoingQuerySet(models.QuerySet[Any]):
    """Questions about what goes out."""

    def due(self, at: datetime) -> Self:
        """Leave those that a worker may take at `at` (the database's clock)."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lte=at)
        return self.filter(free, state=Sending.PENDING, not_before__lte=at)


class Outgoing(models.Model):
    """What goes out and may fail: counted, spaced, and ending; digests and deliveries are such."""

    state = models.CharField(_("state"), max_length=10, choices=Sending.choices, default=Sending.PENDING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("written"))
    not_before = models.DateTimeField(_("next try"))
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    class Meta:
        abstract = True


class Digest(Outgoing):
    """One mail to one person, with everything that was new for them when it was written."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="digests", verbose_name=_("person")
    )

    objects = OutgoingQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("digest")
        verbose_name_plural = _("digests")
        indexes: ClassVar = [
            models.Index(fields=["not_before"], name="digest_due", condition=Q(state="pending")),
            models.Index(fields=["person", "created_at"], name="digest_by_person"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=Sending.values), name="digest_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person} · {self.get_state_display()}"


class AlertMail(models.Model):
    """One line of a digest: one person is told once of one piece of news about one alert."""

    digest = models.ForeignKey(Digest, on_delete=models.CASCADE, related_name="lines")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="mails")
    kind = models.CharField(_("news"), max_length=10, choices=News.choices)
    count = models.PositiveIntegerField(_("how often when told"), default=1)

    class Meta:
        ordering: ClassVar = ["pk"]
        verbose_name = _("line of a digest")
        verbose_name_plural = _("lines of digests")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "alert", "kind"],
                condition=Q(kind__in=[News.BEGAN, News.OVER]),
                name="person_is_told_once_that_it_began_and_is_over",
            ),
            models.UniqueConstraint(
                fields=["person", "alert", "count"],
                condition=Q(kind=News.GREW),
                name="person_is_told_once_how_much_it_grew",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alert} · {self.get_kind_display()}"


class Webhook(models.Model):
    """Where another system is told of a client's alerts, and the secret that signs them."""

    client = models.OneToOneField(Client, on_delete=models.PROTECT, related_name="webhook", verbose_name=_("client"))
    url = models.URLField(_("address"), max_length=500)
    secret = EncryptedTextField(_("secret"))
    is_enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        ordering: ClassVar = ["client__name"]
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return str(self.client)


class WebhookDeliveryQuerySet(OutgoingQuerySet):
    """Questions about deliveries."""

    def next_in_line(self) -> Self:
        """Leave those whose webhook was told everything before about the same alert: nothing is over before it began.

        What was given up is not waited for.
        """
        earlier = self.model._default_manager.filter(
            webhook_id=OuterRef("webhook_id"),
            alert_id=OuterRef("alert_id"),
            state=Sending.PENDING,
            pk__lt=OuterRef("pk"),
        )
        return self.filter(~Exists(earlier))


class WebhookDelivery(Outgoing):
    """One thing to tell a webhook: the outbox row, written in the transaction of the alert's change."""

    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("webhook"))
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("alert"))
    kind = models.CharField(_("news"), max_length=10, choices=News.choices)
    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True)
    body = models.TextField(_("body"))

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes: ClassVar = [
            models.Index(fields=["not_before"], name="webhook_delivery_due", condition=Q(state="pending")),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=Sending.values), name="webhook_delivery_state_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.webhook} · {self.get_kind_display()} · {self.get_state_display()}"
