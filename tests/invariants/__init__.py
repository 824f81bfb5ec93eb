"""What must hold whatever crashed (DESIGN §11): one checker over the ERP's audit list, the answers and the database.

    assert_holds(read_audit(erp.url), answers=log, secrets=[SECRET], settled=True)

It calls nothing that delivers, moves or decides: rows are read as they stand, the rights of each action are written
down here a second time, and the ERP speaks for itself. Each check is one function that yields sentences.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from tests.invariants import documents, log, outbox, payments, secrecy, told
from tests.invariants.scene import Answer, Scene, read_audit

__all__ = ["CHECKS", "Answer", "Scene", "assert_holds", "check", "read_audit"]


def check(
    erp_audit: Mapping[str, Any],
    database: str = "default",
    *,
    answers: Sequence[Answer] = (),
    settled: bool = False,
    secrets: Collection[str] = (),
    texts: Mapping[str, str] | None = None,
    ignored_numbers: Collection[str] = (),
) -> list[str]:
    """Return a sentence for everything that does not hold.

    `settled`: nothing may be on its way any more. `texts`: logs and pages by name, searched for `secrets`.
    `ignored_numbers`: documents that a test itself wrote into the ERP by hand.
    """
    scene = Scene(erp_audit, database, answers, settled, secrets, texts or {}, ignored_numbers)
    return [sentence for one in CHECKS for sentence in one(scene)]


def assert_holds(erp_audit: Mapping[str, Any], database: str = "default", **more: Any) -> None:
    """Fail with all sentences of `check`."""
    wrong = check(erp_audit, database, **more)
    assert not wrong, f"{len(wrong)} invariants do not hold:\n" + "\n".join(wrong)


CHECKS: tuple[Callable[[Scene], Iterator[str]], ...] = (
    told.acknowledged_hand_ins_are_there,
    told.acknowledged_buttons_have_acted,
    told.accepted_gate_messages_have_one_effect,
    payments.payments_have_their_line,
    documents.erp_has_one_document_an_invoice,
    documents.erp_has_one_booking_for_our_keys,
    payments.erp_has_one_payment_a_payment,
    payments.payments_are_pushed_or_say_why,
    documents.every_call_has_its_attempt,
    documents.invoices_carry_the_erps_voucher,
    outbox.outbox_rows_end,
    outbox.waiting_invoices_have_their_message,
    log.replaying_the_log_gives_the_row,
    log.the_log_is_whole,
    log.nobody_moved_without_the_right,
    payments.balances_add_up,
    payments.who_needs_a_person_is_on_the_desk,
    secrecy.no_secret_is_written_anywhere,
)
