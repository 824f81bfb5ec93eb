"""Numbers of invoices: one supplier's or customer's are unique, and a client's own too, unless duplicates are allowed.

The number on a payable is the supplier's: it says nothing beside another supplier's. The number on a receivable is
ours: no other one of the client and kind may have it, and a constraint keeps that, for each has the `twin` 0. Where the
client allows duplicates the next one of a number becomes its twin 1, 2 …, and that is written under a lock of the
client's row only. So switching it off sees every twin, or the twin sees that it is off. Locks are taken in one order:
invoice, counterparty, client.
"""

from collections.abc import Callable, Iterator
from itertools import count

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoices.errors import BadInput, Conflict
from invoices.models import Client, Invoice, InvoiceQuerySet
from invoices.money import shown
from invoices.permissions import person_name, who_may
from invoices.preflight import Problem
from invoices.roles import Right
from invoices.workflow import Direction


def same_number(invoice: Invoice) -> InvoiceQuerySet:
    """Return the other invoices of the client that have the number, in the same direction and of the same kind."""
    rows = Invoice.objects.filter(client_id=invoice.client_id, number=invoice.number)
    return rows.filter(direction=invoice.direction, kind=invoice.kind).exclude(pk=invoice.pk)


def number_holder(invoice: Invoice) -> Invoice | None:
    """Return who keeps the invoice from having its number: its counterparty's own, or for a receivable any."""
    same = same_number(invoice).select_related("client", "counterparty").order_by("pk")
    own = same.filter(counterparty_id=invoice.counterparty_id).first()
    return own or (same.first() if invoice.direction == Direction.RECEIVABLE else None)


def check_number(invoice: Invoice) -> Iterator[Problem]:
    """Give the invoice that stands in the way of the number, for the preflight; one that is archived does not."""
    same = same_number(invoice).filter(archived_at__isnull=True).select_related("counterparty").order_by("pk")
    own = same.filter(counterparty_id=invoice.counterparty_id).first()
    is_alone = invoice.direction == Direction.RECEIVABLE and not invoice.client.allows_duplicate_numbers
    holder = own or (same.first() if is_alone else None)
    if holder is not None:
        sentence = _(
            "%(number)s is also the number of an invoice for %(party)s over %(total)s %(currency)s, which is in the "
            "step %(step)s: look at that one first, then choose another number, or archive the one that is too many."
        )
        yield Problem(
            "number",
            sentence
            % {
                "number": holder.number,
                "party": holder.counterparty,
                "total": shown(holder.total, holder.currency),
                "currency": holder.currency,
                "step": holder.get_step_display(),
            },
        )


def take_number(invoice: Invoice) -> None:
    """Find the invoice's place among those of its number, to be saved in the same transaction.

    Raises BadInput when its counterparty has one of this number, or another customer has and that is not allowed. Who
    is quicker between this and the saving shows as an IntegrityError: see `with_number`.
    """
    invoice.twin = 0
    holder = number_holder(invoice)
    if holder is None:
        return
    if holder.counterparty_id == invoice.counterparty_id:
        raise taken_by_its_own(invoice.number)
    client = Client.objects.select_for_update(no_key=True).get(pk=invoice.client_id)
    if not client.allows_duplicate_numbers:
        raise BadInput({"number": why_no_duplicate(holder)})
    places = set(same_number(invoice).values_list("twin", flat=True))
    invoice.twin = next(place for place in count() if place not in places)


def with_number(save: Callable[[], None]) -> None:
    """Run `save`, which takes a number and saves the row; where somebody was quicker, look again and save once more."""
    try:
        with transaction.atomic():
            save()
    except IntegrityError:
        with transaction.atomic():
            save()


def taken_by_its_own(number: str) -> BadInput:
    """Return the refusal of a number that the same counterparty's invoice has."""
    return BadInput(
        {"number": _("%(number)s of this counterparty is here already: look at that one first.") % {"number": number}}
    )


def why_no_duplicate(holder: Invoice) -> str:
    """Say who has the number, that duplicates are not allowed, and who can allow them."""
    people = get_text_list([person_name(user) for user in who_may(Right.MANAGE_CONNECTION, holder.client)], _("or"))
    return _(
        "%(number)s is the number of an invoice for %(party)s here, and %(client)s does not allow duplicate invoice "
        "numbers: choose another one, or ask %(people)s to allow them."
    ) % {
        "number": holder.number,
        "party": holder.counterparty,
        "client": holder.client,
        "people": people or _("an Integration manager"),
    }


def forbid_duplicates(client: Client) -> None:
    """Make every number stand alone again; the client's row is locked, and its preference is switched off with this.

    Raises BadInput while there are duplicates, and Conflict while somebody changes one of what were duplicates.
    """
    receivable = Invoice.objects.filter(client=client, direction=Direction.RECEIVABLE).order_by()
    twins = receivable.filter(twin__gt=0)
    used = receivable.filter(number__in=twins.values("number")).values("kind", "number")
    several = list(
        used.annotate(of=Count("pk")).filter(of__gt=1).order_by("number", "kind").values_list("number", "of")
    )
    if several:
        number, of = several[0]
        said = {"count": f"{len(several):,}", "number": number, "of": f"{of:,}", "client": client}
        sentence = ngettext(
            "%(count)s number of %(client)s is used more than once: %(number)s, by %(of)s invoices. Give all but one "
            "of them another number first; a booked one gets it in the ERP.",
            "%(count)s numbers of %(client)s are used more than once, first %(number)s, by %(of)s invoices. Give all "
            "but one of each another number first; a booked one gets it in the ERP.",
            len(several),
        )
        raise BadInput({"allows_duplicate_numbers": sentence % said})
    alone = list(twins.select_for_update(skip_locked=True).values_list("pk", flat=True))
    if len(alone) < twins.count():
        raise Conflict(_("An invoice that was a duplicate is being changed at this moment: save again."))
    Invoice.objects.filter(pk__in=alone).update(twin=0)
