"""DESIGN §4, edit rules: every step × role × path, and the sentence that says where to edit instead."""

import json

import pytest

from integrations.models import Connection
from invoices.models import Event
from invoices.workflow import Step
from tests.admin.test_typed import typed
from tests.api.person import BODY, ApiPerson
from tests.factories import InvoiceFactory
from tests.invoices.pictures import RoomPicture, stand

PEOPLE = ("clerk", "clerk2", "handler", "manager", "auditor", "stranger", "root")
MAY = ("clerk", "clerk2", "root")
READ_ONLY = {
    "draft": "",
    "preliminary_integration": "It is on its way to the ERP",
    "preliminary_error": "",
    "approval": "It is booked preliminarily and waits for approval",
    "final_integration": "It is on its way to the ERP",
    "final_error": "",
    "booked": "It is booked. Edit it in Sandbox ERP; the next sync brings it back.",
    "invalidated": "It is invalidated: hand it in again under another number.",
}
EDITED = {name: BODY[name] for name in ("counterparty", "invoice_date", "currency", "lines")}


@pytest.fixture(autouse=True)
def _whole_site(settings, acme):
    settings.ROOT_URLCONF = "config.urls"
    Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="s")


@pytest.fixture
def by_api():
    def put(person, invoice):
        caller = ApiPerson(person)
        body = json.dumps({**EDITED, "number": invoice.number, "reason": "typed wrong"})
        path = f"/api/v1/invoices/{invoice.pk}/"
        answer = caller.browser.put(path, body, content_type="application/json", headers=caller.headers)
        return answer.status_code, str(answer.json().get("detail", ""))

    return put


@pytest.fixture
def by_admin(client):
    def post(person, invoice):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        form = typed(number=invoice.number, seen=str(invoice.event_count), reason="typed wrong")
        answer = client.post(f"/admin/invoices/invoice/{invoice.pk}/edit/", form)
        return {302: 200}.get(answer.status_code, answer.status_code), answer.text if answer.status_code > 302 else ""

    return post


@pytest.mark.parametrize("path", ["by_api", "by_admin"])
@pytest.mark.parametrize("who", PEOPLE)
def test_who_edits_what_from_where(acme, who, path, request):
    edit, person = request.getfixturevalue(path), request.getfixturevalue(who)

    for step in Step.values:
        invoice = stand(acme, step)
        before = RoomPicture()

        status, said = edit(person, invoice)

        invoice.refresh_from_db()
        if who in MAY and not READ_ONLY[step]:
            assert (status, invoice.step) == (200, step)
            event = Event.objects.get(invoice=invoice)
            assert (event.action, event.actor, event.reason) == ("edit", person, "typed wrong")
            assert event.evidence["lines"] != event.evidence["lines_before"]
            continue
        assert status == (409 if who in MAY else 404 if who == "stranger" else 403), step
        assert before.is_unchanged()
        if who in MAY:
            assert READ_ONLY[step] in said


def test_the_page_of_a_booked_invoice_says_where_it_is_edited(acme, clerk, client):
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    invoice = stand(acme, "booked")

    page = client.get(f"/admin/invoices/invoice/{invoice.pk}/edit/")

    assert "Edit it in Sandbox ERP; the next sync brings it back." in page.text
    assert "<form method" not in page.text.partition('id="content-main"')[2]


def test_where_no_system_is_connected_it_is_called_the_accounting_system(globex, stranger):
    from invoices.actions.intake import why_read_only

    assert why_read_only(InvoiceFactory(client=globex, step="booked")) == (
        "It is booked. Edit it in the ERP; the next sync brings it back."
    )
