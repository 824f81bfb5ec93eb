"""The page of one message: as it came, the answer given, why, what it changed, and its replay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxmlgate.actions import replay_message, why_not_replay
from cxmlgate.indenting import decode, indent
from cxmlgate.models import GateMessage, Replay
from invoices.admin.access import http_status, person
from invoices.errors import Refusal
from invoices.forms import ReasonForm
from invoices.models import Event, Invoice
from invoices.templatetags.unstuck import pill
from invoices.timeline import ACTIONS

INVOICES_SHOWN: Final = 50
NEIGHBOURS: Final = 10
SLACK: Final = timedelta(seconds=1)  # between the last event of a message and the time taken, which is measured apart


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the event log that a message wrote, with its changes as before → after."""

    event: Event
    title: str
    details: tuple[tuple[str, str], ...]


@require_safe
def show_message(request: HttpRequest, message: GateMessage, site: Mapping[str, Any]) -> HttpResponse:
    """Show a message."""
    invoices = _invoices(message)
    context = {
        **site,
        "title": str(message),
        "message": message,
        "verdict": verdict_pill(message),
        "invoices": invoices,
        "changes": list(changes_of(message, invoices)),
        "text": indent(decode(bytes(message.raw))),
        "answer": indent(message.answer),
        "verdicts": [(row, verdict_pill(row)) for row in _verdicts(message)],
        "replay": Replay.objects.filter(accepted=message).select_related("by").first(),
        "neighbours": [(row, verdict_pill(row)) for row in _neighbours(message, invoices)],
        "why_not": why_not_replay(message, person(request)),
    }
    return TemplateResponse(request, "admin/cxmlgate/gatemessage/page.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def replay(request: HttpRequest, message: GateMessage, site: Mapping[str, Any]) -> HttpResponse:
    """Show what a replay does, or call its verb; a refusal is one sentence over the form."""
    user = person(request)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                done = replay_message(message.pk, by=user, reason=form.cleaned_data["reason"])
            except Refusal as refusal:
                form.add_error(None, str(refusal))
                status = http_status(refusal)
            else:
                messages.success(request, _("Replayed: %(reason)s") % {"reason": done.accepted.reason})
                address = reverse("admin:cxmlgate_gatemessage_change", args=[done.accepted_id])
                return HttpResponseRedirect(address)
    context = {
        **site,
        "title": _("Replay the message"),
        "message": message,
        "verdict": verdict_pill(message),
        "form": form,
        "why_not": why_not_replay(message, user),
    }
    return TemplateResponse(request, "admin/cxmlgate/gatemessage/replay.html", context, status=status)


def verdict_pill(message: GateMessage) -> SafeString:
    """Return code and text, and whether it was a test, as a pill."""
    if message.is_test:
        return pill(_("Test: %(code)s %(text)s") % {"code": message.code, "text": message.text}, "quiet")
    return pill(f"{message.code} {message.text}", "good" if message.is_accepted else "bad")


def changes_of(message: GateMessage, invoices: Iterable[Invoice]) -> Iterable[Change]:
    """Yield what the message changed: the lines of its invoices that name its sender and payloadID.

    A replayed message's lines name it as well. For one that came, the time in which it was judged tells its lines from
    those of another message of the same payloadID.
    """
    if not message.is_accepted:
        return
    of = Replay.objects.filter(accepted=message).values_list("message_id", flat=True).first()
    events = Event.objects.filter(
        invoice__in=list(invoices),
        action__startswith="status_",
        at__gte=message.received_at,
        at__lte=message.received_at + timedelta(milliseconds=message.duration_ms) + SLACK,
    )
    for event in events.select_related("invoice").order_by("pk"):
        said = event.evidence
        if (said.get("source"), said.get("reference")) != (message.sender, message.payload_id):
            continue
        if said.get("replayed_message") == of:
            details = tuple(
                (name, f"{event.before.get(name) or '–'} → {value or '–'}") for name, value in event.after.items()
            )
            yield Change(event, str(ACTIONS.get(event.action, event.action)), details)


def _invoices(message: GateMessage) -> list[Invoice]:
    """Return the invoices that the message named, the first first."""
    first = [message.invoice] if message.invoice else []
    return [*first, *message.other_invoices.order_by("pk")[:INVOICES_SHOWN]]


def _verdicts(message: GateMessage) -> Iterable[GateMessage]:
    """Return every verdict on the same message, the earliest first."""
    rows = GateMessage.objects.filter(digest=message.digest).order_by("pk")
    return rows.defer("raw", "answer").select_related("replayed__by")


def _neighbours(message: GateMessage, invoices: list[Invoice]) -> list[GateMessage]:
    """Return what else was said of the first invoice: some messages before this one, and some after it."""
    if not invoices:
        return []
    about = GateMessage.objects.about(invoices[0]).defer("raw", "answer")
    later = list(about.filter(pk__gt=message.pk).order_by("pk")[:NEIGHBOURS])
    return [*reversed(later), *about.filter(pk__lt=message.pk).order_by("-pk")[:NEIGHBOURS]]
