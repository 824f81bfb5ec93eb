"""Connecting a client to its ERP: who may, what is refused, and that the secret stays one."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection as database
from django.urls import reverse

from integrations.linking import connect
from integrations.models import Connection
from invoices.errors import BadInput, NotAllowed, NotThere
from invoices.models import Event

GOOD = {"connector": "sandbox", "company": "acme", "secret": "hush-hush-4711"}


def test_a_manager_connects_and_the_log_says_so_without_the_secret(acme, manager):
    made = connect(acme, by=manager, **GOOD)

    event = Event.objects.get(action="connect")
    assert made.access().secret == "hush-hush-4711"
    assert (event.client, event.actor, event.after["company"]) == (acme, manager, "acme")
    assert "hush" not in str(event.after)


def test_the_secret_stands_encrypted_in_the_database(acme, manager):
    connect(acme, by=manager, **GOOD)

    with database.cursor() as cursor:
        cursor.execute("SELECT secret FROM integrations_connection")
        (kept,) = cursor.fetchone()
    assert "hush" not in kept
    assert Connection.objects.get().secret == "hush-hush-4711"


def test_a_wrong_key_fails_loudly(acme, manager, settings):
    connect(acme, by=manager, **GOOD)
    settings.SECRET_KEY = "another" * 10

    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        Connection.objects.get()


def test_an_empty_secret_keeps_the_one_we_have_and_reconnecting_forgives(acme, manager):
    connect(acme, by=manager, **GOOD)
    Connection.objects.update(needs_credentials=True, breaker_state="open", breaker_failures=7)

    connect(acme, by=manager, **{**GOOD, "secret": "", "company": "acme two"})

    kept = Connection.objects.get()
    assert (kept.secret, kept.company) == ("hush-hush-4711", "acme two")
    assert (kept.needs_credentials, kept.breaker_state, kept.breaker_failures) == (False, "closed", 0)


@pytest.mark.parametrize("who", ["clerk", "handler", "auditor", "stranger"])
def test_others_may_not(who, acme, request):
    with pytest.raises(NotThere if who == "stranger" else NotAllowed):
        connect(acme, by=request.getfixturevalue(who), **GOOD)

    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"connector": "abacus"}, "connector"),
        ({"company": " "}, "company"),
        ({"secret": ""}, "secret"),
        ({"lanes": 0}, "lanes"),
        ({"call_timeout": 0}, "call_timeout_seconds"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(wrong, field, acme, manager):
    with pytest.raises(BadInput) as refusal:
        connect(acme, by=manager, **{**GOOD, **wrong})

    assert list(refusal.value.fields) == [field]
    assert not Connection.objects.exists()


def test_the_pages_show_health_to_all_and_change_to_managers_alone(acme, manager, auditor, stranger, client):
    made = connect(acme, by=manager, **GOOD)
    page = reverse("admin:integrations_connection_change", args=[made.pk])
    form = reverse("admin:integrations_connection_connect", args=[made.pk])

    seen = {}
    for person in (manager, auditor, stranger):
        client.force_login(person)
        seen[person.username] = (client.get(page).status_code, client.get(form).status_code)
    client.force_login(manager)
    html = client.get(page).content.decode() + client.get(form).content.decode()

    assert seen == {"manager": (200, 200), "auditor": (200, 403), "stranger": (404, 403)}
    assert "hush" not in html


def test_a_form_with_a_mistake_keeps_what_was_typed_and_saves_nothing(acme, manager, client):
    client.force_login(manager)

    answer = client.post(
        reverse("admin:integrations_connection_add"),
        {
            "client": acme.pk,
            "connector": "sandbox",
            "company": "acme",
            "secret": "",
            "lanes": 4,
            "call_timeout": 30,
            "sync_every": 60,
        },
    )

    assert answer.status_code == 400
    assert "Give the secret that the ERP issued for us." in answer.content.decode()
    assert not Connection.objects.exists()
