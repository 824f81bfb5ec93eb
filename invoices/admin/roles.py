"""Roles in the admin: who has what; managers grant and revoke within their clients, by the verbs."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from invoices.actions.roles import grant_role, revoke_role
from invoices.admin.access import ClientRowsAdmin, clients_of, http_status, person
from invoices.admin.filters import ClientFilter, FixedFilter
from invoices.errors import BadInput, Refusal
from invoices.forms import GrantForm, ReasonForm, show_refusal
from invoices.models import Client, RoleGrant
from invoices.permissions import person_name
from invoices.roles import Right, Role
from invoices.templatetags.unstuck import moment, pill


class RoleFilter(FixedFilter):
    """By role."""

    title = gettext_lazy("role")
    parameter_name = "role"
    fixed = tuple(Role.choices)


@admin.register(RoleGrant)
class RoleGrantAdmin(ClientRowsAdmin[RoleGrant]):
    """The roles held on the clients that the person may see."""

    list_display = (
        "person_cell",
        "role_cell",
        "client_cell",
        "state_cell",
        "until_cell",
        "granted_cell",
    )
    list_select_related = ("user", "client", "granted_by")
    list_filter = (ClientFilter, RoleFilter)
    search_fields = ("user__username",)
    search_help_text = gettext_lazy("Username or name")
    ordering = ("-granted_at", "-pk")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:  # noqa: ARG002 (Django's signature)
        """Find by the person."""
        found = queryset
        for term in search_term.split():
            found = found.filter(user__in=_named(term))
        return found, False

    def get_urls(self) -> list[URLPattern]:
        """Return our own addresses: a role is granted and revoked, never edited or deleted."""
        view = self.admin_site.admin_view
        return [
            path("", view(self.changelist_view), name="invoices_rolegrant_changelist"),
            path("add/", view(self.add_view), name="invoices_rolegrant_add"),
            path("<int:object_id>/revoke/", view(self.revoke_view), name="invoices_rolegrant_revoke"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the person may grant on any client."""
        return bool(clients_of(request, Right.GRANT_ROLES))

    def get_list_display(self, request: HttpRequest) -> Any:
        """Leave out the revoke links for those who may not revoke."""
        self_pk = person(request).pk
        managed = set(clients_of(request, Right.GRANT_ROLES))

        @admin.display(description="")
        def revoke(grant: RoleGrant) -> SafeString | str:
            if grant.client_id not in managed or not grant.is_in_force or grant.user_id == self_pk:
                return ""
            url = reverse("admin:invoices_rolegrant_revoke", args=[grant.pk])
            text = format_html('{}<span class="visually-hidden">: {}</span>', _("Revoke"), grant)
            return format_html('<a class="button small" href="{}">{}</a>', url, text)

        revoke.__name__ = "revoke_cell"
        return [*self.list_display, revoke] if managed else self.list_display

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show who has what."""
        return super().changelist_view(request, {"title": _("Roles"), **(extra_context or {})})

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",  # noqa: ARG002 (Django's signature)
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 (Django's signature)
    ) -> HttpResponse:
        """Grant a role."""
        clients = clients_of(request, Right.GRANT_ROLES)
        if not clients:
            raise PermissionDenied
        form = GrantForm(request.POST or None, clients=clients)
        status = 200
        if request.method == "POST":
            status = 400
            if form.is_valid() and self._granted(request, form):
                return HttpResponseRedirect(reverse("admin:invoices_rolegrant_changelist"))
        known = User.objects.filter(is_active=True, role_grants__client_id__in=list(clients_of(request))).distinct()
        context = {
            **self.admin_site.each_context(request),
            "title": _("Grant a role"),
            "form": form,
            "people": known.order_by("username")[:200],
        }
        return TemplateResponse(request, "admin/invoices/rolegrant/grant.html", context, status=status)

    def _granted(self, request: HttpRequest, form: GrantForm) -> bool:
        """Call the verb with what was typed; say whether it was done."""
        typed = form.cleaned_data
        user = User.objects.filter(username=typed["username"], is_active=True).first()
        if user is None:
            form.add_error("username", _("Nobody here has this username: an administrator adds people."))
            return False
        client = Client.objects.get(pk=typed["client"])
        try:
            grant = grant_role(
                client, user, typed["role"], by=person(request), until=typed["until"], reason=typed["reason"]
            )
        except BadInput as refusal:
            show_refusal(form, refusal.fields)
            return False
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            return False
        values = {"person": person_name(user), "role": grant.get_role_display(), "client": client}
        messages.success(request, _("%(person)s is now %(role)s of %(client)s.") % values)
        return True

    def revoke_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask whether a role is to end, and end it."""
        grant = self.get_queryset(request).select_related("user", "client").filter(pk=object_id).first()
        if grant is None:
            raise Http404
        form = ReasonForm(request.POST or None)
        status = 200
        if request.method == "POST":
            status = 400
            form = ReasonForm(request.POST)
            if form.is_valid():
                try:
                    revoke_role(grant.pk, by=person(request), reason=form.cleaned_data["reason"])
                except Refusal as refusal:
                    form.add_error(None, str(refusal))
                    status = http_status(refusal)
                else:
                    messages.success(request, _("Revoked: %(grant)s.") % {"grant": grant})
                    return HttpResponseRedirect(reverse("admin:invoices_rolegrant_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Revoke a role"),
            "form": form,
            "grant": grant,
        }
        return TemplateResponse(request, "admin/invoices/rolegrant/revoke.html", context, status=status)

    @admin.display(description=gettext_lazy("person"))
    def person_cell(self, grant: RoleGrant) -> SafeString:
        """Name the person."""
        name, username = person_name(grant.user), grant.user.get_username()
        return format_html('<strong>{}</strong> <span class="sub">{}</span>', name, username)

    @admin.display(description=gettext_lazy("role"))
    def role_cell(self, grant: RoleGrant) -> str:
        """Name the role."""
        return grant.get_role_display()

    @admin.display(description=gettext_lazy("client"))
    def client_cell(self, grant: RoleGrant) -> str:
        """Name the client."""
        return grant.client.name

    @admin.display(description=gettext_lazy("state"))
    def state_cell(self, grant: RoleGrant) -> SafeString:
        """Say whether it counts now."""
        return pill(_("in force"), "good") if grant.is_in_force else pill(_("ended"), "off")

    @admin.display(description=gettext_lazy("until"))
    def until_cell(self, grant: RoleGrant) -> str:
        """Say when it ends."""
        return moment(grant.until) if grant.until else _("until revoked")

    @admin.display(description=gettext_lazy("granted"))
    def granted_cell(self, grant: RoleGrant) -> SafeString:
        """Say when and by whom it was granted."""
        by = person_name(grant.granted_by) if grant.granted_by else "–"
        return format_html('{} <span class="sub">{}</span>', moment(grant.granted_at), by)


def _named(term: str) -> Any:
    by_username = User.objects.filter(username__istartswith=term)
    return (
        by_username
        | User.objects.filter(first_name__istartswith=term)
        | User.objects.filter(last_name__istartswith=term)
    )
