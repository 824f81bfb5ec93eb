"""The gate in the browser: a secret is made and works at once, and a refused message is replayed."""

import re
from datetime import timedelta
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from cxmlgate.actions import configure_gate, generate_secret
from cxmlgate.models import GateMessage
from invoices.workflow import Status
from tests.cxmlgate.conftest import book, status_of
from tests.cxmlgate.messages import IDENTITY, SECRET, credential, message, notice

pytestmark = pytest.mark.django_db(transaction=True)
COMMAND = "pre[aria-label='Command to try the gate']"


@pytest.fixture
def gate(transactional_db, acme):
    return configure_gate(acme, by=None, enabled=True, identity=IDENTITY, secret=SECRET)


def post(url, body):
    """Post as an ERP does, over a socket, and return the code and the reason of the answer."""
    request = Request(url, body, {"Content-Type": "text/xml"})
    with build_opener(ProxyHandler({})).open(request, timeout=20) as answer:
        status = re.search(rb'<Status code="(\d+)" text="[^"]*">([^<]*)<', answer.read())
    return int(status[1]), status[2].decode()


def test_manager_generates_a_secret_and_the_printed_message_works_with_it(gate, sit_down, manager):
    invoice = book(gate.client, "INV-7")
    person = sit_down(manager)

    person.open("/admin/cxmlgate/gatesettings/")
    person.click("Acme")
    person.click("Generate a secret")
    person.shoot("gate-1-secret")
    person.confirm("Generate a secret", earlier_days="3", reason="Yearly")
    secret = person.page.locator("#made-secret").inner_text()
    person.shoot("gate-2-made")
    person.click("I have copied it")
    command = person.page.locator(COMMAND).text_content()
    url = person.page.locator("code").first.inner_text()
    person.shoot("gate-3-settings")

    printed = command.split("'END-OF-MESSAGE'\n")[1].split("\nEND-OF-MESSAGE")[0]
    assert person.reads("The earlier secret is still valid until")
    assert secret not in person.page.content()
    assert post(url, printed.replace("PUT-THE-SHARED-SECRET-HERE", secret).encode())[0] == 200
    assert post(url, message(sender=credential(secret=secret), number="INV-7")) == (200, "INV-7: Paid.")
    assert post(url, message(number="INV-7"))[0] == 200
    assert status_of(invoice) == Status.PAID
    assert person.errors == []


def test_handler_replays_a_refused_message(gate, sit_down, handler):
    person = sit_down(handler)
    url = f"{person.url}/acme/cxmlgate/abc/status_update_request"
    assert post(url, message())[0] == 403
    invoice = book(gate.client)

    person.open("/admin/cxmlgate/gatemessage/?verdict=refused")
    person.page.locator("#result_list a").first.click()
    person.shoot("replay-1-refused")
    person.click("Replay")
    person.confirm("Replay", reason="The invoice came late")
    person.shoot("replay-2-done")

    assert person.reads("Replayed: INV-0001: Paid.")
    assert person.reads("Ok to Pay → Paid")
    assert status_of(invoice) == Status.PAID
    assert post(url, message()) == (200, "This status update was received before; nothing was changed again.")
    assert person.errors == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_nothing_is_cut_off(gate, sit_down, manager, width, scheme):
    generate_secret(gate.client, by=manager, earlier_valid_for=timedelta(days=7))
    book(gate.client, "A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0")
    person = sit_down(manager, width=width, scheme=scheme)
    url = f"{person.url}/acme/cxmlgate/abc/status_update_request"
    long = "1" * 150 + "@erp.example.com"
    post(url, message(notice("rejected", number="A-VERY-LONG-NUMBER-OF-FORTY-CHARACTERS-0"), payload_id=long))
    kept = GateMessage.objects.get()

    for name, path in {
        "gates": "/admin/cxmlgate/gatesettings/",
        "gate": f"/admin/cxmlgate/gatesettings/{gate.pk}/change/",
        "gate-secret": f"/admin/cxmlgate/gatesettings/{gate.pk}/secret/",
        "gate-messages": "/admin/cxmlgate/gatemessage/",
        "gate-message": f"/admin/cxmlgate/gatemessage/{kept.pk}/change/",
    }.items():
        person.open(path)
        person.shoot(f"{name}-{scheme}-{width}")
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width, name

    assert person.errors == []
