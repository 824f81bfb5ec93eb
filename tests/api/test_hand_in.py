import json

import pytest

from invoices.models import Client, Counterparty, Event, HandIn, IntegrationMessage, Invoice
from tests.api.person import BODY, changed
from tests.factories import InvoiceFactory

LINE = BODY["lines"][0]


def rows():
    return [list(model.objects.order_by("pk").values()) for model in (Invoice, Counterparty, Event, HandIn)]


def test_answers_the_whole_invoice(as_, clerk):
    answer = as_(clerk).post("invoices/", changed(due_date="2026-12-02"))

    assert answer.status_code == 201
    said = answer.json()
    invoice = Invoice.objects.get()
    assert said.pop("step_since").startswith("20")
    assert said.pop("created_at").startswith("20")
    assert said == {
        "id": invoice.pk,
        "number": "A-1",
        "client": "acme",
        "direction": "payable",
        "kind": "invoice",
        "counterparty": {"code": "SUP-1", "name": "Paper & Sons"},
        "invoice_date": "2026-11-02",
        "due_date": "2026-12-02",
        "currency": "USD",
        "lines": [
            {
                "description": "Paper",
                "quantity": "3",
                "unit_price": "1.25",
                "amount": "3.75",
                "account": "",
                "item": "",
            }
        ],
        "step": "draft",
        "status": "",
        "total": "3.75",
        "paid": "0.00",
        "balance": "3.75",
        "erp_balance": None,
        "erp_state": "",
        "synced_at": None,
        "preliminary_voucher": "",
        "preliminary_posting_date": None,
        "final_voucher": "",
        "final_posting_date": None,
        "message_state": None,
        "message": None,
        "archived": False,
        "archived_reason": "",
    }
    assert invoice.created_by == clerk
    assert Event.objects.get().action == "hand_in"


@pytest.mark.parametrize(("currency", "total"), [("JPY", "4"), ("USD", "3.76"), ("KWD", "3.758")])
def test_shows_amounts_with_the_digits_of_their_currency(as_, clerk, currency, total):
    line = {**LINE, "quantity": "1", "unit_price": "3.7575"}

    answer = as_(clerk).post("invoices/", changed(currency=currency, lines=[line]))

    assert (answer.json()["total"], answer.json()["balance"]) == (total, total)
    assert answer.json()["lines"][0]["unit_price"] == "3.7575"


@pytest.mark.parametrize("number", ['"1.10"', "1.10", "1.1", "11e-1", "0.11E1"])
def test_keeps_a_number_as_it_was_written(as_, clerk, number):
    answer = as_(clerk).post("invoices/", json.dumps(BODY).replace('"1.25"', number))

    assert (answer.status_code, answer.json()["total"]) == (201, "3.30")


def test_takes_credit_memos_and_receivables(as_, clerk):
    answer = as_(clerk).post("invoices/", changed(direction="receivable", kind="credit_memo"))

    assert (answer.json()["direction"], answer.json()["kind"]) == ("receivable", "credit_memo")


# Idempotency-Key ------------------------------------------------------------------------------------------------------


def test_same_key_and_body_give_the_same_invoice(as_, clerk):
    first = as_(clerk).post("invoices/", BODY, Idempotency_Key="k" * 200)
    second = as_(clerk).post("invoices/", BODY, Idempotency_Key="k" * 200)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert (Invoice.objects.count(), Event.objects.count()) == (1, 1)


def test_same_key_and_another_body_are_refused(as_, clerk):
    as_(clerk).post("invoices/", BODY, Idempotency_Key="one")
    before = rows()

    answer = as_(clerk).post("invoices/", changed(number="A-2"), Idempotency_Key="one")

    assert answer.status_code == 409
    assert answer.json() == {
        "detail": "This Idempotency-Key was used for another invoice: use a new key for a new invoice."
    }
    assert rows() == before


def test_another_person_may_use_the_same_key(as_, clerk, clerk2):
    as_(clerk).post("invoices/", BODY, Idempotency_Key="one")

    answer = as_(clerk2).post("invoices/", changed(number="A-2"), Idempotency_Key="one")

    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["k" * 201, "", "  ", "a\tb", "schlüssel", "a\x7f"])
