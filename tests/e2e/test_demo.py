"""The demo, as a new user tries it: real processes, and nothing but HTTP from outside."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from tests.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
LINES = [{"description": "Paper", "quantity": "2", "unit_price": "10.50"}]


def free_pair() -> int:
    """Return a port that is free together with the one after it."""
    while True:
        port = free_port()
        with socket.socket() as probe:
            if port < 65000 and probe.connect_ex(("127.0.0.1", port + 1)):
                return port


class Demo:
    """A running `manage.py demo`, and a person's hands on it."""

    def __init__(self, data: Path) -> None:
        self.port = free_pair()
        self.web = f"http://127.0.0.1:{self.port}"
        self.erp = f"http://127.0.0.1:{self.port + 1}"
        self.data = data
        self.said = ""
        self.tokens: dict[str, str] = {}

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(self.port), "--data", str(self.data)],
            cwd=ROOT,
            env={**environment, "UNSTUCK_MODE": "demo"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if line.startswith("ready "):
                return
        self.stop()
        raise AssertionError(f"The demo ended before it was ready:\n{self.said}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(20)
        self.process.stdout.close()

    def call(self, who: str, method: str, path: str, body: dict | None = None) -> httpx2.Response:
        if who not in self.tokens:
            answer = httpx2.post(f"{self.web}/api/v1/token/", json={"username": who, "password": "demo"})
            self.tokens[who] = answer.json()["token"]
        headers = {"Authorization": f"Token {self.tokens[who]}"}
        return httpx2.request(method, f"{self.web}/api/v1/{path}", json=body, headers=headers, timeout=30)

    def hand_in(self, number: str) -> dict:
        body = {
            "client": "acme",
            "direction": "payable",
            "kind": "invoice",
            "number": number,
            "counterparty": {"code": "E2E-1", "name": "End to End Ltd"},
            "invoice_date": "2026-11-02",
            "currency": "USD",
            "lines": LINES,
        }
        answer = self.call("clerk", "POST", "invoices/", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def press(self, who: str, invoice: dict, button: str, **values: str) -> httpx2.Response:
        return self.call(who, "POST", f"invoices/{invoice['id']}/{button}/", values)

    def wait_for(self, invoice: dict, **wanted: str) -> dict:
        """Poll the invoice until it is as wanted; at most 30 s."""
        end = time.monotonic() + 30
        seen: dict = {}
        while time.monotonic() < end:
            seen = self.call("clerk", "GET", f"invoices/{invoice['id']}/").json()
            if all(seen[name] == value for name, value in wanted.items()):
                return seen
            time.sleep(0.1)
        raise AssertionError(f"{invoice['number']} did not become {wanted}: {seen}")

    def faults(self, **switches: object) -> None:
        if switches:
            httpx2.post(f"{self.erp}/faults/", json=switches).raise_for_status()
        else:
            httpx2.delete(f"{self.erp}/faults/").raise_for_status()

    def documents(self, number: str) -> list[dict]:
        return httpx2.get(f"{self.erp}/audit/", params={"number": number}).json()["documents"]

    def curl(self) -> str:
        """Run the curl that the demo printed, and return the answer."""
        command = re.search(r"^\s*(curl .*status_update_request.*)$", self.said, re.MULTILINE)[1]
        return subprocess.run(command, shell=True, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    running = Demo(tmp_path_factory.mktemp("demo"))
    running.start()
    yield running
    running.stop()


def test_an_invoice_goes_from_draft_to_ok_to_pay_and_who_handed_it_in_may_not_approve_it(demo):
    invoice = demo.hand_in("E2E-0001")

    assert demo.press("clerk", invoice, "post").status_code == 200
    demo.wait_for(invoice, step="approval")
    own = demo.press("clerk", invoice, "approve")
    assert demo.press("clerk2", invoice, "approve").status_code == 200
    booked = demo.wait_for(invoice, step="booked")

    assert own.status_code == 403
    assert "somebody else" in own.json()["detail"]
    assert booked["status"] == "ok_to_pay"
    assert booked["preliminary_voucher"]
    assert booked["final_voucher"]
    (document,) = demo.documents("E2E-0001")
    assert [booking["voucher"] for booking in document["bookings"]] == [
        booked["preliminary_voucher"],
        booked["final_voucher"],
    ]


def test_the_printed_curl_pays_the_first_invoice_once(demo):
    first, second = demo.curl(), demo.curl()

    assert '<Status code="200" text="OK"' in first
    assert '<Status code="200" text="Invoice Update Already Received"' in second
    (paid,) = demo.call("auditor", "GET", "invoices/?client=acme&number=INV-0001").json()["results"]
    assert (paid["status"], paid["balance"]) == ("paid", "0.00")
    assert len(demo.documents("INV-0001")) == 1


def test_while_the_erp_is_down_an_invoice_waits_visibly_and_a_handler_gets_it_through_later(demo):
    invoice = demo.hand_in("E2E-0002")
    demo.faults(down=True)

    demo.press("clerk", invoice, "post")
    waiting = demo.wait_for(invoice, step="preliminary_integration", message_state="pending")
    while not (waiting["message"]["reason"] and waiting["message"]["next_try"]):
        waiting = demo.wait_for(invoice, step="preliminary_integration")
    refused = demo.press("clerk", invoice, "abort", reason="I want to")
    aborted = demo.press("handler", invoice, "abort", reason="The ERP is down")
    too_early = demo.press("handler", invoice, "post-again", reason="Try")
    demo.faults()
    assert demo.press("handler", invoice, "post-again", reason="It is back").status_code == 200
    demo.wait_for(invoice, step="approval")

    assert "maintenance" in waiting["message"]["reason"]
    assert refused.status_code == 403
    assert "Hanna Handler" in refused.json()["detail"]
    assert aborted.json()["step"] == "preliminary_error"
    assert too_early.status_code == 409
    assert len(demo.documents("E2E-0002")) == 1


def test_a_lost_answer_is_asked_for_and_booked_once(demo):
    invoice = demo.hand_in("E2E-0003")
    demo.faults(lose_answers=1)

    demo.press("clerk", invoice, "post")
    found = demo.wait_for(invoice, step="approval")

    (document,) = demo.documents("E2E-0003")
    assert found["preliminary_voucher"] == document["bookings"][0]["voucher"]
    events = demo.call("auditor", "GET", f"invoices/{invoice['id']}/events/").json()["results"]
    assert {"lose_answer", "confirm"} <= {event["what"] for event in events}


def test_after_an_abort_skip_offers_the_voucher_that_the_erp_gave(demo):
    invoice = demo.hand_in("E2E-0004")
    demo.faults(latency_after_ms=1500, times=1)

    demo.press("clerk", invoice, "post")
    demo.wait_for(invoice, message_state="sending")
    demo.press("handler", invoice, "abort", reason="It takes too long")
    end = time.monotonic() + 20
    while time.monotonic() < end:
        events = demo.call("auditor", "GET", f"invoices/{invoice['id']}/events/").json()["results"]
        if "book_after_abort" in {event["what"] for event in events}:
            break
        time.sleep(0.1)
    again = demo.press("handler", invoice, "post-again", reason="Try again")
    skipped = demo.press("handler", invoice, "skip", reason="The ERP has it")

    (document,) = demo.documents("E2E-0004")
    voucher = document["bookings"][0]["voucher"]
    assert again.status_code == 409
    assert voucher in again.json()["detail"]
    assert (skipped.json()["step"], skipped.json()["preliminary_voucher"]) == ("approval", voucher)


def test_a_stranger_sees_nothing_of_it(demo):
    (theirs,) = demo.call("clerk", "GET", "invoices/?client=acme&number=INV-0001").json()["results"]

    assert demo.call("stranger", "GET", f"invoices/{theirs['id']}/").status_code == 404
    assert demo.call("stranger", "GET", "invoices/?client=acme").json()["results"] == []
    assert demo.call("stranger", "POST", f"invoices/{theirs['id']}/archive/", {"reason": "x"}).status_code == 404


def test_ctrl_c_leaves_nothing_behind_and_the_second_start_takes_seconds(demo):
    demo.stop()
    left = [path.name for path in Path("/proc").glob("[0-9]*") if str(demo.data) in _environment(path)]
    began = time.monotonic()
    demo.start()

    assert demo.process.returncode is None
    assert left == []
    assert time.monotonic() - began < 15
    assert demo.call("clerk", "GET", "invoices/?client=acme&number=E2E-0001").json()["results"]


def _environment(process: Path) -> str:
    try:
        return (process / "environ").read_text(errors="replace")
    except OSError:
        return ""
