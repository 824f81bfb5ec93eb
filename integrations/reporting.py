"""From what a call, a look-up or a silence showed to a report: pure, so that the seeded simulation runs it too."""

from datetime import datetime
from typing import Final

from integrations.documents import complaints_as_kept
from integrations.erps.contract import Booking, ErrorKind
from integrations.lanes import Job, Result
from integrations.policy import Decision, Found, after_confirmation, after_error, after_look_up, after_lost_worker
from invoices.actions.outbox import Report
from invoices.models import Attempt, IntegrationMessage
from invoices.workflow import MessageState

OUTCOMES: Final = {
    ErrorKind.UNAVAILABLE: Attempt.Outcome.NOT_SENT,
    ErrorKind.RATE_LIMITED: Attempt.Outcome.NOT_SENT,
    ErrorKind.CREDENTIALS: Attempt.Outcome.NOT_SENT,
    ErrorKind.REJECTED: Attempt.Outcome.REFUSED,
    ErrorKind.UNCERTAIN: Attempt.Outcome.UNCERTAIN,
}
WAITING: Final = (MessageState.PENDING, MessageState.UNKNOWN)


def report_call(result: Result, now: datetime, jitter: float) -> Report:
    """Return the report of a call that was to book something."""
    job = result.job
    duration = {"duration_ms": int(result.took.total_seconds() * 1000)}
    if result.error is None:
        booking = result.bookings[0]
        return Report(
            job.message_id,
            after_confirmation().state,
            attempt=job.attempt,
            attempt_id=job.attempt_id,
            voucher=booking.voucher,
            posting_date=booking.posting_date,
            remote_id=booking.remote_id,
            completed={**duration, "outcome": Attempt.Outcome.CONFIRMED, "response": booking.raw},
        )
    error = result.error
    decision = after_error(error.kind, job.attempt, jitter, error.retry_after)
    complaints = complaints_as_kept(error.complaints)
    return Report(
        job.message_id,
        decision.state,
        attempt=job.attempt,
        attempt_id=job.attempt_id,
        not_before=next_try(decision, now),
        keeps_doubt=decision.keeps_doubt,
        reason=str(error),
        complaints=complaints,
        completed={
            **duration,
            "outcome": OUTCOMES[error.kind],
            "response": error.raw,
            "error_kind": error.kind.value,
            "complaints": list(complaints),
            "trace_id": error.trace_id[:200],
        },
    )


def report_look_up(
    job: Job, message: IntegrationMessage, found: Found, booking: Booking | None, now: datetime, jitter: float
) -> Report:
    """Return the report of a look-up, without its reason; `booking` is what was found where it is ours.

    What the ERP said is as old as the claim: in the time since, what was on its way may have arrived.
    """
    decision = after_look_up(
        found,
        now=job.claimed_at,
        doubtful_until=message.doubtful_until,
        look_ups=message.look_up_count + 1,
        jitter=jitter,
    )
    return Report(
        job.message_id,
        decision.state,
        attempt=job.attempts_made,
        not_before=next_try(decision, now),
        keeps_doubt=decision.keeps_doubt,
        looked_up=True,
        voucher=booking.voucher if booking else "",
        posting_date=booking.posting_date if booking else None,
        remote_id=booking.remote_id if booking else "",
    )


def report_lost_worker(message: IntegrationMessage, now: datetime) -> Report:
    """Return the report of a message whose lease ran out, without its reason; void if its worker reports meanwhile."""
    decision = after_lost_worker()
    return Report(
        message.pk,
        decision.state,
        attempt=message.attempt_count,
        not_before=next_try(decision, now),
        keeps_doubt=decision.keeps_doubt,
        only_if_leased_until=message.lease_until,
    )


def next_try(decision: Decision, now: datetime) -> datetime | None:
    """Return when the message is due again; None: not by itself."""
    return now + decision.delay if decision.delay is not None and decision.state in WAITING else None
