"""GET and POST /api/v1/invoices/{id}/diagnosis/, and GET /api/v1/invoices/missing/."""

import re

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from integrations.models import Connection
from invoices import clock
from invoices.models import Event, Evidence, Invoice
from invoices.workflow import MessageState
from tests.delivery.conftest import desk, erp, erp_process
from tests.factories import InvoiceFactory
from tests.importing.conftest import there
from tests.syncdiag.cases import attempt, refused, waiting

__all__ = ["desk", "erp", "erp_process", "there"]
PERIOD = {"code": "PERIOD_CLOSED", "message": "The accounting period 2026-08 is closed."}


def ask(person, address, **query):
    api = APIClient()
    api.force_authenticate(person)
    return api.get(f"/api/v1/invoices/{address}/", query)


def test_a_finding_has_all_that_the_page_has(acme, connection, handler):
    invoice = refused(acme, PERIOD, settled_at=clock.now(), attempt_count=1)
    call = attempt(invoice, started_at=clock.now())

    (finding,) = ask(handler, f"{invoice.pk}/diagnosis").json()["findings"]

    assert {
        name: finding[name] for name in ("id", "question", "what", "button", "field", "fixed_in", "retry_helps")
    } == {
        "id": "period-closed",
        "question": "stuck",
        "what": "The accounting period is closed",
        "button": "post-again",
        "field": "",
        "fixed_in": "here",
        "retry_helps": True,
    }
    assert finding["cause"].startswith("The posting date, or the invoice date where none is set, lies in 2026-08")
    assert finding["steps"] == [
        "Set a date in an open period, or have 2026-08 opened again in the ERP.",
        "Then post the invoice again.",
    ]
    assert finding["next_step"] == " ".join(finding["steps"])
    assert finding["evidence"][0] == {
        "label": "the ERP said",
        "said": "The accounting period 2026-08 is closed.",
        "at": call.started_at.isoformat(),
        "is_quote": True,
    }
    assert finding["link"] == f"http://testserver/admin/invoices/invoice/{invoice.pk}/press/post-again/"
    assert finding["guide"] == "http://testserver/admin/guides/sandbox/#period-closed"
    assert (finding["who_may"], finding["again_at"], finding["invoice"]) == ("", None, None)


def test_who_may_not_take_the_step_has_no_link_and_reads_who_may(acme, connection, auditor, handler):
    (finding,) = ask(auditor, f"{refused(acme, PERIOD).pk}/diagnosis").json()["findings"]

    assert finding["link"] is None
    assert finding["who_may"] == "Only Integration queue handler of Acme may do this. Ask Handler Example."


def test_one_question_is_answered_alone(acme, connection, auditor):
    invoice = refused(acme, PERIOD)

    answer = ask(auditor, f"{invoice.pk}/diagnosis", question="balances").json()

    assert [(each["id"], each["question"]) for each in answer["findings"]] == [("nothing-wrong", "balances")]


@pytest.mark.parametrize(("query", "field"), [({"question": "why"}, "question"), ({"live": "1"}, "live")])
def test_what_cannot_be_asked_is_refused_by_its_name(acme, connection, auditor, query, field):
    answer = ask(auditor, f"{refused(acme, PERIOD).pk}/diagnosis", **query)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_a_stranger_sees_nothing(acme, connection, stranger):
    assert ask(stranger, f"{refused(acme, PERIOD).pk}/diagnosis").status_code == 404


def test_a_get_changes_nothing(acme, connection, clerk):
    invoice = waiting(acme, MessageState.UNKNOWN, not_before=None)
    before = [list(table.objects.order_by("pk").values()) for table in (Invoice, Event, Evidence, Connection)]

    ask(clerk, f"{invoice.pk}/diagnosis")

    assert [list(table.objects.order_by("pk").values()) for table in (Invoice, Event, Evidence, Connection)] == before


def post(person, invoice, **body):
    api = APIClient()
    api.force_authenticate(person)
    return api.post(f"/api/v1/invoices/{invoice.pk}/diagnosis/", body, format="json")


@pytest.mark.django_db(transaction=True)
class TestLive:
    def test_a_post_asks_the_erp_and_shows_what_it_said(self, desk, handler):
        invoice = desk.post()
        desk.tune(is_enabled=True)
        voucher = desk.book_by_hand(invoice)["booking"]["voucher"]

        findings = post(handler, invoice).json()["findings"]

        evidence = Evidence.objects.get()
        assert (evidence.voucher, evidence.asked_by) == (voucher, handler)
        proof = next(each for each in findings[0]["evidence"] if each["label"] == "asked whether the ERP has it")
        assert proof["said"].startswith(f"it has it, under voucher {voucher}")
        assert proof["at"] == evidence.asked_at.isoformat()

    def test_without_the_right_nobody_is_asked(self, desk, auditor):
        answer = post(auditor, desk.post())

        assert answer.status_code == 403
        assert not Evidence.objects.exists()

    def test_a_question_that_is_none_asks_nobody(self, desk, handler):
        answer = post(handler, desk.post(), question="why")

        assert answer.status_code == 400
        assert not Evidence.objects.exists()

    def test_of_a_draft_there_is_nothing_to_ask(self, desk, handler):
        assert post(handler, desk.hand_in()).status_code == 409


@pytest.mark.django_db(transaction=True)
class TestMissing:
    def test_it_asks_the_erp_and_offers_the_import(self, there, acme, clerk):
        there("R-1")

        (finding,) = ask(clerk, "missing", client="acme", number="R-1").json()["findings"]

        assert (finding["id"], finding["question"], finding["button"]) == ("in-erp-not-here", "missing", "import")
        assert finding["link"] == (
            f"http://testserver/admin/invoices/invoice/import/?client={acme.pk}&direction=receivable&number=R-1"
        )
        assert not Invoice.objects.exists()

    def test_one_that_is_archived_is_named_by_its_id(self, desk, acme, clerk):
        invoice = InvoiceFactory(client=acme, number="R-1", archived_at=clock.now(), archived_reason="Lost")

        (finding,) = ask(clerk, "missing", client="acme", number="R-1").json()["findings"]

        assert (finding["id"], finding["invoice"]) == ("archived-here", invoice.pk)
        assert finding["link"].endswith(f"/invoice/{invoice.pk}/press/restore/")

    @pytest.mark.parametrize(
        ("query", "status"),
        [({"client": "acme"}, 400), ({"number": "1"}, 400), ({"client": "nope", "number": "1"}, 404)],
    )
    def test_what_is_not_there_is_refused(self, desk, clerk, query, status):
        assert ask(clerk, "missing", **query).status_code == status

    def test_a_stranger_cannot_ask_about_the_client(self, desk, stranger):
        assert ask(stranger, "missing", client="acme", number="R-1").status_code == 404


def test_the_schema_has_both_and_no_warning(tmp_path):
    file = tmp_path / "schema.yml"

    call_command("spectacular", validate=True, fail_on_warn=True, file=str(file))

    assert {"/api/v1/invoices/missing/:", "/api/v1/invoices/{invoice_id}/diagnosis/:"} <= set(
        re.findall(r"^  (/\S+)$", file.read_text(), re.MULTILINE)
    )
