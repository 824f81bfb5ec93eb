"""A message in the admin: found in the list, read on its page, and replayed from there."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cxmlgate.actions import replay_message
from cxmlgate.models import GateMessage, Replay
from invoices.models import Event, Payment
from invoices.workflow import Status
from tests.cxmlgate.conftest import book, everything, send, status_of
from tests.cxmlgate.messages import IDENTITY, PATH, credential, message, money, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.cxmlgate.urls")]
LIST = "/admin/cxmlgate/gatemessage/"


def at(row, page="change"):
    return f"{LIST}{row.pk}/{page}/"


def kept(body, path=PATH):
    send(body, path)
    return GateMessage.objects.latest("pk")


def shown(client, **query):
    return {row.payload_id for row in client.get(LIST, query).context["cl"].result_list}


@pytest.fixture
def many(invoice, gate):
    """Messages of every kind, each with its own payloadID."""
    book(gate.client, "INV-0002")
    rows = {
        "paid": message(partial=money("1.00"), payload_id="paid"),
        "old": message(type_="processing", payload_id="old"),
        "both": message(notice("processing"), notice("processing", number="INV-0002"), payload_id="both"),
        "missing": message(number="INV-9", payload_id="missing"),
        "test": message(mode="test", payload_id="test"),
        "jack": message(sender=credential(identity="Jack"), payload_id="jack"),
    }
    for body in rows.values():
        send(body)
    two_days_ago = timezone.now() - timedelta(days=2)
    GateMessage.objects.filter(payload_id="old").update(received_at=two_days_ago, last_seen_at=two_days_ago)
    return set(rows)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"paid", "old", "both", "missing", "test", "jack"}),
        ({"received": "hour"}, {"paid", "both", "missing", "test", "jack"}),
        ({"received": "day"}, {"paid", "both", "missing", "test", "jack"}),
        ({"received": "week"}, {"paid", "old", "both", "missing", "test", "jack"}),
        ({"received": "ever"}, {"paid", "old", "both", "missing", "test", "jack"}),
        ({"verdict": "200"}, {"paid", "old", "both", "test"}),
        ({"verdict": "403"}, {"missing"}),
        ({"verdict": "refused"}, {"missing", "jack"}),
        ({"sender": IDENTITY}, {"paid", "old", "both", "missing", "test"}),
        ({"sender": "nobody"}, {"paid", "old", "both", "missing", "test", "jack"}),
        ({"test": "yes"}, {"test"}),
        ({"q": "jac"}, {"jack"}),
        ({"q": "inv-0001"}, {"paid", "old", "both"}),
        ({"q": "INV-0002"}, {"both"}),
        ({"q": "missing"}, {"missing"}),
        ({"q": "INV-0001", "verdict": "refused"}, set()),
    ],
)
def test_list_is_filtered_and_searched(many, client, clerk, query, found):
    client.force_login(clerk)

    assert shown(client, **query) == found


def test_list_goes_on_behind_the_last_row(many, client, clerk):
    client.force_login(clerk)
    oldest = GateMessage.objects.earliest("pk")

    assert shown(client, before=oldest.pk + 1) == {"paid"}


def test_sender_is_searched_among_the_latest_alone(many, client, clerk, monkeypatch):
    monkeypatch.setattr("cxmlgate.admin.messages.SENDERS_AMONG", 2)
    client.force_login(clerk)

    assert shown(client, q="Jack") == {"jack"}
    assert shown(client, q="jill") == {"test"}


@pytest.mark.parametrize("query", [{}, {"q": "INV-0001"}, {"received": "hour", "sender": IDENTITY}])
def test_list_asks_the_same_number_of_questions_for_any_number_of_rows(invoice, client, clerk, query):
    def questions():
        with CaptureQueriesContext(connection) as asked:
            assert client.get(LIST, query).status_code == 200
        return len(asked)

    client.force_login(clerk)
    send(message(type_="processing"))
    few = questions()
    for number in range(20):
        send(message(payload_id=f"x{number}", type_="processing"))

    assert questions() == few


def test_list_asks_no_table_what_there_is_to_choose_from(many, client, clerk):
    client.force_login(clerk)

    with CaptureQueriesContext(connection) as asked:
        client.get(LIST)

    assert not [
        query for query in asked.captured_queries if "DISTINCT" in query["sql"] and "gatemessage" in query["sql"]
    ]


@pytest.mark.parametrize("who", ["clerk", "handler", "manager", "auditor", "root"])
def test_page_shows_it_indented_with_the_answer_the_reason_and_what_it_changed(invoice, client, who, request):
    client.force_login(request.getfixturevalue(who))
    row = kept(message(partial=money("4.00"), comments="<Comments>Half</Comments>"))

    page = client.get(at(row))

    assert "\n    &lt;Sender&gt;\n" in page.text
    assert "\n        &lt;SharedSecret&gt;(removed)&lt;/SharedSecret&gt;\n" in page.text
    assert (
        "\n    &lt;Status code=&quot;200&quot; text=&quot;OK&quot;&gt;INV-0001: Partially Paid.&lt;/Status&gt;"
        in page.text
    )
    assert '<p class="situation-now">INV-0001: Partially Paid.</p>' in page.text
    event = Event.objects.get(action="status_paid")
    assert f'<a href="/admin/invoices/event/{event.pk}/change/">Payment told by the ERP</a>' in page.text
    assert f'<a href="/admin/invoices/invoice/{invoice.pk}/change/">INV-0001</a>' in page.text
    assert "<dt>paid</dt><dd>0.0000 → 4.0000</dd>" in page.text
    assert "<dt>status</dt><dd>Ok to Pay → Partially Paid</dd>" in page.text
    assert "<p>Half</p>" in page.text


def test_page_shows_each_messages_own_changes_though_the_payload_id_is_the_same(invoice, client, clerk):
    client.force_login(clerk)
    first = kept(message(partial=money("4.00"), payload_id=""))
    GateMessage.objects.filter(pk=first.pk).update(received_at=timezone.now() - timedelta(hours=1))
    second = kept(message(partial=money("5.00"), payload_id=""))

    assert "0.0000 → 4.0000" not in client.get(at(first)).text
    assert "4.0000 → 9.0000" in client.get(at(second)).text
    assert "0.0000 → 4.0000" not in client.get(at(second)).text


def test_page_of_several_updates_shows_every_change(invoice, gate, client, clerk):
    client.force_login(clerk)
    second = book(gate.client, "INV-0002")

    page = client.get(at(kept(message(notice(), notice("rejected", number="INV-0002")))))

    assert "Payment told by the ERP" in page.text
    assert "Denied by the ERP" in page.text
    assert f"/admin/invoices/invoice/{second.pk}/change/" in page.text


@pytest.mark.parametrize("body", [message(number="other"), message(mode="test"), message("<ProfileRequest/>")])
def test_page_of_what_changed_nothing_says_so(invoice, client, clerk, body):
    client.force_login(clerk)

    assert '<p class="hint">Nothing.</p>' in client.get(at(kept(body))).text


def test_page_leads_to_earlier_and_later_messages_of_the_invoice(invoice, client, clerk):
    client.force_login(clerk)
    rows = [kept(message(type_="processing", payload_id=f"p-{number}")) for number in range(3)]

    page = client.get(at(rows[1]))

    assert "Other messages about INV-0001" in page.text
    assert page.text.count(at(rows[0])) == 1
    assert page.text.count(at(rows[2])) == 1
    assert page.text.count("· later") == 1


def test_page_of_bytes_that_are_not_kept_says_why(invoice, client, clerk):
    client.force_login(clerk)

    page = client.get(at(kept(message()[:-5])))

    assert "bytes are not kept, because it could not be read as XML" in page.text


@pytest.mark.parametrize("encoding", ["utf-16", "ISO-8859-1"])
def test_page_honours_the_declared_encoding(invoice, client, clerk, encoding):
    client.force_login(clerk)
    text = message(number="Bürö", declaration=f'<?xml version="1.0" encoding="{encoding}"?>').decode()

    assert "payloadID=&quot;Bürö&quot;" in client.get(at(kept(text.encode(encoding)))).text


def test_markup_in_a_message_is_text(invoice, client, clerk):
    client.force_login(clerk)
    evil = "<![CDATA[<script>alert(1)</script>]]>"

    page = client.get(at(kept(message(type_="rejected", comments=f"<Comments>{evil}</Comments>"))))

    assert "<script>alert" not in page.text


def test_stranger_finds_nothing(invoice, client, stranger):
    client.force_login(stranger)
    row = kept(message(number="other"))

    assert shown(client) == set()
    assert [client.get(at(row, page)).status_code for page in ("change", "replay")] == [404, 404]
    assert client.post(at(row, "replay")).status_code == 404


def test_message_that_names_no_client_is_for_superusers(invoice, client, clerk, root):
    row = kept(message(), PATH.replace("acme", "nobody"))

    for person, count, status in ((clerk, 0, 404), (root, 1, 200)):
        client.force_login(person)
        assert len(shown(client)) == count
        assert client.get(at(row)).status_code == status
        assert client.get(at(row, "replay")).status_code == status
    assert len(shown(client, received="hour")) == 1


def test_nobody_adds_changes_or_deletes(invoice, client, root):
    client.force_login(root)
    row = kept(message())

    assert client.get(f"{LIST}add/").status_code == 404
    assert client.get(at(row, "delete")).status_code == 404
    assert client.post(at(row), {"code": 500}).status_code == 405


@pytest.fixture
def mended(gate):
    """A message that was refused because its invoice was not here yet."""
    row = kept(message())
    book(gate.client)
    return row


def test_handler_replays_it_and_reads_what_came_of_it(mended, client, handler):
    client.force_login(handler)
    assert f'<a class="button primary" href="{at(mended, "replay")}">Replay</a>' in client.get(at(mended)).text
    assert "as if it came now" in client.get(at(mended, "replay")).text

    page = client.post(at(mended, "replay"), {"reason": "The invoice came late"}, follow=True)

    replay = Replay.objects.get()
    assert page.redirect_chain == [(at(replay.accepted), 302)]
    assert "Replayed: INV-0001: Paid." in page.text
    assert "Replayed by Handler Example" in page.text
    assert "The invoice came late" in page.text
    assert "<dt>status</dt><dd>Ok to Pay → Paid</dd>" in page.text
    refused = client.get(at(mended))
    assert "403 Invoice Not Found" in refused.text
    assert "replayed by Handler Example" in refused.text
    assert "The same message was accepted since: there is nothing to replay." in refused.text
    assert '<span class="button off" aria-disabled="true">Replay</span>' in refused.text


@pytest.mark.parametrize("who", ["clerk", "manager", "auditor"])
def test_others_see_it_greyed_with_who_may(mended, client, handler, who, request):
    client.force_login(request.getfixturevalue(who))
    before = everything()

    page = client.get(at(mended))
    posted = client.post(at(mended, "replay"), {"reason": ""})

    assert '<span class="button off" aria-disabled="true">Replay</span>' in page.text
    assert "Ask Handler Example." in page.text
    assert posted.status_code == 403
    assert "Ask Handler Example." in posted.text
    assert everything() == before


def test_what_is_refused_again_is_said_over_the_form(gate, client, handler):
    client.force_login(handler)
    row = kept(message())
    before = everything()

    page = client.post(at(row, "replay"), {"reason": ""})

    assert page.status_code == 409
    assert "It is refused again, and nothing was changed: 403 Invoice Not Found." in page.text
    assert everything() == before


def test_second_handler_reads_that_it_was_done(mended, client, handler, root):
    replay_message(mended.pk, by=root)
    client.force_login(handler)

    page = client.post(at(mended, "replay"), {"reason": ""})

    assert page.status_code == 409
    assert "The same message was accepted since" in page.text
    assert status_of(mended.client.invoices.get()) == Status.PAID
    assert Payment.objects.count() == 1


def test_get_replays_nothing(mended, client, handler):
    client.force_login(handler)

    client.get(at(mended, "replay"))

    assert not Replay.objects.exists()


def test_accepted_message_offers_no_replay(invoice, client, handler):
    client.force_login(handler)

    assert ">Replay<" not in client.get(at(kept(message()))).text
