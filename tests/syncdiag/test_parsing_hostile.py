"""Parsing: whatever is put in, nothing is raised, and time and size stay bounded."""

import json
import random
from pathlib import Path
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncdiag.parsing import read_errors
from syncdiag.parsing.said import LONGEST_ORIGINAL, LONGEST_TEXT, LONGEST_WORD, MOST_ERRORS

CORPUS = [json.loads(line) for line in (Path(__file__).parent / "corpus.jsonl").read_text().splitlines()]
SEEDS = [
    (row["payload"] if isinstance(row["payload"], str) else json.dumps(row["payload"])).encode()
    for row in CORPUS
    if "payload" in row
]
PIECES = [
    b"<",
    b">",
    b'{"',
    b'"',
    b"\\",
    b"[",
    b"{",
    b"}",
    b"<![CDATA[",
    b"<!--",
    b"&#x110000;",
    b"&lt;",
    b"\xff",
    b"\x00",
]
PIECES += [
    b'"error":',
    b"oauth_problem=",
    b"&a=b",
    b"\xed\xa0\x80",
    b"<error>",
    b"</error>",
    b"\n",
    b": ",
    b'"\\ud800"',
]
STATUSES = st.sampled_from([None, 200, 204, 400, 401, 503, 999])
SYSTEMS = st.sampled_from(
    ["quickbooks_online", "qbd", "xero", "myob", "intacct", "netsuite", "tryton", "sandbox", "", "?"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text() | st.sampled_from(["error", "errors", "message", "code", "status", "Fault", "details", "type"]),
            inner,
        )
    ),
    max_leaves=40,
)


def check(system, answer, status, content_type=""):
    errors = read_errors(system, answer, status=status, content_type=content_type)
    assert len(errors) <= MOST_ERRORS
    for error in errors:
        assert error.message
        for words in (error.code, error.field, error.trace_id):
            assert len(words) <= LONGEST_WORD
        assert max(len(error.message), len(error.detail)) <= LONGEST_TEXT
        assert len(error.original) <= LONGEST_ORIGINAL
        kept = "".join((error.code, error.message, error.detail, error.field, error.trace_id, error.original))
        assert "\0" not in kept
        kept.encode()
    if status is not None and status >= 400:
        assert errors
    return errors


@settings(max_examples=300, deadline=None)
@given(SYSTEMS, st.binary() | st.text() | JSON, STATUSES, st.sampled_from(["", "text/html", "application/json"]))
@example("", "oauth_problem=" + "&a=b" * 100, None, "")
@example("", '["\\ud800"]', 400, "")
@example("", {1: {1: 10**5000}}, 400, "")
@example("", object(), None, "")
def test_anything_can_be_put_in(system, answer, status, content_type):
    check(system, answer, status, content_type)


@settings(max_examples=150, deadline=None)
@given(JSON, STATUSES)
def test_json_reads_alike_decoded_and_as_text(answer, status):
    text = json.dumps(answer)
    if not isinstance(answer, dict | list):
        return

    decoded, read = read_errors("xero", answer, status=status), read_errors("xero", text, status=status)

    assert [(each.code, each.message) for each in decoded] == [(each.code, each.message) for each in read]


@pytest.mark.parametrize("seed", range(4))
def test_bytes_that_were_changed_on_the_way_raise_nothing(seed):
    chance = random.Random(seed)

    for _ in range(1_500):
        answer = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(answer) + 1)
            match chance.randrange(4):
                case 0:
                    del answer[place : place + chance.randint(1, 40)]
                case 1:
                    answer[place:place] = chance.choice(PIECES) * chance.choice([1, 2, 30])
                case 2 if answer:
                    answer[place % len(answer)] = chance.randrange(256)
                case _:
                    answer = answer[:place] + chance.choice(SEEDS) + answer[place:]
        check("", bytes(answer), chance.choice([None, 200, 500]))


@pytest.mark.parametrize("row", [row for row in CORPUS if "payload" in row], ids=lambda row: str(row["id"]))
def test_an_answer_cut_off_anywhere_is_never_taken_for_a_success(row):
    text = row["payload"] if isinstance(row["payload"], str) else json.dumps(row["payload"])

    for end in range(2, len(text), 7):
        assert check(row["system"], text[:end], None), text[:end]


@pytest.mark.parametrize(
    "piece",
    [
        *("[", '{"a":', '{"error":[', "{", "x { ", '"', "\\", '{"a":1}', '"a":"b" x '),
        *("<a>", "<a><![CDATA[", "<a><!--", '<a b="', "<a b=", "<", "</a>", "<?", "<!DOCTYPE a [<!ENTITY b 'c'>]>"),
        *("<p>&", "<html><script>", "&amp;", "oauth_problem=", "[Support ID: ", "A_", "AB_CD ", " ", "1"),
        *("Error\n", "- a\n", "message: a\n", "code: ", "error: "),
    ],
)
def test_a_megabyte_of_anything_takes_a_second_at_most(piece):
    answer = piece * (1_000_000 // len(piece))

    began = process_time()
    check("sage_intacct", answer, None)

    assert process_time() - began < 1


def test_depth_and_circles_and_crowds_are_bounded():
    deep = circle = {}
    for _ in range(100_000):
        deep = {"error": deep}
    circle["error"] = circle

    assert check("", deep, 400)
    assert check("", circle, 400)
    assert len(check("", {"errors": [{"message": str(number)} for number in range(100_000)]}, None)) == MOST_ERRORS


def test_entities_are_not_expanded_and_files_not_read():
    bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c SYSTEM "file:///etc/passwd">]><error><message>x&b;&c;</message></error>'

    (error,) = check("", bomb, None)

    assert error.message == "x&b;&c;"
