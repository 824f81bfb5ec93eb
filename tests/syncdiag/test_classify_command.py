"""manage.py classify: a line of JSON a row, a table, or the shares; bad lines are named and the others are read."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parent.parent.parent
CLOSED = {"id": 1, "system": "sandbox", "code": "PERIOD_CLOSED", "message": "The period 2026-08 is closed."}
UNKNOWN = {"id": "b", "system": "sandbox", "message": "What is this?"}
PACKED = {
    "id": 3,
    "system": "sandbox",
    "message": "It was refused.",
    "payload": {"errors": [{"code": "ODD", "message": "Hm"}, {"code": "NO_LINES", "message": "No lines"}]},
}


@pytest.fixture
def run(tmp_path):
    def run(*lines, options=("--json",)):
        file = tmp_path / "rows.jsonl"
        file.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
        out, err = StringIO(), StringIO()
        try:
            call_command("classify", str(file), *options, stdout=out, stderr=err)
        except CommandError as exc:
            return out.getvalue(), err.getvalue(), str(exc), exc.returncode
        return out.getvalue(), err.getvalue(), "", 0

    return run


def test_each_row_is_a_line_of_json(run):
    out, err, _, code = run(CLOSED, UNKNOWN, PACKED, b"")

    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": 1, "entry": "period-closed", "kind": "period_closed"},
        {"id": "b", "entry": "", "kind": "other"},
        {"id": 3, "entry": "no-lines", "kind": "no_lines"},
    ]
    assert (err, code) == ("", 0)


def test_without_json_it_is_a_table(run):
    out, _, _, _ = run(CLOSED, UNKNOWN, options=())

    first, second = out.splitlines()
    assert first.split()[:4] == ["1", "sandbox", "period_closed", "period-closed"]
    assert second.split()[:4] == ["b", "sandbox", "other", "–"]
    assert second.endswith("What is this?")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"{", "Line 1: it is not JSON"),
        (b"[" * 100_000, "Line 1: it is not JSON"),
        (b"[1]", "Line 1: it is not an object"),
        (b"\xff\xfe", "Line 1: it is not JSON"),
        ({"message": "x"}, "Line 1: system is missing"),
        ({"system": 3, "message": "x"}, "Line 1: system is missing"),
        ({"system": "xero", "id": 4}, "Line 1: message, code and payload are all missing"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(run, line, sentence):
    out, err, said, code = run(line, CLOSED)

    assert sentence in err
    assert json.loads(out)["entry"] == "period-closed"
    assert said == "Lines that could not be read: 1. Mend them, and run this again."
    assert code == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CommandError, match=r"none\.jsonl cannot be read: No such file"):
        call_command("classify", str(tmp_path / "none.jsonl"))


def test_measuring_counts_what_is_known_and_right(run):
    rows = [CLOSED | {"expect_kind": "period_closed"}, PACKED | {"expect_kind": "amount"}, UNKNOWN]

    out, _, _, _ = run(*rows, options=("--measure",))

    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[1:3] == ["sandbox 2 of 3 (66.7 %) 1 of 2 (50.0 %)", "all 2 of 3 (66.7 %) 1 of 2 (50.0 %)"]
    assert lines[4:] == ["sandbox 3: no_lines, not amount It was refused.", "sandbox b: other What is this?"]


def test_the_standard_input_is_read():
    done = subprocess.run(
        [sys.executable, "manage.py", "classify", "-", "--json"],
        input=json.dumps(CLOSED).encode() + b"\nbad\n",
        capture_output=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )

    assert json.loads(done.stdout) == {"id": 1, "entry": "period-closed", "kind": "period_closed"}
    assert b"Line 2: it is not JSON" in done.stderr
    assert done.returncode == 1
