"""`make demo` from nothing: what it promises to people and to tests from outside."""

import json
import socket
import sqlite3
import urllib.request

import pytest

from tests.processes import Processes, free_port, wait_until


@pytest.fixture
def processes():
    with Processes(UNSTUCK_MODE="demo") as processes:
        yield processes


def demo(processes, port, *options):
    """Start the demo and wait until it is ready."""
    data = processes.folder / "demo data"
    started = processes.python("manage.py", "demo", "--port", str(port), "--data", str(data), *options)
    line = f"ready http://127.0.0.1:{port}/"
    wait_until(lambda: line in started.output().splitlines(), "ready", by=started, timeout=120)
    return started, data


def fetch(url, body=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=10) as answer:
        return answer.read()


def invoices(port):
    """Return what root sees over the API, by number."""
    credentials = json.dumps({"username": "root", "password": "demo"}).encode()
    site = f"http://127.0.0.1:{port}/api/v1"
    token = json.loads(fetch(f"{site}/token/", credentials, **{"Content-Type": "application/json"}))["token"]
    listed = json.loads(fetch(f"{site}/invoices/", Authorization=f"Token {token}"))["results"]
    return {invoice["number"]: invoice for invoice in listed}


def test_the_demo_starts_from_nothing_stops_by_ctrl_c_and_starts_again(processes):
    port = free_port()
    first, data = demo(processes, port)
    seen = invoices(port)
    assert (seen["INV-0001"]["status"], seen["INV-0001"]["total"]) == ("ok_to_pay", "10.99")
    assert {invoice["step"] for invoice in seen.values()} == {
        "draft",
        "approval",
        "preliminary_error",
        "final_error",
        "booked",
    }
    assert seen["INV-0003"]["status"] == "partially_paid"
    in_erp = json.loads(fetch(f"http://127.0.0.1:{port + 1}/audit/?number=INV-0001"))["documents"]
    assert len(in_erp) == 1

    gate = f"http://127.0.0.1:{port}/acme/cxmlgate/abc/status_update_request"
    answer = fetch(gate, (data / "status_update.xml").read_bytes(), **{"Content-Type": "text/xml"})
    assert b'<Status code="200" text="OK">' in answer
    assert str(data / "status_update.xml") in first.output()
    assert gate in first.output()

    assert first.interrupt() == 0
    assert processes.living() == []

    second, _data = demo(processes, port)
    assert "Walking" not in second.output()
    assert invoices(port)["INV-0001"]["status"] == "paid"
    assert second.terminate() == 0
    assert processes.living() == []


def test_a_port_that_is_taken_is_refused_with_a_sentence(processes):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        started = processes.python("manage.py", "demo", "--port", str(port), "--data", str(processes.folder / "demo"))

        assert started.wait() == 2
    assert started.output().startswith(f"Port {port} cannot be used")
    assert not (processes.folder / "demo").exists()


def test_a_start_that_was_cut_short_begins_anew_and_keeps_other_files(processes):
    data = processes.folder / "demo data"
    data.mkdir()
    (data / "note.txt").write_text("mine")
    sqlite3.connect(data / "unstuck.sqlite3").execute("CREATE TABLE half (done)").connection.close()
    port = free_port()

    started, _data = demo(processes, port)

    assert "INV-0001" in invoices(port)
    assert (data / "note.txt").read_text() == "mine"
    assert started.terminate() == 0
