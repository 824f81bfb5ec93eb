"""Background work of this room: the beat that shows that the queue works."""

from config.models import QUEUE, Heartbeat
from integrations import tasks as delivery_tasks
from invoices import clock


def beat() -> None:
    """Say that a worker of the queue works, and look whether anything is due."""
    Heartbeat.objects.update_or_create(name=QUEUE, defaults={"at": clock.now()})
    delivery_tasks.tick()
