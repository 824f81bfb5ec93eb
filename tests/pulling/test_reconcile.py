"""A whole connection beside the ERP's list: the same, different, missing there, missing here."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django_q.models import OrmQ

from integrations import reconcile, tasks
from integrations.erps.contract import Listed
from integrations.listing import AT_ONCE, TABLE, take_listing
from integrations.models import Difference, Reconciliation
from invoices import clock
from invoices.errors import Conflict, NotAllowed
from invoices.models import Invoice
from invoices.workflow import Step
from tests.delivery.desk import Beside

BEGIN = "integrations.tasks.begin_reconciliations"


def queued():
    """Return what the queue has to do."""
    return [row.task["func"] for row in OrmQ.objects.order_by("pk")]


def start(desk):
    return reconcile.press_reconcile(desk.connection.pk, by=desk.clerk)


def run(desk):
    reconciliation = start(desk)
    assert reconcile.work_on(reconciliation.pk)
    reconciliation.refresh_from_db()
    return reconciliation


def counts(one):
    return (one.listed, one.same, one.differ, one.missing_there, one.missing_here, one.error)


def differences(one):
    return [
        (each.kind, each.number, each.invoice_id, each.here, each.there, each.currency_here, each.currency_there)
        for each in one.differences.order_by("kind", "number")
    ]


def test_what_is_the_same_is_counted_and_left_as_it_is(desk, book):
    rows = [book(), book()]
    before = [desk.see(each).__dict__ | {"_state": None} for each in rows]

    one = run(desk)

    assert counts(one) == (2, 2, 0, 0, 0, "")
    assert [(desk.see(each).erp_balance, desk.see(each).event_count) for each in rows] == [
        (each["erp_balance"], each["event_count"]) for each in before
    ]


def test_each_kind_of_difference_is_written_down_and_balances_are_set(desk, book, pay_there):
    same, paid, gone = book("R-1"), book("R-2"), book("R-3")
    pay_there(paid, "4.00")
    desk.ask("DELETE", f"documents/{gone.remote_id}/")
    theirs = desk.book_by_hand(same, number="THEIRS\\1")

    one = run(desk)

    assert counts(one) == (3, 1, 1, 1, 1, "")
    assert differences(one) == [
        ("differs", "R-2", paid.pk, Decimal("10.99"), Decimal("6.99"), "USD", "USD"),
        ("missing_here", "THEIRS\\1", None, None, Decimal("10.99"), "", "USD"),
        ("missing_there", "R-3", gone.pk, Decimal("10.99"), None, "USD", ""),
    ]
    assert one.differences.get(kind="missing_here").remote_id == theirs["id"]
    paid = desk.see(paid)
    assert (paid.erp_balance, paid.erp_currency, paid.balance_differs) == (Decimal("6.99"), "USD", True)
    assert paid.erp_read_at >= one.started_at
    assert not desk.see(gone).is_archived
    assert set(Invoice.objects.differing()) == {paid}


def test_a_difference_that_was_mended_there_goes_away(desk, book, pay_there):
    paid = book()
    payment = pay_there(paid, "4.00")
    run(desk)
    desk.ask("DELETE", f"payments/{payment['id']}/")

    one = run(desk)

    assert counts(one) == (1, 1, 0, 0, 0, "")
    assert (desk.see(paid).erp_balance, desk.see(paid).balance_differs) == (Decimal("10.99"), False)


def test_a_tiny_fraction_is_no_difference_and_a_ten_thousandth_is(desk, book):
    row = book()
    Invoice.objects.filter(pk=row.pk).update(total=Decimal("10.9901"))

    one = run(desk)

    assert (one.differ, one.differences.get().here) == (1, Decimal("10.9901"))


def test_another_currency_alone_is_a_difference(desk, book):
    row = book()
    Invoice.objects.filter(pk=row.pk).update(currency="EUR")

    one = run(desk)

    assert differences(one) == [("differs", row.number, row.pk, Decimal("10.99"), Decimal("10.99"), "EUR", "USD")]
    assert desk.see(row).balance_differs


@pytest.mark.django_db
@pytest.mark.parametrize("length", [0, 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_a_page_of_any_length_is_taken_whole(length):
    page = [Listed(f"R-{nth}", f"a\\{nth}", Decimal(9), Decimal(nth) / 100, "USD") for nth in range(length)]

    with take_listing() as listing, connection.cursor() as cursor:
        listing.add(page)
        listing.complete()
        cursor.execute(f"SELECT remote_id, number, balance, currency FROM {TABLE}")
        rows = cursor.fetchall()

    assert listing.count == length
    assert sorted(row[:2] for row in rows) == sorted((one.remote_id, one.number) for one in page)
    assert sorted(Decimal(str(row[2])) for row in rows) == [one.balance for one in page]
    assert {row[3] for row in rows} <= {"USD"}


def test_archived_and_unbooked_ones_are_neither_counted_nor_missing_here(desk, book):
    archived, unbooked = book(), book()
    Invoice.objects.filter(pk=archived.pk).update(archived_at=clock.now())
    Invoice.objects.filter(pk=unbooked.pk).update(status="", step=Step.APPROVAL)

    assert counts(run(desk)) == (2, 0, 0, 0, 0, "")


def test_what_was_read_after_the_list_keeps_its_newer_balance(desk, book, pay_there):
    row = book()
    pay_there(row, "4.00")
    one = start(desk)
    Invoice.objects.filter(pk=row.pk).update(
        erp_balance=Decimal("10.99"), erp_read_at=clock.now() + timedelta(minutes=5)
    )

    reconcile.work_on(one.pk)

    one.refresh_from_db()
    assert (one.same, one.differ) == (0, 0)
    assert desk.see(row).erp_balance == Decimal("10.99")


def test_another_client_with_the_same_ids_is_left_alone(desk, book, globex):
    row = book()
    Invoice.objects.filter(pk=row.pk).update(client=globex)

    one = run(desk)

    assert counts(one) == (1, 0, 0, 0, 1, "")
    assert one.differences.get().invoice is None


def test_a_list_that_cannot_be_read_ends_the_run_with_the_reason(desk, book):
    row = book()
    before = desk.see(row).erp_balance
    desk.erp.faults(status=500, times=10)

    one = run(desk)

    assert one.error
    assert one.finished_at is not None
    assert not Difference.objects.exists()
    assert desk.see(row).erp_balance == before


def test_a_second_press_joins_the_run(desk, booked):
    first, second = start(desk), start(desk)

    assert first == second
    assert queued().count("integrations.tasks.reconcile") <= 1
    reconcile.work_on(first.pk)
    assert start(desk) != first


def test_a_run_whose_worker_died_begins_anew(desk, booked):
    one = start(desk)
    now = clock.now()
    Reconciliation.objects.filter(pk=one.pk).update(
        lease_token="dead", lease_until=now + timedelta(minutes=1), queued_at=now - timedelta(hours=1)
    )
    assert reconcile.work_on(one.pk) is False
    tasks.tick()
    assert BEGIN not in queued()
    Difference.objects.create(reconciliation=one, kind="missing_here", remote_id="of the dead one", number="X")
    Reconciliation.objects.filter(pk=one.pk).update(lease_until=now - timedelta(seconds=1))

    tasks.tick()

    assert BEGIN in queued()
    OrmQ.objects.all().delete()
    tasks.begin_reconciliations([one.pk])
    assert queued() == ["integrations.tasks.reconcile"]
    assert reconcile.work_on(one.pk) is True
    one.refresh_from_db()
    assert counts(one) == (1, 1, 0, 0, 0, "")
    assert not one.differences.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_compare_once(desk, book):
    book()
    one = start(desk)

    workers = [Beside(lambda: reconcile.work_on(one.pk)) for _number in range(2)]

    assert sorted(worker.join() for worker in workers) == [False, True]


def test_who_may_not_sync_may_not_reconcile(desk, booked, auditor):
    with pytest.raises(NotAllowed):
        reconcile.press_reconcile(desk.connection.pk, by=auditor)

    assert not Reconciliation.objects.exists()


def test_a_connection_that_is_off_is_not_reconciled(desk, booked):
    desk.tune(is_enabled=False)

    with pytest.raises(Conflict):
        start(desk)
