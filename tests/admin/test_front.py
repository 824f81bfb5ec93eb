"""The front page, the log-in, the event log, and what is kept away."""

from datetime import timedelta

import pytest
from django.contrib.admin import site
from django.urls import reverse
from django.utils import timezone

from invoices.models import Event, Invoice
from invoices.workflow import MessageState, Step
from tests.admin.rows import with_message
from tests.factories import InvoiceFactory, UserFactory


def test_the_desk_shows_the_groups_with_their_oldest(browser, acme, globex, handler):
    waiting = with_message(acme)
    Invoice.objects.filter(pk=waiting.pk).update(step_since=timezone.now() - timedelta(minutes=16))
    refused = with_message(acme, step=Step.PRELIMINARY_ERROR, state=MessageState.REFUSED)
    theirs = with_message(globex, step=Step.PRELIMINARY_ERROR, state=MessageState.REFUSED)

    text = browser(handler).get(reverse("admin:index")).text

    for invoice in (waiting, refused):
        assert f"/{invoice.pk}/change/" in text
    assert f"/{theirs.pk}/change/" not in text
    for title in ("Waiting too long", "Unknown", "In error", "Failed ERP Validation"):
        assert title in text


def test_what_there_is_to_approve_stands_on_the_desk_of_those_who_approve(browser, acme, clerk2, handler):
    invoice = InvoiceFactory(client=acme, step=Step.APPROVAL)

    approves, handles = (browser(person).get(reverse("admin:index")).text for person in (clerk2, handler))

    assert "To approve" in approves
    assert f"/{invoice.pk}/change/" in approves
    assert f"/{invoice.pk}/change/" not in handles


def test_a_person_without_a_role_is_told_whom_to_ask(browser, root):
    answer = browser(UserFactory(username="fresh")).get(reverse("admin:index"))

    assert answer.status_code == 200
    assert "You have no role on any client" in answer.text
    assert "Root Example" in answer.text
    assert "fresh" in answer.text


def test_only_the_demo_lists_its_accounts(client, db, settings):
    settings.MODE = "production"
    plain = client.get(reverse("admin:login")).text
    settings.MODE = "demo"
    demo = client.get(reverse("admin:login")).text

    assert "Demo accounts" not in plain
    for name in ("clerk", "clerk2", "handler", "manager", "auditor", "root", "stranger"):
        assert f"<code>{name}</code>" in demo


def test_the_log_is_found_by_the_invoices_number(browser, acme, globex, auditor):
    for client in (acme, globex):
        invoice = InvoiceFactory(client=client, number="INV-5")
        Event.objects.create(
            client=client, invoice=invoice, sequence=1, at=timezone.now(), actor_name="x", action="post"
        )
    Event.objects.create(client=acme, at=timezone.now(), actor_name="x", action="grant_role")
    address = reverse("admin:invoices_event_changelist")

    found = browser(auditor).get(address, {"q": "inv-5"}).context["cl"].result_list
    about = browser(auditor).get(address, {"about": "client"}).context["cl"].result_list

    assert [(event.client, event.action) for event in found] == [(acme, "post")]
    assert [event.action for event in about] == ["grant_role"]


def test_a_line_of_the_log_is_read_only_and_kept_from_others(browser, acme, auditor, stranger, root):
    event = Event.objects.create(
        client=acme, at=timezone.now(), actor_name="x", action="grant_role", after={"role": "<i>"}
    )
    address = reverse("admin:invoices_event_change", args=[event.pk])

    seen = browser(auditor).get(address)
    kept = browser(stranger).get(address)
    answers = [browser(root).post(address, {"reason": "changed"}), browser(root).post(f"{address}../delete/")]

    assert "&lt;i&gt;" in seen.text
    assert kept.status_code == 302  # the stock answer for no such row
    assert [answer.status_code for answer in answers] == [403, 404]
    assert Event.objects.get(pk=event.pk).reason == ""


@pytest.mark.parametrize("app", ["authtoken", "axes"])
def test_the_stock_pages_of_tokens_and_lock_outs_are_not_there(app):
    assert not [model for model in site._registry if model._meta.app_label == app]


def test_who_is_not_staff_reaches_nothing(browser, acme):
    outsider = UserFactory(username="outsider", is_staff=False)

    answer = browser(outsider).get(reverse("admin:invoices_invoice_changelist"))

    assert answer.status_code == 302
    assert answer.url.startswith(reverse("admin:login"))
