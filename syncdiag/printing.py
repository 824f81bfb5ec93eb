"""Findings as a table for people in a shell: as wide as the window, with hanging lines."""

import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from django.utils.translation import gettext as _

from syncdiag.showing import Shown, ShownProof

NARROWEST: Final = 40
WIDEST: Final = 110
LABEL: Final = 30


def window_width() -> int:
    """Return how many columns are used of the window that it is printed in; COLUMNS is heeded."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((100, 24)).columns))


def table(findings: Sequence[Shown], width: int) -> Iterator[str]:
    """Give the lines of a table of findings, none wider than `width` unless a word is."""
    for number, shown in enumerate(findings, start=1):
        finding = shown.finding
        yield ""
        yield from _wrapped(str(finding.what), width, first=f"{number:>2}. ", others="    ")
        if finding.cause:
            yield from _wrapped(str(finding.cause), width, first="    ", others="    ")
        for proof in (*shown.quotes, *shown.evidence):
            yield from _evidence(proof, width)
        steps = [str(step) for step in finding.steps] or [str(finding.next_step)]
        for step in steps:
            yield from _wrapped(step, width, first="    → ", others="      ")
        if finding.retry_helps is not None:
            yes = _("yes, once that is done") if finding.retry_helps else _("no")
            yield from _wrapped(
                _("Sending again helps: %(yes)s") % {"yes": yes}, width, first="      ", others="      "
            )
        for line in filter(None, (shown.step.sentence, shown.step.url)):
            yield from _wrapped(str(line), width, first="      ", others="      ")


def _evidence(shown: ShownProof, width: int) -> Iterator[str]:
    said = f"“{shown.proof.said}”" if shown.proof.is_quote else str(shown.proof.said)
    if shown.age:
        said = f"{said} ({shown.age})"
    label = str(shown.proof.label)
    column = min(LABEL, max(12, width // 3))
    if len(label) >= column:
        yield from _wrapped(label, width, first="    ", others="    ")
        label = ""
    yield from _wrapped(said, width, first=f"    {label:<{column}}", others=" " * (4 + column))


def _wrapped(text: str, width: int, *, first: str, others: str) -> list[str]:
    lines = text.splitlines() or [""]
    found: list[str] = []
    for line in lines:
        start = others if found else first
        wrapped = textwrap.wrap(
            line, width, initial_indent=start, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
        )
        found += wrapped or [start.rstrip()]
    return found
