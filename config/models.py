"""The noun of this room: the sign of life that the queue's workers give."""

from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from invoices import clock

QUEUE: Final = "queue"


class Heartbeat(models.Model):
    """When a part that works in the background was last seen working, by the database's clock."""

    name = models.CharField(_("part"), max_length=50, unique=True)
    at = models.DateTimeField(_("last seen"))

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name


def last_beat() -> datetime | None:
    """Return when the queue last gave a sign of life, or None if it never did."""
    return Heartbeat.objects.filter(name=QUEUE).values_list("at", flat=True).first()


def age_of_last_beat() -> timedelta | None:
    """Return how long ago the queue last gave a sign of life, or None if it never did."""
    at = last_beat()
    return None if at is None else max(clock.now() - at, timedelta(0))
