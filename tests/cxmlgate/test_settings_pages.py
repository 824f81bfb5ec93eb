"""Payables › Invoice integration: who sees and changes what, the secret that is shown once, and the curl that works."""

import re
import subprocess
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from cxmlgate.actions import configure_gate, generate_secret
from cxmlgate.models import GateMessage, GateSettings
from cxmlgate.sample import SECRET_GOES_HERE
from invoices.models import Event
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, OK, book, everything, send, status_of
from tests.cxmlgate.messages import IDENTITY, SECRET, credential, message
from tests.cxmlgate.test_secret_is_never_kept import all_that_is_stored

pytestmark = pytest.mark.django_db
LIST = "/admin/cxmlgate/gatesettings/"


def at(gate, page="change"):
    return f"{LIST}{gate.pk}/{page}/"


@pytest.fixture
def typed(gate):
    return {
        "seen": gate.version,
        "enabled": "yes",
        "identity": IDENTITY,
        "on_canceled": "deny",
        "takes_test_messages": "yes",
        "keep_days": "90",
        "secret": "",
        "earlier_days": "7",
        "allowed_networks": "203.0.113.0/24\n2001:DB8::/32",
        "reason": "New ERP",
    }


def made_secret(page):
    found = re.search(r'<pre class="raw" id="made-secret"[^>]*>([^<]*)</pre>', page.text)
    return found[1] if found else None


def command_of(page):
    return unescape(re.search(r'aria-label="Command to try the gate">(.*?)</pre>', page.text, re.DOTALL)[1])


def test_page_speaks_in_the_words_of_the_article(gate, client, manager):
    client.force_login(manager)

    page = client.get(at(gate))

    for words in (
        "Payables › Invoice integration</a></nav>",
        "Enable cXML Invoice Status Updates</label>",
        '<option value="yes" selected>Yes</option>',
        "Senders Identity <span",
        "Senders Shared Secret <span",
        "http://testserver/acme/cxmlgate/abc/status_update_request</code>",
    ):
        assert words in page.text, words
    assert "<h1>Payables › Invoice integration</h1>" in client.get(LIST).text
    assert f'<a href="{LIST}" aria-current="page">Payables › Invoice integration</a>' in page.text


def test_manager_changes_them_and_the_log_says_what(gate, client, manager, typed):
    client.force_login(manager)

    page = client.post(at(gate), typed)

    assert page.status_code == 302
    gate.refresh_from_db()
    assert (gate.on_canceled, gate.keep_days) == ("deny", 90)
    assert [str(network) for network in gate.networks] == ["203.0.113.0/24", "2001:db8::/32"]
    event = Event.objects.filter(action="configure_gate").latest("pk")
    assert (event.actor, event.reason) == (manager, "New ERP")
    assert event.before == {"on_canceled": "refuse", "keep_days": 365, "allowed_networks": ""}
    assert event.after == {
        "on_canceled": "deny",
        "keep_days": 90,
        "allowed_networks": "203.0.113.0/24\n2001:db8::/32",
    }


def test_nothing_changed_writes_nothing(gate, client, manager, typed):
    client.force_login(manager)
    client.post(at(gate), typed)
    gate.refresh_from_db()
    events = Event.objects.count()

    page = client.post(at(gate), typed | {"seen": gate.version}, follow=True)

    assert "Nothing was to be changed." in page.text
    assert Event.objects.count() == events
    assert GateSettings.objects.get().version == gate.version


def test_second_of_two_managers_does_not_overwrite_the_first(gate, client, manager, typed):
    client.force_login(manager)
    configure_gate(gate.client, by=None, enabled=True, identity=IDENTITY, keep_days=10)

    page = client.post(at(gate), typed)

    assert page.status_code == 409
    assert "Somebody changed these settings while this page was open, and yours were not saved" in page.text
    assert GateSettings.objects.get().keep_days == 10


