"""Numbers that are nearly the one that somebody typed: other case, zeros, or signs between; found by index.

No index knows what is alike, so what may be meant is spelt out and looked up exactly, all at once. The beginnings that
a client's numbers have are taken from its latest invoices, so that "1" finds INV-0001.
"""

import re
from collections.abc import Iterable
from typing import Final

from invoices.models import Client, Invoice

LATEST: Final = 200  # invoices from which the beginnings and lengths are learnt
SHAPES: Final = 12
SPELT_AT_MOST: Final = 900  # SQLite takes 999 values in a statement at least
SIGNS: Final = ("", "-", "/", "_", " ", ".")
LONGEST: Final = 40
FOUND_AT_MOST: Final = 5
ENDING: Final = re.compile(r"^(?P<beginning>.*?)(?P<sign>[-/_ .]?)(?P<digits>\d+)$", re.ASCII | re.DOTALL)


def near_misses(client: Client, number: str) -> list[Invoice]:
    """Return up to five invoices of a client whose numbers are nearly `number`, but not exactly; two queries."""
    latest = Invoice.objects.filter(client=client).order_by("-pk").values_list("number", flat=True)[:LATEST]
    wanted = sorted(spell_out(number, latest) - {number})[:SPELT_AT_MOST]
    rows = Invoice.objects.filter(client=client, number__in=wanted).select_related("client", "counterparty")
    return list(rows.order_by("-pk")[:FOUND_AT_MOST])


def spell_out(number: str, others: Iterable[str]) -> set[str]:
    """Return the ways in which `number` may have been meant, in the shapes that `others` have."""
    others = list(others)
    plain = alike(number)
    found = {number.upper(), number.lower(), number.capitalize(), number.swapcase()}
    found |= {other for other in others if alike(other) == plain}
    match = ENDING.match(number)
    if match is None:
        return {each for each in found if 0 < len(each) <= LONGEST}
    beginning, digits = match["beginning"], match["digits"].lstrip("0") or "0"
    shapes: dict[str, None] = dict.fromkeys((beginning, beginning.upper(), beginning.lower(), beginning.capitalize()))
    lengths = {len(match["digits"]), len(digits), *range(len(digits), len(digits) + 4)}
    for other in others:
        theirs = ENDING.match(other)
        if theirs is not None and len(shapes) < SHAPES and _may_be(beginning, theirs["beginning"]):
            shapes[theirs["beginning"]] = None
            lengths.add(len(theirs["digits"]))
    usual = sorted(length for length in lengths if length <= LONGEST)[:10]
    for shape in shapes:
        for sign in SIGNS:
            found |= {f"{shape}{sign}{digits.zfill(length)}" for length in usual}
    return {each for each in found if 0 < len(each) <= LONGEST}


def alike(number: str) -> str:
    """Return what two numbers have in common that differ in case, zeros at the beginning, or signs between only."""
    return re.sub(r"\d+", lambda run: run[0].lstrip("0") or "0", re.sub(r"[^0-9a-z]", "", number.casefold()))


def _may_be(typed: str, theirs: str) -> bool:
    """Say whether a beginning may have been meant: the typed one is empty, or the same letters."""
    return not typed or alike(typed) == alike(theirs)
