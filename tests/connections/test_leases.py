"""A lease that beats: short for a dead worker, as long as it takes for one that gets on, and never taken back."""

from datetime import timedelta

import pytest

from integrations import leases
from integrations.leases import RowLease
from integrations.models import Connection
from invoices import clock
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
PAST = timedelta(hours=1)


@pytest.fixture
def rows(acme, monkeypatch):
    monkeypatch.setattr(leases, "BEAT", 0.02)
    return Connection.objects.filter(pk=Connection.objects.create(client=acme, connector="sandbox", company="acme").pk)


def lease(rows, **more):
    return RowLease(rows, "pull_token", "pull_until", **more)


def holds(rows):
    return rows.filter(pull_until__gt=clock.now()).exists()


def run_out(rows):
    rows.update(pull_until=clock.now() - PAST)


def test_one_worker_at_a_time_until_it_gives_back(rows):
    first, second = lease(rows), lease(rows)

    taken = [first.take(), second.take()]
    first.give_back()

    assert (taken, second.take()) == ([True, False], True)


def test_a_dead_ones_lasts_seconds(rows):
    lease(rows).take()

    assert clock.now() < rows.get().pull_until <= clock.now() + timedelta(seconds=20)


def test_it_is_renewed_while_its_worker_is_at_a_long_call(rows):
    ours = lease(rows)
    ours.take()

    with ours.beating():
        run_out(rows)
        wait_until(lambda: holds(rows), "it is renewed", timeout=10)

    assert (rows.get().pull_token, rows.get().pull_until) == ("", None)


def test_one_that_does_not_get_on_loses_it(rows):
    ours = lease(rows, patience=timedelta(0))
    ours.take()

    with ours.beating():
        run_out(rows)
        assert lease(rows).take()


def test_what_another_worker_took_is_neither_renewed_nor_given_back(rows):
    ours, theirs = lease(rows), lease(rows)
    ours.take()

    with ours.beating():
        rows.update(pull_token="")
        run_out(rows)
        theirs.take()
        until = rows.get().pull_until
        assert ours.keep() is False

    assert (rows.get().pull_token, rows.get().pull_until) == (theirs.token, until)


def test_only_what_is_among_those_asked_for_is_taken_and_kept(rows):
    ours = lease(rows)

    refused = ours.take(rows.filter(is_enabled=False))
    taken = ours.take(rows.filter(is_enabled=True))
    rows.update(is_enabled=False)

    assert (refused, taken, ours.keep(rows.filter(is_enabled=True))) == (False, True, False)
