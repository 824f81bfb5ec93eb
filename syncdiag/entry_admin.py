"""The list of unknown errors, and the entries that administrators add from it."""

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from invoices.admin.access import ClientRowsAdmin, clients_of, http_status, is_superuser, person
from invoices.admin.filters import FixedFilter
from invoices.errors import BadInput, Refusal
from invoices.forms import show_refusal
from invoices.roles import Right
from invoices.templatetags.unstuck import moment, pill
from syncdiag.actions.entries import checked_entry, export_entries, import_entries, set_entry
from syncdiag.actions.unknown import samples_of
from syncdiag.catalogue import entries_of as entries_of_file
from syncdiag.entry_forms import EntryForm, ImportForm
from syncdiag.guides import kind_title
from syncdiag.meaning import guide_url
from syncdiag.stored import CatalogueEntry, UnknownError, UnknownSighting
from syncdiag.systems import name_of
from syncdiag.trying import suggested_id, suggested_pattern, try_entry

SIGHTINGS_SHOWN: Final = 20
CHANGES_SHOWN: Final = 20


class OpenFilter(FixedFilter):
    """What no entry knows yet, unless the others are asked for."""

    title = gettext_lazy("state")
    parameter_name = "state"
    blank = gettext_lazy("Unknown")
    fixed = (("known", gettext_lazy("Known by now")), ("all", gettext_lazy("All")))

    def chosen(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Leave those that are known by now, or all."""
        return rows.filter(known_at__isnull=False) if value == "known" else rows

    def unchosen(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Leave those that are unknown."""
        return rows.filter(known_at__isnull=True)


@admin.register(UnknownError)
class UnknownErrorAdmin(ClientRowsAdmin[UnknownError]):
    """Errors that no entry knows: to administrators all of them, to Integration managers those of their clients."""

    list_display = ("what_cell", "system_cell", "count_cell", "first_cell", "last_cell", "next_cell")
    list_filter = (OpenFilter,)
    ordering = ("-last_seen_at", "-pk")

    def get_urls(self) -> list[URLPattern]:
        """Return the list, and the page of one."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="syncdiag_unknownerror_changelist"),
            path("<int:object_id>/change/", view(self.page_view), name="syncdiag_unknownerror_change"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnknownError]:
        """Leave what the person may see, counted as far as they may."""
        rows = admin.ModelAdmin.get_queryset(self, request)
        if is_superuser(request):
            return rows
        mine = self._sightings(request).filter(error=OuterRef("pk"))
        counted = mine.order_by().values("error").annotate(sum=Sum("count")).values("sum")
        return rows.filter(Exists(mine)).annotate(my_count=Subquery(counted, output_field=IntegerField()))

    def has_view_permission(self, request: HttpRequest, obj: UnknownError | None = None) -> bool:
        """Whether the person is an administrator, or manages a client's connection (where this was met)."""
        if is_superuser(request):
            return True
        if obj is None:
            return bool(clients_of(request, Right.MANAGE_CONNECTION))
        return self._sightings(request).filter(error=obj).exists()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list."""
        return super().changelist_view(request, {"title": _("Unknown errors"), **(extra_context or {})})

    def page_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Show one of them: how it reads, and where it was met."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(pk=object_id).first()
        if row is None:
            raise Http404
        sightings = self._sightings(request).filter(error=row).select_related("client", "person", "invoice")
        context = {
            **self.admin_site.each_context(request),
            "title": _("Unknown error"),
            "error": row,
            "system_name": name_of(row.system) if row.system else _("Not told"),
            "sightings": sightings[:SIGHTINGS_SHOWN],
            "may_add": is_superuser(request),
        }
        return TemplateResponse(request, "admin/syncdiag/unknownerror/page.html", context)

    def _sightings(self, request: HttpRequest) -> QuerySet[UnknownSighting]:
        rows = UnknownSighting.objects.all()
        if is_superuser(request):
            return rows
        return rows.filter(client_id__in=list(clients_of(request, Right.MANAGE_CONNECTION)))

    @admin.display(description=gettext_lazy("what was said"))
    def what_cell(self, row: UnknownError) -> SafeString:
        """Show code and words, linked to the page."""
        url = reverse("admin:syncdiag_unknownerror_change", args=[row.pk])
        code = format_html("<code>{}</code> ", row.code) if row.code else ""
        return format_html('{}<a class="words" href="{}">{}</a>', code, url, row.words[:300] or row.code)

    @admin.display(description=gettext_lazy("system"))
    def system_cell(self, row: UnknownError) -> str:
        """Name the system."""
        return name_of(row.system) if row.system else "–"

    @admin.display(description=gettext_lazy("how often"))
    def count_cell(self, row: UnknownError) -> int:
        """Count what the person may see."""
        return int(getattr(row, "my_count", row.count))

    @admin.display(description=gettext_lazy("first seen"))
    def first_cell(self, row: UnknownError) -> SafeString | str:
        """Say since when."""
        return moment(row.first_seen_at)

    @admin.display(description=gettext_lazy("last seen"))
    def last_cell(self, row: UnknownError) -> SafeString | str:
        """Say until when."""
        return moment(row.last_seen_at)

    @admin.display(description=gettext_lazy("what to do"))
    def next_cell(self, row: UnknownError) -> SafeString | str:
        """Lead to the form of an entry, or name the entry that knows it."""
        if row.known_at:
            return pill(_("known as %(entry)s") % {"entry": row.known_as}, "good")
        url = reverse("admin:syncdiag_unknownerror_change", args=[row.pk])
        return format_html('<a href="{}">{}</a>', url, _("Look at it"))


@admin.register(CatalogueEntry)
class CatalogueEntryAdmin(ClientRowsAdmin[CatalogueEntry]):
    """The stored entries; administrators add and change them, by the verb alone. Nobody deletes one."""

    change_list_template = "admin/syncdiag/catalogueentry/change_list.html"
    list_display = ("title_cell", "system_cell", "kind_cell", "state_cell", "changed_cell", "who_cell")
    list_select_related = ("changed_by",)
    ordering = ("system", "pk")

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="syncdiag_catalogueentry_changelist"),
            path("add/", view(self.entry_view), name="syncdiag_catalogueentry_add"),
            path("import/", view(self.import_view), name="syncdiag_catalogueentry_import"),
            path("export/<slug:system>/", view(self.export_view), name="syncdiag_catalogueentry_export"),
            path("<int:object_id>/change/", view(self.entry_view), name="syncdiag_catalogueentry_change"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CatalogueEntry]:
        """Return all: they belong to no client."""
        return admin.ModelAdmin.get_queryset(self, request)

    def has_view_permission(self, request: HttpRequest, obj: CatalogueEntry | None = None) -> bool:  # noqa: ARG002 (Django's signature)
        """Whether the person is an administrator; everybody else reads the entries in the guides."""
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the person is an administrator."""
        return is_superuser(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the stored entries, and what can be taken away as a file."""
        systems = CatalogueEntry.objects.in_use().order_by("system").values_list("system", flat=True).distinct()
        context = {"title": _("Entries of the catalogue"), "exports": [(each, name_of(each)) for each in systems]}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def entry_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """Show the form of an entry; a POST tries it, or saves it."""
        if not is_superuser(request):
            raise PermissionDenied
        row = None
        if object_id is not None:
            row = self.get_queryset(request).filter(pk=object_id).first()
            if row is None:
                raise Http404
        initial = EntryForm.values_of(row) if row else self._suggested(request)
        form = EntryForm(request.POST if request.method == "POST" else None, initial=initial)
        for name in ("system", "entry_id") if row else ():
            form.fields[name].disabled = True
        context: dict[str, Any] = {}
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid():
                try:
                    if "try" in request.POST:
                        entry = checked_entry(form.cleaned_data["system"], form.given)
                        context["trial"], status = try_entry(entry), 200
                        replaced = {each.id: each for each in entries_of_file(entry.system)}.get(entry.id)
                        context["replaces"] = replaced.title if replaced else ""
                    else:
                        return self._save(request, form, row)
                except BadInput as refusal:
                    show_refusal(form, refusal.fields)
                except Refusal as refusal:
                    form.add_error(None, str(refusal))
                    status = http_status(refusal)
        kind = ContentType.objects.get_for_model(CatalogueEntry)
        changes = LogEntry.objects.filter(content_type=kind, object_id=str(object_id)).select_related("user")
        context = {
            **self.admin_site.each_context(request),
            "title": row.title if row else _("Add an entry"),
            "form": form,
            "row": row,
            "revision": request.POST.get("revision", row.revision if row else ""),
            "changes": changes.order_by("-pk")[:CHANGES_SHOWN] if row else [],
            **context,
        }
        return TemplateResponse(request, "admin/syncdiag/catalogueentry/form.html", context, status=status)

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take the entries of a file."""
        if not is_superuser(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        status = 400 if request.method == "POST" else 200
        if request.method == "POST" and form.is_valid():
            typed = form.cleaned_data
            try:
                added, changed = import_entries(typed["system"], typed["file"], by=person(request))
            except BadInput as refusal:
                show_refusal(form, refusal.fields)
            else:
                values = {"added": added, "changed": changed}
                messages.success(request, _("Imported: %(added)s added, %(changed)s changed.") % values)
                return HttpResponseRedirect(reverse("admin:syncdiag_catalogueentry_changelist"))
        context = {**self.admin_site.each_context(request), "title": _("Import entries"), "form": form}
        return TemplateResponse(request, "admin/syncdiag/catalogueentry/import.html", context, status=status)

    def export_view(self, request: HttpRequest, system: str) -> HttpResponse:
        """Give a system's stored entries as a file."""
        if not is_superuser(request):
            raise PermissionDenied
        response = HttpResponse(export_entries(system, by=person(request)), content_type="application/toml")
        response["Content-Disposition"] = f'attachment; filename="{system}.toml"'
        return response

    def _suggested(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the form begins with for an unknown error."""
        typed = request.GET.get("unknown", "")
        known = typed.isascii() and typed.isdigit() and len(typed) < 19
        error = UnknownError.objects.filter(pk=int(typed)).first() if known else None
        if error is None:
            return {"kind": "other"}
        pattern = suggested_pattern(error.words)
        return {
            "system": error.system or "general",
            "entry_id": suggested_id(error.words, error.code),
            "kind": "other",
            "codes": [error.code] if error.code else [],
            "patterns": [pattern] if pattern else [],
            "example": samples_of([error.pk]).get(error.pk, "")[:2000],
        }

    def _save(self, request: HttpRequest, form: EntryForm, row: CatalogueEntry | None) -> HttpResponse:
        revision = request.POST.get("revision", "")
        before = UnknownError.objects.open().count()
        saved = set_entry(
            form.cleaned_data["system"],
            form.given,
            by=person(request),
            entry_pk=row.pk if row else None,
            is_enabled=form.cleaned_data["is_enabled"],
            revision=int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else None,
        )
        known = max(0, before - UnknownError.objects.open().count())
        text = ngettext(
            "“%(title)s” is saved. It knows %(count)d unknown error, which left the list.",
            "“%(title)s” is saved. It knows %(count)d unknown errors, which left the list.",
            known,
        )
        messages.success(request, text % {"title": saved.title, "count": known} if known else _("The entry is saved."))
        return HttpResponseRedirect(reverse("admin:syncdiag_catalogueentry_changelist"))

    @admin.display(description=gettext_lazy("title"))
    def title_cell(self, row: CatalogueEntry) -> SafeString:
        """Show the title, linked to the form."""
        url = reverse("admin:syncdiag_catalogueentry_change", args=[row.pk])
        return format_html('<a href="{}">{}</a> <span class="sub">{}</span>', url, row.title, row.entry_id)

    @admin.display(description=gettext_lazy("system"))
    def system_cell(self, row: CatalogueEntry) -> SafeString:
        """Name the system, linked to the entry in its guide."""
        return format_html('<a href="{}">{}</a>', guide_url(row.system, row.entry_id), name_of(row.system))

    @admin.display(description=gettext_lazy("kind"))
    def kind_cell(self, row: CatalogueEntry) -> str:
        """Name the kind."""
        return kind_title(row.kind)

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, row: CatalogueEntry) -> SafeString:
        """Say whether it is asked."""
        return pill(_("switched on"), "good") if row.is_enabled else pill(_("switched off"), "off")

    @admin.display(description=gettext_lazy("changed"))
    def changed_cell(self, row: CatalogueEntry) -> SafeString | str:
        """Say when it was changed last."""
        return moment(row.changed_at)

    @admin.display(description=gettext_lazy("by"))
    def who_cell(self, row: CatalogueEntry) -> str:
        """Say who changed it last."""
        return row.changed_by.get_full_name() or row.changed_by.get_username()
