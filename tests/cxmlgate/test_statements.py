"""How many statements a message costs, transactions and savepoints included."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cxmlgate.models import GateMessage
from tests.cxmlgate.conftest import ALREADY, OK, PERMANENT, book, send
from tests.cxmlgate.messages import credential, message, money, notice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("cxmlgate.urls")]
WRONG = credential(secret="wrong secret")


def statements(body, verdict):
    """Send, and return the first word of each statement; COMMIT comes first where there was a transaction."""
    said = []

    def note(execute, sql, params, many, context):
        said.append(sql.split()[0])
        return execute(sql, params, many, context)

    with CaptureQueriesContext(connection) as captured, connection.execute_wrapper(note):
        assert send(body).verdict == verdict
    outside = [query["sql"] for query in captured if query["sql"] in ("BEGIN", "COMMIT")]
    inside = [word for word in said if word != "BEGIN"]
    return [*(word for word in outside if word == "COMMIT"), *inside]


@pytest.mark.parametrize("partial", ["", money("10.99"), money("1.00")])
@pytest.mark.parametrize("type_", ["paid", "processing_payment", "rejected", "validation_failed", "processing"])
def test_accepted_message(invoice, type_, partial):
    taken = statements(message(type_=type_, partial=partial), OK)

    if connection.vendor == "postgresql":
        assert taken == ["SELECT", "WITH"]
    else:
        payment = ["INSERT"] if type_ == "paid" else []
        # gate · probe for a duplicate · the invoice · payment · invoice · event · kept message
        assert taken == ["COMMIT", "SELECT", "UPDATE", "SELECT", *payment, "UPDATE", "INSERT", "INSERT"]


def test_duplicate(invoice):
    body = message(partial=money("1.00"))
    send(body)

    taken = statements(body, ALREADY)

    commits = [] if connection.vendor == "postgresql" else ["COMMIT"]
    assert taken == [*commits, "SELECT", "UPDATE"]


def test_wrong_secret_that_came_before(invoice):
    send(message(sender=WRONG))

    # gate · count of the wrong secrets · kept message
    assert statements(message(sender=WRONG), PERMANENT) == ["SELECT", "INSERT", "UPDATE"]


def test_wrong_secret_of_a_source_that_is_throttled(invoice):
    for _time in range(21):
        send(message(sender=WRONG))

    assert statements(message(sender=WRONG), PERMANENT) == ["SELECT"]


def test_several_notices_take_the_locks(invoice, gate):
    book(gate.client, "INV-0002")

    taken = statements(message(notice(), notice(number="INV-0002")), OK)

    assert (taken[0], taken.count("INSERT")) == ("COMMIT", 6)


def test_repeat_changes_nothing_that_is_indexed():
    indexed = {name.lstrip("-") for index in GateMessage._meta.indexes for name in index.fields}

    assert indexed == {"client", "id", "payload_id", "received_at"}
