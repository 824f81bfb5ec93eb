"""No message takes more than a second of CPU or 64 MiB, whatever stands in it, and however large it may be."""

import ctypes
import gc
import time
from pathlib import Path

import pytest

from invoices.models import Invoice
from tests.cxmlgate.conftest import ALREADY, MALFORMED, NOT_FOUND, OK, PERMANENT, send
from tests.cxmlgate.hostile import LARGEST, REFUSED, TAKEN
from tests.cxmlgate.messages import message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
MOST_SECONDS = 1.0
MOST_MIB = 64.0
CODES = (OK, ALREADY, PERMANENT, MALFORMED, NOT_FOUND)


def in_memory(what):
    """A figure of this process from the kernel, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024


def tidy_up():
    """Give back what earlier requests left over, which would hide what the next one takes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def cost(body):
    """What one request takes: its verdict, seconds of CPU, and MiB above what was resident before."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak until now
    before, began = in_memory("VmRSS"), time.process_time()
    reply = send(body)
    return reply.verdict, time.process_time() - began, in_memory("VmHWM") - before


@pytest.fixture(autouse=True)
def _warm(invoice):
    """A first request imports and connects; it counts for nothing."""
    Invoice.objects.update(total=1_000)
    send(message(type_="processing"))


@pytest.mark.parametrize("name", LARGEST)
def test_largest_body_stays_within_the_limits(name):
    tidy_up()

    verdict, seconds, mib = cost(LARGEST[name])

    assert verdict in CODES
    assert seconds < MOST_SECONDS
    assert mib < MOST_MIB


def test_every_body_of_the_catalogue_stays_within_the_limits():
    tidy_up()  # once: it takes longer than most requests

    costs = {name: cost(body) for name, (body, _) in (REFUSED | TAKEN).items()}

    assert {
        name: spent for name, (_, *spent) in costs.items() if spent[0] >= MOST_SECONDS or spent[1] >= MOST_MIB
    } == {}
