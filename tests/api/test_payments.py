"""Payments over the API: recorded, read, and pressed."""

import pytest

from invoices.models import Payment
from tests.api.person import ApiPerson
from tests.factories import CounterpartyFactory
from tests.invoices.pictures import RoomPicture, stand

GIVEN = {"amount": "10.99", "method": "ach", "state": "authorized", "paid_on": "2026-11-20", "reference": "R-1"}


@pytest.fixture
def invoice(acme):
    party = CounterpartyFactory(client=acme, direction="receivable", code="CUS-1")
    return stand(acme, "booked", direction="receivable", counterparty=party, status="open", remote_id="77")


def test_a_payment_is_recorded_read_and_fails(invoice, clerk):
    person = ApiPerson(clerk)

    made = person.post(f"invoices/{invoice.pk}/payments/", GIVEN)
    failed = person.post(f"invoices/{invoice.pk}/payments/{made.json()['id']}/fail/", {"reason": "R01"})
    read = person.get(f"invoices/{invoice.pk}/payments/").json()["results"]

    assert (made.status_code, failed.status_code) == (201, 200)
    assert {name: made.json()[name] for name in GIVEN} == GIVEN
    assert (made.json()["counts"], made.json()["state"]) == (True, "authorized")
    assert read == [failed.json()]
    assert (read[0]["state"], read[0]["counts"], read[0]["failure_reason"]) == ("failed", False, "R01")
    assert person.get(f"invoices/{invoice.pk}/").json()["status"] == "open"


@pytest.mark.parametrize(("person", "status"), [("handler", 403), ("auditor", 403), ("stranger", 404)])
def test_who_may_not_changes_nothing(invoice, clerk, request, person, status):
    payment = ApiPerson(clerk).post(f"invoices/{invoice.pk}/payments/", GIVEN).json()["id"]
    other = ApiPerson(request.getfixturevalue(person))
    before = RoomPicture()

    answers = [
        other.post(f"invoices/{invoice.pk}/payments/", GIVEN),
        *(
            other.post(f"invoices/{invoice.pk}/payments/{payment}/{button}/", {"reason": "x"})
            for button in ("succeed", "fail", "void")
        ),
    ]

    assert [one.status_code for one in answers] == [status] * 4
    assert before.is_unchanged()


def test_a_payment_is_pressed_under_its_own_invoice_alone(acme, invoice, clerk):
    payment = ApiPerson(clerk).post(f"invoices/{invoice.pk}/payments/", GIVEN).json()["id"]
    other = stand(acme, "booked")

    for address in (f"{other.pk}/payments/{payment}/fail/", f"{invoice.pk}/payments/{payment}/nonsense/"):
        assert ApiPerson(clerk).post(f"invoices/{address}", {"reason": "x"}).status_code == 404

    assert Payment.objects.get().state == "authorized"


def test_what_is_wrong_is_named(invoice, clerk):
    said = ApiPerson(clerk).post(f"invoices/{invoice.pk}/payments/", GIVEN | {"amount": "11"})

    assert (said.status_code, list(said.json()["fields"])) == (400, ["amount"])
    assert not Payment.objects.exists()
