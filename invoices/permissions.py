"""Who may: the authentication backend, and `require`, with which every verb begins.

Rights are asked of the database each time, so that a right revoked a second ago is gone.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from invoices.errors import NotAllowed, NotThere
from invoices.models import Client, RoleGrant
from invoices.roles import Right, Role, roles_with

# One sentence for both, so that nobody learns which numbers exist in clients that are not theirs.
NOT_THERE: Final = _("There is no such thing here, or it belongs to a client that you have no part in.")


def may(user: User | AnonymousUser, right: Right, client: Client) -> bool:
    """Say whether `user` has `right` on `client`, by a role there or on a parent."""
    if not user.is_active:
        return False
    if user.is_superuser:
        return True
    grants = RoleGrant.objects.in_force().filter(user_id=user.pk, client_id__in=client.lineage())
    return grants.filter(role__in=roles_with(right)).exists()


def who_may(right: Right, client: Client) -> list[User]:
    """Return the people whose role gives them `right` on `client`, by name; superusers are not listed."""
    grants = RoleGrant.objects.in_force().filter(client_id__in=client.lineage(), role__in=roles_with(right))
    return list(User.objects.filter(is_active=True, pk__in=grants.values("user_id")).order_by("username"))


def person_name(user: User) -> str:
    """Return how a person is called on the pages."""
    return user.get_full_name() or user.get_username()


def who_may_sentence(right: Right, client: Client) -> str:
    """Say who has `right` on `client`, by role and by name."""
    return only_they_may(right, client, [person_name(user) for user in who_may(right, client)])


def only_they_may(right: Right, client: Client, names: Sequence[str]) -> str:
    """Say that only people with `right` on `client` may; `names` are theirs."""
    roles = ", ".join(str(Role(role).label) for role in roles_with(right))
    people = ", ".join(names)
    if people:
        return str(
            format_lazy(
                _("Only {roles} of {client} may do this. Ask {people}."), roles=roles, client=client, people=people
            )
        )
    return str(
        format_lazy(
            _("Only {roles} of {client} may do this, and nobody is yet: ask an Integration manager to grant the role."),
            roles=roles,
            client=client,
        )
    )


def require(by: User | None, right: Right, client: Client) -> None:
    """Let `by` pass if they have `right` on `client`; `None` is the system.

    Raises NotThere for a person with no part in the client, NotAllowed (saying who may) for everybody else.
    """
    if by is None or may(by, right, client):
        return
    if right is not Right.VIEW and may(by, Right.VIEW, client):
        raise NotAllowed(who_may_sentence(right, client))
    raise NotThere(NOT_THERE)


class RoleBackend(BaseBackend):
    """Answers `user.has_perm(right, thing)` by the roles held on the thing's client and its parents.

    Without a thing it says whether the person has the right on any client at all.
    """

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None) -> bool:
        """Say whether `user_obj` has the right named `perm`; rights of other apps are not ours to give."""
        if perm not in Right.values:
            return False
        right = Right(perm)
        if obj is None:
            return Client.objects.where(user_obj, right).exists()
        client: Any = obj if isinstance(obj, Client) else getattr(obj, "client", None)
        return isinstance(client, Client) and may(user_obj, right, client)
