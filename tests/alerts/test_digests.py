"""Who is mailed what, and how often."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection as database
from django.db import connections
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection
from invoices import clock
from invoices.models import RoleGrant
from invoices.roles import Role
from syncdiag.actions import digests
from syncdiag.actions.digests import mail_digests, send_digests, write_digests
from syncdiag.actions.watching import watch
from syncdiag.models import Alert, AlertMail, Digest, Sending
from tests.factories import ClientFactory, RoleGrantFactory, UserFactory


class BrokenBackend(BaseEmailBackend):
    """A mail server that is away."""

    def send_messages(self, messages):
        raise ConnectionRefusedError("no mail server here")


BROKEN = f"{BrokenBackend.__module__}.{BrokenBackend.__qualname__}"


def look_and_send():
    watch()
    return send_digests()


def receivers():
    return sorted(address for each in mail.outbox for address in each.to)


def test_handlers_and_managers_are_told_and_nobody_else(trouble, handler, manager, clerk, auditor, stranger, root):
    trouble.open_breaker()

    assert look_and_send() == 2

    assert receivers() == ["handler@example.com", "manager@example.com"]
    said = next(each for each in mail.outbox if each.to == ["handler@example.com"])
    assert said.subject == "Acme: ERP out of reach"
    assert "Hello Handler Example" in said.body
    assert "connection refused" in said.body
    assert f"http://127.0.0.1:8000/admin/integrations/connection/{trouble.connection.pk}/change/" in said.body
    assert "What to do: " in said.body
    assert "erp-secret-4711" not in said.body


def test_people_of_a_parent_are_told_and_those_of_a_child_are_not(trouble, acme):
    acme.parent = ClientFactory(slug="group")
    acme.save()
    above = RoleGrantFactory(client=acme.parent, role=Role.QUEUE_HANDLER).user
    RoleGrantFactory(client=ClientFactory(slug="below", parent=acme), role=Role.QUEUE_HANDLER)
    trouble.stick()

    look_and_send()

    assert receivers() == [above.email]


def test_who_has_no_address_or_left_or_lost_the_role_is_passed_over(trouble, acme, handler):
    RoleGrantFactory(client=acme, role=Role.QUEUE_HANDLER, user=UserFactory(email=""))
    RoleGrantFactory(client=acme, role=Role.QUEUE_HANDLER, user=UserFactory(is_active=False))
    RoleGrantFactory(client=acme, role=Role.QUEUE_HANDLER, until=clock.now() - timedelta(days=1))
    trouble.stick()

    look_and_send()

    assert receivers() == ["handler@example.com"]
    assert Digest.objects.count() == 1


def test_a_role_revoked_between_writing_and_sending_is_no_reason_to_mail(trouble, handler):
    trouble.stick()
    watch()
    write_digests()
    RoleGrant.objects.update(until=clock.now())

    assert mail_digests() == 0

    assert Digest.objects.get().state == Sending.GIVEN_UP


def test_several_causes_are_one_mail(trouble, handler, told):
    trouble.open_breaker()
    trouble.stick(3)
    trouble.fail(5)
    Connection.objects.update(needs_credentials=True)

    assert look_and_send() == 1

    assert [line[1:] for line in told()] == [
        ("overdue", "began"),
        ("credentials", "began"),
        ("breaker_open", "began"),
        ("growing", "began"),
    ]
    assert "3 invoices wait for the ERP longer than they should." in mail.outbox[0].body
    assert "and 3 more alerts" in mail.outbox[0].subject


def test_the_same_news_is_told_once(trouble, handler):
    trouble.open_breaker()
    look_and_send()
    trouble.let_an_hour_pass()

    assert look_and_send() == 0


def test_a_cause_is_mailed_once_an_hour_and_another_cause_at_once(trouble, acme, handler, told):
    below = ClientFactory(slug="below", parent=acme)
    other = Connection.objects.create(client=below, connector="sandbox", company="x", secret="x")
    trouble.open_breaker()
    look_and_send()
    trouble.open_breaker(other)
    assert look_and_send() == 0
    trouble.stick()
    assert look_and_send() == 1
    assert told()[-1] == ("handler", "overdue", "began")

    trouble.let_an_hour_pass()

    assert look_and_send() == 1
    assert told()[-1] == ("handler", "breaker_open", "began")
    assert "Below" in mail.outbox[-1].body


def test_a_breaker_that_flaps_is_two_mails_an_hour_at_most(trouble, handler, told):
    for _ in range(5):
        trouble.open_breaker()
        look_and_send()
        trouble.close_breaker()
        look_and_send()

    assert told() == [("handler", "breaker_open", "began"), ("handler", "breaker_open", "over")]


def test_what_grew_to_twice_is_told_again_after_the_hour(trouble, handler, told):
    trouble.stick(5)
    look_and_send()
    trouble.stick(5)
    assert look_and_send() == 0

    trouble.let_an_hour_pass()

    assert look_and_send() == 1
    assert told()[-1] == ("handler", "overdue", "grew")
    assert look_and_send() == 0


def test_the_end_is_told_at_once_and_only_to_those_who_knew_of_it(trouble, acme, handler, told):
    trouble.open_breaker()
    look_and_send()
    RoleGrantFactory(client=acme, role=Role.QUEUE_HANDLER, user__username="late")
    trouble.close_breaker()

    assert look_and_send() == 1

    assert told()[-1] == ("handler", "breaker_open", "over")
    assert mail.outbox[-1].to == ["handler@example.com"]
    assert mail.outbox[-1].subject == "Over: ERP out of reach (Acme)"
    assert "answers again" in mail.outbox[-1].body
    assert look_and_send() == 0


def test_the_end_is_not_told_to_who_lost_the_role_meanwhile(trouble, handler):
    trouble.open_breaker()
    look_and_send()
    RoleGrant.objects.update(until=clock.now())
    trouble.close_breaker()

    assert look_and_send() == 0


def test_what_began_and_ended_untold_is_told_to_nobody(trouble, handler):
    trouble.open_breaker()
    watch()
    trouble.close_breaker()

    assert look_and_send() == 0


def test_a_mail_that_fails_is_tried_again_and_does_not_hold_up_others(trouble, handler, settings):
    settings.EMAIL_BACKEND = BROKEN
    trouble.open_breaker()
    assert look_and_send() == 0
    kept = Digest.objects.get()
    assert (kept.state, kept.attempts) == (Sending.PENDING, 1)
    assert "no mail server here" in kept.last_error
    assert kept.not_before > clock.now()

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Digest.objects.update(not_before=clock.now())

    assert send_digests() == 1
    assert Digest.objects.get().state == Sending.DELIVERED


def test_while_one_is_on_its_way_no_second_is_written(trouble, acme, handler, settings):
    settings.EMAIL_BACKEND = BROKEN
    trouble.open_breaker()
    look_and_send()
    below = ClientFactory(slug="below", parent=acme)
    trouble.open_breaker(Connection.objects.create(client=below, connector="sandbox", company="x", secret="x"))

    look_and_send()

    assert Digest.objects.count() == 1


def test_the_tries_end(trouble, handler, settings):
    settings.EMAIL_BACKEND = BROKEN
    trouble.open_breaker()
    look_and_send()
    Digest.objects.update(attempts=digests.TRIES_AT_MOST - 1, not_before=clock.now())

    send_digests()

    assert Digest.objects.get().state == Sending.GIVEN_UP
    assert send_digests() == 0


def test_a_digest_that_another_worker_has_is_left_to_it(trouble, handler):
    trouble.open_breaker()
    watch()
    write_digests()
    Digest.objects.update(lease_until=clock.now() + timedelta(minutes=1))
    assert send_digests() == 0

    Digest.objects.update(lease_until=clock.now())

    assert send_digests() == 1


def test_a_second_look_between_writing_and_sending_writes_nothing(trouble, handler):
    trouble.open_breaker()
    watch()

    assert (write_digests(), write_digests()) == (1, 0)

    assert AlertMail.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(database.vendor != "postgresql", reason="SQLite has one writer at a time, so nothing races there")
def test_six_workers_at_once_send_each_mail_once(trouble, acme, handler, manager):
    for number in range(10):
        RoleGrantFactory(client=acme, role=Role.QUEUE_HANDLER, user__username=f"handler{number}")
    trouble.open_breaker()
    trouble.stick()
    start = threading.Barrier(6)
    failed = []

    def work():
        try:
            start.wait(timeout=20)
            for _ in range(3):
                look_and_send()
        except Exception as exc:  # noqa: BLE001 (shown below)
            failed.append(exc)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert failed == []
    assert Alert.objects.count() == 2
    assert len(receivers()) == len(set(receivers())) == 12
    assert {digest.attempts for digest in Digest.objects.all()} == {1}


def test_writing_for_ten_people_and_clients_costs_as_many_queries_as_for_one(acme, trouble):
    def queries():
        watch()
        with CaptureQueriesContext(database) as captured:
            assert write_digests()
        return len(captured)

    def ready(count):
        for _ in range(count):
            client = ClientFactory(parent=acme)
            RoleGrantFactory(client=client, role=Role.QUEUE_HANDLER)
            trouble.open_breaker(Connection.objects.create(client=client, connector="sandbox", company="x", secret="x"))

    ready(1)
    one = queries()
    ready(10)

    assert queries() == one
