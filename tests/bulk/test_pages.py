"""The pages of a run: confirming, watching, cancelling; and who sees them."""

import pytest
from django.db import connection as database
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from integrations import bulk
from integrations.models import BulkItem, BulkRun
from invoices.workflow import Step
from tests.factories import InvoiceFactory

ADD = "/admin/integrations/bulkrun/add/"
LIST = "/admin/integrations/bulkrun/"
REFRESH = '<meta http-equiv="refresh" content="2">'


@pytest.fixture(autouse=True)
def _urls(settings):
    settings.ROOT_URLCONF = "tests.bulk.urls"
    settings.WHITENOISE_AUTOREFRESH = True  # else it warns where nothing was collected


@pytest.fixture
def browser():
    def log_in(person):
        client = Browser()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def invoices(acme):
    return [InvoiceFactory(client=acme, step=Step.PRELIMINARY_ERROR) for _number in range(12)]


def ids(invoices):
    return [invoice.pk for invoice in invoices]


def page_of(run):
    return reverse("admin:integrations_bulkrun_change", args=[run.pk])


def start(invoices, by, button="post-again"):
    return bulk.start_bulk(button, ids(invoices), by=by, reason="outage is over")


def test_the_first_post_shows_what_will_be_done_and_begins_nothing(browser, invoices, handler):
    answer = browser(handler).post(ADD, {"button": "post-again", "invoice": ids(invoices)})

    assert answer.status_code == 200
    assert "Post again × 12" in answer.text
    assert invoices[0].number in answer.text
    assert "and 7 more" in answer.text
    assert answer.context["form"].initial["chosen"] == ",".join(map(str, ids(invoices)))
    assert not BulkRun.objects.exists()


def test_the_second_post_begins_it_and_leads_to_its_page(browser, invoices, handler):
    sent = {"confirmed": "1", "button": "look-up", "chosen": ",".join(map(str, ids(invoices))), "reason": "all of them"}

    answer = browser(handler).post(ADD, sent)

    run = BulkRun.objects.get()
    assert (answer.status_code, answer.url) == (302, page_of(run))
    assert (run.button, run.by, run.reason, run.total) == ("look-up", handler, "all of them", 12)


def test_a_thousand_can_be_confirmed(browser, acme, handler):
    party = InvoiceFactory(client=acme).counterparty
    many = [InvoiceFactory.build(client=acme, counterparty=party, created_by=handler) for _number in range(1000)]
    type(many[0]).objects.bulk_create(many)
    sent = {"confirmed": "1", "button": "look-up", "chosen": ",".join(map(str, ids(many))), "reason": "all of them"}

    assert browser(handler).post(ADD, sent).status_code == 302
    assert BulkRun.objects.get().total == 1000


def test_without_a_reason_the_page_comes_again_with_what_was_chosen(browser, invoices, handler):
    chosen = ",".join(map(str, ids(invoices)))

    answer = browser(handler).post(ADD, {"confirmed": "1", "button": "look-up", "chosen": chosen, "reason": " "})

    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["reason"]
    assert f'value="{chosen}"' in answer.text
    assert not BulkRun.objects.exists()


def test_all_that_match_are_those_of_the_desk_with_its_filters(browser, invoices, handler, monkeypatch):
    monkeypatch.setattr(bulk, "_selections", [])
    bulk.register_selection(lambda user, filters: ids(invoices)[: int(filters["reason"])])

    answer = browser(handler).post(ADD, {"button": "look-up", "all": "1", "reason": "3"})

    assert answer.status_code == 200
    assert answer.context["count"] == 3


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ({"button": "abort", "invoice": ["1"]}, 400, "does not work for many invoices at once"),
        ({"button": "look-up"}, 400, "Choose at least one invoice."),
        ({"button": "look-up", "invoice": ["x", "9" * 30]}, 400, "Choose at least one invoice."),
        ({"button": "look-up", "invoice": ["999999999"]}, 404, "There is no such thing here"),
        ({"button": "look-up", "invoice": list(range(1, 990)), "all": "1"}, 400, "Choose the invoices one by one"),
        ({"confirmed": "1", "button": "look-up", "chosen": "1,x", "reason": "y"}, 404, "There is no such thing here"),
        (
            {"confirmed": "1", "button": "look-up", "chosen": ",".join(map(str, range(1, 1002))), "reason": "y"},
            400,
            "At most 1,000 invoices go into one run",
        ),
    ],
    ids=["button", "none", "no_ids", "not_there", "no_desk", "broken", "too_many"],
)
def test_what_cannot_begin_is_said_in_a_sentence(browser, handler, monkeypatch, sent, status, sentence):
    monkeypatch.setattr(bulk, "_selections", [])

    answer = browser(handler).post(ADD, sent)

    assert answer.status_code == status
    assert sentence in answer.text
    assert not BulkRun.objects.exists()


