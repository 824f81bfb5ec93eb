"""Bulk runs over the API: started with 201, followed by id, refused like everything else."""

import pytest

from integrations.models import BulkItem, BulkRun
from invoices.workflow import Step
from tests.api.person import ApiPerson
from tests.factories import InvoiceFactory


@pytest.fixture(autouse=True)
def _urls(settings):
    settings.ROOT_URLCONF = "tests.bulk.urls"
    settings.WHITENOISE_AUTOREFRESH = True  # else it warns where nothing was collected


@pytest.fixture
def invoices(acme):
    return [InvoiceFactory(client=acme, step=Step.PRELIMINARY_ERROR) for _number in range(3)]


def body(of, **changed):
    return {"button": "look-up", "invoices": [invoice.pk for invoice in of], "reason": "why", **changed}


def test_a_run_is_started_and_followed(invoices, handler):
    theirs = ApiPerson(handler)

    started = theirs.post("bulk-runs/", body(invoices))

    assert started.status_code == 201
    said = started.json()
    assert (said["button"], said["by"], said["total"], said["left"], said["finished_at"]) == (
        "look-up", "handler", 3, 3, None,
    )  # fmt: skip
    BulkItem.objects.filter(invoice=invoices[0]).update(state="refused", sentence="No.")
    first = theirs.get(f"bulk-runs/{said['id']}/", limit=2).json()
    assert [(item["number"], item["state"], item["sentence"]) for item in first["items"]] == [
        (invoices[0].number, "refused", "No."),
        (invoices[1].number, "waiting", ""),
    ]
    second = theirs.browser.get(first["next"], headers=theirs.headers).json()
    assert ([item["invoice"] for item in second["items"]], second["next"]) == ([invoices[2].pk], None)


@pytest.mark.parametrize(
    ("changed", "field", "sentence"),
    [
        ({"button": "abort"}, "button", "Only these work for many invoices at once"),
        ({"invoices": []}, "invoices", "Choose at least one invoice."),
        ({"invoices": list(range(1, 1002))}, "invoices", "At most 1,000 invoices go into one run"),
        ({"invoices": [2**63]}, "invoices[0]", "Ensure this value is less than or equal to"),
        ({"reason": " "}, "reason", "Say why"),
        ({"extra": 1}, "extra", "There is no field of this name here"),
    ],
    ids=["button", "none", "too_many", "too_big", "reason", "extra"],
)
def test_what_is_wrong_is_said_by_field(invoices, handler, changed, field, sentence):
    answer = ApiPerson(handler).post("bulk-runs/", body(invoices, **changed))

    assert answer.status_code == 400
    assert answer.json()["fields"][field].startswith(sentence)
    assert not BulkRun.objects.exists()


def test_who_starts_and_who_sees(invoices, clerk, handler, auditor, stranger, root):
    people = (clerk, handler, auditor, stranger, root)
    started = {person.username: ApiPerson(person).post("bulk-runs/", body(invoices)).status_code for person in people}
    run = BulkRun.objects.get(by=handler)

    seen = {person.username: ApiPerson(person).get(f"bulk-runs/{run.pk}/").status_code for person in people}

    assert started == {"clerk": 201, "handler": 201, "auditor": 201, "stranger": 404, "root": 201}
    assert seen == {"clerk": 200, "handler": 200, "auditor": 200, "stranger": 404, "root": 200}


def test_nobody_is_401_and_a_run_that_is_not_there_404(db, handler):
    assert ApiPerson(None).post("bulk-runs/", {}).status_code == 401
    assert ApiPerson(handler).get("bulk-runs/4711/").status_code == 404
    assert ApiPerson(handler).get(f"bulk-runs/{2**70}/").status_code == 404


def test_the_schema_describes_it(db, tmp_path):
    from django.core.management import call_command

    file = tmp_path / "schema.yml"
    call_command("spectacular", urlconf="tests.bulk.urls", validate=True, fail_on_warn=True, file=str(file))

    assert "/api/v1/bulk-runs/{run_id}/" in file.read_text()
