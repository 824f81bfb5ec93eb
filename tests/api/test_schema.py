import re

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command

from invoices.buttons import all_buttons


@pytest.fixture
def schema(db, browser):
    return browser.get("/api/v1/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()


def test_is_valid_and_has_no_warning(tmp_path):
    call_command(
        "spectacular", urlconf="tests.api.urls", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml")
    )


def test_describes_every_address(schema):
    assert sorted(schema["paths"]) == [
        "/api/v1/invoices/",
        "/api/v1/invoices/{invoice_id}/",
        "/api/v1/invoices/{invoice_id}/events/",
        "/api/v1/invoices/{invoice_id}/payments/",
        "/api/v1/invoices/{invoice_id}/payments/{payment_id}/{button}/",
        "/api/v1/invoices/{invoice_id}/{button}/",
        "/api/v1/token/",
    ]


def test_names_every_button(schema):
    press = schema["paths"]["/api/v1/invoices/{invoice_id}/{button}/"]["post"]
    button = next(parameter for parameter in press["parameters"] if parameter["name"] == "button")

    assert {button.slug for button in all_buttons()} <= set(button["schema"]["enum"])
    assert "`skip`: The invoice goes on to the next step under this voucher." in press["description"]


def test_the_page_loads_nothing_from_elsewhere_and_has_no_inline_code(db, browser):
    answer = browser.get("/api/v1/docs/")
    page = answer.content.decode()

    addresses = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(addresses) == 5
    assert all(address.startswith("/") for address in addresses)
    assert all(finders.find(address.removeprefix("/static/")) for address in addresses if "/static/" in address)
    assert "<style" not in page
    assert not re.search(r"<script>|\son\w+=|style=", page)
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    script = browser.get(addresses[-1].replace("&amp;", "&"))
    assert script["Content-Type"] == "application/javascript"
    assert "/api/v1/schema/" in script.content.decode()
