"""The rows of the desk: what the ERP said, what the desk found, and the one next step for the person who reads it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Max
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from integrations.models import Connection
from invoices.buttons import Button, find_button
from invoices.models import Client, Evidence, Invoice, RoleGrant
from invoices.permissions import person_name
from invoices.roles import Right, roles_with
from invoices.workflow import ERROR_STEPS, MessageState, Step, booking_kind
from syncdiag.classifying import explain_complaint
from syncdiag.stuck import Group

ASK: Final = "ask-handler"


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one next step: a button with its address, or a sentence where there is nothing to press; or both."""

    slug: str = ""
    label: str = ""
    url: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What the desk found when the ERP was asked last: a few words, and when."""

    words: str
    asked_at: datetime
    tone: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the desk."""

    invoice: Invoice
    group: Group
    since: datetime
    said: str  # the ERP's own last words
    meaning: str  # what the catalogue calls them
    found: Found | None
    next: NextStep


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the desk: the clients on which they see invoices, handle the queue, and look up."""

    user_id: int
    sees: Mapping[int, str]
    handles: Collection[int]
    looks_up: Collection[int]

    def may(self, right: Right, client_id: int) -> bool:
        """Say whether they have one of the rights that the desk's buttons need."""
        held = {Right.VIEW: self.sees, Right.HANDLE_QUEUE: self.handles, Right.LOOK_UP: self.looks_up}
        return client_id in held.get(right, ())


def make_rows(
    placed: Sequence[tuple[Group, Invoice]], *, reader: Reader, connections: Mapping[int, Connection]
) -> list[Row]:
    """Return the rows of invoices with their groups; `connections` are by client. Three queries, however many rows."""
    invoices = [invoice for _group, invoice in placed]
    evidence = _latest_evidence(invoices)
    handlers = _handlers(invoice.client_id for invoice in invoices if invoice.client_id not in reader.handles)
    rows = []
    for group, invoice in placed:
        connection = connections.get(invoice.client_id)
        answer = evidence.get(invoice.pk)
        said, meaning = _last_words(invoice, group, connection)
        step = _next_step(invoice, group, answer, connection)
        if step.slug and not reader.may(find_button(step.slug).right, invoice.client_id):
            step = _ask(invoice, find_button(step.slug), handlers.get(invoice.client_id, ""))
        rows.append(Row(invoice, group, getattr(invoice, group.since), said, meaning, _found(answer), step))
    return rows


# what was said and found ----------------------------------------------------------------------------------------------


def _latest_evidence(invoices: Sequence[Invoice]) -> dict[int, Evidence]:
    kinds = {invoice.pk: booking_kind(invoice.step) for invoice in invoices if invoice.step != Step.BOOKED}
    latest = Evidence.objects.filter(invoice__in=kinds).order_by().values("invoice_id", "kind")
    found = Evidence.objects.filter(pk__in=latest.annotate(latest=Max("pk")).values("latest")).select_related(
        "asked_by"
    )
    return {each.invoice_id: each for each in found if each.kind == kinds[each.invoice_id]}


def _last_words(invoice: Invoice, group: Group, connection: Connection | None) -> tuple[str, str]:
    message = invoice.current_message
    if group.slug == "silent" and invoice.news_at is not None:
        return _("No update from the ERP since %(when)s.") % {
            "when": date_format(localtime(invoice.news_at), "j F Y")
        }, ""
    if group.slug == "paused" and connection is not None:
        return connection.last_error or (message.reason if message else ""), ""
    if message is None:
        return "", ""
    if group.slug == "late":
        return _("It booked the invoice after all, under voucher %(voucher)s.") % {"voucher": message.voucher}, ""
    if message.state == MessageState.ABORTED:
        return _("Aborted by a person: %(reason)s") % {"reason": message.reason}, ""
    if not message.complaints or message.state != MessageState.REFUSED:
        return message.reason, ""
    first = message.complaints[0]
    words = " ".join(filter(None, (first.get("message"), first.get("detail"))))
    known = explain_complaint(connection.connector if connection else "", first)
    return words or message.reason, known.entry.title if known else ""


