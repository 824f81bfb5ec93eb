"""Who sees what in the admin: rights on clients decide, Django's model permissions never do."""

from typing import Any, ClassVar, TypeVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern

from invoices.admin.paging import CappedPaginator
from invoices.errors import BadInput, NotAllowed, NotThere, Refusal
from invoices.models import Client
from invoices.roles import Right

Row = TypeVar("Row", bound=Model)


def person(request: HttpRequest) -> User:
    """Return who is logged in; raises PermissionDenied for nobody."""
    if isinstance(request.user, User):
        return request.user
    raise PermissionDenied


def clients_of(request: HttpRequest, right: Right = Right.VIEW) -> dict[int, str]:
    """Return the clients on which the person has `right`, id → name, by name; asked once a request, for all rights."""
    known: dict[Right, dict[int, str]] | None = request.__dict__.get("_unstuck_clients")
    if known is None:
        known = request.__dict__["_unstuck_clients"] = Client.objects.by_right(request.user)
    return known[right]


def http_status(refusal: Refusal) -> int:
    """Return the status of the page that shows a refusal."""
    statuses: dict[type[Refusal], int] = {BadInput: 400, NotAllowed: 403, NotThere: 404}
    return statuses.get(type(refusal), 409)


def is_superuser(request: HttpRequest) -> bool:
    """Say whether a superuser is logged in."""
    return request.user.is_active and request.user.is_superuser


class CappedChangeList(ChangeList):
    """A list that goes on behind the cap of its count, by the key of the last row that was shown."""

    @property
    def older_url(self) -> str:
        """Where the list goes on; empty while it can be paged through, and for lists in another order."""
        goes_on = getattr(self.paginator, "is_capped", False) and self.page_num == self.paginator.num_pages
        rows = list(self.result_list)
        if not goes_on or not rows or set(self.queryset.query.order_by) != {"-pk"}:
            return ""
        return str(self.get_query_string({"before": rows[-1].pk}))


class ClientRowsAdmin(admin.ModelAdmin[Row]):
    """A read-only list and page of rows that belong to a client; shows only those whose client the person may see.

    `client_path` leads from the row to the client's id.
    """

    client_path: ClassVar[str] = "client_id"
    actions = None
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 50
    list_max_show_all = 0
    sortable_by: ClassVar[Any] = ()
    list_display_links = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Leave only rows of clients that the person may see."""
        rows = super().get_queryset(request)
        return rows.filter(**{f"{self.client_path}__in": list(clients_of(request))})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002 (Django's signature)
        """Return the list that knows how to go on."""
        return CappedChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Allow the filters of the list, and no look-up typed into the address."""
        return lookup in {getattr(each, "parameter_name", None) for each in self.list_filter or ()}

    def get_urls(self) -> list[URLPattern]:
        """Leave out the addresses for deleting and for Django's own history."""
        return [url for url in super().get_urls() if not str(url.name).endswith(("_delete", "_history"))]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the person sees anything here."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Whether the person may see the row's client, or any client at all."""
        return bool(clients_of(request)) if obj is None else self.client_id_of(obj) in clients_of(request)

    def client_id_of(self, row: Row) -> int:
        """Return the id of the client to which a row belongs."""
        found: Any = row
        for name in self.client_path.split("__"):
            found = getattr(found, name)
        return int(found)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody changes rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Nobody deletes."""
        return False
