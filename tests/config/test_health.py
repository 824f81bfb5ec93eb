"""`/healthz`, `/readyz` and `/metrics`."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from config.models import QUEUE, Heartbeat
from invoices import clock
from invoices.actions.flow import post_invoice
from invoices.models import IntegrationMessage
from tests.factories import InvoiceFactory


def beat(ago=timedelta(0)):
    Heartbeat.objects.create(name=QUEUE, at=clock.now() - ago)


def test_healthz_answers_without_a_database(client):
    answer = client.get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok")


def test_readyz_is_ready_when_the_queue_beats(client, db):
    beat()

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert answer.json()["queue"]["last_beat_seconds_ago"] < 60
    assert answer.json()["outbox"] == {"ok": True, "oldest_pending_seconds": None}


def test_readyz_says_how_long_the_oldest_message_waits_and_stays_ready(client, acme):
    beat()
    post_invoice(InvoiceFactory(client=acme).pk, by=None)
    IntegrationMessage.objects.update(created_at=clock.now() - timedelta(hours=2))

    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert 7200 <= answer.json()["outbox"]["oldest_pending_seconds"] < 7300


def test_readyz_misses_a_queue_that_never_beat(client, db):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["queue"]["wrong"] == "The queue has never given a sign of life."
    assert "manage.py serve" in answer.json()["queue"]["to_do"]


def test_readyz_misses_a_queue_that_fell_silent(client, db):
    beat(timedelta(minutes=10))

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["queue"]["wrong"].startswith("The queue has given no sign of life for 60")


def test_readyz_misses_the_database_and_does_not_repeat_its_words(client, db):
    def fail(*_arguments):
        raise OperationalError("connection to server at db.internal failed for user unstuck")

    with connection.execute_wrapper(fail):
        answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["database"] == {
        "ok": False,
        "wrong": "The database cannot be read (OperationalError).",
        "to_do": "Check DATABASE_URL and that the server runs, then run: manage.py prepare",
    }


@pytest.mark.parametrize(("token", "given"), [("", ""), ("", "Bearer "), ("s3cret", ""), ("s3cret", "Bearer other")])
def test_metrics_is_not_there_for_whoever_lacks_the_token(client, settings, token, given):
    settings.METRICS_TOKEN = token

    assert client.get("/metrics", headers={"Authorization": given}).status_code == 404


def test_metrics_reads_the_database_at_each_scrape(client, settings, acme):
    settings.METRICS_TOKEN = "s3cret"
    beat()
    headers = {"Authorization": "Bearer s3cret"}
    before = client.get("/metrics", headers=headers).content.decode()

    post_invoice(InvoiceFactory(client=acme).pk, by=None)
    after = client.get("/metrics", headers=headers).content.decode()

    assert 'unstuck_messages{state="pending"} 0.0' in before
    assert 'unstuck_messages{state="pending"} 1.0' in after
    assert "unstuck_queue_last_beat_seconds" in after
