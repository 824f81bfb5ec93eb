"""Ending the keeping of messages, as each client's setting says."""

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from cxmlgate.models import DEFAULT_KEEP_DAYS, GateMessage, GateSettings, WrongSecrets

BATCH: Final = 1000
COUNTED_FOR: Final = timedelta(minutes=5)


def prune_messages(*, batch: int = BATCH) -> int:
    """Delete messages last received before their client's time, and return how many; a batch a transaction.

    The counts of wrong secrets, which are needed for a minute, go along.
    """
    at = timezone.now()
    WrongSecrets.objects.filter(minute__lt=at - COUNTED_FOR).delete()
    kept_for = dict(GateSettings.objects.values_list("client_id", "keep_days"))
    ages = [(Q(client_id=client_id), days) for client_id, days in kept_for.items()]
    others = Q(client_id__isnull=True) | ~Q(client_id__in=list(kept_for))
    return sum(
        _prune(which & Q(last_seen_at__lt=at - timedelta(days=days)), batch)
        for which, days in [*ages, (others, DEFAULT_KEEP_DAYS)]
    )


def _prune(old: Q, batch: int) -> int:
    total = 0
    while ids := list(GateMessage.objects.filter(old).order_by("last_seen_at").values_list("pk", flat=True)[:batch]):
        GateMessage.objects.filter(pk__in=ids).delete()
        total += len(ids)
    return total
