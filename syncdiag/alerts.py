"""The words about an alert: one sentence, what to do, and where. For the pages, the mails and the webhooks."""

from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncdiag.models import Alert, Cause


def sentence(alert: Alert) -> str:
    """Say what goes on, or went on, in one sentence; the client's name is no part of it."""
    values = {"count": alert.count, **alert.facts}
    if alert.is_over:
        return _sentence_at_the_end(alert) % values
    if alert.cause == Cause.OVERDUE:
        text = ngettext(
            "%(count)d invoice waits for the ERP longer than it should.",
            "%(count)d invoices wait for the ERP longer than they should.",
            alert.count,
        )
    elif alert.cause == Cause.BREAKER_OPEN:
        text = _("%(system)s cannot be reached, so the queue is paused. It said: %(error)s")
    elif alert.cause == Cause.CREDENTIALS:
        text = _("%(system)s refused our credentials, so nothing goes out.")
    elif alert.cause == Cause.DELETIONS:
        text = _("Many invoices are gone in %(system)s at once, so nothing was archived here.")
    else:
        text = _("“%(title)s” came from %(system)s %(count)d times within an hour.")
    return text % values


def _sentence_at_the_end(alert: Alert) -> str:
    return {
        Cause.OVERDUE: _("No invoice waits for the ERP longer than it should any more."),
        Cause.BREAKER_OPEN: _("%(system)s answers again, and what waited goes out by itself."),
        Cause.CREDENTIALS: _("%(system)s has new credentials, and what waited goes out by itself."),
        Cause.GROWING: _("“%(title)s” hardly comes from %(system)s any more."),
        Cause.DELETIONS: _("The many deletions in %(system)s were decided on."),
    }[Cause(alert.cause)]


def next_step(alert: Alert) -> str:
    """Say what to do about it."""
    return {
        Cause.OVERDUE: _("Look the oldest ones up in the ERP, then go on as it says."),
        Cause.BREAKER_OPEN: _(
            "What waits goes out by itself when it answers again. If it stays away, ask the ERP's people."
        ),
        Cause.CREDENTIALS: _("An Integration manager enters new ones on the connection."),
        Cause.GROWING: _("Correct what the invoices in error say, then post them again."),
        Cause.DELETIONS: _("Look there whether that is meant; an Integration manager may archive them all the same."),
    }[Cause(alert.cause)]


def link(alert: Alert) -> str:
    """Return the whole address of the page where something can be done about it, for mails and webhooks."""
    return f"{settings.SITE_URL}{page_of(alert)}"


def page_of(alert: Alert) -> str:
    """Return that page's address within the site."""
    if alert.cause in (Cause.OVERDUE, Cause.GROWING):
        group = "waiting" if alert.cause == Cause.OVERDUE else "error"
        query = urlencode({"desk": group, "client": alert.client_id})
        return f"{reverse('admin:invoices_invoice_changelist')}?{query}"
    return reverse("admin:integrations_connection_change", args=[alert.facts["connection"]])
