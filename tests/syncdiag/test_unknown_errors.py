"""Unknown errors: counted by kind, met by delivery or sent by people, bounded, without secrets, gone when known."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from integrations.models import Connection
from invoices import clock
from invoices.errors import BadInput, Conflict, NotThere
from invoices.models import Event
from syncdiag.actions import unknown
from syncdiag.actions.entries import set_entry
from syncdiag.actions.unknown import KINDS_A_DAY, SENT_A_DAY, note_refusals, send_unknown
from syncdiag.models import Webhook
from syncdiag.stored import ReadingMark, UnknownError, UnknownSighting
from syncdiag.tasks import watch
from tests.factories import InvoiceFactory

LIST = "admin:syncdiag_unknownerror_changelist"
PAGE = "admin:syncdiag_unknownerror_change"
SEND = "admin:syncdiag_explain_send"


def said(message, code="", detail=""):
    return {"code": code, "message": message, "detail": detail}


def listed():
    rows = UnknownError.objects.open().order_by("words")
    return list(rows.values_list("system", "code", "words", "count"))


class TestMetByDelivery:
    def test_what_no_entry_knows_gets_onto_the_list_by_itself(self, acme, connection, refuse):
        refuse(acme, said('The warehouse "Nord 7" is counted (run 4711).', "W1"))
        last = refuse(acme, said('The warehouse "West 12" is counted (run 815).', "w1"))
        refuse(acme, said("The accounting period 2026-08 is closed.", "PERIOD_CLOSED"))

        watch()

        assert listed() == [("sandbox", "W1", "The warehouse … is counted (run …", 2)]
        sighting = UnknownSighting.objects.get()
        assert (sighting.client, sighting.invoice, sighting.count) == (acme, last, 2)
        assert sighting.sample == 'The warehouse "West 12" is counted (run 815).'

    def test_no_line_is_counted_twice_and_none_is_left_out(self, acme, connection, refuse):
        refuse(acme, said("First kind of trouble"))
        assert note_refusals() == 1
        assert note_refusals() == 0

        refuse(acme, said("First kind of trouble"), said("Second kind of trouble"))
        assert note_refusals() == 2

        assert [row[2:] for row in listed()] == [("First kind of trouble", 2), ("Second kind of trouble", 1)]

    def test_a_line_younger_than_a_transaction_lasts_waits_with_all_behind_it(
        self, acme, connection, refuse, monkeypatch
    ):
        refuse(acme, said("Old trouble"))
        refuse(acme, said("Fresh trouble"), ago=timedelta(0))
        refuse(acme, said("Old trouble with a later key"))

        assert note_refusals() == 1
        assert ReadingMark.objects.get().last_event < Event.objects.latest("pk").pk

        monkeypatch.setattr(unknown, "SETTLED", timedelta(0))
        assert note_refusals() == 2

    def test_it_reads_what_is_new_by_its_key_however_long_the_log(
        self, acme, connection, refuse, django_assert_max_num_queries
    ):
        for number in range(30):
            refuse(acme, said(f"Trouble of kind {chr(97 + number)}"))
        note_refusals()
        refuse(acme, said("Another trouble"))

        with django_assert_max_num_queries(24):
            assert note_refusals() == 1

    def test_a_client_brings_so_many_kinds_a_day_and_others_go_on(self, acme, globex, connection, refuse):
        Connection.objects.create(client=globex, connector="sandbox", company="globex", secret="x")
        kinds = [said(f"Trouble {chr(97 + n // 26)}{chr(97 + n % 26)} here") for n in range(KINDS_A_DAY + 5)]
        refuse(acme, *kinds)
        refuse(globex, said("Trouble at globex"))
        refuse(acme, kinds[0])

        note_refusals()

        assert UnknownSighting.objects.filter(client=acme).count() == KINDS_A_DAY
        assert UnknownSighting.objects.filter(client=globex).count() == 1
        assert UnknownError.objects.get(words="Trouble aa here").count == 2
        UnknownSighting.objects.update(first_seen_at=clock.now() - timedelta(days=2))
        refuse(acme, kinds[-1])
        assert note_refusals() == 1

    def test_the_connections_secret_is_never_stored(self, acme, connection, refuse):
        refuse(acme, said("Key erp-secret-4711 may not book", detail='{"password": "hunter2 and more"}'))

        note_refusals()

        kept = repr([*UnknownError.objects.values(), *UnknownSighting.objects.values()])
        assert "erp-secret-4711" not in kept
        assert "hunter2" not in kept
        assert "may not book" in kept


class TestSentByPeople:
    def send(self, clerk, *texts, **more):
        return send_unknown([("", text) for text in texts], "sandbox", by=clerk, **more)

    def test_it_is_counted_on_the_persons_account(self, clerk, acme):
        self.send(clerk, "The warehouse is counted")
        self.send(clerk, "The warehouse is counted")

        assert listed() == [("sandbox", "", "The warehouse is counted", 2)]
        assert UnknownSighting.objects.get().person == clerk

    def test_what_an_entry_knows_is_not_sent(self, clerk):
        assert self.send(clerk, "The accounting period 2026-08 is closed.") == 0
        assert listed() == []

    def test_with_an_invoice_it_is_noted_for_the_client(self, clerk, acme):
        invoice = InvoiceFactory(client=acme)

        self.send(clerk, "The warehouse is counted", invoice_id=invoice.pk)

        sighting = UnknownSighting.objects.get()
        assert (sighting.client, sighting.person, sighting.invoice) == (acme, clerk, invoice)

    def test_with_an_invoice_of_others_nothing_is_sent(self, stranger, acme):
        invoice = InvoiceFactory(client=acme)

        with pytest.raises(NotThere):
            self.send(stranger, "The warehouse is counted", invoice_id=invoice.pk)
        with pytest.raises(NotThere):
            self.send(stranger, "The warehouse is counted", invoice_id=invoice.pk + 1)

        assert not UnknownError.objects.exists()

    def test_a_person_brings_so_many_kinds_a_day(self, clerk):
        for number in range(SENT_A_DAY):
            self.send(clerk, f"Trouble of kind {chr(97 + number)}")

        with pytest.raises(Conflict, match="You have sent many errors today"):
            self.send(clerk, "One more kind")
        assert self.send(clerk, "Trouble of kind a") == 1
        assert UnknownError.objects.count() == SENT_A_DAY

    @pytest.mark.parametrize(
        "text",
        [
            "Refused: password=hunter2-geheim for the company",
            'Refused: {"client_secret": "hunter2-geheim"}',
            "Refused: <login><password>hunter2-geheim</password></login>",
            "Refused: Authorization: Bearer hunter2-geheim.abcdefgh",
            "Refused at https://bob:hunter2-geheim@erp.example/api",
            "Refused for erp-hunter2-geheim",
            "Refused by hook-hunter2-geheim-0",
        ],
    )
    def test_secrets_are_never_stored(self, clerk, acme, text):
        Connection.objects.create(client=acme, connector="sandbox", company="acme", secret="erp-hunter2-geheim")
        Webhook.objects.create(client=acme, url="https://hook.example/", secret="hook-hunter2-geheim-0")

        self.send(clerk, text)

        kept = repr([*UnknownError.objects.values(), *UnknownSighting.objects.values()])
        assert "geheim" not in kept
        assert "Refused" in kept

    def test_nothing_and_an_unknown_system_are_refused(self, clerk):
        with pytest.raises(BadInput) as refusal:
            self.send(clerk, " ")
        assert list(refusal.value.fields) == ["text"]
        with pytest.raises(BadInput) as refusal:
            send_unknown([("", "x")], "no-such", by=clerk)
        assert list(refusal.value.fields) == ["system"]

    def test_the_page_sends_and_comes_back_to_the_invoice(self, at_the_admin, clerk, acme, connection):
        invoice = InvoiceFactory(client=acme)
        back = reverse("admin:invoices_invoice_change", args=[invoice.pk])
        form = {"text": "The warehouse is counted", "code": "W1", "system": "sandbox", "invoice": invoice.pk}

        answer = at_the_admin(clerk).post(reverse(SEND), {**form, "next": back})

        assert (answer.status_code, answer["Location"]) == (302, back)
        assert listed() == [("sandbox", "W1", "The warehouse is counted", 1)]
        assert UnknownSighting.objects.get().invoice == invoice

    def test_it_comes_back_to_no_other_site(self, at_the_admin, clerk):
        form = {"text": "The warehouse is counted", "system": "sandbox", "next": "https://evil.example/"}

        assert at_the_admin(clerk).post(reverse(SEND), form)["Location"] == reverse("admin:syncdiag_explain")


class TestKnownByNow:
    def test_an_entry_that_knows_it_takes_it_off_the_list(self, clerk, add):
        send_unknown([("", 'The warehouse "Nord" refuses it'), ("", "Something else")], "sandbox", by=clerk)

        add()

        assert [row[2] for row in listed()] == ["Something else"]
        gone = UnknownError.objects.get(known_at__isnull=False)
        assert gone.known_as == "warehouse-counted"

    def test_an_entry_of_another_system_does_not(self, clerk, add):
        send_unknown([("", 'The warehouse "Nord" refuses it')], "sandbox", by=clerk)

        add("xero")

        assert len(listed()) == 1

    def test_one_for_any_system_does(self, clerk, add):
        send_unknown([("", 'The warehouse "Nord" refuses it')], "sandbox", by=clerk)

        add("general")

        assert listed() == []

    def test_it_comes_back_when_it_is_met_again_without_the_entry(self, clerk, root, add, typed):
        send_unknown([("", 'The warehouse "Nord" refuses it')], "sandbox", by=clerk)
        entry = add()
        unknown.look_again()
        set_entry("sandbox", typed(), by=root, entry_pk=entry.pk, is_enabled=False)
        assert listed() == []
        send_unknown([("", 'The warehouse "West" refuses it')], "sandbox", by=clerk)

        assert [row[3] for row in listed()] == [2]

    def test_the_tick_looks_again_when_the_catalogue_is_another_one(self, clerk, acme, connection, refuse):
        note_refusals()
        send_unknown([("", "The warehouse is counted")], "sandbox", by=clerk)
        UnknownSighting.objects.update(sample="The accounting period 2026-08 is closed.")

        note_refusals()
        assert len(listed()) == 1
        ReadingMark.objects.update(catalogue="of the version before")
        note_refusals()

        assert listed() == []


class TestTheList:
    @pytest.fixture(autouse=True)
    def _met(self, acme, globex, connection, refuse, clerk):
        Connection.objects.create(client=globex, connector="sandbox", company="globex", secret="x")
        refuse(acme, said("Met at both, at acme with invoice A-1"), said("Met at acme alone"))
        refuse(globex, said("Met at both, at acme with invoice G-1"), said("Met at globex alone"))
        note_refusals()
        send_unknown([("", "Sent by a clerk")], "sandbox", by=clerk)

    def rows(self, browser):
        return sorted(
            (row.words, getattr(row, "my_count", row.count))
            for row in browser.get(reverse(LIST)).context["cl"].result_list
        )

    def test_a_manager_sees_those_of_their_clients_counted_there(self, at_the_admin, manager):
        assert self.rows(at_the_admin(manager)) == [
            ("Met at acme alone", 1),
            ("Met at both, at acme with invoice …", 1),
        ]

    def test_a_superuser_sees_all(self, at_the_admin, root):
        assert self.rows(at_the_admin(root)) == [
            ("Met at acme alone", 1),
            ("Met at both, at acme with invoice …", 2),
            ("Met at globex alone", 1),
            ("Sent by a clerk", 1),
        ]

    def test_a_manager_reads_no_sample_of_other_clients(self, at_the_admin, manager):
        browser = at_the_admin(manager)
        both = UnknownError.objects.get(words__startswith="Met at both")

        page = browser.get(reverse(PAGE, args=[both.pk])).text

        assert "invoice A-1" in page
        assert "invoice G-1" not in page
        assert "Add an entry for it" not in page
        theirs = UnknownError.objects.get(words="Met at globex alone")
        assert browser.get(reverse(PAGE, args=[theirs.pk])).status_code == 404

    @pytest.mark.parametrize("who", ["clerk", "handler", "auditor"])
    def test_others_see_no_list(self, at_the_admin, request, who):
        browser = at_the_admin(request.getfixturevalue(who))

        assert browser.get(reverse(LIST)).status_code == 403
        assert browser.get(reverse(PAGE, args=[UnknownError.objects.first().pk])).status_code == 403
        assert "Unknown errors" not in browser.get(reverse("admin:index")).text

    def test_fifty_rows_take_as_many_queries_as_five(
        self, at_the_admin, manager, acme, refuse, django_assert_num_queries
    ):

        browser = at_the_admin(manager)
        browser.get(reverse(LIST))
        with CaptureQueriesContext(connection) as few:
            browser.get(reverse(LIST))
        UnknownSighting.objects.update(first_seen_at=clock.now() - timedelta(days=2))
        refuse(acme, *(said(f"Trouble {chr(97 + n // 26)}{chr(97 + n % 26)} here") for n in range(45)))
        note_refusals()

        with django_assert_num_queries(len(few)):
            browser.get(reverse(LIST))