def test_an_invoice_of_another_client_looks_like_none(browser, invoices, stranger):
    answer = browser(stranger).post(ADD, {"button": "look-up", "invoice": ids(invoices)})

    assert answer.status_code == 404
    assert invoices[0].number not in answer.text


def test_a_get_of_the_confirm_page_leads_to_the_list(browser, handler):
    answer = browser(handler).get(ADD)

    assert (answer.status_code, answer.url) == (302, LIST)


def test_the_page_refreshes_itself_only_while_it_runs(browser, invoices, handler):
    run = start(invoices, handler)
    theirs = browser(handler)
    BulkRun.objects.filter(pk=run.pk).update(started_at=timezone.now(), done=5, refused=1)

    running = theirs.get(page_of(run))
    bulk.cancel_bulk(run.pk, by=handler)
    over = theirs.get(page_of(run))

    assert REFRESH in running.text
    assert "6 of 12: 5 done, 1 refused" in running.text
    assert 'width="41.67"' in running.text
    assert "Cancel the rest" in running.text
    assert REFRESH not in over.text
    assert "Cancel the rest" not in over.text


def test_results_can_be_narrowed_and_paged_by_key(browser, invoices, handler, monkeypatch):
    monkeypatch.setattr("integrations.bulk_admin.ROWS", 5)
    run = start(invoices, handler)
    items = list(run.items.all())
    BulkItem.objects.filter(pk=items[3].pk).update(state=BulkItem.State.REFUSED, sentence="<b>Not there</b>")
    theirs = browser(handler)

    first = theirs.get(page_of(run))
    second = theirs.get(page_of(run) + first.context["further"])
    refused = theirs.get(page_of(run), {"state": "refused"})
    odd = theirs.get(page_of(run), {"state": "x", "after": "-1"})

    assert [item.pk for item, _pill in first.context["rows"]] == [item.pk for item in items[:5]]
    assert [item.pk for item, _pill in second.context["rows"]] == [item.pk for item in items[5:10]]
    assert [item.pk for item, _pill in refused.context["rows"]] == [items[3].pk]
    assert "&lt;b&gt;Not there" in refused.text
    assert odd.status_code == 200


def test_the_pages_queries_do_not_grow_with_its_rows(browser, invoices, handler):
    theirs = browser(handler)
    small, large = start(invoices[:1], handler), start(invoices, handler)
    theirs.get(page_of(small))

    def count_queries(address):
        with CaptureQueriesContext(database) as taken:
            assert theirs.get(address).status_code == 200
        return len(taken)

    assert count_queries(page_of(small)) == count_queries(page_of(large))
    with_two = count_queries(LIST)
    start(invoices, handler)
    assert count_queries(LIST) == with_two


def test_cancel_is_a_post(browser, invoices, handler, auditor):
    run = start(invoices, handler)

    refused = browser(auditor).post(page_of(run), follow=True)
    assert "Only Handler Example, who started this run, may cancel it." in refused.text
    assert not BulkRun.objects.get(pk=run.pk).is_over
    done = browser(handler).post(page_of(run), follow=True)

    assert "Cancelled: what is done stays done" in done.text
    assert BulkRun.objects.get(pk=run.pk).is_over


def test_who_sees_a_run(browser, invoices, clerk, handler, manager, auditor, stranger, root):
    run = start(invoices, handler)
    people = (clerk, handler, manager, auditor, stranger, root)

    seen = {person.username: browser(person).get(page_of(run)).status_code for person in people}
    listed = {person.username: page_of(run) in browser(person).get(LIST).text for person in people}

    assert seen == dict.fromkeys(("clerk", "handler", "manager", "auditor", "root"), 200) | {"stranger": 404}
    assert listed == {name: status == 200 for name, status in seen.items()}


def test_nobody_gets_to_the_pages_without_logging_in(db, invoices, handler):
    run = start(invoices, handler)

    for address in (ADD, LIST, page_of(run)):
        assert Browser().post(address).status_code == 302
        assert Browser().get(address).url.startswith("/admin/login/")


def test_the_pages_have_no_inline_code(browser, invoices, handler):
    run = start(invoices, handler)
    theirs = browser(handler)

    for text in (
        theirs.get(page_of(run)).text,
        theirs.post(ADD, {"button": "look-up", "invoice": ids(invoices)}).text,
    ):
        assert " style=" not in text
        assert "<style" not in text
        assert "onclick" not in text
