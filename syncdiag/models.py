"""The nouns of this room: issues; alerts, who was told of them, and the webhooks that carry them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Connection
from integrations.secrets import EncryptedTextField
from invoices.models import Attempt, Client, Invoice


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


class IssueQuerySet(models.QuerySet["Issue"]):
    """Questions about issues."""

    def ongoing(self) -> Self:
        """Leave those of which an invoice has not come through yet."""
        return self.filter(state=Issue.State.ONGOING)


class Issue(models.Model):
    """Failures of one kind on one connection, from the first one on; it ends and comes back by itself."""

    class State(models.TextChoices):
        """Whether an invoice still stands because of it."""

        ONGOING = "ongoing", _("Ongoing")
        RESOLVED = "resolved", _("Resolved")

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="issues", verbose_name=_("client"))
    connection = models.ForeignKey(
        Connection, on_delete=models.PROTECT, related_name="issues", verbose_name=_("connection")
    )
    system = models.CharField(_("system"), max_length=40)
    key = models.CharField(_("kind"), max_length=120, help_text=_("The catalogue's entry, or a hash of unknown words."))
    title = models.CharField(_("title"), max_length=200)
    said = models.JSONField(_("what the ERP said last"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.ONGOING)
    is_muted = models.BooleanField(_("muted"), default=False, help_text=_("Known, and nobody is told of it."))
    mute_reason = models.CharField(_("why it is muted"), max_length=500, blank=True)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="issues",
        verbose_name=_("assigned to"),
    )
    count = models.PositiveIntegerField(_("failures"), default=0)
    invoice_count = models.PositiveIntegerField(_("invoices hit"), default=0)
    open_count = models.PositiveIntegerField(_("invoices not through yet"), default=0)
    return_count = models.PositiveIntegerField(_("how often it came back"), default=0)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    objects = IssueQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-last_seen_at", "-pk"]
        verbose_name = _("issue")
        verbose_name_plural = _("issues")
        indexes: ClassVar = [models.Index(fields=["client", "state", "-last_seen_at"], name="issue_by_client")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "system", "key"], name="one_issue_a_kind_and_connection"),
            models.CheckConstraint(
                condition=Q(state="ongoing", resolved_at__isnull=True) | Q(state="resolved", resolved_at__isnull=False),
                name="resolved_issue_says_when",
            ),
            models.CheckConstraint(condition=Q(is_muted=False) | Q(mute_reason__gt=""), name="muted_issue_says_why"),
        ]

    def __str__(self) -> str:
        return self.title


class IssueHit(models.Model):
    """One invoice that an issue hit; open until it came through, or failed for another reason."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="hits")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="issue_hits")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="+", help_text=_("The last one."))
    count = models.PositiveIntegerField(_("failures"), default=0)
    first_at = models.DateTimeField(_("first"))
    last_at = models.DateTimeField(_("last"))
    is_open = models.BooleanField(_("not through yet"), default=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        indexes: ClassVar = [
            models.Index(fields=["issue", "id"], name="issue_hit_open", condition=Q(is_open=True)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["issue", "invoice"], name="one_hit_an_issue_and_invoice"),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id} · {self.invoice_id}"


class IssueDay(models.Model):
    """How often an issue was met on one day (UTC)."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="days")
    day = models.DateField(_("day"))
    count = models.PositiveIntegerField(_("failures"), default=0)

    class Meta:
        ordering: ClassVar = ["day"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["issue", "day"], name="one_count_an_issue_and_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.count}"


class Bookmark(models.Model):
    """How far the attempts have been read for issues; one row, whose lock lets one reader work at a time."""

    read_to = models.PositiveBigIntegerField(_("id of the last attempt that was read"), default=0)

    class Meta:
        verbose_name = _("bookmark")
        verbose_name_plural = _("bookmarks")

    def __str__(self) -> str:
        return str(self.read_to)
