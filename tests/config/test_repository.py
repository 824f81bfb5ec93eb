"""What holds for the whole tree: pins, addresses, and which way foreign keys point."""

import re
import subprocess
import tomllib

import pytest
from django.apps import apps
from django.db import models
from django.test.utils import isolate_apps
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.processes import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BELOW = {
    "config": {"syncdiag", "cxmlgate", "integrations", "invoices"},
    "syncdiag": {"integrations", "invoices"},
    "integrations": {"invoices"},
    "cxmlgate": {"invoices"},
    "invoices": set(),
}
FOREIGN_TO_ALL = {"auth", "contenttypes", "sessions", "authtoken"}
# Written in halves, so that this file does not hold what it looks for.
FORBIDDEN = [
    re.compile(pattern)
    for pattern in (
        r"py" r"pi\.org",
        r"pythonhos" r"ted\.org",
        r"--(extra-)?index" r"-url[ =]\S*/",
        r"--find" r"-links[ =]\S",
        r"file:" r"///(opt|root|home|work)\b",
        r"/(root|home|Users)" r"/[\w.]",
        r"/work" r"/(main|shared)",
        r"/opt" r"/(wheels|py)",
    )
]


def pins(name):
    """Return package → version of a pin file, having seen that each has a hash."""
    text = (ROOT / "config/requirements" / f"{name}.txt").read_text()
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(.*(?:\n    .*)*)", text, re.MULTILINE)
    assert all("--hash=sha256:" in rest for _package, _version, rest in found)
    return {canonicalize_name(package): version for package, version, _rest in found}


@pytest.mark.parametrize(
    ("wanted", "pinned"),
    [
        (PROJECT["project"]["dependencies"], "app"),
        (PROJECT["project"]["dependencies"], "dev"),
        (PROJECT["dependency-groups"]["dev"], "dev"),
        (PROJECT["dependency-groups"]["e2e"], "e2e"),
        (PROJECT["project"]["optional-dependencies"]["tryton"], "tryton"),
    ],
    ids=["app", "app in dev", "dev", "e2e", "tryton"],
)
def test_every_dependency_is_pinned_to_a_version_that_it_allows(wanted, pinned):
    versions = pins(pinned)

    for line in wanted:
        requirement = Requirement(line)
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {pinned}.txt: run make pins"
        assert requirement.specifier.contains(version, prereleases=True), f"{line} does not allow {version}"


def test_the_tests_run_with_the_versions_that_the_app_runs_with():
    app, dev = pins("app"), pins("dev")

    assert {package: dev.get(package) for package in app} == app


def test_the_newest_tryton_is_pinned_beside_the_long_term_one():
    long_term, newest = pins("tryton"), pins("tryton-8.2")

    assert {name for name in newest if "tryton" in name} == {name for name in long_term if "tryton" in name}
    assert {version[:4] for name, version in newest.items() if "tryton" in name or name == "proteus"} == {"8.2."}


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_holds_the_address_of_a_registry_or_a_path_of_a_machine():
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked_files()
        for pattern in FORBIDDEN
        if (match := pattern.search(path.read_bytes().decode(errors="ignore")))
    ]

    assert found == []


def test_no_lock_file_with_addresses_is_kept():
    assert {path.name for path in tracked_files()}.isdisjoint({"uv.lock", "pylock.toml", "poetry.lock"})


def upward_keys(found):
    """Return the relations of our models that point to a room that theirs must not know."""
    return [
        f"{model._meta.label}.{field.name} → {field.related_model._meta.label}"
        for model in found
        if model._meta.app_label in BELOW
        for field in [*model._meta.local_fields, *model._meta.local_many_to_many]
        if field.is_relation
        and field.related_model._meta.app_label
        not in BELOW[model._meta.app_label] | FOREIGN_TO_ALL | {model._meta.app_label}
    ]


def test_foreign_keys_point_downwards_only():
    assert upward_keys(apps.get_models(include_auto_created=True)) == []


@isolate_apps("invoices", "integrations")
def test_a_key_that_points_upwards_by_a_string_is_found():
    class Connection(models.Model):
        class Meta:
            app_label = "integrations"

        def __str__(self):
            return ""

    class Paper(models.Model):
        connection = models.ForeignKey("integrations.Connection", on_delete=models.CASCADE)

        class Meta:
            app_label = "invoices"

        def __str__(self):
            return ""

    assert upward_keys([Connection, Paper]) == ["invoices.Paper.connection → integrations.Connection"]
