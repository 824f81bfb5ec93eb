"""Where is my missing invoice? A page below the list: asks for a client and a number, and walks the article's list.

A GET shows the form, with what a link says filled in; only a POST asks the ERP.
"""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from integrations.models import Connection
from invoices import clock
from invoices.admin.access import clients_of, http_status, person
from invoices.admin.list_pages import ListPage, add_list_page
from invoices.errors import BadInput, Refusal
from invoices.forms import show_refusal
from invoices.models import Client
from invoices.roles import Right
from invoices.workflow import Direction
from syncdiag.answers.missing import find_missing_invoice
from syncdiag.questions import MISSING, MISSING_ASKS
from syncdiag.showing import Shown, show_for
from syncdiag.standing import Standing

TEMPLATE: Final = "syncdiag/missing.html"


class MissingForm(forms.Form):
    """Which invoice is missing."""

    client = forms.TypedChoiceField(label=gettext_lazy("Client"), coerce=int)
    number = forms.CharField(
        label=gettext_lazy("Number"),
        max_length=40,
        help_text=gettext_lazy("As exactly as you know it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    direction = forms.ChoiceField(
        label=gettext_lazy("Direction"),
        choices=[("", gettext_lazy("Either")), *Direction.choices],
        required=False,
    )

    def __init__(self, *args: Any, clients: Mapping[int, str], **kwargs: Any) -> None:
        """Take the clients to choose from, id → name."""
        super().__init__(*args, **kwargs)
        self.fields["client"].choices = list(clients.items())  # type: ignore[attr-defined]  # a choice field has them


@require_http_methods(["GET", "HEAD", "POST"])
def show_missing(request: HttpRequest, site: Mapping[str, Any]) -> HttpResponse:
    """Show the form; a POST looks everywhere and shows what was found, what to do first coming first."""
    clients = clients_of(request)
    initial = {name: request.GET[name] for name in ("client", "number", "direction") if name in request.GET}
    form = MissingForm(request.POST if request.method == "POST" else None, initial=initial, clients=clients)
    rows: list[Shown] = []
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                rows = _look(request, form.cleaned_data)
                status = 200
            except BadInput as refusal:
                show_refusal(form, refusal.fields)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
                status = http_status(refusal)
    context = {
        **site,
        "title": MISSING_ASKS,
        "form": form,
        "rows": rows,
        "number": form.cleaned_data["number"] if rows else "",
        "nobody": "" if clients else _("You have no part in any client, so there is nothing to look for."),
    }
    return TemplateResponse(request, TEMPLATE, context, status=status if clients else 403)


def _look(request: HttpRequest, typed: Mapping[str, Any]) -> list[Shown]:
    user = person(request)
    findings = find_missing_invoice(typed["client"], typed["number"], by=user, direction=typed["direction"])
    client = Client.objects.get(pk=typed["client"])
    connection = Connection.objects.filter(client=client).first()
    return show_for(
        findings,
        None,
        Standing.read(user, client),
        connection_id=connection.pk if connection else None,
        now=clock.now(),
    )


add_list_page(ListPage(MISSING, MISSING_ASKS, Right.VIEW, show_missing))
