"""Clients and counterparties in the admin: superusers change clients, integration managers their preferences."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from invoices.actions.archiving import restore_party
from invoices.actions.preferences import AT_MOST, PREFERENCES, change_preferences
from invoices.admin.access import ClientRowsAdmin, clients_of, http_status, is_superuser, person
from invoices.admin.filters import ArchivedFilter, ClientFilter, DirectionFilter
from invoices.errors import Refusal
from invoices.events import record_for_client
from invoices.models import Client, Counterparty
from invoices.roles import Right

FOLLOWED = ("name", "slug", "parent_id", "creates_counterparties")
FOLLOWED_FIELDS = ("name", "slug", "parent", "creates_counterparties")


class ClientForm(ModelForm[Client]):
    """A client; its parent must not stand below it."""

    class Meta:
        model = Client
        fields = (*FOLLOWED_FIELDS, *PREFERENCES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, most in AT_MOST.items():
            if name in self.fields:
                self.fields[name] = forms.IntegerField(
                    min_value=1, max_value=most, label=self.fields[name].label, initial=self.fields[name].initial
                )

    def clean_parent(self) -> Client | None:
        """Refuse a circle."""
        parent: Client | None = self.cleaned_data["parent"]
        if parent is not None and self.instance.pk is not None and self.instance.pk in parent.lineage():
            raise forms.ValidationError(_("This client stands below the one that you edit: choose another parent."))
        return parent


@admin.register(Client)
class ClientAdmin(ClientRowsAdmin[Client]):
    """The clients that the person may see; what its integration managers may change of one are its preferences."""

    client_path = "pk"
    form = ClientForm
    list_display = ("name_link", "slug", "parent_name", "creates", "invoices_link")
    list_select_related = ("parent",)
    search_fields = ("name", "slug")
    fields = (*FOLLOWED_FIELDS, *PREFERENCES, "created_at")
    readonly_fields = ("created_at",)
    ordering = ("name", "pk")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers add clients."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Client | None = None) -> bool:
        """Superusers change clients, integration managers their own clients' preferences."""
        managed = clients_of(request, Right.MANAGE_CONNECTION)
        return is_superuser(request) or (bool(managed) if obj is None else obj.pk in managed)

    def get_readonly_fields(self, request: HttpRequest, obj: Client | None = None) -> tuple[str, ...]:  # noqa: ARG002 (Django's signature)
        """Leave what makes a client to superusers."""
        return self.readonly_fields if is_superuser(request) else (*FOLLOWED_FIELDS, *self.readonly_fields)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer the clients as plain choices: there is no pop-up for adding one on the way."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save the form; what the verb refuses is said over the form as it is now, and nothing is saved."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Client, form: Any, change: bool) -> None:  # noqa: FBT001 (Django's)
        """Save the client together with its line in the event log; the preferences by their verb."""
        with transaction.atomic():
            if change:
                wanted = {name: form.cleaned_data[name] for name in PREFERENCES}
                change_preferences(obj.pk, by=person(request), **wanted)
            if not is_superuser(request):
                return
            before = {}
            if change:
                known = Client.objects.select_for_update().get(pk=obj.pk)
                before = {name: getattr(known, name) for name in FOLLOWED}
            super().save_model(request, obj, form, change)
            after = {name: getattr(obj, name) for name in FOLLOWED}
            changed = [name for name in FOLLOWED if before.get(name) != after[name]] if change else list(FOLLOWED)
            if changed:
                record_for_client(
                    obj,
                    "edit_client" if change else "add_client",
                    by=person(request),
                    before={name: before[name] for name in changed if name in before},
                    after={name: after[name] for name in changed},
                )

    @admin.display(description=_("name"))
    def name_link(self, client: Client) -> SafeString:
        """Link to the client's page."""
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:invoices_client_change", args=[client.pk]), client.name
        )

    @admin.display(description=_("parent"))
    def parent_name(self, client: Client) -> str:
        """Name the parent."""
        return client.parent.name if client.parent else "–"

    @admin.display(description=_("unknown counterparties"))
    def creates(self, client: Client) -> str:
        """Say what happens to an unknown counterparty."""
        return str(_("created in the ERP") if client.creates_counterparties else _("refused"))

    @admin.display(description=_("invoices"))
    def invoices_link(self, client: Client) -> SafeString:
        """Link to the client's invoices."""
        url = reverse("admin:invoices_invoice_changelist")
        return format_html('<a href="{}?client={}">{}</a>', url, client.pk, _("Show"))


@admin.register(Counterparty)
class CounterpartyAdmin(ClientRowsAdmin[Counterparty]):
    """The counterparties of the clients that the person may see; they come with the invoices."""

    list_display = ("code_cell", "name_cell", "direction_cell", "client_cell", "archived_cell", "invoices_link")
    list_select_related = ("client",)
    list_filter = (ClientFilter, DirectionFilter, ArchivedFilter)
    search_fields = ("name", "code")
    search_help_text = _("Name or code")
    ordering = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        """Return the list, and where an archived one is restored."""
        restore = path(
            "<int:object_id>/restore/",
            self.admin_site.admin_view(self.restore_view),
            name="invoices_counterparty_restore",
        )
        return [restore, *(url for url in super().get_urls() if url.name == "invoices_counterparty_changelist")]

    def restore_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask why, and take a counterparty out of the archive."""
        party = self.get_queryset(request).filter(pk=object_id).first()
        if party is None:
            raise Http404
        context = {**self.admin_site.each_context(request), "title": _("Restore %s") % party, "party": party}
        status = 200
        if request.method == "POST":
            try:
                restore_party(party.pk, by=person(request), reason=request.POST.get("reason", ""))
            except Refusal as refusal:
                context["refusal"], status = refusal, http_status(refusal)
            else:
                messages.success(request, _("Restored."))
                return HttpResponseRedirect(reverse("admin:invoices_counterparty_changelist"))
        return TemplateResponse(request, "admin/invoices/counterparty/restore.html", context, status=status)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002 (Django's signature)
        queryset: QuerySet[Counterparty],
        search_term: str,
    ) -> tuple[QuerySet[Counterparty], bool]:
        """Find by name or code."""
        term = search_term.strip()
        if not term:
            return queryset, False
        by_name = queryset.filter(name__icontains=term)
        return by_name | queryset.filter(code__istartswith=term), False

    @admin.display(description=_("code"))
    def code_cell(self, party: Counterparty) -> str:
        """Show the code."""
        return party.code

    @admin.display(description=_("name"))
    def name_cell(self, party: Counterparty) -> str:
        """Show the name."""
        return party.name

    @admin.display(description=_("direction"))
    def direction_cell(self, party: Counterparty) -> str:
        """Show whether it is a supplier or a customer."""
        return party.get_direction_display()

    @admin.display(description=_("client"))
    def client_cell(self, party: Counterparty) -> str:
        """Show the client."""
        return party.client.name

    @admin.display(description=_("archived"))
    def archived_cell(self, party: Counterparty) -> SafeString | str:
        """Say when and why it was archived, and lead to where it is restored."""
        if party.archived_at is None:
            return "–"
        url = reverse("admin:invoices_counterparty_restore", args=[party.pk])
        return format_html('{} <a href="{}">{}</a>', party.archived_reason, url, _("Restore"))

    @admin.display(description=_("invoices"))
    def invoices_link(self, party: Counterparty) -> SafeString:
        """Link to the counterparty's invoices."""
        url = reverse("admin:invoices_invoice_changelist", query={"q": party.code, "archived": "all"})
        return format_html('<a href="{}">{}</a>', url, _("Show"))
