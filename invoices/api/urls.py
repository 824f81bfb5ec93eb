"""Which address under /api/v1/ leads to which door.

What rooms above put under /api/v1/ (a diagnosis, say) is included before this: the last line answers all the rest.
"""

from typing import Any

from django.urls import path, re_path, register_converter
from django.urls.converters import SlugConverter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from invoices.api import payments, views
from invoices.buttons import find_button
from invoices.errors import NotThere


class ButtonConverter(SlugConverter):
    """Matches the buttons that are there when the request comes in."""

    def to_python(self, value: str) -> str:
        """Return the button's name; raises ValueError, which means that the address does not match."""
        try:
            return find_button(value).slug
        except NotThere as exc:
            raise ValueError(value) from exc


register_converter(ButtonConverter, "button")

urlpatterns: list[Any] = [
    path("token/", views.TokenDoor.as_view(), name="api-token"),
    path("invoices/", views.Invoices.as_view(), name="api-invoices"),
    path("invoices/<int:invoice_id>/", views.OneInvoice.as_view(), name="api-invoice"),
    path("invoices/<int:invoice_id>/events/", views.InvoiceEvents.as_view(), name="api-invoice-events"),
    path("invoices/<int:invoice_id>/payments/", payments.Payments.as_view(), name="api-payments"),
    path(
        "invoices/<int:invoice_id>/payments/<int:payment_id>/<slug:button>/",
        payments.PressPaymentButton.as_view(),
        name="api-press-payment",
    ),
    path("invoices/<int:invoice_id>/<button:button>/", views.PressButton.as_view(), name="api-press"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    re_path(r"", views.NothingHere.as_view(), name="api-nothing"),
]
