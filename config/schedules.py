"""Scheduled work: the table, and the verb that puts it into the queue's own table."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django_q.models import Schedule


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One task that runs every so many minutes. It must be safe to run twice."""

    name: str
    task: str
    minutes: int


SCHEDULED: Final = (
    # Where `manage.py serve` runs, a beat does both every two seconds; these are for clusters without it.
    Scheduled("deliver what is due", "integrations.tasks.tick", minutes=1),
    Scheduled("ask about what waits too long", "integrations.actions.look_up_overdue", minutes=1),
    # Daily at 01:00 UTC by the database's clock, or as soon as anything runs again; see integrations/deletions.py.
    Scheduled("take the deletions that are due", "integrations.tasks.queue_due_deletions", minutes=1),
    Scheduled("show that the queue works", "config.tasks.beat", minutes=1),
    Scheduled("group failures into issues", "syncdiag.tasks.group_failures", minutes=1),
    Scheduled("look what goes on", "syncdiag.tasks.watch", minutes=1),
    Scheduled("mail what is new", "syncdiag.tasks.send_digests", minutes=1),
    Scheduled("tell the webhooks", "syncdiag.tasks.deliver_webhooks", minutes=1),
    Scheduled("forget old sync runs", "integrations.tasks.prune_sync_runs", minutes=60),
    Scheduled("forget old gate messages", "cxmlgate.actions.prune_messages", minutes=60),
)


@transaction.atomic
def ensure_schedules() -> None:
    """Make the queue's table hold exactly what stands above; running it again changes nothing."""
    Schedule.objects.exclude(name__in=[entry.name for entry in SCHEDULED]).delete()
    for entry in SCHEDULED:
        Schedule.objects.update_or_create(
            name=entry.name,
            defaults={"func": entry.task, "schedule_type": Schedule.MINUTES, "minutes": entry.minutes, "repeats": -1},
        )