def test_second_of_two_who_set_the_same_gate_up_does_not_overwrite_the_first(acme, client, manager, typed):
    GateSettings.objects.all().delete()
    client.force_login(manager)
    form = typed | {"client": acme.pk, "seen": "", "secret": "hocuspocus"}
    assert f'<option value="{acme.pk}">Acme</option>' in client.get(f"{LIST}add/").text

    first = client.post(f"{LIST}add/", form)
    second = client.post(f"{LIST}add/", form | {"keep_days": 10})

    assert (first.status_code, second.status_code) == (302, 400)
    assert GateSettings.objects.get().keep_days == 90


def test_gate_begins_closed_and_is_opened_with_a_generated_secret(gate, acme, client, manager, typed):
    GateSettings.objects.all().delete()
    client.force_login(manager)
    form = typed | {"client": acme.pk, "seen": ""}

    refused = client.post(f"{LIST}add/", form)
    client.post(f"{LIST}add/", form | {"enabled": "no"})
    gate = GateSettings.objects.get()
    secret = made_secret(client.post(at(gate, "secret"), {"seen": gate.version}))
    gate.refresh_from_db()
    client.post(at(gate), typed | {"seen": gate.version, "allowed_networks": ""})

    assert refused.status_code == 400
    assert "save it as No and generate one" in refused.text
    assert send(message(sender=credential(secret=secret), type_="processing", mode="test")).verdict == OK


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("secret", "short", "The shared secret is too short: use at least 8 characters."),
        ("identity", "", "An enabled gate needs the sender&#x27;s identity: type it in."),
        ("keep_days", "0", "Messages are kept for at least one day and at most 36500: type such a number."),
        (
            "allowed_networks",
            "10.0.0.0/8\nhere",
            "Line 2, here, is no network: write it like 203.0.113.0/24 or 2001:db8::/32.",
        ),
    ],
)
def test_refusal_stands_at_its_field_and_changes_nothing(gate, client, manager, typed, field, value, sentence):
    client.force_login(manager)
    before = list(GateSettings.objects.values())

    page = client.post(at(gate), typed | {field: value})

    assert page.status_code == 400
    place = page.text.index(f"field wrong field-{field}")
    assert sentence in page.text[place : place + 2000]
    assert list(GateSettings.objects.values()) == before


@pytest.mark.parametrize("who", ["clerk", "handler", "auditor"])
def test_others_read_them_and_who_may(gate, client, typed, manager, who, request):
    client.force_login(request.getfixturevalue(who))
    before = list(GateSettings.objects.values())

    page = client.get(at(gate))
    posted = [client.post(at(gate, name), typed) for name in ("change", "secret", "end-secret")]

    assert "Manager Example" in page.text
    assert 'name="identity"' not in page.text
    assert '<span class="button off" aria-disabled="true">Generate a secret</span>' in page.text
    assert [answer.status_code for answer in posted] == [403, 403, 403]
    assert client.get(f"{LIST}add/").status_code == 403
    assert list(GateSettings.objects.values()) == before


def test_stranger_finds_nothing(gate, client, stranger):
    client.force_login(stranger)

    assert [client.get(at(gate, name)).status_code for name in ("change", "secret", "end-secret")] == [404] * 3
    assert "jill" not in client.get(LIST).text


def test_generated_secret_is_shown_once_and_stands_nowhere(gate, client, manager, caplog):
    client.force_login(manager)
    form = {"seen": gate.version, "earlier_days": "7", "reason": "Yearly"}

    page = client.post(at(gate, "secret"), form)
    secret = made_secret(page)
    again = client.post(at(gate, "secret"), form)
    later = [client.get(at(gate, "secret")), client.get(at(gate)), client.get("/admin/invoices/event/")]

    assert (page.status_code, len(secret)) == (200, 43)
    assert "no-store" in page["Cache-Control"]
    assert (again.status_code, made_secret(again)) == (409, None)
    assert all(secret not in answer.text for answer in [again, *later])
    assert all(secret.encode() not in value for _model, value in all_that_is_stored())
    assert all(secret not in str(row.get_decoded()) for row in Session.objects.all())
    assert secret not in str(client.cookies)
    assert secret not in caplog.text
    event = Event.objects.filter(action="configure_gate").latest("pk")
    assert (event.actor, event.reason, event.after["shared_secret"]) == (manager, "Yearly", "changed")
    assert GateSettings.objects.get().secret_hash not in str(event.after)


