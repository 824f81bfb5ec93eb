"""The server that the demo and these tests boot."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from integrations.tryton_server.books import drop_books, open_books, prepare_template
from integrations.tryton_server.environment import LONG_TERM, install
from tests.processes import ROOT, free_port, wait_until
from tests.tryton.server import TEMPLATES, TrytonServer, have_books

MAKE = "from pathlib import Path; from integrations.tryton_server.books import prepare_template;"


def test_a_copy_of_the_template_answers_within_seconds(tmp_path):
    books = have_books(tmp_path, series=LONG_TERM)
    began = time.monotonic()
    with TrytonServer(books) as server:
        took = time.monotonic() - began
        found = server.bookkeeper.find("party.party", ["code", "=", "SUP-1"], fields=["name"])

    assert found == [{"id": found[0]["id"], "name": "Paper & Sons"}]
    assert took < 20  # a second or two, and this machine may be busy


def test_a_second_start_keeps_what_was_written_and_a_reset_does_not(tmp_path):
    books = have_books(tmp_path, series=LONG_TERM)
    with TrytonServer(books) as server:
        server.bookkeeper.ask("party.party", "create", [{"name": "Kept", "code": "KEPT"}])

    with TrytonServer(open_books(prepare_template(TEMPLATES, series=LONG_TERM), tmp_path)) as again:
        kept = again.bookkeeper.find("party.party", ["code", "=", "KEPT"])
    drop_books(books)
    with TrytonServer(open_books(prepare_template(TEMPLATES, series=LONG_TERM), tmp_path)) as anew:
        gone = anew.bookkeeper.find("party.party", ["code", "=", "KEPT"])

    assert len(kept) == 1
    assert gone == []


def test_a_template_that_was_cut_short_is_never_copied(tmp_path):
    have_books(tmp_path / "other", series=LONG_TERM)
    making = subprocess.Popen(
        [sys.executable, "-c", f"{MAKE} prepare_template(Path({str(tmp_path)!r}), series='{LONG_TERM}')"],
        cwd=ROOT,
        start_new_session=True,
    )
    wait_until(lambda: [one for one in tmp_path.glob("*_making.sqlite") if one.stat().st_size > 100_000], "it is made")
    os.killpg(making.pid, signal.SIGKILL)
    making.wait()

    assert not list(tmp_path.glob("unstuck*.json"))
    assert [path.name.endswith("_making.sqlite") for path in tmp_path.glob("unstuck*.sqlite")] == [True]


def test_secrets_are_for_this_user_alone(tmp_path):
    books = have_books(tmp_path, series=LONG_TERM)
    books.configure(free_port())

    assert set(json.loads((tmp_path / "erp.json").read_text())) == {"password", "keys"}
    for name in ("erp.json", "trytond-erp.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_the_web_process_never_imports_tryton():
    install(LONG_TERM)
    program = (
        "import django, sys; django.setup(); import config.urls;"
        "print([n for n in sys.modules if n.split('.')[0] in ('trytond', 'proteus') or 'tryton_server' in n])"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "UNSTUCK_MODE": "test"}
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert said.stdout.strip() == "[]"
    assert not any(Path(sys.prefix).rglob("site-packages/trytond"))
