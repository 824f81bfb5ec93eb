"""The faults of the sandbox ERP: what the connector makes of each, and what is in the books afterwards."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest

from integrations.erps.contract import ErpError, ErrorKind


def fails(call, *arguments):
    with pytest.raises(ErpError) as caught:
        call(*arguments)
    return caught.value


def written(erp, key):
    """Return how many bookings there are under a key, and what became of the writes."""
    audit = erp.audit(f"key={key}")
    bookings = [one for shown in audit["documents"] for one in shown["bookings"] if one["key"] == key]
    return len(bookings), [(write["effect"], write["outcome"]) for write in audit["writes"]]


def test_down_is_unavailable_on_reads_and_writes_and_nothing_is_written(erp, connector, document):
    erp.faults(down=True)

    read, write = fails(connector.check), fails(connector.create, document, "key-down")

    assert (read.kind, write.kind) == (ErrorKind.UNAVAILABLE, ErrorKind.UNAVAILABLE)
    assert write.complaints[0].code == "MAINTENANCE"
    assert written(erp, "key-down") == (0, [("", "down")])


def test_lost_answers_are_uncertain_and_the_booking_is_there(erp, connector, document):
    erp.faults(lose_answers=1)

    assert fails(connector.create, document, "key-lost").kind is ErrorKind.UNCERTAIN

    assert written(erp, "key-lost") == (1, [("booked", "lost")])
    assert [one.voucher for one in connector.find(document, ["key-lost"])] == ["P-000001"]
    assert connector.create(document, "key-lost").voucher == "P-000001"
    assert written(erp, "key-lost")[0] == 1


def test_dropped_before_saving_is_uncertain_and_nothing_is_there(erp, connector, document):
    erp.faults(drop_before_saving=1)

    assert fails(connector.create, document, "key-dropped").kind is ErrorKind.UNCERTAIN

    assert written(erp, "key-dropped") == (0, [("", "dropped")])
    assert connector.find(document, ["key-dropped"]) == ()


def test_html_in_a_200_is_uncertain_and_the_booking_is_there(erp, connector, document):
    erp.faults(html_in_200=1)

    error = fails(connector.create, document, "key-html")

    assert (error.kind, error.http_status) == (ErrorKind.UNCERTAIN, 200)
    assert "guest network" in error.raw
    assert written(erp, "key-html") == (1, [("booked", "html")])


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_uncertain_on_a_write_and_unavailable_on_a_read(erp, connector, document, status):
    erp.faults(status=status)

    write, read = fails(connector.create, document, f"key-{status}"), fails(connector.check)

    assert (write.kind, write.http_status) == (ErrorKind.UNCERTAIN, status)
    assert read.kind is ErrorKind.UNAVAILABLE
    assert written(erp, f"key-{status}")[0] == 0


def test_429_waits_what_the_system_says(erp, connector, document):
    erp.faults(status=429)

    error = fails(connector.create, document, "key-429")

    assert (error.kind, error.retry_after) == (ErrorKind.RATE_LIMITED, timedelta(seconds=1))
    assert written(erp, "key-429")[0] == 0


@pytest.mark.parametrize("fault", ["lose_answers", "drop_before_saving", "html_in_200"])
def test_faults_of_writes_wait_for_the_invoice_itself(erp, connector, make_document, fault):
    erp.faults(**{fault: 1})
    made = make_document()

    connector.ensure_party(made)
    connector.check()

    assert fails(connector.create, made, f"key-{fault}").kind is ErrorKind.UNCERTAIN
    assert connector.create(made, f"key-{fault}").voucher == "P-000001"


def test_latency_before_the_saving_delays_reads_and_writes(erp, connector, document):
    erp.faults(latency_ms=100)

    began = time.monotonic()
    connector.check()
    connector.create(document, "key-slow")

    assert time.monotonic() - began >= 0.2


def test_latency_after_the_saving_times_out_although_the_booking_is_there(
    erp, connector, access, connect_with, document
):
    connector.check()
    hurried = connect_with(replace(access, call_timeout=timedelta(seconds=0.3)))
    erp.faults(latency_after_ms=2000)

    error = fails(hurried.create, document, "key-after")

    assert error.kind is ErrorKind.UNCERTAIN
    assert written(erp, "key-after")[0] == 1


def test_latency_beyond_the_longest_write_is_never_saved(erp, connector, access, connect_with, document, monkeypatch):
    monkeypatch.setattr("integrations.erps.sandbox.WRITE_MARGIN", timedelta(seconds=0.1))
    hurried = connect_with(replace(access, call_timeout=timedelta(seconds=0.2)))
    erp.faults(latency_ms=800)
    assert fails(hurried.create, document, "key-late").kind is ErrorKind.UNCERTAIN

    erp.faults()
    deadline = time.monotonic() + 10
    while not written(erp, "key-late")[1] and time.monotonic() < deadline:
        time.sleep(0.05)  # until the ERP has come to it: there is nothing else to wait for

    assert written(erp, "key-late") == (0, [("refused", "refused")])


def test_a_number_is_for_so_many_calls(erp, connector):
    erp.faults(down=2)

    assert fails(connector.check).kind is fails(connector.check).kind is ErrorKind.UNAVAILABLE
    assert connector.check().company


@pytest.mark.parametrize("fault", [{"down": True}, {"status": 500}])
def test_times_limits_what_has_no_number_of_its_own(erp, connector, fault):
    erp.faults(**fault, times=1)

    assert fails(connector.check).kind is ErrorKind.UNAVAILABLE
    assert connector.check().company


def test_a_number_of_its_own_wins_over_times(erp):
    assert erp.ask("POST", "/faults/", {"down": 3, "lose_answers": True, "latency_ms": 5, "times": 2})[1] == {
        "down": 3, "lose_answers": 2, "latency_ms": 5, "latency_ms_calls_left": 2,
    }  # fmt: skip


def test_a_fault_can_be_taken_back_alone(erp):
    erp.faults(down=True, latency_ms=5)

    assert erp.ask("POST", "/faults/", {"down": False})[1] == {"latency_ms": 5}


def test_the_operators_side_is_never_affected(erp):
    erp.faults(down=True, status=500, lose_answers=True, drop_before_saving=True, latency_ms=10_000)

    assert erp.ask("GET", "/healthz") == (200, {"ok": True})
    assert erp.ask("GET", "/audit/?number=none")[1] == {"documents": [], "payments": [], "writes": []}
    assert erp.ask("GET", "/")[0] == 200
    assert erp.ask("POST", "/periods/2040-01/close/")[0] == 200
    assert erp.ask("POST", "/periods/2040-13/close/")[0] == 400


def test_an_erp_that_is_not_there_is_unavailable_also_on_a_write(erp, connector, document):
    erp.stop()

    error = fails(connector.create, document, "key-gone")

    assert error.kind is ErrorKind.UNAVAILABLE
    erp.start()
    assert written(erp, "key-gone") == (0, [])
    assert connector.create(document, "key-gone").voucher == "P-000001"


def test_what_was_answered_survives_the_death_of_the_process(erp, connector, document):
    connector.create(document, "key-dead")

    erp.kill()
    erp.start()

    assert [one.voucher for one in connector.find(document, ["key-dead"])] == ["P-000001"]
    assert connector.create(replace(document, number="NEXT"), "key-next").voucher == "P-000002"


def test_a_process_that_hangs_ends_the_call_in_time(erp, access, connect_with, document):
    hurried = connect_with(replace(access, call_timeout=timedelta(seconds=0.5)))
    hurried.check()
    erp.pause()
    try:
        began = time.monotonic()
        error = fails(hurried.create, document, "key-hung")
        took = time.monotonic() - began
    finally:
        erp.resume()

    assert error.kind is ErrorKind.UNCERTAIN
    assert 0.4 < took < hurried.longest_call.total_seconds()


def test_sigterm_ends_it_cleanly_and_soon_even_while_a_call_is_waiting(erp, connector, access, connect_with):
    erp.faults(latency_ms=60_000)
    hurried = connect_with(replace(access, call_timeout=timedelta(seconds=0.2)))
    fails(hurried.check)

    began = time.monotonic()
    code = erp.stop()

    assert code == 0
    assert time.monotonic() - began < 2
