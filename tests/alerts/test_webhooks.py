"""What a webhook gets, how it is signed, and what happens when it does not answer as it should."""

import ipaddress
import json
import socket
import threading
from datetime import timedelta

import httpx2
import pytest
from django.core import mail
from django.db import connection as database
from django.db import connections

from invoices import clock
from invoices.errors import BadInput, NotAllowed, NotThere
from invoices.models import Event
from syncdiag import webhooks
from syncdiag.actions.watching import watch
from syncdiag.actions.webhooks import TRIES_AT_MOST, deliver_webhooks, set_webhook
from syncdiag.models import Sending, Webhook, WebhookDelivery
from syncdiag.webhooks import AddressError, Call, check_url, is_public, post, resolve
from tests.alerts.receiver import Receiver
from tests.factories import ClientFactory

SECRET = "whs-secret-0815-secret"


@pytest.fixture
def receiver():
    with Receiver() as server:
        yield server


@pytest.fixture
def webhook(acme, manager, receiver):
    return set_webhook(acme, by=manager, url=receiver.url, secret=SECRET, enabled=True)[0]


def again():
    """Let what waits be due, and deliver it."""
    WebhookDelivery.objects.filter(state=Sending.PENDING).update(not_before=clock.now())
    return deliver_webhooks()


def test_an_alert_is_told_signed_and_so_is_its_end(trouble, webhook, receiver):
    trouble.open_breaker()
    watch()
    assert deliver_webhooks() == 1
    trouble.close_breaker()
    watch()
    assert deliver_webhooks() == 1

    began, over = (json.loads(body) for body in receiver.bodies)
    assert set(began) == {"event", "cause", "client", "count", "sentence", "began_at", "over_at", "url"}
    assert (began["event"], began["cause"], began["client"]) == ("alert.began", "breaker_open", "acme")
    assert (began["over_at"], over["event"], over["began_at"]) == (None, "alert.over", began["began_at"])
    assert over["over_at"] > over["began_at"]
    assert receiver.is_signed(0, SECRET)
    assert receiver.is_signed(1, SECRET)
    assert not receiver.is_signed(0, "another")
    keys = [head["x-unstuck-delivery"] for head in receiver.heads]
    assert keys == [str(row.key) for row in WebhookDelivery.objects.order_by("pk")]
    assert receiver.heads[0]["host"] == receiver.url.split("/")[2]
    assert deliver_webhooks() == 0


def test_what_grew_is_told(trouble, webhook, receiver):
    trouble.fail(5)
    watch()
    trouble.fail(5)
    watch()

    deliver_webhooks()
    deliver_webhooks()

    assert [json.loads(body)["event"] for body in receiver.bodies] == ["alert.began", "alert.grew"]


def test_the_webhook_of_a_parent_is_told_and_that_of_a_child_or_a_stranger_is_not(trouble, acme, globex, receiver):
    acme.parent = ClientFactory(slug="group")
    acme.save()
    below = ClientFactory(slug="below", parent=acme)
    for client in (acme.parent, below, globex):
        set_webhook(client, by=None, url=receiver.url, secret=SECRET, enabled=True)
    trouble.stick()

    watch()

    assert [row.webhook.client.slug for row in WebhookDelivery.objects.all()] == ["group"]


def test_after_a_500_it_is_told_again_under_the_same_key(trouble, webhook, receiver):
    receiver.answers = [(500, {}), (204, {})]
    trouble.open_breaker()
    watch()
    assert deliver_webhooks() == 0
    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, row.lease_until) == (Sending.PENDING, 1, None)
    assert row.last_error == "It answered with HTTP status 500. what the receiver said"
    assert row.not_before > clock.now()
    assert deliver_webhooks() == 0

    assert again() == 1

    assert WebhookDelivery.objects.get().state == Sending.DELIVERED
    assert receiver.heads[0]["x-unstuck-delivery"] == receiver.heads[1]["x-unstuck-delivery"]
    assert receiver.bodies[0] == receiver.bodies[1]


