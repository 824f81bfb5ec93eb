"""A pull that dies by kill -9, in a process of its own: the next one brings everything, once."""

from datetime import date

import pytest

from integrations.models import Connection
from integrations.pulling import pull
from invoices import clock
from invoices.models import InvoicePdf
from tests import processes as real
from tests.delivery.desk import AGO
from tests.processes import Processes, sessions, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(("fault", "applied"), [("before_cursor:kill9", 2), ("after_pdf_file:kill9:2", 2)])
def test_the_next_pull_brings_the_rest_and_nothing_twice(desk, book, edit_there, media, fault, applied):
    invoices = [book(), book()]
    for invoice in invoices:
        edit_there(invoice, due_date="2026-12-24")
    before = sessions()
    environment = {"SANDBOX_ERP_URL": desk.erp.url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    with Processes(**environment, UNSTUCK_DATA=str(media.parent), UNSTUCK_FAULT=fault) as processes:
        started = processes.python("-m", "tests.pulling.puller", DATABASE_URL=real.test_database_url())
        assert started.popen.wait(timeout=60) == -9, started.output()
    wait_until(lambda: sessions() <= before, "the dead pull's session is gone", timeout=20)
    assert [desk.see(invoice).due_date for invoice in invoices].count(date(2026, 12, 24)) == applied
    assert Connection.objects.get(pk=desk.connection.pk).changes_until is None
    assert pull(desk.connection.pk).read == 0  # the dead one's lease

    desk.tune(pull_until=clock.now() - AGO)
    pulled = pull(desk.connection.pk)

    assert (pulled.read, pulled.is_whole) == (2, True)
    assert [desk.see(invoice).due_date for invoice in invoices] == [date(2026, 12, 24)] * 2
    assert [desk.actions(invoice).count("changed_in_erp") for invoice in invoices] == [1, 1]
    assert InvoicePdf.objects.filter(trouble="").count() == 2
    assert sum(path.is_file() for path in media.rglob("*")) == 2
    desk.assert_holds()
