"""Where is my missing invoice? It walks the article's list against the sandbox ERP (article 001)."""

import re

import pytest
from django.test import Client as Browser

from integrations.linking import disconnect
from integrations.models import Connection
from invoices.actions.archiving import archive_deleted
from invoices.actions.flow import archive_invoice
from invoices.errors import BadInput, NotThere
from invoices.models import Event, Invoice
from syncdiag.answers.missing import find_missing_invoice
from tests.factories import ClientFactory, InvoiceFactory, RoleGrantFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def look(acme, clerk):
    """`look("R-1")` is what clerk is told about it."""

    def look(number, *, by=clerk, **more):
        return find_missing_invoice(acme.pk, number, by=by, **more)

    return look


def ids(findings):
    return [finding.id for finding in findings]


def said(finding, label):
    return next(str(proof.said) for proof in finding.evidence if str(proof.label) == label)


def everything():
    rows = [list(table.objects.order_by("pk").values()) for table in (Invoice, Event, Connection)]
    return repr(rows)


def test_one_in_the_erp_and_not_here_is_imported_by_one_click(there, look, acme):
    there("R-1")
    before = everything()

    (finding,) = look("R-1")

    assert (finding.id, finding.what, finding.button) == (
        "in-erp-not-here",
        "R-1 is in Sandbox ERP and not here.",
        "import",
    )
    assert finding.values == {"client": str(acme.pk), "direction": "receivable", "number": "R-1"}
    assert said(finding, "asked the ERP") == "R-1 is in Sandbox ERP and not here: import it by its number."
    assert everything() == before


def test_one_that_is_archived_here_is_restored_by_one_click(there, bring, look, clerk):
    there("R-1")
    invoice = bring("R-1").invoice
    archive_invoice(invoice.pk, by=clerk, reason="Looked lost")

    (finding,) = look("R-1")

    assert (finding.id, finding.what, finding.button) == (
        "archived-here",
        "R-1 of Readers (CUS-1) is here, but archived.",
        "restore",
    )
    assert (finding.about, said(finding, "why archived")) == (invoice, "Looked lost")


def test_one_that_is_here_is_shown(there, bring, look):
    there("R-1")
    invoice = bring("R-1").invoice

    (finding,) = look(" R-1 ")

    assert (finding.id, finding.what, finding.button, finding.about) == (
        "here",
        "R-1 of Readers (CUS-1) is here, in the step Booked.",
        "open",
        invoice,
    )


def test_one_of_another_client_of_theirs_is_named_and_of_nobody_elses(desk, look, globex, clerk):
    theirs = InvoiceFactory(client=globex, number="R-1")
    InvoiceFactory(client=ClientFactory(slug="initech", name="Initech"), number="R-1")

    assert ids(look("R-1")) == ["never-existed"]

    RoleGrantFactory(user=clerk, client=globex, role="auditor")
    first, second = look("R-1")

    assert (first.id, first.what, first.about) == ("other-client", "R-1 is an invoice of Globex.", theirs)
    assert second.id == "never-existed"
    assert "Initech" not in repr([first, second])


def test_one_kept_out_because_duplicates_are_not_allowed_names_the_setting_and_the_other(
    desk, there, bring, look, manager
):
    desk.ask("PUT", "customers/CUS-2/", {"name": "Writers"})
    first = there("R-1")
    holder = bring("R-1").invoice
    desk.ask("DELETE", f"documents/{first}/")
    there("R-1", party="CUS-2", total="20.00")

    first, second = look("R-1")

    assert (first.id, first.button, first.about) == ("duplicates-not-allowed", "preferences", holder)
    assert first.what == (
        "R-1 is in Sandbox ERP, and kept out here: its number is in use, and duplicates are not allowed."
    )
    assert said(first, "Allow duplicate invoice numbers") == "off"
    assert said(first, "has the number") == "R-1 · Readers (CUS-1) · Booked"
    assert "ask Manager Example to allow them" in said(first, "asked the ERP")
    assert (second.id, second.about) == ("here", holder)


def test_one_kept_out_by_its_own_counterparty_is_not_blamed_on_the_setting(desk, there, bring, look):
    first = there("R-1")
    holder = bring("R-1").invoice
    desk.ask("DELETE", f"documents/{first}/")
    there("R-1")

    finding = look("R-1")[0]

    assert (finding.id, finding.button, finding.about) == ("number-used", "open", holder)


def test_one_that_was_deleted_there_says_when(desk, there, look):
    desk.ask("DELETE", f"documents/{there('R-1')}/")

    (finding,) = look("R-1")

    assert (finding.id, finding.what) == ("deleted-in-erp", "R-1 was deleted in Sandbox ERP.")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", said(finding, "deleted there"))


def test_one_that_was_deleted_there_and_so_archived_here_says_both(desk, there, bring, look):
    remote_id = there("R-1")
    invoice = bring("R-1").invoice
    desk.ask("DELETE", f"documents/{remote_id}/")
    archive_deleted(invoice.pk, remote_id, system="Sandbox ERP", deleted_at=None)

    (finding,) = look("R-1")

    assert (finding.id, finding.button, finding.about) == ("deleted-in-erp", "restore", invoice)
    assert finding.what == "R-1 of Readers (CUS-1) was deleted in Sandbox ERP, so it was archived here."


