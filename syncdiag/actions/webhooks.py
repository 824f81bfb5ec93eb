"""Webhooks: setting them, and carrying an alert's news to them. How one is called stands in `syncdiag.webhooks`."""

import json
import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from integrations.policy import backoff
from invoices import clock
from invoices.errors import BadInput
from invoices.events import record_for_client
from invoices.models import Client
from invoices.permissions import require
from invoices.roles import Right
from syncdiag.actions.family import Family
from syncdiag.alerts import link, sentence
from syncdiag.models import Alert, News, Sending, Webhook, WebhookDelivery
from syncdiag.webhooks import AddressError, Call, check_url, new_secret, post

log = structlog.get_logger(__name__)
TRIES_AT_MOST: Final = 20  # about three hours
LEASE: Final = timedelta(minutes=2)  # longer than the queue lets a task run
RUN_AT_MOST: Final = 40.0  # seconds; below the queue's time limit for a task
SHORTEST_SECRET: Final = 16


@transaction.atomic
def set_webhook(
    client: Client, *, by: User | None, url: str, secret: str | None = None, enabled: bool
) -> tuple[Webhook, str]:
    """Say where a client's alerts are told; return the webhook, and its secret where it was generated just now.

    Without a `secret` the one we have stays; where there is none yet, or it is an empty text, one is generated, and
    this is the only time that anybody sees it. Switching off gives up what was not delivered yet.
    Raises BadInput naming the field.
    """
    require(by, Right.MANAGE_CONNECTION, client)
    try:
        check_url(url)
    except AddressError as exc:
        raise BadInput({"url": str(exc)}) from exc
    if secret and len(secret) < SHORTEST_SECRET:
        raise BadInput({"secret": _("Use at least 16 characters, or leave it empty.")})
    client = Client.objects.select_for_update(of=("self",)).get(pk=client.pk)
    before = Webhook.objects.filter(client=client).first()
    made = "" if secret or (secret is None and before is not None) else new_secret()
    values: dict[str, Any] = {"url": url, "is_enabled": enabled}
    renewed = {"secret": secret or made} if secret or made else {}
    webhook, _is_new = Webhook.objects.update_or_create(client=client, defaults={**values, **renewed})
    if not enabled:
        _give_up_waiting(webhook)
    record_for_client(
        client,
        "set_webhook",
        by=by,
        before=_shown(before.url, is_enabled=before.is_enabled) if before else {},
        after={
            **_shown(url, is_enabled=enabled),
            "address": _("changed") if before is None or before.url != url else _("unchanged"),
            "secret": _("changed") if renewed else _("unchanged"),
        },
    )
    return webhook, made


def _shown(url: str, *, is_enabled: bool) -> dict[str, Any]:
    """Return what the log may hold: a path or a query may be a secret of the receiver."""
    return {"host": urlsplit(url).hostname, "enabled": is_enabled}


def _give_up_waiting(webhook: Webhook) -> None:
    waiting = WebhookDelivery.objects.filter(webhook=webhook, state=Sending.PENDING)
    waiting.update(state=Sending.GIVEN_UP, last_error=_("The webhook was switched off."))


def write_deliveries(news: Sequence[tuple[Alert, News]], now: datetime) -> int:
    """Write what the webhooks of each alert's client and its parents are to be told; return how many rows.

    Called in the transaction that changed the alerts.
    """
    webhooks = {each.client_id: each for each in Webhook.objects.filter(is_enabled=True)} if news else {}
    if not webhooks:
        return 0
    family = Family()
    rows = [
        WebhookDelivery(
            webhook=webhooks[client_id],
            alert=alert,
            kind=kind,
            body=body_of(alert, kind, family.slug(alert.client_id)),
            created_at=now,
            not_before=now,
        )
        for alert, kind in news
        for client_id in family.lineage(alert.client_id)
        if client_id in webhooks
    ]
    WebhookDelivery.objects.bulk_create(rows)
    return len(rows)


def body_of(alert: Alert, kind: News, client: str) -> str:
    """Return the JSON that a webhook gets; times in ISO 8601 with their offset, `client` is its slug."""
    said = {
        "event": f"alert.{kind.value}",
        "cause": str(alert.cause),
        "client": client,
        "count": alert.count,
        "sentence": sentence(alert),
        "began_at": alert.began_at.isoformat(),
        "over_at": alert.over_at.isoformat() if alert.over_at else None,
        "url": link(alert),
    }
    return json.dumps(said)


def deliver_webhooks() -> int:
    """Deliver what is due until nothing is, or the time is up; return how many were delivered.

    A delivery is claimed, committed, and then made. One whose worker died is made again under the same key when its
    lease has run out. One that fails is tried again later and later, and given up in the end.
    """
    delivered = 0
    end = time.monotonic() + RUN_AT_MOST
    due = WebhookDelivery.objects.due(clock.now()).filter(webhook__is_enabled=True).next_in_line()
    for pk in list(due.order_by("not_before", "pk").values_list("pk", flat=True)[:500]):
        if time.monotonic() >= end:
            break
        delivered += _deliver(pk)
    return delivered


def _deliver(pk: int) -> bool:
    now = clock.now()
    due = WebhookDelivery.objects.due(now).filter(pk=pk)
    if not due.update(attempts=F("attempts") + 1, lease_until=now + LEASE):
        return False
    row = WebhookDelivery.objects.select_related("webhook").get(pk=pk)
    if row.attempts > TRIES_AT_MOST:  # its worker died at the last try
        WebhookDelivery.objects.filter(pk=pk).update(state=Sending.GIVEN_UP, lease_until=None)
        return False
    error = post(Call(row.webhook.url, row.webhook.secret, str(row.key), row.body, turn=row.attempts - 1))
    now = clock.now()
    # Given up meanwhile, or taken by another worker after our lease: then it is not ours to say what became of it.
    ours = WebhookDelivery.objects.filter(pk=pk, state=Sending.PENDING, attempts=row.attempts)
    if not error:
        ours.update(state=Sending.DELIVERED, sent_at=now, lease_until=None, last_error="")
        return True
    state = Sending.GIVEN_UP if row.attempts >= TRIES_AT_MOST else Sending.PENDING
    wait = backoff(row.attempts, random.random())  # noqa: S311 (jitter)
    ours.update(state=state, not_before=now + wait, lease_until=None, last_error=error)
    log.warning("webhook not delivered", delivery=str(row.key), webhook=row.webhook_id, tries=row.attempts, state=state)
    return False