def test_both_secrets_open_the_gate_until_the_earlier_is_ended(gate, client, manager):
    client.force_login(manager)
    book(gate.client)
    assert 'name="earlier_days" value="7"' in client.get(at(gate, "secret")).text
    secret = made_secret(client.post(at(gate, "secret"), {"seen": gate.version, "earlier_days": "7"}))
    gate.refresh_from_db()
    assert timedelta(days=6.9) < gate.second_secret_until - timezone.now() < timedelta(days=7)
    assert "The earlier secret is still valid until" in client.get(at(gate)).text
    assert send(message(sender=credential(secret=secret))).verdict == OK
    assert send(message()).verdict == ALREADY

    ended = client.post(at(gate, "end-secret"), {"reason": "Changed over"})

    assert ended.status_code == 302
    assert send(message()).code == 400
    assert send(message(sender=credential(secret=secret))).verdict == ALREADY
    assert "The earlier secret is still valid" not in client.get(at(gate)).text
    event = Event.objects.filter(action="configure_gate").latest("pk")
    assert (event.reason, event.after) == ("Changed over", {"earlier_secret_until": None})
    assert client.post(at(gate, "end-secret"), {}).status_code == 409


@pytest.mark.parametrize("days", ["-1", "366", "x", ""])
def test_odd_number_of_days_makes_no_secret(gate, client, manager, days):
    client.force_login(manager)

    page = client.post(at(gate, "secret"), {"seen": gate.version, "earlier_days": days})

    assert (page.status_code, made_secret(page)) == (400, None)
    assert GateSettings.objects.get().secret_hash == gate.secret_hash


def test_generated_secrets_differ(gate):
    assert len({generate_secret(gate.client, by=None) for _ in range(20)}) == 20


@pytest.mark.parametrize("takes_test_messages", [True, False])
@pytest.mark.django_db(transaction=True)
def test_printed_curl_works_and_changes_no_invoice(gate, client, manager, live_server, tmp_path, takes_test_messages):
    configure_gate(
        gate.client,
        by=None,
        enabled=True,
        identity="J&J <erp> 'x' $HOME",
        takes_test_messages=takes_test_messages,
    )
    paid = book(gate.client, "A&B-'1", status=Status.PAID)
    to_pay = book(gate.client, "INV-7")
    client.force_login(manager)
    page = client.get(at(gate), headers={"host": live_server.url.removeprefix("http://")})
    before = everything(to_pay)[0]

    ran = subprocess.run(
        ["bash", "-ec", command_of(page).replace(SECRET_GOES_HERE, SECRET)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert '<Status code="200" text="OK">' in ran.stdout, ran.stderr
    kept = GateMessage.objects.get()
    assert (kept.code, kept.is_test, kept.sender) == (200, takes_test_messages, "J&J <erp> 'x' $HOME")
    assert b'DocumentReference payloadID="INV-7"' in bytes(kept.raw)
    assert (status_of(to_pay), status_of(paid)) == (Status.OK_TO_PAY, Status.PAID)
    if takes_test_messages:
        assert everything(to_pay)[0] == before


def test_list_says_what_each_gate_does(gate, client, auditor):
    client.force_login(auditor)

    page = client.get(LIST)

    assert [row.pk for row in page.context["cl"].result_list] == [gate.pk]
    assert reverse("admin:cxmlgate_gatesettings_change", args=[gate.pk]) in page.text
    assert "everywhere" in page.text
    assert "Set up a client" not in page.text
