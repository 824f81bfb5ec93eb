"""The admin site: the stock one, under our name."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class UnstuckAdminSite(AdminSite):
    """The desk's front page and everything behind it."""

    site_header = _("Unstuck")
    site_title = _("Unstuck")
    index_title = _("The desk")
    enable_nav_sidebar = False


class UnstuckAdminConfig(AdminConfig):
    """Makes every `@admin.register` use our site."""

    default_site = "config.site.UnstuckAdminSite"
