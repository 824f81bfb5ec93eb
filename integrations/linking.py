"""A client's link to its ERP: connect, check, disconnect."""

from typing import Final

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations import tasks
from integrations.erps.contract import ErpError, ErrorKind, Health, Reason
from integrations.erps.registry import CONNECTORS
from integrations.erps.registry import connect as make_connector
from integrations.learning import forget_books
from integrations.models import Connection
from integrations.policy import BreakerState
from integrations.sync_runs import next_sync
from invoices import clock
from invoices.actions.taking import require_reason
from invoices.errors import BadInput, Conflict, NotThere
from invoices.events import record_for_client
from invoices.models import Client
from invoices.permissions import NOT_THERE, require
from invoices.roles import Right

log = structlog.get_logger(__name__)
SHORTEST_SYNC: Final = 5  # minutes
LONGEST_SYNC: Final = 7 * 24 * 60

# What a failed check means, by the ERP's reason first, then by the kind of the error; each says who does what next.
BY_REASON: Final[dict[Reason, str | Promise]] = {
    Reason.PERMISSION: gettext_lazy(
        "Permission: our user may not do this in %(company)s. Have its rights extended in the ERP. It said: %(error)s"
    ),
    Reason.SUBSCRIPTION: gettext_lazy(
        "Subscription: the ERP is not paid for, or its plan lacks this interface. Renew it there. It said: %(error)s"
    ),
    Reason.NOT_FOUND: gettext_lazy(
        "Wrong company: the ERP knows no %(company)s for these credentials. Correct its name. It said: %(error)s"
    ),
}
BY_KIND: Final[dict[ErrorKind, str | Promise]] = {
    ErrorKind.UNAVAILABLE: gettext_lazy(
        "Unreachable: the ERP did not answer. Try again in a minute, then ask its people. It said: %(error)s"
    ),
    ErrorKind.CREDENTIALS: gettext_lazy(
        "Credentials: the ERP refused our secret. Enter the one that it issued for us. It said: %(error)s"
    ),
    ErrorKind.RATE_LIMITED: gettext_lazy(
        "Too many calls: the ERP asks us to wait. Try again in a few minutes. It said: %(error)s"
    ),
}
STATUSES: Final = {402: Reason.SUBSCRIPTION, 403: Reason.PERMISSION, 404: Reason.NOT_FOUND}
OTHERWISE: Final = gettext_lazy("The ERP answered otherwise than it should: ask its people. It said: %(error)s")


@transaction.atomic
def connect(
    client: Client,
    *,
    by: User | None,
    connector: str,
    company: str,
    secret: str,
    lanes: int = 4,
    call_timeout: int = 30,
    sync_every: int = 60,
) -> Connection:
    """Link a client to its ERP, or change the link; `call_timeout` in seconds, `sync_every` in minutes (0: never).

    The secret is kept encrypted.

    Raises BadInput naming the field. The breaker is closed and credentials count as new.
    """
    require(by, Right.MANAGE_CONNECTION, client)
    if connector not in CONNECTORS:
        raise BadInput({"connector": _("Choose one of the systems.")})
    if not company.strip():
        raise BadInput({"company": _("Name the company in the ERP.")})
    if not 1 <= lanes <= 256:
        raise BadInput({"lanes": _("Choose 1 to 256 lanes.")})
    if not 1 <= call_timeout <= 300:
        raise BadInput({"call_timeout_seconds": _("Choose 1 to 300 seconds.")})
    if sync_every and not SHORTEST_SYNC <= sync_every <= LONGEST_SYNC:
        raise BadInput({"sync_every": _("Choose 5 minutes to 7 days (10,080 minutes), or 0 for never.")})
    before = Connection.objects.select_for_update().filter(client=client).first()
    if not secret and (before is None or not before.secret):
        raise BadInput({"secret": _("Give the secret that the ERP issued for us.")})
    values = {
        "connector": connector,
        "company": company.strip(),
        "lanes": lanes,
        "call_timeout_seconds": call_timeout,
        "sync_every_minutes": sync_every,
    }
    renewed: dict[str, object] = {"secret": secret} if secret else {}
    if before is not None and (before.connector, before.company) != (connector, company.strip()):
        renewed.update(forget_books(before))
    connection, _is_new = Connection.objects.update_or_create(
        client=client,
        defaults={
            **values,
            **renewed,
            "is_enabled": True,
            "needs_credentials": False,
            "breaker_state": BreakerState.CLOSED,
            "breaker_failures": 0,
            "breaker_until": None,
            "last_error": "",
            "drain_token": "",
            "drain_until": None,
            "next_sync_at": next_sync(sync_every, clock.now()),
        },
    )
    record_for_client(
        client,
        "connect",
        by=by,
        before={name: getattr(before, name) for name in values} if before else {},
        after={**values, "secret": _("changed") if secret else _("unchanged")},
    )
    transaction.on_commit(lambda: tasks.wake(client.pk), robust=True)
    return connection


@transaction.atomic
def disconnect(connection_id: int, *, by: User | None, reason: str) -> Connection:
    """Stop every exchange with the ERP at once, and forget the credentials; what waits stays and all data is kept.

    A call that is under way is heard to its end. Raises Conflict for what is disconnected already.
    """
    connection = (
        Connection.objects.select_for_update(of=("self",)).select_related("client").filter(pk=connection_id).first()
    )
    if connection is None:
        raise NotThere(NOT_THERE)
    require(by, Right.MANAGE_CONNECTION, connection.client)
    reason = require_reason(reason)
    if not connection.is_enabled:
        raise Conflict(_("It is disconnected already."))
    connection.is_enabled, connection.secret = False, ""
    connection.save(update_fields=["is_enabled", "secret"])
    record_for_client(
        connection.client,
        "disconnect",
        by=by,
        reason=reason,
        before={"connector": connection.connector, "company": connection.company},
        after={"secret": _("wiped")},
    )
    return connection


def check_connection(connection_id: int, *, by: User | None) -> Health:
    """Ask the ERP whether it answers to our credentials, as the company that we mean.

    Raises Conflict saying what is wrong: unreachable, credentials, permission, wrong company or subscription.
    """
    connection = Connection.objects.select_related("client").get(pk=connection_id)
    require(by, Right.LOOK_UP, connection.client)
    if not connection.is_enabled:
        raise Conflict(_("It is disconnected, and we have no credentials: an Integration manager connects it again."))
    connector = make_connector(connection.connector, connection.access(), 1)
    try:
        health = connector.check()
    except ErpError as exc:
        sentence = _what_is_wrong(exc) % {"company": connection.company, "error": exc}
        Connection.objects.filter(pk=connection_id).update(last_error=sentence)
        raise Conflict(sentence) from exc
    finally:
        connector.close()
    if health.company != connection.company:
        sentence = _("Wrong company: these credentials open %(theirs)s, not %(ours)s. Correct the link.") % {
            "theirs": health.company,
            "ours": connection.company,
        }
        Connection.objects.filter(pk=connection_id).update(last_error=sentence)
        raise Conflict(sentence)
    Connection.objects.filter(pk=connection_id).update(last_answer_at=clock.now())
    return health


def _what_is_wrong(error: ErpError) -> str:
    reasons = [complaint.reason for complaint in error.complaints]
    reasons += [STATUSES[error.http_status]] if error.http_status in STATUSES else []
    told = next((BY_REASON[reason] for reason in reasons if reason in BY_REASON), None)
    return str(BY_KIND.get(error.kind) or told or OTHERWISE)