def test_a_key_that_cannot_be_kept_is_refused(as_, clerk, key):
    answer = as_(clerk).post("invoices/", BODY, Idempotency_Key=key)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["Idempotency-Key"]
    assert not Invoice.objects.exists()


# what cannot be used --------------------------------------------------------------------------------------------------

NUMBER_SENTENCE = 'Give a number in plain digits, such as "10.99".'
WRONG_NUMBERS = [
    '"NaN"', "NaN", "Infinity", "-Infinity", '"Infinity"', "1e400", '"1e400"', "1e999999999999999999999", "true",
    "false", "null", '""', '" 1"', '"1 "', '"1_000"', '"١"', '"1,5"', '"0x1"', "[]", "{}", '"' + "9" * 41 + '"',
    "9" * 5000, "9" * 30, "99999999999999", "0.00001", '"0.00001"', "1e-400", '"1\\u0000"', '"\\ud800"',
]  # fmt: skip


@pytest.mark.parametrize("name", ["quantity", "unit_price"])
@pytest.mark.parametrize("number", WRONG_NUMBERS, ids=range(len(WRONG_NUMBERS)))
def test_a_number_that_is_none_names_its_field(as_, clerk, name, number):
    body = json.dumps(changed(lines=[LINE, {**LINE, name: "@"}])).replace('"@"', number)

    answer = as_(clerk).post("invoices/", body)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [f"lines[1].{name}"]
    assert answer.json()["detail"].endswith((".", "field may not be null."))
    assert not Invoice.objects.exists()


WRONG_FIELDS = [
    ({"direction": "sideways"}, ["direction"]),
    ({"direction": True}, ["direction"]),
    ({"direction": "\ud800"}, ["direction"]),
    ({"kind": "bill"}, ["kind"]),
    ({"number": ""}, ["number"]),
    ({"number": " A"}, ["number"]),
    ({"number": "A" * 41}, ["number"]),
    ({"number": "A\x00"}, ["number"]),
    ({"number": "A\ud800"}, ["number"]),
    ({"number": ["A"]}, ["number"]),
    ({"number": True}, ["number"]),
    ({"number": None}, ["number"]),
    ({"client": None}, ["client"]),
    ({"client": "ac\x00me"}, ["client"]),
    ({"counterparty": {"name": "x"}}, ["counterparty.code"]),
    ({"counterparty": {"code": "S\n1", "name": "x" * 201}}, ["counterparty.code", "counterparty.name"]),
    ({"counterparty": {"code": "S", "nmae": "x"}}, ["counterparty.nmae"]),
    ({"counterparty": "SUP-1"}, ["counterparty"]),
    ({"invoice_date": "02/11/2026"}, ["invoice_date"]),
    ({"invoice_date": "2026-02-30"}, ["invoice_date"]),
    ({"invoice_date": 5}, ["invoice_date"]),
    ({"due_date": "2026-11-01"}, ["due_date"]),
    ({"currency": "usd"}, ["currency"]),
    ({"currency": "XXX"}, ["currency"]),
    ({"lines": "none"}, ["lines"]),
    ({"lines": [5]}, ["lines[0]"]),
    ({"lines": [{}]}, ["lines[0].description", "lines[0].quantity", "lines[0].unit_price"]),
    ({"lines": [LINE] * 1001}, ["lines"]),
    ({"lines": [{**LINE, "description": " "}]}, ["lines[0].description"]),
    ({"lines": [{**LINE, "description": "x" * 501}]}, ["lines[0].description"]),
    ({"lines": [{**LINE, "description": "a\x00b"}]}, ["lines[0].description"]),
    ({"lines": [LINE, {**LINE, "acount": "4000"}]}, ["lines[1].acount"]),
    ({"lines": [{**LINE, "account": "4" * 41, "item": "\x07"}]}, ["lines[0].account", "lines[0].item"]),
    ({"lines": [{**LINE, "quantity": "99999999999", "unit_price": "99999999999"}]}, ["lines[0]"]),
    ({"lines": [{**LINE, "quantity": "-1"}]}, ["lines"]),
    ({"curency": "USD"}, ["curency"]),
    ({"\ud800": "x"}, ["?"]),
]


