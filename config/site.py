"""The admin site: the stock one, under our name, with our front page and log-in."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.db.models import Model
from django.db.models.base import ModelBase
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

# Their own pages let anyone with a model permission read tokens or lift lock-outs; the queue's are in config.admin.
NEVER_SHOWN: Final = frozenset({"authtoken", "axes"})
DEMO_ACCOUNTS: Final = (
    ("clerk", _("Finance staff of Acme")),
    ("clerk2", _("Finance staff of Acme: approves what clerk handed in")),
    ("handler", _("Integration queue handler of Acme")),
    ("manager", _("Integration manager of Acme")),
    ("auditor", _("Auditor of Acme: reads")),
    ("root", _("Superuser")),
    ("stranger", _("Finance staff of Globex alone")),
)


ROOMS: Final = ("invoices", "syncdiag", "integrations", "cxmlgate")
PAGES: Final = (
    "Invoice",
    "Counterparty",
    "Event",
    "RoleGrant",
    "Client",
    "Issue",
    "Alert",
    "Webhook",
    "WebhookDelivery",
    "SyncRun",
    "BulkRun",
    "Connection",
)


def _place(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


class UnstuckAdminSite(AdminSite):
    """The desk's front page and everything behind it."""

    site_header = _("Unstuck")
    site_title = _("Unstuck")
    index_title = _("The desk")
    enable_nav_sidebar = False
    site_url = None
    empty_value_display = "–"

    def register(
        self, model_or_iterable: type[Model] | Iterable[type[Model]], admin_class: Any = None, **options: Any
    ) -> None:
        """Register models, but for those whose stock pages must not be reached."""
        models = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else list(model_or_iterable)
        shown = [model for model in models if model._meta.app_label not in NEVER_SHOWN]
        super().register(shown, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the rooms in the order in which people work in them; rooms of one name stand together."""
        found: dict[str, Any] = {}
        for app in sorted(super().get_app_list(request, app_label), key=lambda app: _place(ROOMS, app["app_label"])):
            known = found.setdefault(str(app["name"]), {**app, "models": []})
            known["models"] += app["models"]
        for app in found.values():
            app["models"].sort(key=lambda model: _place(PAGES, model["object_name"]))
        return list(found.values())

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the log-in page; the demo's lists its accounts."""
        demo = {"demo_accounts": DEMO_ACCOUNTS} if settings.MODE == "demo" else {}
        return super().login(request, {**demo, **(extra_context or {})})


class UnstuckAdminConfig(AdminConfig):
    """Makes every `@admin.register` use our site."""

    default_site = "config.site.UnstuckAdminSite"
