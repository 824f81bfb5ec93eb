"""`manage.py serve` keeps its parts running and leaves nothing behind; real processes, really killed."""

import os
import signal

import pytest

from config.models import last_beat
from invoices import clock
from tests.processes import Processes, answers, free_port, parent_of, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def processes():
    with Processes() as processes:
        yield processes


def serve(processes, *, silence="30"):
    """Start web and queue, and wait until both work."""
    port = free_port()
    server = processes.manage("serve", "--port", str(port), "--workers", "1", "--threads", "2", "--silence", silence)
    wait_until(lambda: answers(port), "the web server answers", by=server)
    wait_until(last_beat, "the queue beats", by=server)
    return server, port


def leader(processes, server, words):
    """Return the one child of the supervisor whose command line holds `words`."""
    (pid,) = [pid for pid in processes.living_with(words) if parent_of(pid) == server.pid]
    return pid


def beats_since(moment):
    beat = last_beat()
    return beat is not None and beat > moment


def test_a_web_server_that_was_killed_is_started_again_with_new_workers(processes):
    server, port = serve(processes)
    before = set(processes.living_with("gunicorn"))

    os.kill(leader(processes, server, "gunicorn"), signal.SIGKILL)

    wait_until(lambda: before.isdisjoint(processes.living()), "the old web processes are gone", by=server)
    wait_until(lambda: answers(port), "the web server answers again", by=server)
    assert "died, is started again" in server.output()


def test_a_queue_whose_main_process_was_killed_leaves_no_orphans_and_works_again(processes):
    server, _port = serve(processes)
    before = set(processes.living_with("qcluster"))
    assert len(before) > 3

    os.kill(leader(processes, server, "qcluster"), signal.SIGKILL)

    wait_until(lambda: before.isdisjoint(processes.living()), "the old queue's processes are gone", by=server)
    moment = clock.now()
    wait_until(lambda: beats_since(moment), "the new queue beats", by=server)


def test_a_queue_that_hangs_is_killed_with_its_workers_and_started_again(processes):
    server, _port = serve(processes, silence="3")
    before = processes.living_with("qcluster")

    for pid in before:
        os.kill(pid, signal.SIGSTOP)

    wait_until(lambda: set(before).isdisjoint(processes.living()), "the hung processes are gone", by=server)
    moment = clock.now()
    wait_until(lambda: beats_since(moment), "the new queue beats", by=server)
    assert "no heartbeat for" in server.output()


def test_a_web_server_that_hangs_is_killed_and_started_again(processes):
    server, port = serve(processes, silence="2")
    before = processes.living_with("gunicorn")

    for pid in before:
        os.kill(pid, signal.SIGSTOP)

    wait_until(lambda: set(before).isdisjoint(processes.living()), "the hung processes are gone", by=server)
    wait_until(lambda: answers(port), "the web server answers again", by=server)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_within_twenty_seconds_and_leaves_nothing(processes, number):
    server, _port = serve(processes)

    server.popen.send_signal(number)

    assert server.wait(timeout=20) == 0
    assert processes.living() == []


def test_a_signal_ends_a_queue_that_hangs_too(processes):
    server, _port = serve(processes)
    for pid in processes.living_with("qcluster"):
        os.kill(pid, signal.SIGSTOP)

    assert server.terminate(timeout=20) == 0
    assert processes.living() == []


def test_a_killed_supervisor_takes_everything_with_it(processes):
    server, _port = serve(processes)
    assert len(processes.living()) > 6

    server.kill9()

    wait_until(lambda: not processes.living(), "nothing is left", timeout=5)


def test_supervisor_and_queue_killed_at_the_same_instant_leave_no_workers(processes):
    server, _port = serve(processes)
    main = leader(processes, server, "qcluster")

    os.kill(server.pid, signal.SIGSTOP)  # it must not clear up after the queue
    os.kill(main, signal.SIGKILL)
    server.kill9()

    wait_until(lambda: not processes.living(), "nothing is left", timeout=5)
