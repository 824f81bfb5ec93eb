"""Handing out an invoice's PDF: always as a file to be saved, since its bytes are another system's."""

import re

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from invoices.models import Invoice, InvoicePdf


@require_safe
def download(request: HttpRequest, invoice: Invoice) -> HttpResponseBase:
    """Answer the PDF; raises Http404 where none was ever fetched. The caller has checked who may see the invoice."""
    kept = InvoicePdf.objects.filter(invoice=invoice).exclude(file="").first()
    if kept is None:
        raise Http404
    try:
        content = kept.file.open("rb")
    except FileNotFoundError:
        messages.error(request, _("The file is not in the storage any more: press Re-sync to fetch it again."))
        return HttpResponseRedirect(reverse("admin:invoices_invoice_change", args=[invoice.pk]))
    name = re.sub(r"[^\w.-]+", "-", invoice.number).strip("-.") or str(invoice.pk)
    answer = FileResponse(content, as_attachment=True, filename=f"{name}.pdf", content_type="application/pdf")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, no-store"
    return answer
