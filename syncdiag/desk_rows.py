"""The rows of the desk: what the ERP said, what the desk found, and the one next step for the person who reads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.db.models import Max
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from integrations.models import Connection
from invoices.buttons import Button, find_button
from invoices.models import Client, Evidence, IntegrationMessage, Invoice, RoleGrant
from invoices.permissions import person_name
from invoices.roles import Right, roles_with
from invoices.workflow import ERROR_STEPS, MessageState, Step, booking_kind
from syncdiag.answers.refusals import POST_AGAIN, explain_refusal
from syncdiag.classifying import explain_complaint, words_of
from syncdiag.next_steps import NextStep, next_step_of
from syncdiag.stuck import Group
from syncdiag.stuck_payments import Stop, read_stops

ASK: Final = "ask-handler"
PAYMENT: Final = "payment"  # the group of booked invoices of which a payment needs a person


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
    """Who reads the desk, and the clients on which they have each right, id → name."""

    user_id: int
    held: Mapping[Right, Mapping[int, str]]

    @property
    def sees(self) -> Mapping[int, str]:
        """The clients whose invoices they see."""
        return self.held[Right.VIEW]

    @property
    def handles(self) -> Mapping[int, str]:
        """The clients whose queue they handle."""
        return self.held[Right.HANDLE_QUEUE]

    def may(self, right: Right, client_id: int) -> bool:
        """Say whether they have a right on a client."""
        return client_id in self.held[right]


def make_rows(
    placed: Sequence[tuple[Group, Invoice]], *, reader: Reader, connections: Mapping[int, Connection]
) -> list[Row]:
    """Return the rows of invoices with their groups; `connections` are by client.

    Three queries, however many rows, and three more where payments are among them.
    """
    paid = [invoice for group, invoice in placed if group.slug == PAYMENT]
    stops = read_stops(paid)
    evidence = _latest_evidence([invoice for group, invoice in placed if group.slug != PAYMENT]) | {
        pk: stop.evidence for pk, stop in stops.items() if stop.evidence is not None
    }
    invoices = [invoice for _group, invoice in placed]
    handlers = _handlers(invoice.client_id for invoice in invoices if invoice.client_id not in reader.handles)
    rows = []
    for group, invoice in placed:
        connection = connections.get(invoice.client_id)
        answer = evidence.get(invoice.pk)
        if group.slug == PAYMENT:
            said, meaning = _words_of(stops.get(invoice.pk), connection)
            step = _step_of(invoice, stops.get(invoice.pk))
        else:
            said, meaning = _last_words(invoice, group, connection)
            step = _next_step(invoice, group, answer, connection)
            step = _as_the_catalogue_says(step, invoice, connection, reader)
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
    return _explained(message, connection)


def _explained(message: IntegrationMessage, connection: Connection | None) -> tuple[str, str]:
    """Return the first thing that the ERP complained of, and what the catalogue calls it."""
    first = message.complaints[0]
    words = words_of(first)
    known = explain_complaint(connection.connector if connection else "", first)
    return words or message.reason, known.entry.title if known else ""


def _words_of(stop: Stop | None, connection: Connection | None) -> tuple[str, str]:
    """Return what was said last of the payment that needs a person."""
    if stop is None:
        return "", ""
    if stop.message is None:
        return _("It came to nothing after it was pushed: %(why)s") % {"why": stop.payment.failure_reason}, ""
    if stop.message.complaints and stop.message.state == MessageState.REFUSED:
        return _explained(stop.message, connection)
    return stop.message.reason, ""


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


@dataclass(frozen=True, slots=True)
class _Rights:
    """What the reader may do on one client; who else may, the desk does not say of an edit or a connection."""

    reader: Reader
    client_id: int

    def may(self, right: Right) -> bool:
        return self.reader.may(right, self.client_id)

    def who_may(self, right: Right) -> str:  # noqa: ARG002 (as the page's rights are asked)
        return ""


def _as_the_catalogue_says(step: NextStep, invoice: Invoice, connection: Connection | None, reader: Reader) -> NextStep:
    """Return the click that mends the ERP's first complaint, as the invoice's page has it; `step` where none does.

    What only asks the ERP again is left out once it was asked: then `step` has no sentence any more.
    """
    message = invoice.current_message
    if step.slug != "post-again" or message is None or message.state != MessageState.REFUSED:
        return step
    first = next(explain_refusal(connection.connector if connection else "", message, POST_AGAIN))
    if first.button == "post-again" or (not step.sentence and first.button not in ("edit", "connection")):
        return step
    rights = _Rights(reader, invoice.client_id)
    better = next_step_of(first, invoice, rights, connection_id=connection.pk if connection else None)
    return replace(better, sentence=str(first.what)) if better.url else step


def _step_of(invoice: Invoice, stop: Stop | None) -> NextStep:
    """Return the next step for a payment that needs a person."""
    if stop is None:
        return _press(invoice, "re-sync")
    if stop.message is None:
        return _press(invoice, "re-sync", sentence=_("Delete the payment of %(amount)s in the ERP first.") % stop.facts)
    if stop.message.state == MessageState.UNKNOWN:
        return _press(invoice, "look-up", sentence=_("Whether the ERP has the %(amount)s is unknown.") % stop.facts)
    if stop.message.state == MessageState.REFUSED:
        sentence = _("Correct what the ERP names; then the payment of %(amount)s is pushed again.") % stop.facts
        return _press(invoice, "re-sync", sentence=sentence)
    return _press(invoice, "re-sync", sentence=_("The payment of %(amount)s was not sent.") % stop.facts)


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
    if button.right is Right.SYNC:
        return NextStep(sentence=_("Only finance staff may: %(button)s.") % {"button": button.label})
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
