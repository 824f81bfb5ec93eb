"""Findings as the page, the API and the command show them: with the ages of their evidence and their one click."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from invoices.models import Invoice
from syncdiag.case import Case
from syncdiag.findings import Finding, Proof, age_text
from syncdiag.meaning import guide_url
from syncdiag.next_steps import NextStep, Rights, next_step_of


@dataclass(frozen=True, slots=True)
class ShownProof:
    """One piece of evidence with its age; empty where it is of no moment."""

    proof: Proof
    age: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding with its click; `quotes` are the ERP's own words, `evidence` is the rest."""

    finding: Finding
    step: NextStep
    quotes: tuple[ShownProof, ...]
    evidence: tuple[ShownProof, ...]
    guide_url: str


def show(findings: Sequence[Finding], case: Case) -> list[Shown]:
    """Return the findings of a case as they are shown to its person."""
    connection_id = case.connection.pk if case.connection else None
    return show_for(findings, case.invoice, case.standing, connection_id=connection_id, now=case.now)


def show_for(
    findings: Sequence[Finding], invoice: Invoice | None, rights: Rights, *, connection_id: int | None, now: datetime
) -> list[Shown]:
    """Return findings as they are shown to a person with these rights."""
    shown = []
    for finding in findings:
        proofs = [ShownProof(each, age_text(each.at, now) if each.at else "") for each in finding.evidence]
        shown.append(
            Shown(
                finding,
                next_step_of(finding, invoice, rights, connection_id=connection_id),
                tuple(each for each in proofs if each.proof.is_quote),
                tuple(each for each in proofs if not each.proof.is_quote),
                _guide_url(finding.guide),
            )
        )
    return shown


def as_json(shown: Shown) -> dict[str, Any]:
    """Return a finding as the API and the command give it; links are paths on this site."""
    finding = shown.finding
    evidence = [
        {
            "label": str(proof.label),
            "said": str(proof.said),
            "at": proof.at.isoformat() if proof.at else None,
            "is_quote": proof.is_quote,
        }
        for proof in finding.evidence
    ]
    return {
        "id": finding.id,
        "question": finding.question,
        "what": str(finding.what),
        "cause": str(finding.cause),
        "steps": [str(step) for step in finding.steps],
        "evidence": evidence,
        "next_step": str(finding.next_step),
        "button": finding.button,
        "field": finding.field,
        "link": shown.step.url or None,
        "who_may": shown.step.sentence if finding.button != "wait" else "",
        "again_at": finding.until.isoformat() if finding.until else None,
        "fixed_in": finding.fixed_in,
        "retry_helps": finding.retry_helps,
        "guide": shown.guide_url or None,
        "invoice": finding.about.pk if finding.about else None,
    }


def _guide_url(guide: str) -> str:
    system, _sharp, entry = guide.partition("#")
    return guide_url(system, entry) if system else ""
