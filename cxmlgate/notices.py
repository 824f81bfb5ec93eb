"""What the gate tells on the front page: messages of known senders that were refused, and that nobody has replayed."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from cxmlgate.models import GateMessage
from invoices.admin.access import clients_of
from invoices.admin.desk import COUNT_TO
from invoices.admin.notices import Notice
from invoices.admin.paging import capped_count

LATELY: Final = timedelta(days=14)


def refused_messages(request: HttpRequest) -> Notice | None:
    """Return how many were refused lately; tests count for nothing."""
    rows = GateMessage.objects.refused().filter(
        client_id__in=list(clients_of(request)),
        is_known=True,
        is_test=False,
        replay__isnull=True,
        last_seen_at__gte=timezone.now() - LATELY,
    )
    count = capped_count(rows, COUNT_TO)
    if not count:
        return None
    return Notice(
        count_text=f"{COUNT_TO}+" if count > COUNT_TO else str(count),
        title=_("Refused messages of the ERP"),
        hint=_("The ERP said something that could not be taken. Mend the cause, then have the message replayed."),
        url=f"{reverse('admin:cxmlgate_gatemessage_changelist')}?verdict=refused",
    )
