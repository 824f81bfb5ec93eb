"""How long messages are kept, and where they show."""

import time
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from cxmlgate.actions import configure_gate, prune_messages, receive_message
from cxmlgate.models import GateMessage
from invoices.timeline import timeline
from tests.cxmlgate.conftest import book, send
from tests.cxmlgate.messages import IDENTITY, PATH, credential, message, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.cxmlgate.urls")]


def test_old_messages_are_deleted_after_the_clients_days(invoice, gate, globex):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, keep_days=30)
    for number in range(5):
        send(message(payload_id=str(number), type_="processing"))
    send(message(), PATH.replace("acme", "globex"))
    send(message(), PATH.replace("acme", "nobody"))

    with time_machine.travel(timezone.now() + timedelta(days=31)):
        send(message(payload_id="new", type_="processing"))
        assert prune_messages(batch=2) == 5

    assert set(GateMessage.objects.values_list("payload_id", flat=True)) == {"new", "p-1"}


def test_messages_of_no_client_are_deleted_after_a_year(invoice):
    send(message(), PATH.replace("acme", "nobody"))

    with time_machine.travel(timezone.now() + timedelta(days=366)):
        out = StringIO()
        call_command("prune_gate_messages", stdout=out)

    assert out.getvalue() == "1 messages deleted.\n"


def test_refused_message_that_still_comes_is_kept(gate):
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, keep_days=30)
    send(message())

    with time_machine.travel(timezone.now() + timedelta(days=31)):
        send(message())
        assert prune_messages() == 0


def test_message_of_several_invoices_is_deleted_whole(invoice, gate):
    second = book(gate.client, "INV-0002")
    send(message(notice(), notice(number="INV-0002")))
    assert [entry.source for entry in timeline(second)].count("gate") == 1

    with time_machine.travel(timezone.now() + timedelta(days=366)):
        assert prune_messages() == 1


def test_timeline_of_the_invoice_shows_each_message(invoice):
    send(message(type_="rejected", comments="<Comments>No</Comments>"))
    send(message(payload_id="p-2"))
    send(message(payload_id="p-2"))
    send(message(payload_id="p-3", number="other"))

    entries = [entry for entry in timeline(invoice) if entry.source == "gate"]

    assert [(entry.title, entry.tone, entry.who) for entry in entries] == [
        ("cXML message paid: Invoice In Wrong Status", "error", IDENTITY),
        ("cXML message rejected: OK", "good", IDENTITY),
    ]
    assert ("repeats", "1") in entries[0].details
    assert entries[0].url.startswith("/admin/cxmlgate/gatemessage/")


def test_time_taken_is_kept_from_the_first_byte_on(invoice):
    receive_message("acme", message(), address="", started=time.monotonic() - 3)

    assert 3000 <= GateMessage.objects.get().duration_ms < 60_000