def test_silence_is_a_failure(trouble, webhook, receiver, monkeypatch):
    monkeypatch.setattr(webhooks, "TIMEOUT", httpx2.Timeout(0.2))
    receiver.silent_for = 5
    trouble.open_breaker()
    watch()

    assert deliver_webhooks() == 0

    assert WebhookDelivery.objects.get().last_error == "It did not answer in time."


def test_a_host_that_is_away_is_a_failure(trouble, acme):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    set_webhook(acme, by=None, url=f"http://127.0.0.1:{port}/", enabled=True)
    trouble.open_breaker()
    watch()

    assert deliver_webhooks() == 0

    assert "It could not be called: ConnectError" in WebhookDelivery.objects.get().last_error


def test_an_answer_that_trickles_ends_with_its_time(monkeypatch):
    monkeypatch.setattr(webhooks, "LONGEST_CALL", 0.5)
    from tests.integrations.raw_server import RawServer

    with RawServer(lambda _request: _trickle(server)) as server:
        said = post(Call(server.url, SECRET, "key", "{}"))

    assert said.startswith("It could not be called")


def _trickle(server):
    yield b"HTTP/1.1 500 No\r\nContent-Length: 400\r\n\r\n"
    while not server.over.wait(0.1):
        yield b"."


def test_a_redirect_is_not_followed(trouble, webhook, receiver):
    receiver.answers = [(302, {"Location": "/elsewhere"})]
    trouble.open_breaker()
    watch()

    assert deliver_webhooks() == 0

    assert len(receiver.bodies) == 1
    assert "HTTP status 302" in WebhookDelivery.objects.get().last_error


def test_it_is_given_up_in_the_end(trouble, webhook, receiver):
    receiver.answers = [(500, {})]
    trouble.open_breaker()
    watch()

    for _ in range(TRIES_AT_MOST + 3):
        again()

    row = WebhookDelivery.objects.get()
    assert (row.state, row.attempts, len(receiver.bodies)) == (Sending.GIVEN_UP, TRIES_AT_MOST, TRIES_AT_MOST)


def test_the_end_waits_until_the_beginning_was_told(trouble, webhook, receiver):
    receiver.answers = [(500, {}), (200, {})]
    trouble.open_breaker()
    watch()
    deliver_webhooks()
    trouble.close_breaker()
    watch()
    assert deliver_webhooks() == 0

    again()
    again()

    assert [json.loads(body)["event"] for body in receiver.bodies] == ["alert.began", "alert.began", "alert.over"]


def test_what_another_worker_has_is_left_to_it_until_its_lease_ran_out(trouble, webhook, receiver):
    trouble.open_breaker()
    watch()
    WebhookDelivery.objects.update(lease_until=clock.now() + timedelta(minutes=1))
    assert deliver_webhooks() == 0
    assert receiver.bodies == []

    WebhookDelivery.objects.update(lease_until=clock.now())

    assert deliver_webhooks() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has one writer at a time, so nothing races there")
def test_six_workers_at_once_tell_each_news_once(trouble, webhook, receiver):
    trouble.open_breaker()
    trouble.stick()
    watch()
    start = threading.Barrier(6)
    told = []

    def work():
        try:
            start.wait(timeout=20)
            told.append(deliver_webhooks())
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert (len(told), sum(told)) == (6, 2)
    assert len(receiver.bodies) == len({head["x-unstuck-delivery"] for head in receiver.heads}) == 2


def test_switching_it_off_gives_up_what_waits_and_writes_nothing_new(trouble, webhook, receiver, manager):
    trouble.open_breaker()
    watch()
    set_webhook(webhook.client, by=manager, url=receiver.url, enabled=False)
    trouble.stick()
    watch()

    assert deliver_webhooks() == 0

    assert [row.state for row in WebhookDelivery.objects.all()] == [Sending.GIVEN_UP]
    assert receiver.bodies == []


