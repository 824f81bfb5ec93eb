"""`manage.py prune_gate_messages`: delete the gate's messages that need not be kept any longer."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from cxmlgate.actions import prune_messages
from cxmlgate.actions.keeping import BATCH


class Command(BaseCommand):
    """Deletes in batches, so that nothing else waits."""

    help = "Delete cXML messages older than their client's setting."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the size of a batch."""
        parser.add_argument("--batch", type=int, default=BATCH)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 (Django's signature)
        """Delete, and say how many."""
        count = prune_messages(batch=max(1, options["batch"]))
        self.stdout.write(_("%(count)s messages deleted.") % {"count": count})
