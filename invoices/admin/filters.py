"""Filters of the lists: fixed choices, so that no page asks the database what there is to choose from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.admin.access import clients_of
from invoices.admin.desk import GROUPS
from invoices.workflow import INTEGRATION_STEPS, OPEN_MESSAGE_STATES, Direction, MessageState, Status, Step

Choices = Iterable[tuple[str, str | Promise]]


class FixedFilter(admin.SimpleListFilter):
    """A filter with fixed choices, drawn as a menu; `blank` is what the empty choice says."""

    blank: ClassVar[str | Promise] = _("All")
    is_menu: ClassVar[bool] = True
    fixed: ClassVar[Sequence[tuple[str, str | Promise]]] = ()

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002 (Django's signature)
        """Return the choices."""
        return list(self.fixed)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Return what can be chosen, as links; the first one chooses nothing."""
        for choice in super().choices(changelist):
            yield choice if choice["query_string"] != self._nothing(changelist) else {**choice, "display": self.blank}

    def _nothing(self, changelist: ChangeList) -> str:
        return changelist.get_query_string(remove=[str(self.parameter_name)])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002 (Django's signature)
        """Filter by the choice; nothing chosen, or nothing known, filters as `unchosen` says."""
        value = self.value()
        if value and value in {str(key) for key, _label in self.lookup_choices}:
            return self.chosen(queryset, value)
        return self.unchosen(queryset)

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Filter by a field named like the parameter."""
        return rows.filter(**{str(self.parameter_name): value})

    def unchosen(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by nothing."""
        return rows


class DeskFilter(FixedFilter):
    """The groups of the desk, drawn as tabs with counts."""

    title = _("desk")
    parameter_name = "desk"
    is_menu = False
    fixed = tuple((group.slug, group.title) for group in GROUPS)

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the group, longest waiting first."""
        group = next(group for group in GROUPS if group.slug == value)
        return group.only(rows)


class StepFilter(FixedFilter):
    """By step."""

    title = _("step")
    parameter_name = "step"
    fixed = tuple(Step.choices)


class StatusFilter(FixedFilter):
    """By status after booking."""

    title = _("status")
    parameter_name = "status"
    fixed = tuple((value, label) for value, label in Status.choices if value)


class DirectionFilter(FixedFilter):
    """By direction."""

    title = _("direction")
    parameter_name = "direction"
    fixed = tuple(Direction.choices)


class MessageFilter(FixedFilter):
    """By the state of the message that the invoice is about now."""

    title = _("message")
    parameter_name = "message"
    fixed = tuple(MessageState.choices)

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Filter by the current message; an open one is only found in the integration steps, which an index finds."""
        if value in OPEN_MESSAGE_STATES:
            rows = rows.filter(step__in=INTEGRATION_STEPS)
        return rows.filter(current_message__state=value)


class ArchivedFilter(FixedFilter):
    """Archived invoices are left out until they are asked for."""

    title = _("archived")
    parameter_name = "archived"
    blank = _("No")
    fixed = (("yes", _("Yes")), ("all", _("All")))

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the archived ones, or all."""
        return rows.filter(archived_at__isnull=False) if value == "yes" else rows

    def unchosen(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Leave out the archived ones."""
        return rows.filter(archived_at__isnull=True)


class BalanceFilter(FixedFilter):
    """By whether the balance is another one in the ERP; a partial index finds those."""

    title = _("balance")
    parameter_name = "balance"
    fixed = (("differs", _("Differs in the ERP")),)

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:  # noqa: ARG002 (there is one choice)
        """Leave those that differ."""
        return rows.filter(differs_in_erp=True)


class ClientFilter(FixedFilter):
    """By client, among those that the person may see."""

    title = _("client")
    parameter_name = "client"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002 (Django's signature)
        """Return the person's clients; one alone is no choice."""
        clients = clients_of(request)
        return [(str(pk), name) for pk, name in clients.items()] if len(clients) > 1 else []

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the client's rows."""
        return rows.filter(client_id=int(value))


class BeforeFilter(FixedFilter):
    """Rows older than one: how the list goes on behind the cap of its count."""

    title = _("older than")
    parameter_name = "before"
    is_menu = False

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> list[tuple[str, Any]]:  # noqa: ARG002 (Django's signature)
        """Offer nothing; it is there while it is in the address."""
        value = self.value() or ""
        return [(value, value)] if value.isascii() and value.isdigit() and len(value) < 19 else []

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave the older rows."""
        return rows.filter(pk__lt=int(value))