def test_without_a_secret_one_is_generated_once_and_kept_then(acme, manager, receiver):
    webhook, made = set_webhook(acme, by=manager, url=receiver.url, enabled=True)
    assert len(made) >= 40
    assert webhook.secret == made

    again_webhook, nothing = set_webhook(acme, by=manager, url=receiver.url, enabled=True)
    assert (again_webhook.pk, nothing) == (webhook.pk, "")
    assert Webhook.objects.get().secret == made

    _webhook, renewed = set_webhook(acme, by=manager, url=receiver.url, secret="", enabled=True)
    assert renewed not in ("", made)


def test_neither_the_log_of_events_nor_a_mail_nor_our_own_log_holds_a_secret(
    trouble, webhook, receiver, handler, capsys, caplog
):
    receiver.answers = [(500, {})]
    trouble.open_breaker()
    caplog.set_level("INFO")
    watch()
    deliver_webhooks()

    events = [f"{event.before} {event.after} {event.reason}" for event in Event.objects.all()]
    out = capsys.readouterr()
    said = " ".join([*events, out.out, out.err, caplog.text, *(each.body for each in mail.outbox)])
    assert Event.objects.filter(action="set_webhook", after__host="127.0.0.1").count() == 1
    assert SECRET not in said
    assert "path-token-99" not in said
    assert SECRET not in str(WebhookDelivery.objects.values())


@pytest.mark.parametrize(
    ("person", "refusal"), [("handler", NotAllowed), ("auditor", NotAllowed), ("clerk", NotAllowed)]
)
def test_others_than_managers_may_not_set_it(request, acme, person, refusal):
    with pytest.raises(refusal):
        set_webhook(acme, by=request.getfixturevalue(person), url="https://example.com/", enabled=True)

    assert not Webhook.objects.exists()


def test_a_stranger_does_not_learn_that_the_client_is_there(acme, stranger):
    with pytest.raises(NotThere):
        set_webhook(acme, by=stranger, url="https://example.com/", enabled=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https://user:pw@example.com/",
        "https://user@example.com/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://[::1/",
        "https://exa mple.com/",
        "https://example.com\\@127.0.0.1/",
        "https://bücher.example/",
        "https://example.com/\r\nX: y",
    ],
)
def test_what_is_no_address_is_refused(acme, manager, url):
    with pytest.raises(BadInput):
        set_webhook(acme, by=manager, url=url, enabled=True)

    assert not Webhook.objects.exists()
    assert not Event.objects.exists()


def test_a_short_secret_is_refused(acme, manager):
    with pytest.raises(BadInput) as refused:
        set_webhook(acme, by=manager, url="https://example.com/", secret="short", enabled=True)

    assert list(refused.value.fields) == ["secret"]


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://127.0.0.1/", "https://10.1.2.3/", "https://[::1]/", "https://169.254.1.1/"]
)
def test_outside_the_demo_only_https_and_the_open_internet_are_called(settings, url):
    check_url(url)
    settings.IS_PRODUCTION = True

    with pytest.raises(AddressError):
        check_url(url)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1", "2130706433", "0.0.0.0", "::1", "10.0.0.1"])
def test_a_name_that_leads_inside_is_not_called(settings, host):
    resolve(host, 443)
    settings.IS_PRODUCTION = True

    with pytest.raises(AddressError, match="open internet"):
        resolve(host, 443)


def test_in_production_nothing_reaches_a_local_server(settings, receiver, trouble, webhook):
    trouble.open_breaker()
    watch()
    settings.IS_PRODUCTION = True
    Webhook.objects.update(url=receiver.url.replace("http://127.0.0.1", "https://localhost"))

    assert deliver_webhooks() == 0

    assert receiver.bodies == []
    assert WebhookDelivery.objects.get().last_error == "The host localhost is not in the open internet."


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
    ],
)
def test_these_are_not_the_open_internet(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_these_are_the_open_internet(address):
    assert is_public(ipaddress.ip_address(address))
