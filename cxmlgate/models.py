"""The gate's settings, one row a client, and every message that came, with its verdict."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cxmlgate import verdicts
from cxmlgate.credentials import NO_KEYS, Keys
from invoices.models import Client, Invoice

DEFAULT_KEEP_DAYS = 365
LONGEST_SLUG = 50  # of a client's


class GateSettings(models.Model):
    """How a client's gate is opened, and what it does where the standard leaves it open."""

    class OnCanceled(models.TextChoices):
        """What a message of type canceled does."""

        REFUSE = "refuse", _("Refuse the message")
        DENY = "deny", _("Deny the invoice")

    client = models.OneToOneField(Client, on_delete=models.PROTECT, related_name="gate", verbose_name=_("client"))
    is_enabled = models.BooleanField(_("Enable cXML Invoice Status Updates"), default=False)
    sender_identity = models.CharField(_("Senders Identity"), max_length=100, blank=True)
    secret_hash = models.CharField(max_length=64, blank=True, editable=False)
    second_secret_hash = models.CharField(max_length=64, blank=True, editable=False)
    second_secret_until = models.DateTimeField(
        _("the earlier secret is valid until"), null=True, blank=True, editable=False
    )
    on_canceled = models.CharField(
        _("what canceled does"), max_length=10, choices=OnCanceled.choices, default=OnCanceled.REFUSE
    )
    takes_test_messages = models.BooleanField(
        _("accept test messages"),
        default=True,
        help_text=_("A message with deploymentMode test is checked and kept; it never changes anything."),
    )
    keep_days = models.PositiveIntegerField(
        _("keep messages for (days)"),
        default=DEFAULT_KEEP_DAYS,
        help_text=_("A message that is no longer kept would be taken as new when it is sent again."),
    )
    allowed_networks = models.TextField(
        _("allowed source networks"),
        blank=True,
        help_text=_("One a line, like 203.0.113.0/24. Empty: messages are taken from everywhere."),
    )
    changed_at = models.DateTimeField(_("changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("gate")
        verbose_name_plural = _("Payables › Invoice integration")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_enabled=False) | ~Q(sender_identity="") & ~Q(secret_hash=""),
                name="enabled_gate_has_identity_and_secret",
            ),
            models.CheckConstraint(condition=Q(keep_days__gte=1), name="gate_keeps_messages_for_a_day"),
            models.CheckConstraint(
                condition=Q(second_secret_hash="") | Q(second_secret_until__isnull=False),
                name="second_secret_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return str(self.client)

    @property
    def denies_canceled(self) -> bool:
        """Whether canceled denies the invoice."""
        return self.on_canceled == self.OnCanceled.DENY

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks from which messages are taken; none: from everywhere."""
        return tuple(ip_network(line, strict=False) for line in self.allowed_networks.split())

    @property
    def has_earlier_secret(self) -> bool:
        """Whether a secret beside the present one is valid."""
        return bool(self.second_secret_hash and self.second_secret_until and self.second_secret_until > timezone.now())

    @property
    def version(self) -> str:
        """What tells two states of the settings apart; empty for settings that are not there yet."""
        return "" if self.pk is None else self.changed_at.isoformat()

    def keys(self, at: datetime) -> Keys:
        """Return what opens the gate at a time; a disabled gate is opened by nothing."""
        if not self.is_enabled:
            return NO_KEYS
        hashes = [self.secret_hash]
        if self.second_secret_hash and self.second_secret_until and self.second_secret_until > at:
            hashes.append(self.second_secret_hash)
        return Keys(self.client_id, self.sender_identity, tuple(hashes))


class GateMessageQuerySet(models.QuerySet["GateMessage"]):
    """Questions about kept messages."""

    def accepted(self) -> Self:
        """Leave those that were taken."""
        return self.filter(code=verdicts.OK.code)

    def refused(self) -> Self:
        """Leave those that were not taken."""
        return self.exclude(code=verdicts.OK.code)

    def about(self, invoice: Invoice) -> Self:
        """Leave those that named `invoice`."""
        others = self.model.other_invoices.through.objects.filter(invoice_id=invoice.pk).values("gatemessage_id")
        return self.filter(Q(invoice=invoice) | Q(pk__in=others))


class GateMessage(models.Model):
    """A message that came, its verdict, and how often it came again; never the shared secret."""

    client = models.ForeignKey(
        Client,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # those below begin with it
        related_name="gate_messages",
        verbose_name=_("client"),
        help_text=_("Empty: the address names no client."),
    )
    received_at = models.DateTimeField(_("received"))
    last_seen_at = models.DateTimeField(_("last received"))
    repeats = models.IntegerField(_("repeats"), default=0, help_text=_("How often it came again."))
    source = models.GenericIPAddressField(
        _("source"), null=True, blank=True, help_text=_("The address from which it came last.")
    )
    sender = models.CharField(_("sender"), max_length=100, blank=True)
    is_known = models.BooleanField(
        _("sender known"), default=False, help_text=_("Identity and shared secret were right when it came.")
    )
    payload_id = models.CharField(_("payloadID"), max_length=200, blank=True)
    digest = models.CharField(
        _("content digest"), max_length=64, help_text=_("The same for the same sender, payloadID and content.")
    )
    types = models.CharField(_("type"), max_length=200, blank=True)
    is_test = models.BooleanField(_("test"), default=False)
    code = models.SmallIntegerField(_("code"))
    text = models.CharField(_("verdict"), max_length=40)
    reason = models.TextField(_("reason"), blank=True)
    invoice = models.ForeignKey(
        Invoice,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="gate_messages",
        verbose_name=_("invoice"),
    )
    other_invoices = models.ManyToManyField(
        Invoice, blank=True, related_name="+", verbose_name=_("further invoices"), help_text=_("Of the same message.")
    )
    raw = models.BinaryField(_("message"), blank=True)
    raw_note = models.CharField(_("why the message is not kept"), max_length=200, blank=True)
    answer = models.TextField(_("answer"), blank=True)
    duration_ms = models.IntegerField(_("time taken in ms"), default=0)

    objects = GateMessageQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("gate message")
        verbose_name_plural = _("gate messages")
        indexes: ClassVar = [
            models.Index(fields=["client", "-id"], name="gate_message_by_client"),
            models.Index(fields=["payload_id"], name="gate_message_by_payload_id"),
            # Not by last_seen_at: a repeat would then have to write all the row's index entries anew.
            models.Index(fields=["client", "received_at"], name="gate_message_by_receipt"),
            # The few that were refused are listed among millions; an accepted one costs nothing for it.
            models.Index(
                fields=["client", "-id"], condition=~Q(code=verdicts.OK.code), name="gate_message_refused_by_client"
            ),
        ]
        constraints: ClassVar = [
            # An accepted message acts once; repeats of a refused one are counted on one row.
            models.UniqueConstraint(fields=["digest", "code"], name="gate_message_has_one_row_a_verdict"),
            models.CheckConstraint(
                condition=Q(code__in=sorted({verdict.code for verdict in verdicts.ALL})),
                name="gate_message_code_is_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.types or self.payload_id or self.pk} · {self.code} {self.text}"

    @property
    def is_accepted(self) -> bool:
        """Whether it was taken."""
        return self.code == verdicts.OK.code


class WrongSecrets(models.Model):
    """How many messages of strangers, unreadable ones too, came to a client's address from a source in a minute."""

    client_slug = models.CharField(max_length=LONGEST_SLUG)  # as it was sent, a client's or not
    source = models.CharField(max_length=43)  # an IPv4 address, or the first half of an IPv6 one
    minute = models.DateTimeField()
    number = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["minute", "client_slug", "source"], name="wrong_secrets_have_one_row_a_minute"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} from {self.source} to {self.client_slug}"


class Replay(models.Model):
    """A refused message that a person had judged again, and the accepted one that came of it."""

    message = models.OneToOneField(
        GateMessage, on_delete=models.CASCADE, related_name="replay", verbose_name=_("refused message")
    )
    accepted = models.OneToOneField(
        GateMessage, on_delete=models.CASCADE, related_name="replayed", verbose_name=_("accepted message")
    )
    at = models.DateTimeField(_("time"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("who"))
    reason = models.TextField(_("why"), blank=True)

    def __str__(self) -> str:
        return f"{self.message} → {self.accepted}"
