"""The tag of the front page: the desk of the person who is logged in."""

from django import template
from django.http import HttpRequest

from invoices.admin.access import clients_of, person
from invoices.roles import Right
from syncdiag.desk import Desk, Filters, read_desk
from syncdiag.desk_rows import Reader

register = template.Library()


@register.simple_tag(takes_context=True)
def stuck_desk(context: template.Context) -> Desk | None:
    """Return the desk as the address filters it; nothing for a person who sees no invoices."""
    request: HttpRequest = context["request"]
    reader = Reader(person(request).pk, {right: clients_of(request, right) for right in Right})
    return read_desk(reader, Filters.read(request.GET)) if reader.sees else None