class TestAdmin:
    @pytest.fixture
    def kept(self, invoice):
        send(message())
        return GateMessage.objects.get()

    @pytest.mark.parametrize("who", ["clerk", "handler", "manager", "auditor", "root"])
    def test_people_of_the_client_read_its_messages(self, kept, client, who, request):
        client.force_login(request.getfixturevalue(who))

        page = client.get("/admin/cxmlgate/gatemessage/")
        detail = client.get(f"/admin/cxmlgate/gatemessage/{kept.pk}/change/")

        assert "200 OK" in page.content.decode()
        assert "&lt;SharedSecret&gt;(removed)" in detail.content.decode()

    def test_stranger_sees_none(self, kept, client, stranger):
        client.force_login(stranger)

        assert "jill" not in client.get("/admin/cxmlgate/gatemessage/").content.decode()
        assert client.get(f"/admin/cxmlgate/gatemessage/{kept.pk}/change/").status_code == 302

    def test_message_that_names_no_client_is_for_superusers(self, kept, client, clerk, root):
        send(message(), PATH.replace("acme", "nobody"))

        for user, count in ((clerk, 1), (root, 2)):
            client.force_login(user)
            assert len(client.get("/admin/cxmlgate/gatemessage/").context["cl"].result_list) == count

    @pytest.mark.parametrize("what", ["add/", "{pk}/delete/"])
    def test_nobody_adds_or_deletes(self, kept, client, root, what):
        client.force_login(root)

        assert client.get(f"/admin/cxmlgate/gatemessage/{what.format(pk=kept.pk)}").status_code in (302, 403, 404)
        assert client.post(f"/admin/cxmlgate/gatemessage/{kept.pk}/change/", {"code": 500}).status_code == 403

    @pytest.mark.parametrize("query", ["?q=p-1", "?q=INV-0001", "?verdict=200", "?verdict=", "?test=no"])
    def test_list_is_searched_and_filtered(self, kept, client, clerk, query):
        client.force_login(clerk)

        assert len(client.get(f"/admin/cxmlgate/gatemessage/{query}").context["cl"].result_list) == 1

    def test_list_asks_the_same_number_of_questions_for_any_number_of_rows(
        self, kept, client, clerk, django_assert_num_queries
    ):
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        client.force_login(clerk)
        client.get("/admin/cxmlgate/gatemessage/")
        with CaptureQueriesContext(connection) as few:
            client.get("/admin/cxmlgate/gatemessage/")
        expected = len(few)
        for number in range(20):
            send(message(payload_id=f"x{number}", type_="processing"))

        with django_assert_num_queries(expected):
            client.get("/admin/cxmlgate/gatemessage/")


class TestSettingsPage:
    @pytest.fixture
    def typed(self):
        return {
            "is_enabled": "on",
            "sender_identity": IDENTITY,
            "on_canceled": "deny",
            "takes_test_messages": "on",
            "keep_days": "90",
            "secret": "hocuspocus",
            "earlier_secret_until_0": "",
            "earlier_secret_until_1": "",
            "reason": "New ERP",
        }

    def test_manager_changes_them_by_the_verb(self, invoice, gate, client, manager, typed):
        client.force_login(manager)

        page = client.post(f"/admin/cxmlgate/gatesettings/{gate.pk}/change/", typed)

        assert page.status_code == 302
        gate.refresh_from_db()
        assert (gate.on_canceled, gate.keep_days) == ("deny", 90)
        assert send(message(sender=credential(secret="hocuspocus"))).code == 200

    def test_secret_is_never_shown(self, gate, client, manager):
        client.force_login(manager)

        page = client.get(f"/admin/cxmlgate/gatesettings/{gate.pk}/change/").content.decode()

        assert gate.secret_hash not in page
        assert 'type="password" name="secret"' in page

    def test_refusal_is_one_sentence_and_changes_nothing(self, gate, client, manager, typed):
        client.force_login(manager)

        page = client.post(
            f"/admin/cxmlgate/gatesettings/{gate.pk}/change/", typed | {"secret": "short"}, follow=True
        ).content.decode()

        assert "Nothing was changed. The shared secret is too short: use at least 8 characters." in page
        gate.refresh_from_db()
        assert gate.on_canceled == "refuse"

    def test_manager_adds_them_for_a_client_without(self, acme, globex, client, manager, typed):
        client.force_login(manager)

        page = client.get("/admin/cxmlgate/gatesettings/add/")
        assert list(page.context["adminform"].form.fields["client"].queryset) == [acme]
        done = client.post("/admin/cxmlgate/gatesettings/add/", typed | {"client": acme.pk})

        assert done.status_code == 302
        assert acme.gate.keep_days == 90

    @pytest.mark.parametrize(("who", "status"), [("clerk", 403), ("auditor", 403), ("stranger", 403)])
    def test_others_cannot_post(self, gate, client, who, status, typed, request):
        client.force_login(request.getfixturevalue(who))

        assert client.post(f"/admin/cxmlgate/gatesettings/{gate.pk}/change/", typed).status_code == status
        gate.refresh_from_db()
        assert gate.on_canceled == "refuse"
