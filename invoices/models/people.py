"""Clients, the roles of people on them, and counterparties."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from invoices.roles import Right, Role, roles_with
from invoices.workflow import Direction

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PRINTABLE = RegexValidator(r"^[^\x00-\x1f\x7f]+$", _("Use printable characters only."))


class ClientQuerySet(models.QuerySet["Client"]):
    """Questions about clients."""

    def below(self, ids: set[int]) -> set[int]:
        """Return `ids` and the ids of all clients below them."""
        return _with_those_below(ids, self._children()) if ids else set()

    def by_right(self, user: User | Any) -> dict[Right, dict[int, str]]:
        """Return for each right the clients on which `user` has it, id → name, by name; three queries in all."""
        rows = self.order_by("name", "pk").values_list("pk", "name")
        if not user.is_active or user.is_superuser:
            return dict.fromkeys(Right, dict(rows) if user.is_active else {})
        granted: defaultdict[Role, set[int]] = defaultdict(set)
        for role, pk in RoleGrant.objects.in_force().filter(user_id=user.pk).values_list("role", "client_id"):
            granted[Role(role)].add(pk)
        children = self._children() if granted else {}
        held = {role: _with_those_below(ids, children) for role, ids in granted.items()}
        names = dict(rows.filter(pk__in=set().union(*held.values())))
        return {
            right: {
                pk: name for pk, name in names.items() if any(pk in held.get(role, ()) for role in roles_with(right))
            }
            for right in Right
        }

    def _children(self) -> dict[int, list[int]]:
        children: defaultdict[int, list[int]] = defaultdict(list)
        for pk, parent_id in self.model.objects.filter(parent__isnull=False).order_by().values_list("pk", "parent_id"):
            children[parent_id].append(pk)
        return children

    def where(self, user: User | Any, right: Right) -> Self:
        """Return the clients on which `user` has `right`, by a role there or on a parent."""
        if not user.is_active:
            return self.none()
        if user.is_superuser:
            return self
        granted = RoleGrant.objects.in_force().filter(user_id=user.pk, role__in=roles_with(right))
        return self.filter(pk__in=self.below(set(granted.values_list("client_id", flat=True))))


def _with_those_below(ids: set[int], children: Mapping[int, Sequence[int]]) -> set[int]:
    found, queue = set(ids), list(ids)
    while queue:
        fresh = [child for child in children.get(queue.pop(), ()) if child not in found]
        found.update(fresh)
        queue.extend(fresh)
    return found


class Client(models.Model):
    """A company whose invoices are handled."""

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=50, unique=True, help_text=_("Stands in URLs."))
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
        help_text=_("Roles held on the parent count here."),
    )
    creates_counterparties = models.BooleanField(
        _("create unknown counterparties in the ERP"),
        default=False,
        help_text=_("An unknown supplier or customer is created in the ERP before its first invoice."),
    )
    preliminary_patience = models.PositiveIntegerField(
        _("minutes in Integration - preliminary until it counts as stuck"), default=15
    )
    final_patience = models.PositiveIntegerField(
        _("minutes in Integration - final until it counts as stuck"), default=15
    )
    payment_patience = models.PositiveIntegerField(
        _("days in Processing Payment without news until it is shown on the desk"), default=14
    )
    posts_again_by_itself = models.BooleanField(
        _("post again by itself after an outage"),
        default=False,
        help_text=_("What was given up while the ERP was away is sent when it is back, if it was certainly not sent."),
    )
    submits_authorized_ach = models.BooleanField(
        _("submit authorized ACH payments"),
        default=True,
        help_text=_(
            "On: an authorized ACH payment is pushed to the ERP at once, and its invoice is Paid. "
            "Off: only one that succeeded is. Switching it takes nothing back; what may go out by it, goes out with "
            "the next sync."
        ),
    )
    allows_duplicate_numbers = models.BooleanField(
        _("allow duplicate invoice numbers"),
        default=False,
        help_text=_("Receivable invoices of several customers may have the same number; those of one customer never."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = ClientQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(parent=F("pk")), name="client_is_not_its_own_parent"),
        ]

    def __str__(self) -> str:
        return self.name

    def lineage(self) -> list[int]:
        """Return the ids of this client and all its parents."""
        found: list[int] = []
        client: Client | None = self
        while client is not None and client.pk not in found:
            found.append(client.pk)
            client = client.parent
        return found


class RoleGrantQuerySet(models.QuerySet["RoleGrant"]):
    """Questions about roles."""

    def in_force(self) -> Self:
        """Leave out what has ended."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=timezone.now()))


class RoleGrant(models.Model):
    """One person's role on one client; ended by its date, never deleted."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="role_grants", verbose_name=_("person")
    )
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="role_grants", verbose_name=_("client"))
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("granted by"),
    )
    granted_at = models.DateTimeField(_("granted"), auto_now_add=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)

    objects = RoleGrantQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-granted_at", "-pk"]
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        indexes: ClassVar = [models.Index(fields=["user", "role"], name="role_grant_by_user")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_grant_has_known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.client}"

    @property
    def is_in_force(self) -> bool:
        """Whether it counts now."""
        return self.until is None or self.until > timezone.now()


class Counterparty(models.Model):
    """The supplier (payable) or customer (receivable) on an invoice, by the code both sides know."""

    client = models.ForeignKey(
        Client, on_delete=models.PROTECT, related_name="counterparties", verbose_name=_("client")
    )
    direction = models.CharField(_("direction"), max_length=10, choices=Direction.choices)
    code = models.CharField(_("code"), max_length=40, validators=[PRINTABLE])
    name = models.CharField(_("name"), max_length=200, validators=[PRINTABLE])
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    archived_reason = models.CharField(_("why archived"), max_length=500, blank=True, editable=False)
    deleted_in_erp_at = models.DateTimeField(
        _("deleted in the ERP"), null=True, blank=True, editable=False, help_text=_("By its clock.")
    )

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("counterparty")
        verbose_name_plural = _("counterparties")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "direction", "code"], name="counterparty_code_is_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"
