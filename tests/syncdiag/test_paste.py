"""The paste box: what a text means, whose words it is and how sure that is; looking stores nothing."""

import json

import pytest
from django.test import Client as Browser
from django.urls import reverse

from syncdiag.explaining import explain_text
from syncdiag.paste import PASTED_AT_MOST
from syncdiag.stored import UnknownError
from tests.api.person import ApiPerson

PASTE = "/admin/explain/"
# Article 001, word for word, with the kind of what it says of each.
ARTICLE = [
    ("Empty location is invalid; A valid Multi-Entity location must be specified", "location_missing"),
    ("Item ID: is not found", "reference_missing"),
    ("Line items At least 1 line item is required", "no_lines"),
    ('The given object ID "XXX" in the field "list id" is invalid', "customer_missing"),
    ("CustomerRef is required: CustomerRef is missing in the request", "customer_missing"),
    (
        "Invalid Reference Id: Invalid Reference Id : Product/Service assigned to this transaction has been deleted. "
        "Before you can modify this transaction, you must restore XXX (Item Name)",
        "reference_inactive",
    ),
    (
        "Duplicate Document Number Error: Duplicate Document Number Error : You must specify a different number. This "
        "number has already been used. DocNumber=XXXX is assigned to TxnType=Invoice with TxnId=XXX",
        "duplicate_number",
    ),
    (
        "Account Period Closed: The account period has closed./Account Period Closed, Cannot Update Through Services "
        "API: The account period has closed and the account books cannot be updated through the QBO Services API. -",
        "period_closed",
    ),
]


@pytest.fixture
def paste(at_the_admin, clerk):
    browser = at_the_admin(clerk)
    return lambda text, system="", **more: browser.post(PASTE, {"text": text, "system": system, **more})


def told(response):
    return [told and told.entry.id for _error, told in response.context["errors"]]


@pytest.mark.parametrize(("text", "kind"), ARTICLE)
def test_the_messages_of_article_001_are_explained_as_they_are_pasted(db, paste, text, kind):
    page = paste(text)

    error, said = page.context["errors"][0]
    assert said.entry.kind == kind
    assert error.text in page.context["form"].cleaned_data["text"]
    assert page.context["reading"].system != ""


def test_our_words_stand_beside_the_text_as_it_reads(paste):
    page = paste("The accounting period 2026-08 is closed.", "sandbox").text

    assert "Set a date in an open period, or have 2026-08 opened again in the ERP." in page
    assert '<p class="words whole">The accounting period 2026-08 is closed.</p>' in page
    assert "Read as words of Sandbox ERP, as you chose." in page


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Fault": {"Error": [{"Message": "CustomerRef is required", "Detail": "", "code": "2020"}]}}),
        "<html><body><h1>Error</h1><p>CustomerRef is missing in the request</p></body></html>",
        "<response><errormessage><error><description>CustomerRef is missing in the request</description></error>"
        "</errormessage></response>",
    ],
    ids=["json", "html", "xml"],
)
def test_it_may_be_a_whole_answer(paste, text):
    assert paste(text).context["errors"][0][1].entry.kind == "customer_missing"


def test_a_system_that_names_itself_is_believed_and_the_page_says_how_sure_it_is(db):
    reading = explain_text(ARTICLE[-1][0])

    assert (reading.system, reading.certainty) == ("quickbooks_online", "likely")
    assert reading.system_sentence.startswith("Most likely words of QuickBooks Online; they may be of ")
    assert explain_text("Zebra crossing").certainty == "unknown"


def test_an_unknown_text_offers_to_be_sent(paste):
    page = paste("The warehouse is being counted", "sandbox")

    assert told(page) == [None]
    assert "The catalogue does not know this error yet" in page.text
    assert "Send to the list of unknown errors" in page.text


def test_looking_stores_nothing_and_is_kept_by_no_cache(paste):
    page = paste("The warehouse is being counted, password=hunter2")

    assert not UnknownError.objects.exists()
    assert "no-store" in page["Cache-Control"]


@pytest.mark.parametrize(
    ("text", "system", "sentence"),
    [
        ("", "", "This field is required."),
        (" \n ", "", "Paste the text of an error first."),
        ("x" * (PASTED_AT_MOST + 1), "", "Paste at most 64 KiB: the part in which the error stands is enough."),
        ("é" * (PASTED_AT_MOST // 2 + 1), "", "Paste at most 64 KiB"),
        ("a text", "nothing", "Select a valid choice."),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field(paste, text, system, sentence):
    page = paste(text, system)

    assert page.status_code == 400
    assert sentence in page.text
    assert "reading-title" not in page.text


def test_the_largest_text_is_read(paste):
    assert paste("x" * PASTED_AT_MOST).status_code == 200


def test_what_is_pasted_is_text_and_no_page(paste):
    page = paste("<script>alert(1)</script> boom", "sandbox")

    assert "<script>alert(1)" not in page.text


def test_it_takes_a_token_against_forged_forms(clerk):
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")

    assert browser.post(PASTE, {"text": "a"}).status_code == 403
    assert browser.post(reverse("admin:syncdiag_explain_send"), {"text": "a"}).status_code == 403


def test_nobody_reads_without_logging_in(db, client):
    assert client.get(PASTE).status_code == 302
    assert client.post(PASTE, {"text": "a"}).status_code == 302


class TestApi:
    def test_says_the_same(self, clerk):
        answer = ApiPerson(clerk).post(
            "explain/", {"text": "The accounting period 2026-08 is closed.", "system": "sandbox"}
        )

        said = answer.json()
        assert (said["system"], said["certainty"], len(said["errors"])) == ("sandbox", "chosen", 1)
        assert said["errors"][0]["text"] == "The accounting period 2026-08 is closed."
        assert said["errors"][0]["entry"]["id"] == "period-closed"
        assert said["errors"][0]["entry"]["steps"][0].startswith("Set a date in an open period, or have 2026-08")

    def test_an_unknown_text_has_no_entry(self, clerk):
        answer = ApiPerson(clerk).post("explain/", {"text": "The warehouse is being counted"})

        assert [error["entry"] for error in answer.json()["errors"]] == [None]
        assert not UnknownError.objects.exists()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "text"),
            ({"text": ""}, "text"),
            ({"text": "x" * (PASTED_AT_MOST + 1)}, "text"),
            ({"text": "x", "system": "general"}, "system"),
            ({"text": "x", "sistem": "xero"}, "sistem"),
        ],
    )
    def test_bad_input_names_its_field(self, clerk, body, field):
        answer = ApiPerson(clerk).post("explain/", body)

        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == [field]

    def test_needs_a_token(self, db):
        assert ApiPerson(None).post("explain/", {"text": "a"}).status_code == 401
