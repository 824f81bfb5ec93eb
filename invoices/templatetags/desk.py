"""Tags of the front page: what there is to approve, and whom to ask for a first role."""

from django import template
from django.contrib.auth.models import User
from django.http import HttpRequest

from invoices.admin.access import clients_of
from invoices.admin.desk import Counted, count_to_approve
from invoices.admin.notices import Notice, notices
from invoices.permissions import person_name
from invoices.roles import Right

register = template.Library()


@register.simple_tag(takes_context=True)
def to_approve(context: template.Context) -> Counted | None:
    """Return what waits for approval within the clients where the person approves; nothing where they do not."""
    request: HttpRequest = context["request"]
    clients = clients_of(request, Right.APPROVE)
    return count_to_approve(clients) if clients else None


@register.simple_tag(takes_context=True)
def front_notices(context: template.Context) -> list[Notice]:
    """Return what other rooms have to tell on the front page."""
    return notices(context["request"])


@register.simple_tag
def administrators() -> str:
    """Return the names of the people who can give somebody a first role."""
    people = User.objects.filter(is_superuser=True, is_active=True).order_by("username")[:3]
    return ", ".join(person_name(user) for user in people)
