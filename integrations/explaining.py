"""What the errors of an ERP are called: the room that has the catalogue says it, this room's pages show it.

explain_with(meaning_of)        # in AppConfig.ready of the room that knows
"""

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.safestring import SafeString

Explainer = Callable[[str, Mapping[str, str]], SafeString]
_explainers: Final[list[Explainer]] = []


def explain_with(explainer: Explainer) -> None:
    """Have `explainer(system, complaint)` say what an error is called, linked to its guide; at the process's start."""
    _explainers[:] = [explainer]


def meaning_of(system: str, complaint: Mapping[str, str]) -> SafeString:
    """Return what a system's error is called; empty where nobody knows it."""
    return next((explainer(system, complaint) for explainer in _explainers), SafeString(""))
