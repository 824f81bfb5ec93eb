import pytest

from invoices import buttons
from invoices.buttons import Button
from invoices.errors import NotThere
from invoices.models import Invoice
from invoices.roles import Right
from tests.api.person import ApiPerson
from tests.factories import InvoiceFactory


@pytest.fixture
def broken_button():
    """A button of a room above whose verb fails in a way that nobody foresaw."""

    def fail(invoice_id, *, by):
        raise ZeroDivisionError("the secret of acme")

    buttons.register(Button("break", "Break", Right.POST, fail, lambda invoice: True, "", "", asks=(), needs=()))
    yield
    del buttons._buttons["break"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/v1/"),
        ("get", "/api/v1/nothing/"),
        ("post", "/api/v1/nothing/"),
        ("get", "/api/v1/invoices"),
        ("delete", "/api/v1/invoices/x/"),
        ("get", "/api/v1/invoices/-1/"),
        ("post", "/api/v1/invoices/1/pay-twice/"),
        ("post", "/api/v1/invoices/1/POST/"),
    ],
)
def test_an_address_that_does_not_exist_answers_json(db, method, path):
    answer = getattr(ApiPerson(None).browser, method)(path)

    assert answer.status_code == 404
    assert answer.json() == {
        "detail": "There is nothing at this address: see /api/v1/docs/ for those that exist; each ends with a slash."
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [("delete", "invoices/"), ("patch", "invoices/1/"), ("get", "invoices/1/post/"), ("get", "token/")],
)
def test_a_wrong_method_answers_json(as_, clerk, method, path):
    answer = getattr(as_(clerk).browser, method)(f"/api/v1/{path}", headers=as_(clerk).headers)

    assert answer.status_code == 405
    assert answer.json() == {"detail": f'Method "{method.upper()}" not allowed.'}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_another_content_type_answers_json(as_, clerk, content_type):
    answer = as_(clerk).post("invoices/", "number=1", content_type=content_type)

    assert answer.status_code == 415
    assert answer.json() == {"detail": "Send the body as JSON, with the header “Content-Type: application/json”."}


def test_somebody_who_wants_html_gets_json(as_, clerk):
    answer = as_(clerk).browser.get("/api/v1/invoices/", headers={**as_(clerk).headers, "Accept": "text/html"})

    assert answer.status_code == 406
    assert answer["Content-Type"] == "application/json"


def test_a_fault_of_ours_answers_json_and_tells_nothing(clerk, acme, broken_button, caplog):
    invoice = InvoiceFactory(client=acme)

    answer = ApiPerson(clerk, raise_request_exception=False).post(f"invoices/{invoice.pk}/break/")

    assert answer.status_code == 500
    assert answer.json()["detail"].startswith("This is our fault, not yours.")
    assert "secret" not in answer.content.decode()
    logged = next(record.msg for record in caplog.records if record.name == "invoices.api.errors")
    assert isinstance(logged["exc_info"], ZeroDivisionError)
    assert answer["X-Request-Id"] == logged["request_id"]


def test_a_fault_of_ours_shows_in_tests_that_did_not_expect_it(as_, clerk, acme, broken_button):
    invoice = InvoiceFactory(client=acme)

    with pytest.raises(ZeroDivisionError):
        as_(clerk).post(f"invoices/{invoice.pk}/break/")


def test_a_session_needs_its_csrf_token(clerk, acme):
    invoice = InvoiceFactory(client=acme)
    browser = ApiPerson(None).browser
    browser.handler.enforce_csrf_checks = True
    browser.force_login(clerk)

    answer = browser.post(f"/api/v1/invoices/{invoice.pk}/post/")

    assert answer.status_code == 403
    assert answer.json() == {"detail": "CSRF Failed: CSRF cookie not set."}
    assert Invoice.objects.get().step == "draft"


def test_a_button_of_a_room_above_works_as_soon_as_it_is_registered(as_, clerk, acme):
    def look(invoice_id, *, by):
        raise NotThere("The ERP does not know it.")

    buttons.register(Button("gaze", "Gaze", Right.POST, look, lambda invoice: True, "", "", asks=(), needs=()))
    try:
        answer = as_(clerk).post(f"invoices/{InvoiceFactory(client=acme).pk}/gaze/")
    finally:
        del buttons._buttons["gaze"]

    assert (answer.status_code, answer.json()) == (404, {"detail": "The ERP does not know it."})
