"""What a diagnosis is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise

Said = str | Promise


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence: what it is, and what it says."""

    label: Said
    said: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, the evidence, and the next step; `button` names the one that takes it."""

    id: str
    what: Said
    evidence: tuple[Proof, ...]
    next_step: Said
    button: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as the API and the command show it."""
        return {
            "id": self.id,
            "what": str(self.what),
            "evidence": [{"label": str(proof.label), "said": proof.said} for proof in self.evidence],
            "next_step": str(self.next_step),
            "button": self.button,
        }


def moment_text(moment: datetime | None) -> str:
    """Return a moment as evidence shows it."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S %Z") if moment else "–"
