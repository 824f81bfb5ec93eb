"""Whatever is pressed, lost, dropped, killed or waited for, in any order: the promise of DESIGN §5 holds.

40 examples of 25 steps, always the same ones; with STATEFUL_EXAMPLES (and STATEFUL_STEPS) as many others.
"""

import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from integrations.reporting import report_call
from invoices import clock
from invoices.actions.outbox import settle
from invoices.workflow import MessageState
from tests.erp_server import ErpServer
from tests.stateful.desk_machine import DeskMachine, Worker

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "40"))
STEPS = int(os.environ.get("STATEFUL_STEPS", "25"))
IS_CI = "STATEFUL_EXAMPLES" not in os.environ

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def erp_process(tmp_path_factory):
    server = ErpServer(tmp_path_factory.mktemp("erp"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def erp(erp_process, settings):
    settings.SANDBOX_ERP_URL = erp_process.url
    return erp_process


def test_the_promise_holds_whatever_happens(erp):
    DeskMachine.erp = erp
    run_state_machine_as_test(
        DeskMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=IS_CI,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


class SendsUnknownAgain(Worker):
    """A worker that sends again what may have arrived."""

    def report(self):
        now = clock.now()
        reports = [report_call(result, now, 0.5) for result in self.results]
        settle([replace(report, state=MessageState.PENDING, not_before=now) for report in reports if report.reason])
        self.results = [result for result in self.results if result.error is None]
        super().report()


def test_a_worker_that_sends_again_what_may_have_arrived_is_found_out(erp):
    DeskMachine.erp = erp
    machine = DeskMachine()
    machine.open_desk(forgetful=True, directions=("payable", "receivable"))
    machine.workers = [SendsUnknownAgain(worker.connector) for worker in machine.workers]
    machine.turn_erp({"lose_answers": 1})
    machine.deliver(0)
    machine.deliver(0)

    with pytest.raises(AssertionError, match="invariants do not hold"):
        machine.teardown()
