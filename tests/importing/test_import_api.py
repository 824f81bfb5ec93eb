"""POST /api/v1/invoices/import/"""

import pytest
from django.core.management import call_command

from invoices.actions.flow import archive_invoice
from invoices.models import Event, Invoice
from tests.api.person import ApiPerson

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"client": "acme", "direction": "receivable", "number": "R-1"}


@pytest.fixture(autouse=True)
def _urls(settings):
    settings.ROOT_URLCONF = "tests.importing.urls"


@pytest.fixture
def ask(clerk):
    def ask(by=clerk, **values):
        body = {name: value for name, value in {**BODY, **values}.items() if value is not None}
        answer = ApiPerson(by).post("invoices/import/", body)
        return answer.status_code, answer.json()

    return ask


def test_what_is_imported_is_answered_with_the_invoice_and_again_as_here(there, ask):
    there("R-1")

    status, invoice = ask(reason="It was typed there")
    again = ask()

    assert (status, invoice["number"], invoice["step"], invoice["status"]) == (201, "R-1", "booked", "open")
    assert (invoice["total"], invoice["balance"], invoice["final_voucher"]) == ("10.99", "10.99", "F-000001")
    assert invoice["lines"][0]["amount"] == "10.99"
    assert again[0] == 200
    assert again[1]["id"] == invoice["id"]
    assert Event.objects.get(action="import").reason == "It was typed there"


def test_several_are_listed_and_one_is_chosen(desk, there, ask):
    desk.ask("PUT", "customers/CUS-2/", {"name": "Writers"})
    first, other = there("R-1"), there("R-1", party="CUS-2", total="20.00")

    status, answer = ask()
    chosen = ask(remote_id=other)

    assert (status, answer["outcome"], answer["invoice"]) == (409, "several", None)
    assert answer["detail"].startswith("Sandbox ERP has 2 documents of the number R-1")
    assert answer["choices"][0] == {
        "remote_id": first,
        "kind": "invoice",
        "party_code": "CUS-1",
        "party_name": "Readers",
        "invoice_date": "2026-11-02",
        "currency": "USD",
        "total": "10.99",
        "balance": "10.99",
        "invoice": None,
    }
    assert (chosen[0], chosen[1]["total"]) == (201, "20.00")
    assert [one["invoice"] for one in ask()[1]["choices"]] == [None, chosen[1]["id"]]


def test_not_found_is_404_and_what_is_in_the_way_409(desk, there, ask, clerk):
    there("R-1")
    invoice = Invoice.objects.get(pk=ask()[1]["id"])
    archive_invoice(invoice.pk, by=clerk, reason="Looked lost")

    archived = ask()
    missing = ask(number="R-2")
    desk.erp.faults(down=True)
    down = ask(number="R-3")

    assert (archived[0], archived[1]["outcome"], archived[1]["invoice"]) == (409, "archived", invoice.pk)
    assert (missing[0], missing[1]) == (
        404,
        {
            "detail": "There is no invoice numbered R-2 in Sandbox ERP: the number must be exact.",
            "outcome": "not_found",
            "invoice": None,
            "choices": [],
        },
    )
    assert (down[0], down[1]["outcome"]) == (409, "not_asked")


def test_who_may_not_is_told_who_may(there, ask, handler, stranger):
    there("R-1")

    status, answer = ask(by=handler)

    assert (status, answer["detail"]) == (
        403,
        "Only Finance staff of Acme may do this. Ask Clerk Example, Clerk2 Example.",
    )
    assert ask(by=stranger)[0] == 404
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [({"number": None}, "number"), ({"number": " "}, "number"), ({"direction": "up"}, "direction"), ({"x": 1}, "x")],
)
def test_bad_input_names_its_field(desk, ask, values, field):
    status, answer = ask(**values)

    assert (status, list(answer["fields"])) == (400, [field])


def test_the_schema_describes_it(tmp_path):
    file = tmp_path / "schema.yml"

    call_command("spectacular", urlconf="tests.importing.urls", validate=True, fail_on_warn=True, file=str(file))

    assert "/api/v1/invoices/import/:" in file.read_text()
