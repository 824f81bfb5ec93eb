"""Exactly once in a real Tryton: two workers, answers lost for real, the server frozen, killed and started again."""

import random
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from integrations.erps.contract import ErpError, ErrorKind
from invoices.models import IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.processes import wait_until
from tests.tryton.server import TrytonServer


class LosesAnswers:
    """Stands between us and Tryton: hands on what we send, and now and then cuts the line instead of the answer."""

    def __init__(self, server: TrytonServer, chance: float, seed: int) -> None:
        self.server = server
        self.chance = chance
        self.lost = 0
        self.under_way = 0
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                ours, _address = self._listener.accept()
                threading.Thread(target=self._serve, args=(ours,), daemon=True).start()

    def _serve(self, ours: socket.socket) -> None:
        with suppress(OSError), ours, socket.create_connection(("127.0.0.1", self.server.port)) as theirs:
            request = self._request(ours)
            theirs.sendall(request)
            is_write = not request.startswith(b"GET")
            if is_write and self._random.random() < self.chance:
                self.lost += 1
                self.under_way += 1
                if self._random.random() < 0.5:
                    ours.close()  # half of the time nobody even waits until it is written
                theirs.recv(1)
                self.under_way -= 1
                return
            while part := theirs.recv(65536):
                ours.sendall(part)

    @staticmethod
    def _request(ours: socket.socket) -> bytes:
        """Read one whole request, and ask that the connection be closed after it."""
        read = b""
        while b"\r\n\r\n" not in read:
            part = ours.recv(65536)
            if not part:
                return read
            read += part
        head, _gap, body = read.partition(b"\r\n\r\n")
        length = next(
            (int(one.split(b":")[1]) for one in head.split(b"\r\n") if one.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += ours.recv(65536)
        return head + b"\r\nConnection: close\r\n\r\n" + body

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def losing(desk, settings):
    """Return what puts a line that loses answers between us and Tryton."""
    lines = []

    def put(chance: float, seed: int) -> LosesAnswers:
        line = LosesAnswers(desk.erp, chance, seed)
        lines.append(line)
        settings.TRYTON_URL = f"http://127.0.0.1:{line.port}/{desk.erp.books.database}/"
        return line

    yield put
    for line in lines:
        line.close()


def settle_all(desk, rounds=60):
    """Deliver until every message is settled; every wait passes at once."""
    for _round in range(rounds):
        desk.end_pause()
        desk.let_pass("not_before", "lease_until", "doubtful_until")
        desk.drain()
        if not IntegrationMessage.objects.open().filter(client=desk.client).exists():
            return
    raise AssertionError("Messages are open after all rounds.")


def test_fifty_invoices_with_answers_lost_at_random_are_fifty_posted_documents(desk, losing):
    invoices = [desk.post(direction="receivable" if n % 2 else "payable") for n in range(50)]
    line = losing(0.25, seed=7)

    settle_all(desk)
    for invoice in invoices:
        if invoice.direction == "payable":
            desk.approve(invoice)
    settle_all(desk)
    wait_until(lambda: not line.under_way, "what nobody waited for is written")
    desk.connector()._booking.tidy(_soon())

    assert line.lost > 12
    assert {desk.see(invoice).step for invoice in invoices} == {Step.BOOKED}
    there = desk.in_tryton()
    assert {desk.see(invoice).final_voucher for invoice in invoices} == set(_numbers(desk, invoices))
    assert [there[invoice.number, "posted"] for invoice in invoices] == [1] * 50
    assert (
        sum(there[invoice.number, state] for invoice in invoices for state in ("draft", "validated", "cancelled")) == 0
    )


def _soon():
    return datetime.now(UTC) + timedelta(hours=1)


def _numbers(desk, invoices):
    wanted = [invoice.number for invoice in invoices]
    found = desk.erp.bookkeeper.find("account.invoice", ["reference", "in", wanted], fields=["number"])
    return [one["number"] for one in found]


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_book_each_invoice_once(desk):
    invoices = [desk.post(direction="receivable") for _n in range(4)]

    drains = [desk.start_drain(), desk.start_drain()]
    for drain in drains:
        drain.join(120)
    settle_all(desk)

    assert [desk.states(invoice) for invoice in invoices] == [["posted"]] * 4
    assert {desk.see(invoice).step for invoice in invoices} == {Step.BOOKED}


def test_two_workers_with_the_same_key_book_it_once(desk):
    invoice = desk.post(direction="receivable")
    (job,) = desk.claim()
    results, errors = [], []

    def work():
        connector = desk.connector()
        try:
            results.append(connector.create(job.document, job.key))
        except ErpError as exc:
            errors.append(exc)
        finally:
            connector.close()
            connections.close_all()

    threads = [threading.Thread(target=work) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connector = desk.connector()
    booked = connector.create(job.document, job.key)
    connector._booking.tidy(_soon())
    connector.close()

    assert desk.states(invoice) == ["posted"]
    assert {one.remote_id for one in results} <= {booked.remote_id}
    assert {error.kind for error in errors} <= {ErrorKind.UNAVAILABLE}


@pytest.mark.django_db(transaction=True)
def test_an_answer_lost_because_the_server_froze_in_mid_call_is_asked_for(desk):
    warm = desk.book()
    desk.tune(call_timeout_seconds=3)
    invoice = desk.post(direction="receivable")

    drain = desk.start_drain()
    while desk.message(invoice).state != MessageState.SENDING:
        time.sleep(0.01)
    wait_until(lambda: desk.states(invoice), "the draft is made: now it is being posted")
    desk.erp.pause()
    drain.join(60)
    frozen = desk.message(invoice).state
    desk.erp.resume()
    settle_all(desk)

    assert warm.step == Step.BOOKED
    assert frozen in (MessageState.PENDING, MessageState.UNKNOWN)
    assert desk.see(invoice).step == Step.BOOKED
    assert desk.states(invoice) == ["posted"]


@pytest.mark.django_db(transaction=True)
def test_the_server_killed_in_mid_call_and_started_again(desk):
    invoice = desk.post(direction="receivable")

    drain = desk.start_drain()
    while desk.message(invoice).state != MessageState.SENDING:
        time.sleep(0.01)
    wait_until(lambda: desk.states(invoice), "the draft is made: now it is being posted")
    desk.erp.kill()
    drain.join(60)
    waiting = desk.message(invoice).state
    desk.erp.start()
    settle_all(desk)

    assert waiting in (MessageState.PENDING, MessageState.UNKNOWN)
    assert desk.see(invoice).step == Step.BOOKED
    assert desk.states(invoice) == ["posted"]
