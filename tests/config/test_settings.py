"""A setting that is missing or wrong stops the start with one sentence that names it."""

import json
import subprocess
import sys

import pytest

from tests.processes import ROOT


def start(**environment):
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            {},
            "Unstuck cannot start: the environment variable SECRET_KEY is missing; "
            "set it to a long random text and keep it secret.",
        ),
        (
            {"UNSTUCK_MODE": "prod"},
            "Unstuck cannot start: UNSTUCK_MODE is 'prod'; it must be production, demo or test.",
        ),
        (
            {"UNSTUCK_MODE": "test", "BEHIND_PROXY": "on", "NUM_PROXIES": "0"},
            "Unstuck cannot start: NUM_PROXIES is 0; "
            "it must be how many proxies stand in a row before Unstuck, at least 1.",
        ),
    ],
)
def test_the_start_stops_with_one_sentence(environment, sentence):
    ran = start(**environment)

    assert (ran.returncode, ran.stdout, ran.stderr.strip()) == (1, "", sentence)


def test_a_value_that_cannot_be_read_is_named(tmp_path):
    ran = start(UNSTUCK_MODE="demo", UNSTUCK_DATA=str(tmp_path), QUEUE_WORKERS="many")

    assert ran.returncode == 1
    assert ran.stderr.startswith("Unstuck cannot start: the environment variable QUEUE_WORKERS cannot be read")
    assert len(ran.stderr.strip().splitlines()) == 1


def test_production_with_a_key_starts_and_writes_json_logs(tmp_path):
    program = (
        "import django; django.setup(); import structlog;"
        "structlog.contextvars.bind_contextvars(invoice='INV-0001', message_id=7);"
        "structlog.get_logger('config.test').warning('said', password='abracadabra')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "SECRET_KEY": "x" * 60,
            "UNSTUCK_DATA": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
    )

    line = json.loads(ran.stderr.splitlines()[-1])
    assert (line["event"], line["invoice"], line["message_id"]) == ("said", "INV-0001", 7)
    assert line["password"] == "(hidden)"
