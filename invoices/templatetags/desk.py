"""Tags of the front page: the desk's groups, and whom to ask for a first role."""

from django import template
from django.contrib.auth.models import User
from django.http import HttpRequest

from invoices.admin.access import clients_of
from invoices.admin.desk import Counted, count_groups
from invoices.permissions import person_name

register = template.Library()


@register.simple_tag(takes_context=True)
def desk_groups(context: template.Context) -> list[Counted]:
    """Return the groups of the desk with their first rows, within the person's clients."""
    request: HttpRequest = context["request"]
    return count_groups(clients_of(request), with_rows=True) if clients_of(request) else []


@register.simple_tag
def administrators() -> str:
    """Return the names of the people who can give somebody a first role."""
    people = User.objects.filter(is_superuser=True, is_active=True).order_by("username")[:3]
    return ", ".join(person_name(user) for user in people)