def test_one_that_never_existed_says_where_it_was_looked_for_and_what_is_near(desk, look, acme):
    near = InvoiceFactory(client=acme, number="R-0009")

    first, second = look("R-9")

    assert (first.id, first.what) == ("never-existed", "No invoice numbered R-9 is here or in Sandbox ERP.")
    assert [said(first, label) for label in ("looked for here", "asked the ERP", "deletions there")] == [
        "No invoice of Acme has this number.",
        "It has no invoice of this number.",
        "not among those of the last 30 days",
    ]
    assert (second.id, second.what, second.about) == ("near-miss", "Did you mean R-0009?", near)


def test_an_erp_that_cannot_be_asked_says_why_and_nothing_is_claimed(desk, look):
    desk.erp.faults(down=True)

    (finding,) = look("R-1")

    assert (finding.id, finding.button) == ("erp-not-asked", "connection")
    assert said(finding, "asked the ERP").startswith("The ERP could not be asked (")


def test_a_client_that_was_disconnected_says_so(desk, look, manager):
    disconnect(desk.connection.pk, by=manager, reason="Moved")

    (finding,) = look("R-1")

    assert said(finding, "asked the ERP") == "Acme was disconnected from its ERP: connect it again first."


def test_who_may_not_sync_reads_who_may_and_the_erp_is_not_asked(desk, there, look, auditor):
    there("R-1")

    (finding,) = look("R-1", by=auditor)

    assert (finding.id, finding.what) == ("erp-not-asked", "The ERP was not asked: you have no right to sync.")
    assert finding.next_step == "Only Finance staff of Acme may do this. Ask Clerk Example, Clerk2 Example."


@pytest.mark.parametrize(
    ("facts", "expected"),
    [({"stage": "preliminary", "direction": "payable", "party": "SUP-1"}, "not-booked-there")],
)
def test_one_that_cannot_be_taken_in_yet_says_why(there, look, facts, expected):
    there("R-1", **facts)

    assert ids(look("R-1")) == [expected]


def test_of_several_the_choices_are_the_evidence(desk, there, look):
    desk.ask("PUT", "customers/CUS-2/", {"name": "Writers"})
    there("R-1")
    other = there("R-1", party="CUS-2", total="20.00")

    (finding,) = look("R-1")

    assert (finding.id, finding.button) == ("several-in-erp", "import")
    assert f"Readers (CUS-2), 20.00 USD, 2026-11-02, id {other}" in [str(proof.said) for proof in finding.evidence]


def test_one_direction_alone_is_looked_for_where_it_is_named(there, look):
    there("R-1")

    assert ids(look("R-1", direction="payable")) == ["never-existed"]
    assert ids(look("R-1", direction="receivable")) == ["in-erp-not-here"]


@pytest.mark.parametrize(
    ("number", "direction", "field"),
    [("", "", "number"), ("x" * 41, "", "number"), ("a\x00b", "", "number"), ("1", "up", "direction")],
)
def test_bad_input_names_the_field(desk, look, number, direction, field):
    with pytest.raises(BadInput) as refusal:
        look(number, direction=direction)

    assert list(refusal.value.fields) == [field]


def test_a_stranger_learns_nothing_about_the_client(desk, look, stranger):
    with pytest.raises(NotThere):
        look("R-1", by=stranger)


# the page -------------------------------------------------------------------------------------------------------------

PAGE = "/admin/invoices/invoice/missing/"


def open_as(person):
    browser = Browser()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def text(answer):
    return " ".join(answer.content.decode().split())


def test_the_page_begins_with_what_the_link_says_and_asks_nobody(desk, clerk, acme):
    desk.erp.faults(down=True)

    answer = text(open_as(clerk).get(PAGE, {"number": "R-7", "client": acme.pk}))

    assert 'value="R-7"' in answer
    assert f'<option value="{acme.pk}" selected>Acme</option>' in answer
    assert "data-finding" not in answer


def test_the_page_offers_the_import_as_a_form_that_is_pressed(there, clerk, acme):
    there("R-1")
    browser = open_as(clerk)

    answer = text(browser.post(PAGE, {"number": "R-1", "client": acme.pk, "direction": ""}))

    assert 'data-finding="in-erp-not-here"' in answer
    form = re.search(r'<form method="post" action="(/admin/invoices/invoice/import/[^"]*)">(.*?)</form>', answer)
    fields = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', form[2]))
    imported = browser.post(form[1].replace("&amp;", "&"), fields)
    assert imported.url == f"/admin/invoices/invoice/{Invoice.objects.get().pk}/change/"


@pytest.mark.parametrize(("typed", "status"), [({"number": ""}, 400), ({"client": "999999"}, 400), ({}, 200)])
def test_the_page_says_at_the_field_what_is_wrong(desk, clerk, acme, typed, status):
    body = {"number": "R-1", "client": acme.pk, "direction": "", **typed}

    answer = open_as(clerk).post(PAGE, body)

    assert answer.status_code == status
    assert ('class="errorlist"' in text(answer)) == (status == 400)


def test_a_person_without_a_part_in_any_client_reads_that(desk, django_user_model):
    nobody = django_user_model.objects.create_user("nobody", is_staff=True)

    answer = open_as(nobody).get(PAGE)

    assert answer.status_code == 403
    assert "You have no part in any client, so there is nothing to look for." in text(answer)


def test_a_search_that_finds_nothing_leads_to_it(desk, clerk):
    answer = text(open_as(clerk).get("/admin/invoices/invoice/", {"q": "R&1"}))

    assert f'<a class="button" href="{PAGE}?number=R%261">Where is R&amp;1?</a>' in answer


def test_the_menu_leads_to_it(desk, clerk):
    assert f'<a href="{PAGE}">Missing invoice</a>' in text(open_as(clerk).get("/admin/"))
