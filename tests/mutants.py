"""`make mutants`: takes one protection away at a time, and demands that the suite goes red (DESIGN §11).

Each mutant is a copy of the tree in which one piece of text was replaced, and the tests that must notice. First the
same tests run on a copy that was left as it is: they must be green, or else a red one would prove nothing.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.run import find_postgresql

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "var", "__pycache__", ".mypy_cache", ".ruff_cache", ".hypothesis", "*.sqlite3*"
)
AT_ONCE = 2
LONGEST = 240  # seconds for one run of pytest
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
# What an assertion that failed looks like, and what shows that the tests did not even get there.
FAILED = re.compile(r"^E\s+(AssertionError|Failed: DID NOT RAISE|assert )", re.MULTILINE)
BROKEN = re.compile(r"(ImportError|ModuleNotFoundError|SyntaxError|NameError|errors? during collection)")
DELIVERY = "tests/delivery/"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One protection, where it stands, what it is replaced by, and the tests that must notice."""

    protection: str
    how: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    database: str = SQLITE


MUTANTS = (
    Mutant(
        "unique key",
        "two invoices of one number",
        "invoices/migrations/0001_initial.py",
        "fields=('client', 'direction', 'kind', 'counterparty', 'number'), name='invoice_number_is_unique",
        "fields=('id',), name='invoice_number_is_unique",
        ("test_protections.py::test_the_database_refuses_a_number_that_its_counterparty_has_used",),
    ),
    Mutant(
        "unique key",
        "two open messages of one invoice",
        "invoices/migrations/0001_initial.py",
        "fields=('invoice',), name='one_open_booking_message_an_invoice'",
        "fields=('id',), name='one_open_booking_message_an_invoice'",
        ("test_protections.py::test_the_database_refuses_a_second_open_message_of_an_invoice",),
    ),
    Mutant(
        "unique key",
        "two open messages of one invoice's payments",
        "invoices/migrations/0007_payments_are_pushed.py",
        "fields=('invoice',), name='one_open_payment_message_an_invoice'",
        "fields=('id',), name='one_open_payment_message_an_invoice'",
        ("test_protections.py::test_the_database_refuses_a_second_open_payment_message_of_an_invoice",),
    ),
    Mutant(
        "ERP key",
        "another key with each payment",
        "integrations/erps/sandbox.py",
        '"key": key,\n            "document_id": payment.document_id,',
        '"key": f"{time.monotonic_ns()}",\n            "document_id": payment.document_id,',
        ("test_pushed_payments.py::test_an_authorized_ach_payment_is_pushed_at_once_and_the_invoice_is_paid",),
    ),
    Mutant(
        "row lock",
        "buttons do not lock the invoice",
        "invoices/actions/taking.py",
        "invoice = Invoice.objects.locked().get(pk=invoice_id)",
        "invoice = Invoice.objects.get(pk=invoice_id)",
        (
            "test_races.py::test_a_double_click_on_post_again_sends_once",
            "test_races.py::test_two_people_who_approve_at_once",
        ),
        POSTGRESQL,
    ),
    Mutant(
        "lease",
        "the sweeper takes what is on its way",
        "invoices/models/message.py",
        "return self.filter(state=MessageState.SENDING, lease_until__lte=at)",
        "return self.filter(state=MessageState.SENDING)",
        ("test_claiming.py::test_the_sweeper_leaves_a_message_alone_while_its_lease_holds",),
    ),
    Mutant(
        "lease",
        "nobody sweeps after a dead worker",
        "invoices/models/message.py",
        "return self.filter(state=MessageState.SENDING, lease_until__lte=at)",
        "return self.none()",
        ("test_claiming.py::test_a_message_whose_worker_did_not_come_back_is_asked_about",),
    ),
    Mutant(
        "ERP key",
        "another key with each call",
        "integrations/erps/sandbox.py",
        '"key": key,\n            "stage": str(document.stage),',
        '"key": f"{time.monotonic_ns()}",\n            "stage": str(document.stage),',
        ("test_outcomes.py::test_the_final_booking_goes_on_the_document_of_the_preliminary_one",),
    ),
    Mutant(
        "look-up",
        "what is unknown is simply sent again",
        "integrations/policy.py",
        "return Decision(MessageState.UNKNOWN, LOOK_UP_DELAY, keeps_doubt=True)",
        "return Decision(MessageState.PENDING, timedelta(0))",
        ("test_outcomes.py::test_an_answer_that_proves_nothing_is_looked_up_and_found",),
    ),
    Mutant(
        "look-up",
        "'not there' is believed at once",
        "integrations/policy.py",
        "if doubtful_until is None or doubtful_until <= now:",
        "if doubtful_until != now:",
        ("test_unknown.py::test_a_write_that_comes_true_late_is_found",),
    ),
    Mutant(
        "right check",
        "everybody may",
        "invoices/permissions.py",
        "if by is None or may(by, right, client):",
        "if by is None or by.pk:",
        ("test_protections.py::test_who_has_no_right_is_refused_and_nothing_changes",),
    ),
    Mutant(
        "commit before call",
        "claim, call and report in one transaction",
        "integrations/delivery.py",
        "with Lanes(self.connector, self.lane_count) as lanes:",
        "with transaction.atomic(), Lanes(self.connector, self.lane_count) as lanes:",
        ("test_killed_worker.py::test_a_worker_that_dies_leaves_an_invoice_that_is_booked_once[after_erp_accept]",),
    ),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run of the tests ended."""

    is_as_demanded: bool
    sentence: str
    seconds: float
    output: str = ""


def main() -> int:
    """Run everything and return the exit status: 0 only if every protection was missed."""
    url, why_not = find_postgresql()
    chosen = [mutant for mutant in MUTANTS if url or mutant.database == SQLITE]
    with tempfile.TemporaryDirectory(prefix="unstuck-mutants-") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        place = Path(folder)
        databases = sorted({mutant.database for mutant in chosen}, reverse=True)
        clean = list(pool.map(lambda name: run_clean(place, name, url, chosen), databases))
        for name, verdict in zip(databases, clean, strict=True):
            say(f"unmutated on {name}: {verdict.sentence} ({verdict.seconds:.0f} s)")
        if not all(verdict.is_as_demanded for verdict in clean):
            say("\n".join(verdict.output for verdict in clean if not verdict.is_as_demanded))
            return 1
        verdicts = list(pool.map(lambda pair: run_mutant(place, *pair, url), enumerate(chosen)))
    width = max(len(f"{mutant.protection}: {mutant.how}") for mutant in chosen)
    for mutant, verdict in zip(chosen, verdicts, strict=True):
        name = f"{mutant.protection}: {mutant.how}"
        say(f"{name:<{width}}  {mutant.database:<10}  {verdict.sentence} ({verdict.seconds:.0f} s)")
        if not verdict.is_as_demanded:
            say(verdict.output)
    left_out = len(MUTANTS) - len(chosen)
    if left_out:
        say(f"{left_out} not run, because {why_not}.")
    caught = sum(verdict.is_as_demanded for verdict in verdicts)
    say(f"{caught} of {len(chosen)} mutants were caught.")
    return 0 if caught == len(chosen) and not (left_out and os.environ.get("REQUIRE_POSTGRESQL")) else 1


def run_clean(place: Path, database: str, url: str, chosen: Sequence[Mutant]) -> Verdict:
    """Run the tests of all mutants of one database on a tree that was left as it is: they must pass."""
    tests = sorted({test for mutant in chosen if mutant.database == database for test in mutant.tests})
    status, output, seconds = run_tests(copy_tree(place / f"clean-{database}"), tests, database_of(database, url, "c"))
    return Verdict(status == 0, "green" if status == 0 else "NOT GREEN", seconds, output)


def run_mutant(place: Path, number: int, mutant: Mutant, url: str) -> Verdict:
    """Run the tests of one mutant: an assertion must fail."""
    tree = copy_tree(place / f"mutant-{number}")
    mutate(tree, mutant)
    status, output, seconds = run_tests(tree, mutant.tests, database_of(mutant.database, url, str(number)))
    if status == 0:
        return Verdict(False, "SURVIVED", seconds, output)
    if status != 1 or BROKEN.search(output) or not FAILED.search(output):
        return Verdict(False, "BROKEN: the tests failed for another reason", seconds, output)
    return Verdict(True, "caught", seconds)


def mutate(tree: Path, mutant: Mutant) -> None:
    """Replace the protection in a copy; stops everything when it is not where it is expected."""
    file = tree / mutant.file
    text = file.read_text()
    if text.count(mutant.old) != 1:
        sys.exit(f"{mutant.file} holds {text.count(mutant.old)} times, not once:\n{mutant.old}\nMend tests/mutants.py.")
    file.write_text(text.replace(mutant.old, mutant.new))


def copy_tree(tree: Path) -> Path:
    """Copy the tree, with the same environment of Python beside it."""
    shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
    if (ROOT / ".venv").exists():
        (tree / ".venv").symlink_to((ROOT / ".venv").resolve())
    return tree


def database_of(name: str, url: str, suffix: str) -> str:
    """Return the DATABASE_URL of one run; each has a database of its own."""
    return f"{url}_{suffix}" if name == POSTGRESQL else "sqlite:///unused.sqlite3"


def run_tests(tree: Path, tests: Sequence[str], url: str) -> tuple[int, str, float]:
    """Run tests in a tree and return pytest's status, what it printed, and how long it took."""
    began = time.monotonic()
    environment = os.environ | {
        "UNSTUCK_MODE": "test",
        "UNSTUCK_DATA": str(tree / "var"),
        "UNSTUCK_TEST_SQLITE": str(tree / "test.sqlite3"),
        "DATABASE_URL": url,
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
    command = [sys.executable, "-m", "pytest", "--color", "no", *(DELIVERY + test for test in tests)]
    try:
        ran = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except subprocess.TimeoutExpired as exc:
        return 2, f"No end after {LONGEST} s. {exc.stdout!r}", time.monotonic() - began
    return ran.returncode, ran.stdout + ran.stderr, time.monotonic() - began


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
