"""What opens an alert, what it counts, and what ends it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.models import Connection
from integrations.policy import Breaker, BreakerState, ErrorKind
from invoices import clock
from invoices.models import Attempt
from syncdiag.actions.grouping import group_failures
from syncdiag.actions.issues import mute_issue, unmute_issue
from syncdiag.actions.watching import Changed, watch
from syncdiag.alerts import sentence
from syncdiag.kinds import kind_of
from syncdiag.models import Alert, Cause, Issue
from tests.factories import ClientFactory

CLOSED = {"code": "PERIOD_CLOSED", "message": "The period 2026-10 is closed.", "detail": "", "field": ""}
ODD = {"code": "E-77", "message": "Nobody has ever seen this.", "detail": "", "field": ""}


def seen():
    return [(alert.client.slug, alert.cause, alert.count, alert.is_over) for alert in Alert.objects.order_by("pk")]


def test_nothing_going_on_opens_nothing(connection):
    assert watch() == Changed()

    assert not Alert.objects.exists()


def test_overdue_invoices_are_counted_until_none_is(trouble, acme, globex):
    trouble.stick(3)
    trouble.stick(1, globex)
    assert watch() == Changed(began=2)
    trouble.stick(1)
    assert watch() == Changed()
    assert sorted(seen()) == [("acme", Cause.OVERDUE, 4, False), ("globex", Cause.OVERDUE, 1, False)]

    trouble.unstick()

    assert watch() == Changed(over=2)
    assert {each[3] for each in seen()} == {True}
    assert "No invoice waits" in sentence(Alert.objects.first())


def test_deletions_that_wait_for_a_person_are_told_until_they_are_decided_on(connection):
    Connection.objects.update(deletions_held=512)
    assert watch() == Changed(began=1)
    alert = Alert.objects.get()
    assert (alert.cause, alert.subject, alert.count) == (Cause.DELETIONS, str(connection.pk), 512)
    assert "gone in" in sentence(alert)

    Connection.objects.update(deletions_held=0)

    assert watch() == Changed(over=1)


def test_a_breaker_that_stays_open_is_told_until_it_closes(trouble, connection):
    trouble.open_breaker()
    watch()
    alert = Alert.objects.get()
    assert (alert.cause, alert.subject, alert.is_over) == (Cause.BREAKER_OPEN, str(connection.pk), False)
    assert "connection refused" in sentence(alert)
    Connection.objects.update(breaker_state=BreakerState.HALF_OPEN)
    assert watch() == Changed()

    trouble.close_breaker()

    assert watch() == Changed(over=1)


def test_a_breaker_in_its_first_pause_is_not_told_yet(connection):
    now = clock.now()
    breaker = Breaker().after_calls([ErrorKind.UNAVAILABLE] * 5, answered=False, wait=None, now=now)
    values = {"breaker_state": breaker.state, "breaker_failures": breaker.failures, "breaker_until": breaker.until}
    Connection.objects.update(**values)
    assert watch() == Changed()

    Connection.objects.update(breaker_until=now - timedelta(minutes=1))

    assert watch() == Changed(began=1)


def test_refused_credentials_are_told_until_new_ones_are_there(connection):
    Connection.objects.update(needs_credentials=True)
    assert watch() == Changed(began=1)
    assert Alert.objects.get().cause == Cause.CREDENTIALS

    Connection.objects.update(needs_credentials=False)

    assert watch() == Changed(over=1)


def test_a_connection_that_was_switched_off_is_not_told(trouble, connection):
    trouble.open_breaker()
    Connection.objects.update(needs_credentials=True, is_enabled=False)

    assert watch() == Changed()


def test_the_fifth_failure_of_one_kind_within_the_hour_is_told(trouble, connection):
    trouble.fail(4)
    assert watch() == Changed()
    trouble.fail(1)

    assert watch() == Changed(began=1)

    alert = Alert.objects.get()
    assert (alert.cause, alert.subject, alert.count) == (Cause.GROWING, f"{connection.pk}:period-closed", 5)
    assert "The accounting period is closed" in sentence(alert)


def test_failures_of_several_kinds_are_counted_apart_and_unknown_ones_by_code_and_words(trouble, connection):
    trouble.fail(4)
    trouble.fail(5, ODD)
    trouble.fail(4, {**ODD, "code": "E-78"})

    watch()

    assert Alert.objects.get().subject == f"{connection.pk}:{kind_of('sandbox', ODD).key}"


def test_nobody_is_told_of_a_muted_issue(trouble, connection, handler):
    trouble.fail(5)
    group_failures()
    issue = mute_issue(Issue.objects.get().pk, by=handler, reason="The ERP's people know.")
    assert watch() == Changed()

    unmute_issue(issue.pk, by=handler)

    assert watch() == Changed(began=1)


def test_failures_that_an_unreachable_erp_explains_are_not_counted(trouble):
    trouble.fail(9, outcome=Attempt.Outcome.NOT_SENT)

    assert watch() == Changed()


def test_twice_as_many_is_grown_and_less_is_not(trouble):
    trouble.fail(5)
    watch()
    trouble.fail(4)
    assert watch() == Changed()

    trouble.fail(1)

    assert watch() == Changed(grew=1)
    assert watch() == Changed()
    assert Alert.objects.get().told_count == 10


def test_a_growing_issue_is_over_below_three_an_hour(trouble):
    trouble.fail(6)
    watch()
    for attempt in Attempt.objects.order_by("pk")[:3]:
        Attempt.objects.filter(pk=attempt.pk).update(started_at=clock.now() - timedelta(minutes=61))
    assert watch() == Changed()
    trouble.let_an_hour_pass()

    assert watch() == Changed(over=1)


def test_what_comes_back_is_a_new_alert(trouble):
    trouble.open_breaker()
    watch()
    trouble.close_breaker()
    watch()

    trouble.open_breaker()

    assert watch() == Changed(began=1)
    assert [alert.is_over for alert in Alert.objects.order_by("pk")] == [True, False]


def test_a_second_open_alert_for_the_same_cause_is_refused_by_the_database(acme):
    facts = {"client": acme, "cause": Cause.OVERDUE, "began_at": clock.now(), "last_seen_at": clock.now()}
    Alert.objects.create(**facts)

    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(**facts)

    Alert.objects.update(over_at=clock.now())
    Alert.objects.create(**facts)


def test_a_slower_look_does_not_end_what_another_has_seen_since(trouble):
    trouble.open_breaker()
    watch()
    trouble.close_breaker()
    Alert.objects.update(last_seen_at=clock.now() + timedelta(seconds=5))

    assert watch() == Changed()


@pytest.mark.parametrize("what", ["opening", "keeping", "ending"])
def test_ten_clients_cost_as_many_queries_as_one(trouble, what):
    def queries():
        with CaptureQueriesContext(
            database,
        ) as captured:
            watch()
        return len([query for query in captured if "SAVEPOINT" not in query["sql"]])

    def ready(clients):
        for client in clients:
            connection = Connection.objects.create(client=client, connector="sandbox", company="x", secret="x")
            trouble.open_breaker(connection)
            trouble.stick(2, client)
        if what != "opening":
            watch()
        if what == "ending":
            trouble.close_breaker()
            trouble.unstick()

    ready([ClientFactory()])
    one = queries()
    Alert.objects.update(over_at=clock.now())
    ready([ClientFactory() for _ in range(10)])

    assert queries() == one
