"""Pages that rooms above add to the list of invoices; each has its button on the list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from invoices.admin.access import clients_of
from invoices.roles import Right, Role, roles_with


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page below the list's address; `show` gets the request and what every page of the site needs."""

    slug: str
    label: str | Promise
    right: Right
    show: Callable[[HttpRequest, Mapping[str, Any]], HttpResponse]


_pages: Final[dict[str, ListPage]] = {}


def add_list_page(page: ListPage) -> None:
    """Add a page; called when the process starts."""
    _pages[page.slug] = page


def find_list_page(slug: str) -> ListPage | None:
    """Return the page of this name."""
    return _pages.get(slug)


@dataclass(frozen=True, slots=True)
class ListButton:
    """A button of the list; `why_not` says why it does not work for this person."""

    label: str | Promise
    url: str
    why_not: str


def list_buttons(request: HttpRequest) -> list[ListButton]:
    """Return a button for each page."""
    return [
        ListButton(
            page.label,
            reverse("admin:invoices_invoice_list_page", args=[page.slug]),
            "" if clients_of(request, page.right) else _who_may(page.right),
        )
        for page in _pages.values()
    ]


def _who_may(right: Right) -> str:
    roles = get_text_list([str(Role(role).label) for role in roles_with(right)], _("or"))
    return _("Only %(roles)s may do this.") % {"roles": roles}
