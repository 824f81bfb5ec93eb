"""Patterns: what could be endless is refused with a sentence, and what makes them fast changes nothing."""

import re
import tomllib
from time import process_time

import pytest

from syncdiag.catalogue import FOLDER, Prepared, read_catalogue
from syncdiag.errors import CatalogueError
from syncdiag.patterns import compiled, needs_of

ENTRY = """
[[entry]]
id = "one"
kind = "other"
patterns = ['{}']
title = "A title"
cause = "A cause"
steps = ["Do it."]
fixed_in = "here"
retry_helps = true
"""


@pytest.mark.parametrize("pattern", ["(a+)+$", r"(\w+\s?)*!", "(?:a|b.*)+c", r"(?:x(?:\d{2,})*)*y"])
def test_a_repeat_within_a_repeat_is_refused_with_file_and_entry(pattern):
    with pytest.raises(CatalogueError, match=r"^mine\.toml, entry one: the pattern .* has a repeat or a choice within"):
        read_catalogue("mine", ENTRY.format(pattern), "mine.toml")


@pytest.mark.parametrize("pattern", [".*.*.*x", r"\s*\s*\s*\s*x", "(.*)a(.*)a(.*)a(.*)a(.*)b"])
def test_a_new_pattern_that_is_slow_is_refused_soon(pattern):
    began = process_time()

    with pytest.raises(CatalogueError, match=r"entry one: the pattern .* takes too long on some texts"):
        read_catalogue("mine", ENTRY.format(pattern), "mine.toml", is_new=True)

    assert process_time() - began < 20


@pytest.mark.parametrize("pattern", ["", "a?", "(?:gone|)", ".*"])
def test_a_pattern_that_is_in_every_text_is_refused(pattern):
    with pytest.raises(ValueError, match="is found in every text"):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        (r"period (?P<period>\S+) is closed", ((" is closed",), ("period ",))),
        ("Account Period Closed", (("account period closed",),)),
        ("(?:inactive|deleted) item", (("inactive", "deleted"), (" item",))),
        ("(?:item|customer (?:one|two)) gone", ((" gone",), ("item", "customer "))),
        (r"(?:yes|no)(\d+)?x?", (("yes", "no"),)),
        ("(?:longer)?a{2,}", (("a",),)),
        ("(?:ab)+cde", (("cde",), ("ab",))),
        (r"(?:\d+|ab)", ()),
        (r"\d+", ()),
        ("x|", ()),
        ("isn\u2019t ours", (("isn't ours",),)),
        ("\u00e9clair", (("clair",),)),
    ],
)
def test_the_words_that_a_pattern_needs_are_known(pattern, needs):
    assert needs_of(re.compile(pattern.replace("\u2019", "'"), re.IGNORECASE)) == needs


@pytest.mark.parametrize(
    "text", ["ITEM gone", "\u0130tem gone", "\u0131tem gone", "item\u2019\u017f gone", "\u212aeep it"]
)
def test_letters_that_are_alike_where_case_does_not_matter_are_found(text):
    entries = read_catalogue("mine", ENTRY.format("(?:item(?:\\W*s)? gone|keep it)"), "mine.toml")

    assert Prepared(entries).find("", text) is not None


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.name)
def test_no_pattern_of_ours_is_slow(path):
    for table in tomllib.loads(path.read_text(encoding="utf-8"))["entry"]:
        for pattern in table.get("patterns", ()):
            compiled(pattern, is_new=True)
