"""Classifying: the most telling error of an answer comes first, whatever differs between two answers."""

import json
from collections import Counter
from pathlib import Path

import pytest

from syncdiag import catalogue
from syncdiag.catalogue import KINDS, entries_of, explain, prepared_of, read_catalogue, stem_of
from syncdiag.classifying import classify, classify_row, explain_complaint, guess
from syncdiag.corpus import Tally
from tests.syncdiag.entries import write_entry

CORPUS = Path(__file__).parent / "corpus.jsonl"


def entry(id, kind="other", codes="[]", patterns="[]"):
    return write_entry(id, kind, codes, patterns, step="Mend {name}.")


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Catalogues of two systems and the general one."""
    shop = (
        entry(
            "gone",
            "reference_missing",
            '["BL01001973"]',
            """["(?:item|customer) '(?P<name>[^']+)' (?:is|isn't) ours"]""",
        )
        + entry("number", "duplicate_number", '["6140"]')
        + entry("vague", "malformed", '["BL01001974"]')
        + entry("rolled-back", "unavailable", patterns="['has been rolled back']")
        + entry("begins", "amount", patterns="['^the (?P<name>.+) amount is wrong']")
    ).replace("BL01001974", "USER_ERROR")
    mall = entry("closed", "period_closed", patterns="['period (?P<name>\\S+) is closed']") + entry(
        "also-gone", "reference_missing", patterns="['is ours']"
    )
    general = entry("busy", "unavailable", '["HTTP 503"]') + entry("long", "length", patterns="['too long']")
    for name, text in {"shop": shop, "mall": mall, "general": general}.items():
        (tmp_path / f"{name}.toml").write_text(text)
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    entries_of.cache_clear()
    yield
    entries_of.cache_clear()


def ids(classified):
    return [one.explanation.entry.id if one.explanation else "" for one in classified]


@pytest.mark.parametrize(
    "text",
    [
        "The item 'Söhne  & \u201cCo\u201d' isn't ours.",
        "Error: the ITEM \u2018Söhne  & \u201cCo\u201d\u2019 isn\u2019t ours. [Support ID: aB~1]",
        "fault: error:  the item &#39;Söhne  &amp; \u201cCo\u201d&#39; isn&#x27;t   ours",
        "The\u00a0item\n'Söhne  & \u201cCo\u201d' <b>isn't</b> ours\u200b.",
        "The item [Support ID: aB~1] 'Söhne  & \u201cCo\u201d' isn't ours",
    ],
)
def test_what_differs_between_answers_does_not_matter_and_values_keep_their_characters(files, text):
    known = explain("shop", "", text)

    assert known.values == {"name": "Söhne  & \u201cCo\u201d"}
    assert known.steps == ("Mend Söhne  & \u201cCo\u201d.",)


def test_a_value_keeps_typographic_quotes(files):
    known = explain("shop", "", "The \u201cbig\u201d amount is wrong")

    assert known.values == {"name": "\u201cbig\u201d"}


def test_a_prefix_does_not_hide_the_beginning(files):
    assert explain("shop", "", "Error: The net amount is wrong").values == {"name": "net"}


def test_wrappers_lose_against_what_they_wrap(files):
    said = [
        {"errorno": "XL03000009", "description2": "The entire transaction has been rolled back due to an error."},
        {"errorno": "BL01001973", "description2": "Could not create invoice record!"},
        {"errorno": "BL01001973", "description2": "The item 'A' is ours"},
        {"errorno": "BL7", "description2": "Nobody knows this"},
    ]

    classified = classify("shop", {"error": said})

    assert ids(classified) == ["gone", "", "rolled-back", ""]
    assert [one.is_wrapper for one in classified] == [False, False, True, True]


def test_an_entry_found_by_a_vague_code_alone_is_a_wrapper(files):
    classified = classify(
        "shop", {"errors": [{"code": "USER_ERROR", "message": "Hm"}, {"code": "6140", "message": "Taken"}]}
    )

    assert ids(classified) == ["number", "vague"]


@pytest.mark.parametrize(
    ("answer", "code", "status", "entry"),
    [
        ("", "6140", None, "number"),
        ("Something", "06140", None, "number"),
        ("6140: Something", "", None, "number"),
        (b"", "", 503, "busy"),
        ("<h1>503 Service Unavailable</h1>", "", None, "busy"),
        ('{"errors":[{"message":"It is too long"}]}', "", 400, "long"),
        ("What\nis this?", "", None, ""),
        ("The item of this invoice, which is 'A'\nand is not, is not ours: customer\n'A' is ours", "", None, "gone"),
    ],
)
def test_code_status_and_text_are_used(files, answer, code, status, entry):
    assert ids(classify("shop", answer, code=code, status=status))[0] == entry


def test_an_answer_without_an_error_has_nothing_to_explain(files):
    assert classify("shop", {"Invoice": {"Id": "1"}}) == ()


def test_a_system_that_nobody_knows_is_guessed(files):
    assert ids(classify("nobody", "The period 2026-08 is closed")) == ["closed"]
    assert ids(classify("nobody", "It is too long")) == ["long"]


def test_a_guess_names_the_most_specific_system_first(files):
    guesses = guess("The item 'A' is ours, says the shop")

    assert [(each.system, each.explanation.entry.id) for each in guesses] == [("shop", "gone"), ("mall", "also-gone")]
    assert guess("It is too long") == ()


def test_added_entries_come_before_the_files_and_changes_are_seen(files, monkeypatch):
    monkeypatch.setattr(catalogue, "_sources", [])
    added = {"shop": read_catalogue("shop", entry("mine", "length", patterns="['is ours']"), "mine")}
    catalogue.add_source(lambda system: added.get(system, ()))

    assert explain("shop", "", "The item 'A' is ours").entry.id == "mine"

    added.clear()

    assert explain("shop", "", "The item 'A' is ours").entry.id == "gone"


def test_the_prepared_entries_are_kept(files):
    assert prepared_of("shop") is prepared_of("Shop ")
    assert prepared_of("nobody") is prepared_of("nobody else") is prepared_of("general")


def test_a_complaint_is_explained_by_message_and_detail(files):
    assert explain_complaint("shop", {"message": "Wrong", "detail": "The item 'A' is ours"}).entry.id == "gone"
    assert explain_complaint("shop", {"message": None, "code": "6140"}).entry.id == "number"
    assert explain_complaint("shop", {}) is None


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("qbo", "quickbooks_online"),
        ("QuickBooks", "quickbooks_online"),
        ("QuickBooks Online", "quickbooks_online"),
        ("quickbooks-desktop", "quickbooks_desktop"),
        ("qbd", "quickbooks_desktop"),
        ("Intacct", "sage_intacct"),
        ("sage_intacct", "sage_intacct"),
        ("xero", "xero"),
        ("MYOB", "myob"),
        ("NetSuite", "netsuite"),
        ("tryton", "tryton"),
        ("sandbox", "sandbox"),
        ("../../etc/passwd", "etc_passwd"),
    ],
)
def test_a_system_is_known_by_all_its_names(name, stem):
    assert stem_of(name) == stem


def test_of_message_and_payload_the_more_telling_one_counts(files):
    payload = {"errors": [{"code": "6140", "message": "Taken"}, {"message": "It is too long"}]}
    row = {"system": "shop", "message": "The item 'A' is ours", "payload": payload}

    assert ids(classify_row(row)) == ["gone", "number", "long"]
    assert ids(classify_row(row | {"message": "What?"}))[0] == "number"
    assert ids(classify_row({"system": "shop", "code": 6140})) == ["number"]


def rows():
    return [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]


def test_our_corpus_speaks_of_every_system():
    counts = Counter(row["system"] for row in rows())

    assert len(rows()) >= 60
    assert min(counts.values()) >= 4
    assert counts.keys() >= {
        "quickbooks_online",
        "quickbooks_desktop",
        "sage_intacct",
        "xero",
        "myob",
        "netsuite",
        "tryton",
    }
    assert {row["expect_kind"] for row in rows() if "expect_kind" in row} <= KINDS


@pytest.mark.parametrize("system", catalogue.systems())
def test_our_corpus_is_understood(system):
    tally = Tally()
    for row in rows():
        if row["system"] == system:
            tally.add(row, next(iter(classify_row(row)), None))
    count = tally.counts[system]

    assert count.right >= 0.8 * count.expected, tally.report()
