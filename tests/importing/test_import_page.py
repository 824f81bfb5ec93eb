"""Import by number in the admin, and the preference in the client's form."""

import pytest
from django.test import Client as Browser
from django.urls import reverse

from invoices.actions.flow import archive_invoice
from invoices.actions.intake import hand_in
from invoices.models import Client, Invoice
from tests.invoices.test_duplicate_numbers import OTHERS, OURS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser():
    def log_in(person):
        client = Browser()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def page():
    return reverse("admin:invoices_invoice_list_page", args=["import"])


@pytest.fixture
def send(browser, page, clerk, acme):
    def send(by=clerk, **values):
        body = {"client": acme.pk, "direction": "receivable", "number": "R-1", "remote_id": "", **values}
        return browser(by).post(page, body)

    return send


def text(answer):
    return " ".join(answer.content.decode().split())


def test_the_list_leads_to_it_for_who_may_and_says_who_may_to_others(browser, page, desk, clerk, handler):
    listing = reverse("admin:invoices_invoice_changelist")

    may, may_not = text(browser(clerk).get(listing)), text(browser(handler).get(listing))

    assert f'<a class="button" href="{page}">Import by number</a>' in may
    assert (
        '<span class="button off" aria-disabled="true" title="Only Finance staff may do this.">Import by number'
        in may_not
    )
    assert page not in may_not


def test_the_form_offers_the_clients_and_starts_with_what_the_link_says(browser, page, acme, clerk):
    answer = text(browser(clerk).get(page, {"client": acme.pk, "number": "R-7", "direction": "receivable"}))

    assert 'value="R-7"' in answer
    assert f'<option value="{acme.pk}" selected>Acme</option>' in answer
    assert '<option value="receivable" selected>Receivable</option>' in answer


def test_there_is_no_other_page_beside_it(browser, clerk):
    assert browser(clerk).get("/admin/invoices/invoice/export/").status_code == 404


def test_an_import_leads_to_the_invoice(there, send):
    there("R-1")

    answer = send()

    invoice = Invoice.objects.get()
    assert (answer.status_code, answer.url) == (302, reverse("admin:invoices_invoice_change", args=[invoice.pk]))


def test_of_several_each_has_a_button_of_its_own(desk, there, send):
    desk.ask("PUT", "customers/CUS-2/", {"name": "Writers"})
    first, other = there("R-1"), there("R-1", party="CUS-2", total="20.00")

    answer = send()

    shown = text(answer)
    assert answer.status_code == 200
    assert "Sandbox ERP has 2 documents of the number R-1: choose the one that is missing here." in shown
    for remote_id in (first, other):
        assert f'<input type="hidden" name="remote_id" value="{remote_id}">' in shown
    assert send(remote_id=other).status_code == 302
    assert "It is here: look at it" in text(send())


def test_what_is_archived_here_has_a_button_for_restoring(there, send, clerk):
    there("R-1")
    send()
    invoice = Invoice.objects.get()
    archive_invoice(invoice.pk, by=clerk, reason="Looked lost")

    answer = send()

    assert answer.status_code == 409
    assert "R-1 is here already, but archived (Looked lost)" in text(answer)
    assert reverse("admin:invoices_invoice_press", args=[invoice.pk, "restore"]) in text(answer)


def test_what_is_not_there_says_so_and_keeps_what_was_typed(desk, send):
    answer = send(number="R-2")

    assert answer.status_code == 409
    assert "There is no invoice numbered R-2 in Sandbox ERP: the number must be exact." in text(answer)
    assert 'value="R-2"' in text(answer)


def test_nobody_else_may(desk, there, browser, page, send, handler, stranger):
    there("R-1")

    shown, sent = browser(handler).get(page), send(by=handler)

    sentence = "Only Finance staff of Acme may do this. Ask Clerk Example, Clerk2 Example."
    assert (shown.status_code, sent.status_code) == (403, 403)
    assert sentence in text(shown)
    assert sentence in text(sent)
    assert send(by=stranger).status_code == 400  # a client that is not offered
    assert not Invoice.objects.exists()


def test_the_manager_switches_the_preference_in_the_clients_form(browser, acme, manager, clerk):
    address = reverse("admin:invoices_client_change", args=[acme.pk])
    values = {"preliminary_patience": 15, "final_patience": 15, "payment_patience": 14}

    browser(manager).post(address, {**values, "allows_duplicate_numbers": "on"})
    assert Client.objects.get(pk=acme.pk).allows_duplicate_numbers
    for given in (OURS, OTHERS):
        hand_in(acme, given, by=clerk)
    refused = browser(manager).post(address, {**values, "final_patience": 30}, follow=True)

    assert "1 number of Acme is used more than once: R-1, by 2 invoices." in text(refused)
    acme.refresh_from_db()
    assert (acme.allows_duplicate_numbers, acme.final_patience) == (True, 15)
