"""100,000 hostile requests at one worker of the real web server: what it holds in memory afterwards, beside before.

The catalogue of tests/cxmlgate/hostile goes round and round over a few kept connections, every other body under a
payloadID of its own, so that rows are written as well as counted. Every answer must be one of the gate's.
"""

import http.client
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, cycle
from pathlib import Path

from config.parts import Options, web
from cxmlgate.actions import configure_gate
from cxmlgate.verdicts import ALL, TRANSIENT
from tests.bench.measure import Figure, cpu_of, descendants
from tests.cxmlgate.hostile import LARGEST, REFUSED, TAKEN
from tests.cxmlgate.messages import IDENTITY, PATH, SECRET
from tests.factories import ClientFactory, InvoiceFactory
from tests.processes import answers, free_port, wait_until

REQUESTS = 100_000
REQUESTS_QUICK = 10_000
SLICES = 10
CONNECTIONS = 4
ROUNDS_TO_WARM_UP = 3
LARGE_EVERY = 100
WORDS = {f'code="{verdict.code}" text="{verdict.text}"'.encode(): verdict for verdict in ALL}


def main(name: str, rounds: int) -> Iterator[Figure]:
    """Measure on PostgreSQL; on SQLite the rows would wait for one another."""
    if name == "sqlite":
        return
    client = ClientFactory(slug="acme")
    configure_gate(client, by=None, enabled=True, identity=IDENTITY, secret=SECRET)
    InvoiceFactory(client=client, number="INV-0001", step="booked", status="ok_to_pay")
    port = free_port()
    with subprocess.Popen([sys.executable, *web(Options(port=port)).program]) as server:
        try:
            wait_until(lambda: answers(port), "the web server answers")
            yield measure(server.pid, port, REQUESTS if rounds > 3 else REQUESTS_QUICK)
        finally:
            server.terminate()


def measure(server: int, port: int, requests: int) -> Figure:
    """Send the requests, and look at the worker after each slice."""
    send(port, [*LARGEST.values(), *smaller()] * ROUNDS_TO_WARM_UP)
    (worker,) = descendants(server)
    before, began, used = resident(worker), time.monotonic(), cpu_of([worker])
    bodies = mixed()
    said: Counter[str] = Counter()
    after = []
    for _slice in range(SLICES):
        said += send(port, [next(bodies) for _ in range(requests // SLICES)])
        after.append(resident(worker))
    assert descendants(server) == [worker], "the worker was started anew"
    assert not said[str(TRANSIENT.code)], said
    return Figure(
        f"gate, memory of a worker after {said.total():,} hostile requests, beside before",
        after[-1:],
        [before],
        target=1.2,
        target_is_most=True,
        more={
            "unit": "MiB resident",
            "after_each_slice": [round(value, 1) for value in after],
            "answers": dict(sorted(said.items())),
            "cpu_ms": round((cpu_of([worker]) - used) / said.total() * 1000, 2),
            "seconds": round(time.monotonic() - began),
        },
    )


def smaller() -> list[bytes]:
    """Return all bodies but the largest ones."""
    return [body for body, _ in (*REFUSED.values(), *TAKEN.values())]


def mixed() -> Iterator[bytes]:
    """Yield bodies for ever."""
    few, large = cycle(smaller()), cycle(LARGEST.values())
    for number in count():
        if number % LARGE_EVERY == 0:
            yield next(large)
        else:
            yield next(few).replace(b"p-1", b"p-%d" % number, number % 2)


def send(port: int, bodies: list[bytes]) -> Counter[str]:
    """Send them over the connections, and return how often each code was answered."""
    waiting = iter(bodies)
    lock = threading.Lock()

    def work() -> Counter[str]:
        said: Counter[str] = Counter()
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                line.close()
                return said
            line.request("POST", PATH, body, {"Content-Type": "text/xml"})
            reply = line.getresponse()
            text = reply.read()
            (verdict,) = [verdict for words, verdict in WORDS.items() if words in text]
            assert reply.status == 200, reply.status
            said[str(verdict.code)] += 1

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        return sum((one.result() for one in [pool.submit(work) for _ in range(CONNECTIONS)]), Counter())


def resident(pid: int) -> float:
    """Return the MiB that a process holds in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
