"""The simulation can see what it looks for: with one rule broken, a seed finds it soon."""

from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.policy import Found
from integrations.reporting import report_call
from invoices.workflow import MessageState
from tests.simulation.world import BrokenPromiseError, World

SEEDS = 1000


class SendsUnknownAgain(World):
    """unknown → pending at once"""

    def report_call(self, result):
        report = report_call(result, self.now, self.rng.random())
        if report.state == MessageState.UNKNOWN:
            return replace(report, state=MessageState.PENDING)
        return report


class SweepsToPending(World):
    """what a dead worker was sending is sent again"""

    def report_swept(self, worker):
        worker.swept = [replace(report, state=MessageState.PENDING) for report in worker.swept]
        super().report_swept(worker)


class IgnoresLeases(World):
    """a message that another worker has is taken again"""

    def due(self, message):
        waits = message.state in (MessageState.PENDING, MessageState.SENDING, MessageState.UNKNOWN)
        return waits and message.not_before is not None and message.not_before <= self.now

    def claim(self, worker):
        for message in self.messages:
            if self.due(message) and message.state == MessageState.SENDING:
                message.state = MessageState.PENDING
        super().claim(worker)


class BelievesAtOnce(World):
    """ "not found" is believed while the first try may still arrive"""

    def report_look_up(self, job, message, found, bookings):
        report = super().report_look_up(job, message, found, bookings)
        if found is Found.NOTHING:
            return replace(report, state=MessageState.PENDING, not_before=self.now, keeps_doubt=False)
        return report


class JudgesLate(World):
    """an answer is believed as of when it was read, not of when the ERP was asked"""

    def report_look_up(self, job, message, found, bookings):
        return super().report_look_up(replace(job, claimed_at=self.now), message, found, bookings)


class ForgetsWhatWasAsked(World):
    """the answer to a look-up undoes what was sent meanwhile"""

    def settle(self, reports):
        super().settle(
            [replace(report, attempt=None, looked_up=False) if report.looked_up else report for report in reports]
        )


class SendsAfterItsLease(World):
    """a worker that slept begins its call although its lease is over"""

    def job(self, message, *, sends, start_by):
        return replace(super().job(message, sends=sends, start_by=start_by), start_by=float("inf"))


class StaysInDoubt(World):
    """nobody asks after a lost answer"""

    def report_call(self, result):
        report = report_call(result, self.now, self.rng.random())
        return replace(report, not_before=None, reason="") if report.state == MessageState.UNKNOWN else report


class ForgetsTheFirstMessage(World):
    """Post again begins as if nothing had been sent before"""

    def move(self, invoice, name):
        super().move(invoice, name)
        self.messages[-1].state, self.messages[-1].doubtful_until = MessageState.PENDING, None


class BreakerNeverCloses(World):
    """an open breaker stays open for ever"""

    def claim(self, worker):
        if worker.breaker.until is not None:
            worker.breaker = replace(worker.breaker, until=self.now + timedelta(hours=1))
        super().claim(worker)


class MistakesOnePaymentForAnother(World):
    """a payment that the ERP has for another one is taken for the one that was looked up"""

    def unknown_to_us(self, message, bookings):
        return bookings


class SendsWhatFailed(World):
    """a payment that came to nothing before it was sent is sent"""

    def take_out(self, message):
        pass


class PushesTwoAtOnce(World):
    """the next payment of an invoice does not wait until what became of the one before is known"""

    def has_open_push(self, invoice):
        return False


MUTANTS = (
    MistakesOnePaymentForAnother,
    SendsWhatFailed,
    PushesTwoAtOnce,
    SendsUnknownAgain,
    SweepsToPending,
    IgnoresLeases,
    BelievesAtOnce,
    JudgesLate,
    ForgetsWhatWasAsked,
    SendsAfterItsLease,
    StaysInDoubt,
    ForgetsTheFirstMessage,
    BreakerNeverCloses,
)


def seeds_until_caught(mutant):
    for seed in range(SEEDS):
        try:
            mutant(seed).run()
        except BrokenPromiseError:
            return seed + 1
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__doc__)
def test_a_broken_rule_is_caught_within_1000_seeds(mutant):
    assert seeds_until_caught(mutant) is not None