def _found(evidence: Evidence | None) -> Found | None:
    if evidence is None:
        return None
    found = evidence.verdict == Evidence.Verdict.FOUND
    if evidence.is_word:
        who = person_name(evidence.asked_by) if evidence.asked_by else "–"
        template = _("%(who)s saw it there: voucher %(voucher)s") if found else _("%(who)s did not see it there")
        return Found(template % {"who": who, "voucher": evidence.voucher}, evidence.asked_at, "warn")
    if found and evidence.matches > 1:
        return Found(evidence.difference, evidence.asked_at, "bad")
    if found:
        words = _("Found: voucher %(voucher)s") % {"voucher": evidence.voucher}
        if evidence.difference:
            return Found(f"{words}. {evidence.difference}", evidence.asked_at, "bad")
        return Found(words, evidence.asked_at, "good")
    if evidence.verdict == Evidence.Verdict.NOT_FOUND:
        return Found(_("Not in the ERP"), evidence.asked_at, "quiet")
    return Found(_("Could not ask: %(detail)s") % {"detail": evidence.detail}, evidence.asked_at, "warn")


# the next step --------------------------------------------------------------------------------------------------------


def _next_step(invoice: Invoice, group: Group, evidence: Evidence | None, connection: Connection | None) -> NextStep:
    message = invoice.current_message
    if group.slug == "silent":
        page = reverse("admin:invoices_invoice_change", args=[invoice.pk])
        return NextStep(label=_("See what it said"), url=page, sentence=_("Ask there whether the payment was made."))
    if group.slug == "two":
        return _press(invoice, "look-up", sentence=_("Void one of them there, then look it up again."))
    if group.slug == "late" and message is not None:
        return _press(invoice, "skip", label=_("Skip with voucher %(voucher)s") % {"voucher": message.voucher})
    if evidence is not None and evidence.asked_at >= invoice.step_since:
        if evidence.verdict == Evidence.Verdict.FOUND:
            if evidence.difference:
                page = reverse("admin:invoices_invoice_change", args=[invoice.pk])
                return NextStep(label=_("See what differs"), url=page)
            return _press(invoice, "posted-in-erp")
        if evidence.verdict == Evidence.Verdict.NOT_FOUND:
            return _press(invoice, "post-again" if invoice.step in ERROR_STEPS else "not-posted")
    if group.slug == "paused":
        return NextStep(sentence=_when_back(connection))
    was_refused = message is not None and message.state == MessageState.REFUSED
    if group.slug == "validation" or was_refused:
        return _press(invoice, "post-again", sentence=_("Correct it first; the ERP is asked before it is sent."))
    return _press(invoice, "look-up")


def _when_back(connection: Connection | None) -> str:
    if connection is None or not connection.is_enabled:
        return _("It goes out by itself when an Integration manager enables the connection.")
    if connection.needs_credentials:
        return _("It goes out by itself when an Integration manager has entered new credentials.")
    return _("It goes out by itself when the ERP is back.")


def _press(invoice: Invoice, slug: str, *, label: str = "", sentence: str = "") -> NextStep:
    url = reverse("admin:invoices_invoice_press", args=[invoice.pk, slug])
    return NextStep(slug, label or str(find_button(slug).label), url, sentence)


def _ask(invoice: Invoice, button: Button, people: str) -> NextStep:
    template = (
        _("Only a queue handler may: %(button)s. Ask %(people)s.")
        if people
        else _("Only a queue handler may: %(button)s. Nobody is one yet: ask an Integration manager.")
    )
    sentence = template % {"button": button.label, "people": people}
    return _press(invoice, ASK, sentence=sentence) if people else NextStep(sentence=sentence)


def _handlers(client_ids: Iterable[int]) -> dict[int, str]:
    """Return the names of those who may handle each client's queue, by a role there or on a parent."""
    wanted = set(client_ids)
    if not wanted:
        return {}
    parents = dict(Client.objects.order_by().values_list("pk", "parent_id"))
    lineages = {client_id: _lineage(client_id, parents) for client_id in wanted}
    everywhere = {each for lineage in lineages.values() for each in lineage}
    grants = RoleGrant.objects.in_force().filter(
        client_id__in=everywhere, role__in=roles_with(Right.HANDLE_QUEUE), user__is_active=True
    )
    people = {(grant.client_id, person_name(grant.user)) for grant in grants.select_related("user")}
    return {
        client_id: ", ".join(sorted({name for place, name in people if place in lineage}))
        for client_id, lineage in lineages.items()
    }


def _lineage(client_id: int, parents: Mapping[int, int | None]) -> set[int]:
    found: set[int] = set()
    at: int | None = client_id
    while at is not None and at not in found:
        found.add(at)
        at = parents.get(at)
    return found
