"""The paste box: paste what a system said, and read what it means. Looking stores nothing."""

from functools import partial
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from invoices.admin.access import http_status, person
from invoices.errors import BadInput, Refusal
from invoices.forms import show_refusal
from syncdiag.actions.unknown import send_unknown
from syncdiag.catalogue import GENERAL
from syncdiag.explaining import Reading, explain_text
from syncdiag.guides import Told, told
from syncdiag.systems import all_systems

PASTED_AT_MOST: Final = 64 * 1024  # bytes
TEMPLATE: Final = "admin/syncdiag/explain.html"


class PasteForm(forms.Form):
    """The text of an error, and whose it is."""

    text = forms.CharField(
        label=gettext_lazy("What the system said"),
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("Words, JSON, XML or a whole page, as it came; at most 64 KiB."),
    )
    system = forms.ChoiceField(label=gettext_lazy("System"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Offer the systems that there are."""
        super().__init__(*args, **kwargs)
        systems = [(system, name) for system, name in all_systems().items() if system != GENERAL]
        self.fields["system"].choices = [("", _("Find out from the text")), *systems]  # type: ignore[attr-defined]

    def clean_text(self) -> str:
        """Refuse what is too long, or only blanks."""
        text: str = self.cleaned_data["text"]
        if not text.strip():
            raise forms.ValidationError(_("Paste the text of an error first."))
        if len(text.encode("utf-8", "replace")) > PASTED_AT_MOST:
            raise forms.ValidationError(_("Paste at most 64 KiB: the part in which the error stands is enough."))
        return text


def paste_urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the paste box below the admin's."""
    return [
        path("explain/", site.admin_view(partial(show_paste, site=site)), name="syncdiag_explain"),
        path("explain/send/", site.admin_view(partial(send_pasted, site=site)), name="syncdiag_explain_send"),
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def show_paste(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the box; a POST shows below it what the text means."""
    initial = {"system": request.GET.get("system", "")}
    form = PasteForm(request.POST if request.method == "POST" else None, initial=initial)
    reading = None
    status = 200
    if request.method == "POST":
        if form.is_valid():
            reading = explain_text(form.cleaned_data["text"], form.cleaned_data["system"])
        else:
            status = 400
    return _page(request, site, form, reading, status)


@require_POST
def send_pasted(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Put what no entry knows onto the list of unknown errors, and say so.

    An invoice's page posts here as well: `text`, `system`, `invoice` and, to come back to it, `next`.
    """
    form = PasteForm(request.POST)
    status = 400
    if form.is_valid():
        text, system = form.cleaned_data["text"], form.cleaned_data["system"]
        code = request.POST.get("code", "")[:200]
        reading = explain_text(text, system, code=code)
        errors = [(error.code or code, error.text) for error in reading.errors] or [(code, text)]
        try:
            sent = send_unknown(errors, reading.system, by=person(request), invoice_id=_invoice_id(request))
        except BadInput as refusal:
            show_refusal(form, refusal.fields)
        except Refusal as refusal:
            form.add_error(None, str(refusal))
            status = http_status(refusal)
        else:
            if sent:
                messages.success(request, _("It is on the list of unknown errors. An administrator adds an entry."))
            else:
                messages.info(request, _("The catalogue knows it by now: nothing was sent."))
            return HttpResponseRedirect(_back(request))
    return _page(request, site, form, None, status)


def _page(request: HttpRequest, site: AdminSite, form: PasteForm, reading: Reading | None, status: int) -> HttpResponse:
    context = {
        **site.each_context(request),
        "title": _("Explain an error"),
        "form": form,
        "reading": reading,
        "errors": [(error, _told(error.explanation)) for error in reading.errors] if reading else [],
    }
    return TemplateResponse(request, TEMPLATE, context, status=status)  # the admin's pages are kept by no cache


def _told(explanation: Any) -> Told | None:
    return told(explanation.entry) if explanation is not None else None


def _invoice_id(request: HttpRequest) -> int | None:
    typed = request.POST.get("invoice", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else None


def _back(request: HttpRequest) -> str:
    asked = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure()):
        return asked
    return reverse("admin:syncdiag_explain")
