"""Sync runs over the API: begun or joined with 202, followed by id, refused like everything else."""

import pytest

from integrations.models import Connection, SyncItem, SyncRun
from tests.api.person import ApiPerson
from tests.factories import InvoiceFactory

PATH = "connections/acme/sync/"


@pytest.fixture
def connection(acme):
    return Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="hush-hush")


def test_it_is_begun_joined_and_followed(connection, clerk, clerk2, auditor):
    begun = ApiPerson(clerk).post(PATH, {"reason": "after the outage"})
    joined = ApiPerson(clerk2).post(PATH)

    said = begun.json()
    assert (begun.status_code, joined.status_code, joined.json()["id"]) == (202, 202, said["id"])
    assert (said["client"], said["by"], said["reason"], said["phase"], said["finished_at"]) == (
        "acme", "clerk", "after the outage", "sending", None,
    )  # fmt: skip
    invoices = [InvoiceFactory(client=connection.client) for _number in range(3)]
    run = SyncRun.objects.get()
    for invoice in invoices:
        SyncItem.objects.create(run=run, invoice=invoice, state="failed", sentence="No.", said=[{"code": "X"}])
    reader = ApiPerson(auditor)
    first = reader.get(f"sync-runs/{run.pk}/", limit=2).json()
    assert [(item["number"], item["state"], item["sentence"], item["said"]) for item in first["items"]] == [
        (invoice.number, "failed", "No.", [{"code": "X"}]) for invoice in invoices[:2]
    ]
    second = reader.browser.get(first["next"], headers=reader.headers).json()
    assert ([item["invoice"] for item in second["items"]], second["next"]) == ([invoices[2].pk], None)


def test_what_the_schedule_began_is_by_nobody(connection, auditor):
    run = SyncRun.objects.create(connection=connection)

    assert ApiPerson(auditor).get(f"sync-runs/{run.pk}/").json()["by"] is None


def test_where_nothing_is_connected_it_is_a_conflict_in_a_sentence(acme, clerk):
    answer = ApiPerson(clerk).post(PATH)

    assert answer.status_code == 409
    assert answer.json()["detail"] == "Acme is not connected to an ERP: connect it first."


@pytest.mark.parametrize("values", [{"is_enabled": False}, {"needs_credentials": True}], ids=["off", "credentials"])
def test_where_nothing_may_be_exchanged_it_is_a_conflict(connection, clerk, values):
    Connection.objects.update(**values)

    assert ApiPerson(clerk).post(PATH).status_code == 409
    assert not SyncRun.objects.exists()


def test_who_begins_and_who_sees(connection, clerk, handler, manager, auditor, stranger, root):
    people = (handler, manager, auditor, stranger, root, clerk)
    begun = {person.username: ApiPerson(person).post(PATH).status_code for person in people}
    run = SyncRun.objects.get()

    seen = {person.username: ApiPerson(person).get(f"sync-runs/{run.pk}/").status_code for person in people}

    assert begun == {
        "handler": 403, "manager": 403, "auditor": 403, "stranger": 404, "root": 202, "clerk": 202,
    }  # fmt: skip
    assert seen == dict.fromkeys(("handler", "manager", "auditor", "root", "clerk"), 200) | {"stranger": 404}


def test_nobody_is_401_bad_input_400_and_what_is_not_there_404(connection, clerk):
    theirs = ApiPerson(clerk)

    assert ApiPerson(None).post(PATH).status_code == 401
    assert theirs.post(PATH, {"extra": 1}).status_code == 400
    assert theirs.post(PATH, {"reason": "x" * 2001}).status_code == 400
    assert theirs.post("connections/nobody/sync/").status_code == 404
    assert theirs.get("sync-runs/4711/").status_code == 404
    assert theirs.get(f"sync-runs/{2**70}/").status_code == 404
    assert not SyncRun.objects.exists()
