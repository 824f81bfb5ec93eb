"""The nouns of the paste box: entries that an administrator added, and the errors that no entry knows yet."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from invoices.models import Client, Invoice
from syncdiag.catalogue import PLACES

KEYS: Final = (
    "id",
    "kind",
    "codes",
    "patterns",
    "title",
    "cause",
    "steps",
    "fixed_in",
    "retry_helps",
    "button",
    "field",
    "example",
)
MAY_BE_LEFT_OUT: Final = frozenset({"codes", "patterns", "button", "field", "example"})


class CatalogueEntryQuerySet(models.QuerySet["CatalogueEntry"]):
    """Questions about stored entries."""

    def in_use(self) -> Self:
        """Leave those that are switched on, in the order in which they are asked: the oldest first, as in a file."""
        return self.filter(is_enabled=True).order_by("system", "pk")


class CatalogueEntry(models.Model):
    """One entry of the catalogue that an administrator added; it comes before those of the system's file.

    Kinds and buttons are the code's and change with it: they are checked when an entry is read, not by the database.
    """

    system = models.CharField(_("system"), max_length=40)
    entry_id = models.CharField(_("id"), max_length=60, help_text=_("Small letters, digits and hyphens."))
    kind = models.CharField(_("kind"), max_length=30)
    codes = models.JSONField(_("codes"), default=list, blank=True)
    patterns = models.JSONField(_("patterns"), default=list, blank=True)
    title = models.CharField(_("title"), max_length=200)
    cause = models.TextField(_("cause"))
    steps = models.JSONField(_("steps"), default=list)
    fixed_in = models.CharField(_("where it is fixed"), max_length=20)
    retry_helps = models.BooleanField(_("sending again helps once the steps are done"))
    button = models.CharField(_("button"), max_length=20, blank=True)
    field = models.CharField(_("field to edit"), max_length=60, blank=True)
    example = models.TextField(_("what the system says"), blank=True)
    is_enabled = models.BooleanField(_("switched on"), default=True)
    revision = models.PositiveIntegerField(_("revision"), default=1)
    changed_at = models.DateTimeField(_("changed"))
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("changed by")
    )

    objects = CatalogueEntryQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["system", "pk"]
        verbose_name = _("entry of the catalogue")
        verbose_name_plural = _("entries of the catalogue")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "entry_id"], name="stored_entry_is_unique_in_its_system"),
            models.CheckConstraint(condition=Q(fixed_in__in=sorted(PLACES)), name="stored_entry_place_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.system} · {self.title}"

    @property
    def table(self) -> dict[str, Any]:
        """The entry as a catalogue's file would have it; what is empty and may be left out is."""
        values = {key: getattr(self, "entry_id" if key == "id" else key) for key in KEYS}
        return {key: value for key, value in values.items() if value not in ("", []) or key not in MAY_BE_LEFT_OUT}


class UnknownErrorQuerySet(models.QuerySet["UnknownError"]):
    """Questions about unknown errors."""

    def open(self) -> Self:
        """Leave those that no entry knows yet."""
        return self.filter(known_at__isnull=True)


class UnknownError(models.Model):
    """One kind of error that no entry knew: a system, a code, and the words without what differs each time."""

    key = models.CharField(max_length=64, unique=True)
    system = models.CharField(_("system"), max_length=40, blank=True)
    code = models.CharField(_("code"), max_length=60, blank=True)
    words = models.TextField(_("words"), help_text=_("Numbers, ids and quoted values are taken out."))
    count = models.PositiveIntegerField(_("how often"), default=0)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    known_at = models.DateTimeField(_("known since"), null=True, blank=True)
    known_as = models.CharField(_("known as"), max_length=60, blank=True)

    objects = UnknownErrorQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-last_seen_at", "-pk"]
        verbose_name = _("unknown error")
        verbose_name_plural = _("unknown errors")
        indexes: ClassVar = [
            models.Index(
                fields=["-last_seen_at", "-id"], name="unknown_error_open", condition=Q(known_at__isnull=True)
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(known_at__isnull=True, known_as="") | (Q(known_at__isnull=False) & ~Q(known_as="")),
                name="known_error_names_its_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system} · {self.code or self.words[:60]}"


class UnknownSighting(models.Model):
    """That a kind of unknown error was met at a client, or sent by a person; the sample is how it read there last."""

    error = models.ForeignKey(UnknownError, on_delete=models.CASCADE, related_name="sightings")
    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("client")
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("sent by"),
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("last invoice")
    )
    sample = models.TextField(_("as it read"))
    count = models.PositiveIntegerField(_("how often"), default=0)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        ordering: ClassVar = ["-last_seen_at", "-pk"]
        verbose_name = _("sighting of an unknown error")
        verbose_name_plural = _("sightings of unknown errors")
        indexes: ClassVar = [
            models.Index(fields=["client", "first_seen_at"], name="unknown_sighting_of_client"),
            models.Index(fields=["person", "first_seen_at"], name="unknown_sighting_of_person"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["error", "client"], condition=Q(client__isnull=False), name="one_sighting_at_a_client"
            ),
            models.UniqueConstraint(
                fields=["error", "person"], condition=Q(client__isnull=True), name="one_sighting_of_a_person"
            ),
            models.CheckConstraint(
                condition=Q(client__isnull=False) | Q(person__isnull=False), name="sighting_has_a_client_or_a_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client or self.person} · {self.error}"


class ReadingMark(models.Model):
    """How far a reader of the event log has come: it goes on behind this line, and reads nothing twice."""

    name = models.CharField(max_length=40, primary_key=True)
    last_event = models.BigIntegerField(default=0)
    catalogue = models.CharField(
        max_length=80, blank=True, help_text=_("The state of the catalogue by which the list was last looked through.")
    )

    def __str__(self) -> str:
        return f"{self.name}: {self.last_event}"
