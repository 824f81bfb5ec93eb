"""Roles and the rights they carry (DESIGN §9). Readable without a database.

A role is granted on a client and holds on all clients below it. Rights are named like Django permissions, so that
`user.has_perm(Right.APPROVE, invoice)` answers through `invoices.permissions`.
"""

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Role(TextChoices):
    """What a person is on a client, from least to most."""

    AUDITOR = "auditor", _("Auditor")
    FINANCE_STAFF = "finance_staff", _("Finance staff")
    QUEUE_HANDLER = "queue_handler", _("Integration queue handler")
    INTEGRATION_MANAGER = "integration_manager", _("Integration manager")


class Right(TextChoices):
    """What a person may do."""

    VIEW = "invoices.view", _("see the client's invoices")
    HAND_IN = "invoices.hand_in", _("hand in and edit invoices")
    POST = "invoices.post", _("post invoices")
    APPROVE = "invoices.approve", _("approve invoices")
    ARCHIVE = "invoices.archive", _("archive and restore invoices")
    SYNC = "invoices.sync", _("sync with the ERP")
    LOOK_UP = "invoices.look_up", _("look an invoice up in the ERP")
    HANDLE_QUEUE = "invoices.handle_queue", _("abort, skip, post again and invalidate")
    RECORD_PAYMENT = "invoices.record_payment", _("record payments")
    SET_STATUS = "invoices.set_status", _("set a status by hand")
    MANAGE_CONNECTION = "invoices.manage_connection", _("change connections and settings")
    GRANT_ROLES = "invoices.grant_roles", _("grant and revoke roles")


RIGHTS_OF: Final[dict[Role, frozenset[Right]]] = {
    Role.AUDITOR: frozenset({Right.VIEW}),
    Role.FINANCE_STAFF: frozenset(
        {
            Right.VIEW,
            Right.HAND_IN,
            Right.POST,
            Right.APPROVE,
            Right.ARCHIVE,
            Right.RECORD_PAYMENT,
            Right.SYNC,
            Right.LOOK_UP,
        }
    ),
    Role.QUEUE_HANDLER: frozenset({Right.VIEW, Right.LOOK_UP, Right.HANDLE_QUEUE}),
    Role.INTEGRATION_MANAGER: frozenset(
        {Right.VIEW, Right.LOOK_UP, Right.SET_STATUS, Right.MANAGE_CONNECTION, Right.GRANT_ROLES}
    ),
}
RANK: Final[dict[Role, int]] = {role: rank for rank, role in enumerate(Role)}


def roles_with(right: Right) -> tuple[Role, ...]:
    """Return the roles that carry `right`, from least to most."""
    return tuple(role for role in Role if right in RIGHTS_OF[role])
