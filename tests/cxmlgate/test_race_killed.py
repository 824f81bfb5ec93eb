"""A process that dies by kill -9 in the middle of a message leaves nothing behind, and the resend acts once."""

import signal
from decimal import Decimal

import pytest

from cxmlgate.models import GateMessage
from invoices.models import Event, Invoice, Payment
from tests import processes as real
from tests.cxmlgate.conftest import ALREADY, OK, everything, send
from tests.cxmlgate.messages import message, money
from tests.cxmlgate.racing import assert_the_gate_holds, told
from tests.processes import Processes, sessions, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("cxmlgate.urls")]
NO_ANSWER = (None, "")


@pytest.fixture
def processes(db):
    before = sessions()
    with Processes(DJANGO_SETTINGS_MODULE="config.settings") as started:
        yield started
    wait_until(lambda: sessions() <= before, "the dead processes' sessions are gone", timeout=20)


def start_sending(processes, body, **environment):
    path = processes.folder / "message.xml"
    path.write_bytes(body)
    return processes.python(
        "-m", "tests.cxmlgate.sending", str(path), DATABASE_URL=real.test_database_url(), **environment
    )


def test_killed_before_the_commit_and_sent_again(invoice, processes):
    body, before = message(partial=money("4.00")), everything()

    killed = [start_sending(processes, body, UNSTUCK_FAULT="before_gate_commit:kill9") for _number in range(2)]

    for one in killed:
        assert one.wait() == -signal.SIGKILL, one.output()
        assert one.output() == "took the message\n"
    assert (everything(), GateMessage.objects.count()) == (before, 0)
    again = start_sending(processes, body, UNSTUCK_FAULT="")
    assert (again.wait(), again.output()) == (0, "took the message\n200 OK\n")
    assert send(body).verdict == ALREADY
    assert (Invoice.objects.get().paid, Payment.objects.count()) == (Decimal("4.00"), 1)
    assert Event.objects.filter(invoice=invoice).count() == 1
    assert GateMessage.objects.get().repeats == 1
    assert_the_gate_holds(told("p-1", NO_ANSWER, NO_ANSWER, OK, ALREADY))
