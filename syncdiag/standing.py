"""What one person may do on one client, and who else may: read once, so that many answers ask the database once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from django.contrib.auth.models import AnonymousUser, User

from invoices.models import Client, RoleGrant
from invoices.permissions import only_they_may, person_name
from invoices.roles import RIGHTS_OF, Right, Role


@dataclass(frozen=True, slots=True)
class Standing:
    """One person on one client; `user_id` is None for the system, which may do everything."""

    client: Client
    user_id: int | None
    held: frozenset[Right]
    holders: Mapping[Right, tuple[str, ...]]  # names, in the order of their usernames

    @classmethod
    def read(cls, user: User | AnonymousUser | None, client: Client) -> Self:
        """Ask the database for the roles in force on the client and its parents."""
        grants = RoleGrant.objects.in_force().filter(client_id__in=client.lineage(), user__is_active=True)
        rows = list(grants.select_related("user").order_by("user__username"))
        people = {
            right: {row.user_id: row.user for row in rows if right in RIGHTS_OF[Role(row.role)]} for right in Right
        }
        if user is None or (user.is_active and user.is_superuser):
            held = frozenset(Right)
        else:
            held = frozenset(right for right, users in people.items() if user.pk in users)
        holders = {right: tuple(person_name(one) for one in users.values()) for right, users in people.items()}
        return cls(client, user.pk if user else None, held, holders)

    def may(self, right: Right) -> bool:
        """Say whether the person has a right."""
        return right in self.held

    def who_may(self, right: Right) -> str:
        """Say who has a right, as a refusal of a verb says it."""
        return only_they_may(right, self.client, self.holders[right])
