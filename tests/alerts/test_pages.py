"""The pages: what goes on, for everybody of the client; webhooks, for its managers alone."""

import re

import pytest
from django.contrib import admin
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.schedules import SCHEDULED
from invoices import clock
from syncdiag.actions.watching import watch
from syncdiag.actions.webhooks import set_webhook
from syncdiag.models import Alert, Cause, Webhook, WebhookDelivery

ALERTS = "admin:syncdiag_alert_changelist"
WEBHOOKS = "admin:syncdiag_webhook_changelist"
DELIVERIES = "admin:syncdiag_webhookdelivery_changelist"
ADD = "admin:syncdiag_webhook_add"
SECRET = "whs-secret-0815-secret"
TYPED = {"url": "http://127.0.0.1:9/alerts", "secret": "", "enabled": "on"}


@pytest.fixture
def browser():
    """`browser(person)` is logged in as that person."""

    def log_in(person):
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def webhook(acme):
    return set_webhook(acme, by=None, url="http://127.0.0.1:9/alerts", secret=SECRET, enabled=True)[0]


@pytest.mark.parametrize("person", ["handler", "manager", "auditor", "clerk"])
def test_everybody_of_the_client_sees_what_goes_on(request, browser, trouble, person):
    trouble.open_breaker()
    trouble.stick(3)
    watch()
    trouble.close_breaker()
    watch()

    page = browser(request.getfixturevalue(person)).get(reverse(ALERTS)).text

    assert "3 invoices wait for the ERP longer than they should." in page
    assert "answers again" in page
    assert page.count('class="pill warn"') == page.count('class="pill off"') == 1
    assert f"?desk=waiting&amp;client={trouble.client.pk}" in page


def test_nobody_sees_the_alerts_of_others(browser, trouble, stranger):
    trouble.stick()
    watch()

    assert "Waiting too long" not in re.sub(r"(?s)<nav.*?</nav>", "", browser(stranger).get(reverse(ALERTS)).text)


def test_alerts_and_deliveries_have_no_page_to_change_them():
    for model in (Alert, WebhookDelivery):
        names = {str(url.name) for url in admin.site.get_model_admin(model).get_urls()}
        assert names == {f"syncdiag_{model._meta.model_name}_changelist"}


def test_the_list_filters_and_costs_the_same_for_many(browser, acme, manager):
    theirs = browser(manager)

    def queries():
        with CaptureQueriesContext(database) as captured:
            assert theirs.get(reverse(ALERTS), {"state": "over", "cause": "growing"}).status_code == 200
        return len(captured)

    def add(count):
        now = clock.now()
        facts = {"system": "ERP", "title": "Nope", "connection": 1}
        for number in range(count):
            values = {"began_at": now, "last_seen_at": now, "over_at": now, "facts": facts}
            Alert.objects.create(client=acme, cause=Cause.GROWING, subject=str(number), **values)

    add(1)
    one = queries()
    add(30)

    assert queries() == one


@pytest.mark.parametrize("name", [WEBHOOKS, DELIVERIES, ADD])
@pytest.mark.parametrize("person", ["handler", "auditor", "clerk", "stranger"])
def test_webhooks_are_for_managers(request, browser, webhook, name, person):
    answer = browser(request.getfixturevalue(person)).get(reverse(name))

    assert answer.status_code == 403


def test_a_hand_made_post_of_others_changes_nothing(browser, acme, webhook, handler):
    url = reverse("admin:syncdiag_webhook_change", args=[webhook.pk])

    answer = browser(handler).post(url, {**TYPED, "client": acme.pk, "url": "http://elsewhere.example/"})

    assert answer.status_code == 403
    assert Webhook.objects.get().url == webhook.url


def test_a_manager_of_another_client_finds_nothing(browser, acme, webhook, globex, manager):
    manager.role_grants.update(client=globex)
    theirs = browser(manager)

    answer = theirs.get(reverse("admin:syncdiag_webhook_change", args=[webhook.pk]))
    posted = theirs.post(reverse(ADD), {**TYPED, "client": acme.pk})

    assert (answer.status_code, posted.status_code) == (404, 400)
    assert "127.0.0.1:9" not in theirs.get(reverse(WEBHOOKS)).text


def test_a_generated_secret_is_on_the_answer_and_nowhere_else(browser, acme, manager):
    theirs = browser(manager)

    answer = theirs.post(reverse(ADD), {**TYPED, "client": acme.pk})

    webhook = Webhook.objects.get()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert f'<pre class="raw" tabindex="0">{webhook.secret}</pre>' in answer.text
    pages = [reverse(WEBHOOKS), reverse(DELIVERIES), reverse("admin:syncdiag_webhook_change", args=[webhook.pk])]
    pages.append(reverse("admin:invoices_event_changelist"))
    assert all(webhook.secret not in theirs.get(page).text for page in pages)


def test_a_typed_secret_is_never_shown(browser, acme, manager):
    theirs = browser(manager)

    answer = theirs.post(reverse(ADD), {**TYPED, "client": acme.pk, "secret": SECRET}, follow=True)
    refused = theirs.post(reverse(ADD), {**TYPED, "client": acme.pk, "secret": SECRET, "url": "nonsense"})

    assert answer.redirect_chain == [(reverse(WEBHOOKS), 302)]
    assert refused.status_code == 400
    assert "The address must begin with https://." in refused.text
    assert Webhook.objects.get().secret == SECRET
    assert SECRET not in answer.text + refused.text


def test_a_new_secret_is_generated_on_demand(browser, webhook, manager):
    url = reverse("admin:syncdiag_webhook_change", args=[webhook.pk])

    answer = browser(manager).post(url, {**TYPED, "client": webhook.client_id, "renew": "on"})

    kept = Webhook.objects.get().secret
    assert kept != SECRET
    assert kept in answer.text


def test_deliveries_say_what_went_wrong(browser, trouble, webhook, manager):
    trouble.open_breaker()
    watch()
    WebhookDelivery.objects.update(last_error="It answered with HTTP status 500.", attempts=3)

    page = browser(manager).get(reverse(DELIVERIES)).text

    assert "It answered with HTTP status 500." in page
    assert SECRET not in page


def test_all_of_this_room_run_each_minute():
    minutes = {entry.task: entry.minutes for entry in SCHEDULED if entry.task.startswith("syncdiag.")}

    assert minutes == {
        "syncdiag.tasks.group_failures": 1,
        "syncdiag.tasks.watch": 1,
        "syncdiag.tasks.send_digests": 1,
        "syncdiag.tasks.deliver_webhooks": 1,
    }
