"""The guides: what each accounting system says and what to do about it, to read, to search and to print.

Everybody who may enter the admin may read them: they hold nothing of any client.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from invoices.buttons import all_buttons
from syncdiag.catalogue import GENERAL, Entry
from syncdiag.explaining import explain_text
from syncdiag.known import entries_of
from syncdiag.systems import all_systems, name_of

SEARCHED_AT_MOST: Final = 2_000  # characters of an address
FOUND_AT_MOST: Final = 60
KINDS: Final[dict[str, str | Promise]] = {  # in the order in which a guide tells them
    "reference_missing": gettext_lazy("Something named is not there"),
    "reference_inactive": gettext_lazy("Something named is inactive or deleted"),
    "customer_missing": gettext_lazy("Customer or supplier not there"),
    "duplicate_number": gettext_lazy("The number is taken"),
    "period_closed": gettext_lazy("Closed and locked periods"),
    "no_lines": gettext_lazy("No lines"),
    "location_missing": gettext_lazy("Location or dimension missing"),
    "amount": gettext_lazy("Amounts, taxes and rounding"),
    "length": gettext_lazy("Too long"),
    "already_paid": gettext_lazy("Paid already"),
    "stale_version": gettext_lazy("Changed there meanwhile"),
    "not_found": gettext_lazy("Not found"),
    "permission": gettext_lazy("Permissions"),
    "credentials": gettext_lazy("Log-in and credentials"),
    "subscription": gettext_lazy("Subscription"),
    "rate_limited": gettext_lazy("Too many calls"),
    "unavailable": gettext_lazy("Not available"),
    "malformed": gettext_lazy("A message that could not be read"),
    "other": gettext_lazy("Other"),
}
PAGES: Final[dict[str, str | Promise]] = {
    "edit": gettext_lazy("Edit on the invoice's page"),
    "connection": gettext_lazy("The page of the connection"),
    "import": gettext_lazy("Import by number, on the list of invoices"),
    "wait": gettext_lazy("None: it goes out by itself"),
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """The entries of one kind, in the order of the catalogue."""

    kind: str
    title: str
    entries: tuple["Told", ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One entry as a guide tells it: without the values of one error."""

    entry: Entry
    system_name: str
    codes: tuple[str, ...]
    place: str
    retry: str
    button: str


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide on the page of all of them."""

    name: str
    url: str
    count: int


def guide_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the guides below the admin's."""
    return [
        path("guides/", site.admin_view(partial(show_guides, site=site)), name="syncdiag_guides"),
        path("guides/<slug:system>/", site.admin_view(partial(show_guide, site=site)), name="syncdiag_guide"),
    ]


@require_safe
def show_guides(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show which guides there are, or what was searched for in all of them."""
    systems = all_systems()
    asked = _asked(request)
    context = {
        **site.each_context(request),
        "title": _("Guides"),
        "q": asked,
        "guides": [
            Guide(name, reverse("admin:syncdiag_guide", args=[system]), len(entries))
            for system, name in systems.items()
            if (entries := entries_of(system))
        ],
        "found": _found(asked, list(systems)) if asked else None,
        "meant": _meant(asked, "") if asked else None,
    }
    return TemplateResponse(request, "admin/syncdiag/guides/index.html", context)


@require_safe
def show_guide(request: HttpRequest, system: str, site: AdminSite) -> HttpResponse:
    """Show what the catalogue knows of a system's errors, by kind; with ?q= what was searched for."""
    entries = entries_of(system)
    if not entries:
        raise Http404
    asked = _asked(request)
    name = name_of(system)
    context = {
        **site.each_context(request),
        "title": _("Guide: %(system)s") % {"system": name},
        "system": system,
        "system_name": name,
        "is_general": system == GENERAL,
        "q": asked,
        "count": len(entries),
        "chapters": chapters(_matching(asked, entries) if asked else entries),
        "meant": _meant(asked, system) if asked else None,
    }
    return TemplateResponse(request, "admin/syncdiag/guides/guide.html", context)


def chapters(entries: Iterable[Entry]) -> tuple[Chapter, ...]:
    """Return entries by kind, in the order in which a guide tells the kinds."""
    by_kind: dict[str, list[Told]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(told(entry))
    order = [*KINDS, *sorted(by_kind.keys() - KINDS.keys())]
    return tuple(Chapter(kind, kind_title(kind), tuple(by_kind[kind])) for kind in order if kind in by_kind)


def told(entry: Entry) -> Told:
    """Return an entry in the words of a guide."""
    return Told(
        entry,
        name_of(entry.system),
        tuple(sorted(entry.codes)),
        place_text(entry),
        retry_text(entry),
        button_text(entry),
    )


def kind_title(kind: str) -> str:
    """Return what a kind of error is called."""
    return str(KINDS.get(kind) or kind.replace("_", " ").capitalize())


def place_text(entry: Entry) -> str:
    """Say where the fix is made."""
    if entry.fixed_in == "here":
        return _("Here, on the invoice")
    if entry.fixed_in == "connection":
        return _("On the page of the connection")
    if entry.system == GENERAL:
        return _("In the accounting system")
    return _("In %(system)s") % {"system": name_of(entry.system)}


def retry_text(entry: Entry) -> str:
    """Say whether sending again can help."""
    return _("Helps once the steps are done") if entry.retry_helps else _("Does not help")


def button_text(entry: Entry) -> str:
    """Name the button or page that does it; empty where there is none."""
    if entry.button == "edit" and entry.field:
        return _("Edit, the field %(field)s") % {"field": entry.field.replace("_", " ")}
    return button_name(entry.button)


def button_name(slug: str) -> str:
    """Return what a button of the catalogue is called on the pages; empty for none."""
    if slug in PAGES:
        return str(PAGES[slug])
    return next((str(button.label) for button in all_buttons() if button.slug == slug), "")


def _asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:SEARCHED_AT_MOST]


def _found(asked: str, systems: Sequence[str]) -> list[Told]:
    entries = [entry for system in systems for entry in _matching(asked, entries_of(system))]
    return [told(entry) for entry in entries[:FOUND_AT_MOST]]


def _matching(asked: str, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries in which every word stands that was asked for; a code alone must be whole."""
    words = asked.casefold().split()
    return [entry for entry in entries if (text := _text(entry)) and all(word in text for word in words)]


def _text(entry: Entry) -> str:
    parts = (
        entry.title,
        entry.general_cause,
        *entry.general_steps,
        entry.example,
        *entry.codes,
        *(code.lower() for code in entry.codes),
        kind_title(entry.kind),
    )
    return "\n".join(parts).casefold()


def _meant(asked: str, system: str) -> Told | None:
    """Return the entry that knows what was asked for as the text of an error."""
    for error in explain_text(asked, system).errors:
        if error.explanation is not None:
            return told(error.explanation.entry)
    return None