@pytest.mark.parametrize(("values", "fields"), WRONG_FIELDS, ids=range(len(WRONG_FIELDS)))
def test_each_wrong_field_is_named_and_nothing_is_saved(as_, clerk, acme, values, fields):
    before = rows()

    answer = as_(clerk).post("invoices/", changed(**values))

    assert answer.status_code == 400
    assert sorted(answer.json()["fields"]) == fields
    assert all(len(sentence) > 10 for sentence in answer.json()["fields"].values())
    assert set(answer.json()) == {"detail", "fields"}
    assert rows() == before


def test_the_sentence_names_all_fields_when_there_are_several(as_, clerk):
    answer = as_(clerk).post("invoices/", changed(currency="usd", number=" "))

    assert answer.json()["detail"] == "Please correct number, currency: each is explained under fields."


def test_a_number_that_is_here_already_is_refused_by_name(as_, clerk):
    as_(clerk).post("invoices/", BODY)
    before = rows()

    answer = as_(clerk).post("invoices/", BODY)

    assert answer.status_code == 400
    sentence = "A-1 of this counterparty is here already: look at that one first."
    assert answer.json() == {"detail": sentence, "fields": {"number": sentence}}
    assert rows() == before


BAD_BODIES = [
    b"{", b"", b"[]", b"5", b"null", b'"x"', b"\xff\xfe{}", b'{"number": "A", "number": "B"}', b"[" * 100_000,
    b'{"a": nan}', b"{\x00}", b'\xef\xbb\xbf{"a": 1}',
]  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_body_that_is_no_object_gets_a_sentence(as_, clerk, body):
    answer = as_(clerk).post("invoices/", body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["detail"].endswith(".")


def test_a_body_above_a_mebibyte_is_refused(as_, clerk):
    body = json.dumps(changed(number="x" * 1024 * 1024))

    answer = as_(clerk).post("invoices/", body)

    assert answer.status_code == 413
    assert answer.json() == {"detail": "The body is larger than 1 MiB: hand invoices in one by one."}


def test_a_chunked_body_is_refused_instead_of_read_as_empty(as_, clerk):
    answer = as_(clerk).browser.generic(
        "POST",
        "/api/v1/invoices/",
        b"",
        headers={**as_(clerk).headers, "Transfer-Encoding": "chunked"},
    )

    assert answer.status_code == 411
    assert answer.json() == {"detail": "Send the body with a Content-Length, not in chunks."}


def test_very_many_errors_are_cut_short(as_, clerk):
    answer = as_(clerk).post("invoices/", {f"name{number}": 1 for number in range(1000)})

    assert (answer.status_code, len(answer.json()["fields"])) == (400, 50)


# who may --------------------------------------------------------------------------------------------------------------


def test_an_unknown_client_and_one_of_others_look_alike(as_, clerk, globex):
    unknown = as_(clerk).post("invoices/", changed(client="nowhere"))
    others = as_(clerk).post("invoices/", changed(client="globex"))

    assert (unknown.status_code, others.status_code) == (404, 404)
    assert unknown.json() == others.json()
    assert Client.objects.count() == 2
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("who", ["handler", "manager", "auditor"])
def test_who_may_only_look_is_told_who_may(as_, clerk, who, request):
    answer = as_(request.getfixturevalue(who)).post("invoices/", BODY)

    assert answer.status_code == 403
    assert answer.json() == {"detail": "Only Finance staff of Acme may do this. Ask Clerk Example."}
    assert not Invoice.objects.exists()


def test_is_refused_without_a_token(nobody, acme):
    answer = nobody.post("invoices/", BODY)

    assert answer.status_code == 401
    assert "Authorization: Token" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == "Token"


def test_nothing_goes_to_the_erp_before_it_is_posted(as_, clerk):
    as_(clerk).post("invoices/", BODY)

    assert not IntegrationMessage.objects.exists()


def test_takes_a_counterparty_that_is_known_by_its_code(as_, clerk, acme):
    known = InvoiceFactory(client=acme).counterparty

    answer = as_(clerk).post("invoices/", changed(counterparty={"code": known.code}))

    assert answer.json()["counterparty"] == {"code": "SUP-1", "name": "Paper & Sons"}
    assert Counterparty.objects.count() == 1
