"""Why is it paid although the payment failed? (article 001) The ERP cannot take a payment back."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from syncdiag.answers.shared import amount_of
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, when


def why_paid_although_failed(case: Case) -> Iterator[Finding]:
    """Give each payment that came to nothing here, and that the ERP still has."""
    client = case.invoice.client
    for payment in case.payments:
        if not payment.failed_after_push:
            continue
        yield Finding(
            "paid-although-failed",
            _("A payment of %(amount)s came to nothing after it was pushed, so the invoice still counts it as paid.")
            % {"amount": amount_of(payment)},
            (
                Proof(_("payment"), f"{payment.get_method_display()} {payment.reference}".strip(), payment.created_at),
                Proof(_("state"), payment.get_state_display(), payment.created_at),
                Proof(_("why"), payment.failure_reason or "–"),
                Proof(_("id in the ERP"), payment.remote_id, payment.pushed_at),
                when(_("pushed"), payment.pushed_at),
                Proof(
                    _("Submit authorized ACH payments"),
                    _("on") if client.submits_authorized_ach else _("off"),
                    case.now,
                ),
            ),
            _(
                "No ERP can be told that a payment failed: delete it there, then press Re-sync. "
                "Balance and status follow."
            ),
            "re-sync",
            cause=_("A payment is pushed as soon as it counts, and stays complete there whatever becomes of it."),
            fixed_in="erp",
            subject=f"payment {payment.pk}",
            covers=("failed-payment-pushed",),
        )
