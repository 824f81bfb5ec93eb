"""Disconnecting a client: nothing is exchanged any more, nothing is lost, and it can be connected again."""

import time

import pytest
from django.urls import reverse

from integrations.delivery import drain, has_due
from integrations.linking import check_connection, connect, disconnect
from integrations.models import Connection
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.models import Event, IntegrationMessage
from invoices.workflow import MessageState, Step
from tests.delivery.desk import SECRET


def wait_for(find):
    """Return what `find` finds, as soon as it finds anything."""
    end = time.monotonic() + 20
    while not (found := find()):
        assert time.monotonic() < end
    return found


def waiting(desk, count):
    """Post as many invoices, which wait for the next drain."""
    return [desk.post() for _ in range(count)]


def test_the_credentials_are_wiped_and_the_log_says_who_and_why(desk, manager):
    disconnect(desk.connection.pk, by=manager, reason="The contract has ended.")

    kept = Connection.objects.get()
    event = Event.objects.get(action="disconnect")
    assert (kept.is_enabled, kept.secret, kept.company) == (False, "", desk.connection.company)
    assert (event.actor, event.reason) == (manager, "The contract has ended.")
    assert SECRET not in str(event.before) + str(event.after)


def test_what_waits_stays_and_goes_out_when_the_client_is_connected_again(desk, manager):
    (invoice,) = waiting(desk, 1)
    disconnect(desk.connection.pk, by=manager, reason="Year end.")

    drain(desk.connection.pk)

    assert not has_due(desk.connection.pk)
    assert desk.documents(invoice) == []
    assert IntegrationMessage.objects.get().state == MessageState.PENDING

    with pytest.raises(BadInput, match="secret"):
        connect(desk.client, by=manager, connector="sandbox", company=desk.connection.company, secret="")
    connect(desk.client, by=manager, connector="sandbox", company=desk.connection.company, secret=SECRET)
    drain(desk.connection.pk)

    assert desk.see(invoice).step == Step.APPROVAL


@pytest.mark.django_db(transaction=True)
def test_a_drain_that_runs_begins_no_further_call(desk, manager):
    invoices = waiting(desk, 12)
    Connection.objects.update(lanes=1)
    desk.erp.faults(latency_ms=400)

    running = desk.start_drain()
    first = wait_for(lambda: [call for invoice in invoices for call in desk.calls(invoice)])
    disconnect(desk.connection.pk, by=manager, reason="Stop.")
    running.join()

    booked = [invoice for invoice in invoices if desk.documents(invoice)]
    states = IntegrationMessage.objects.values_list("state", flat=True)
    assert len(booked) <= len(first) + 2  # one whose answer was on its way, and one that began within the glance
    assert sorted(states) == sorted(["confirmed"] * len(booked) + ["pending"] * (len(invoices) - len(booked)))


def test_once_is_enough(desk, manager):
    disconnect(desk.connection.pk, by=manager, reason="Stop.")

    with pytest.raises(Conflict, match="disconnected already"):
        disconnect(desk.connection.pk, by=manager, reason="Stop.")
    with pytest.raises(Conflict, match="It is disconnected"):
        check_connection(desk.connection.pk, by=manager)

    assert Event.objects.filter(action="disconnect").count() == 1


@pytest.mark.parametrize("who", ["clerk", "handler", "auditor", "stranger"])
def test_others_may_not(who, desk, request):
    with pytest.raises(NotThere if who == "stranger" else NotAllowed):
        disconnect(desk.connection.pk, by=request.getfixturevalue(who), reason="Stop.")

    assert Connection.objects.get().is_enabled


def test_the_page_asks_why_and_a_hand_made_post_of_others_changes_nothing(client, desk, manager, handler):
    address = reverse("admin:integrations_connection_disconnect", args=[desk.connection.pk])
    client.force_login(handler, backend="django.contrib.auth.backends.ModelBackend")
    refused = client.post(address, {"reason": "Stop."})
    client.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    asked = client.get(address)
    unsaid = client.post(address, {"reason": " "})
    still = Connection.objects.get().is_enabled

    done = client.post(address, {"reason": "Stop."}, follow=True)

    assert (refused.status_code, asked.status_code, unsaid.status_code, still) == (403, 200, 400, True)
    assert "the credentials are wiped" in done.text
    assert "Connect again" in done.text
    assert not Connection.objects.get().is_enabled


# check ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (401, "Credentials"),
        (402, "Subscription"),
        (403, "Permission"),
        (404, "Wrong company"),
        (429, "Too many calls"),
        (503, "Unreachable"),
    ],
)
def test_a_check_says_what_is_wrong(desk, manager, status, word):
    desk.erp.faults(status=status)

    with pytest.raises(Conflict) as refused:
        check_connection(desk.connection.pk, by=manager)

    assert str(refused.value).startswith(f"{word}: ")
    assert Connection.objects.get().last_error == str(refused.value)


def test_a_check_knows_an_erp_that_is_not_there(desk, manager, settings):
    settings.SANDBOX_ERP_URL = "http://127.0.0.1:9/"

    with pytest.raises(Conflict, match=r"^Unreachable: "):
        check_connection(desk.connection.pk, by=manager)


def test_a_check_that_is_answered_says_as_which_company(desk, manager):
    assert check_connection(desk.connection.pk, by=manager).company == desk.connection.company
