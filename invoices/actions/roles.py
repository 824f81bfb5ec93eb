"""Granting and revoking roles: managers, within their clients, never to themselves, never above their own role."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.events import record_for_client
from invoices.models import Client, RoleGrant
from invoices.permissions import NOT_THERE, person_name, require
from invoices.roles import RANK, Right, Role


@transaction.atomic
def grant_role(
    client: Client, user: User, role: str, *, by: User | None, until: datetime | None = None, reason: str = ""
) -> RoleGrant:
    """Give `user` a role on `client` and the clients below it, for good or until a time.

    Raises NotAllowed for oneself, for a role above one's own, and for clients one does not manage.
    """
    client = Client.objects.select_for_update().get(pk=client.pk)
    _require_grantor(client, user, role, by)
    if until is not None and until <= timezone.now():
        raise BadInput({"until": _("This time has passed: choose a later one, or none.")})
    if RoleGrant.objects.in_force().filter(user=user, client=client, role=role).exists():
        raise Conflict(
            _("%(person)s is %(role)s of %(client)s already.")
            % {"person": person_name(user), "role": Role(role).label, "client": client}
        )
    grant = RoleGrant.objects.create(user=user, client=client, role=role, granted_by=by, until=until)
    record_for_client(
        client, "grant_role", by=by, reason=reason, after={"person": user.get_username(), "role": role, "until": until}
    )
    return grant


@transaction.atomic
def revoke_role(grant_id: int, *, by: User | None, reason: str = "") -> RoleGrant:
    """End a role now. The row stays, with its end."""
    try:
        grant = RoleGrant.objects.select_for_update(of=("self",)).select_related("client", "user").get(pk=grant_id)
    except RoleGrant.DoesNotExist as exc:
        raise NotThere(NOT_THERE) from exc
    _require_grantor(grant.client, grant.user, grant.role, by)
    if not grant.is_in_force:
        raise Conflict(_("This role has ended already."))
    before = grant.until
    grant.until = timezone.now()
    grant.save(update_fields=["until"])
    record_for_client(
        grant.client,
        "revoke_role",
        by=by,
        reason=reason,
        before={"person": grant.user.get_username(), "role": grant.role, "until": before},
        after={"person": grant.user.get_username(), "role": grant.role, "until": grant.until},
    )
    return grant


def _require_grantor(client: Client, user: User, role: str, by: User | None) -> None:
    if role not in Role.values:
        raise BadInput({"role": _("Choose one of the roles.")})
    require(by, Right.GRANT_ROLES, client)
    if by is None:
        return
    if by.pk == user.pk:
        raise NotAllowed(_("Nobody grants or revokes their own roles: ask another Integration manager."))
    if not by.is_superuser and RANK[Role(role)] > _own_rank(by, client):
        raise NotAllowed(_("A role above your own can only be granted by somebody who holds it."))


def _own_rank(by: User, client: Client) -> int:
    held = RoleGrant.objects.in_force().filter(user=by, client_id__in=client.lineage()).values_list("role", flat=True)
    return max((RANK[Role(role)] for role in held), default=-1)
