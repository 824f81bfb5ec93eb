"""What a diagnosis is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from invoices.models import Invoice
from syncdiag.errors import NoEvidence

Said = str | Promise


class Turn(IntEnum):
    """When a finding has its turn among the others: what to do first comes first."""

    FIRST = 0  # settles or clears the way for all the others
    ACT = 1  # a person puts it right
    WAIT = 2  # it mends itself
    KNOW = 3  # there is nothing to do


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence: what it is, what it says, and from when it is; `is_quote`: the ERP's own words."""

    label: Said
    said: str
    at: datetime | None = None
    is_quote: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, why, the evidence, and the next step; raises NoEvidence without any.

    `button` names what takes the step, as the catalogue does: a button of the invoice, "edit" (`field` is the field to
    edit), "connection", "import" or "wait"; besides these "open" and "preferences". `syncdiag.next_steps` makes the
    link of it. `about` is the invoice that the step is taken on, where it is not the one that was asked about.
    """

    id: str
    what: Said
    evidence: tuple[Proof, ...]
    next_step: Said
    button: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # with "import": what the form begins with
    field: str = ""  # with "edit"
    turn: Turn = Turn.ACT
    cause: Said = ""
    steps: tuple[Said, ...] = ()
    fixed_in: str = ""  # here | erp | connection, where the catalogue says so
    retry_helps: bool | None = None  # None: nobody knows
    guide: str = ""  # "system#entry"
    until: datetime | None = None  # with "wait": when it is tried again
    about: Invoice | None = None
    subject: str = ""  # what it is about within the invoice, e.g. one payment
    covers: tuple[str, ...] = ()  # findings on the same subject that need not be said beside it
    question: str = ""  # the slug of the question that it answers
    unknown: tuple[str, str] | None = None  # code and words of an error that no entry of the catalogue knows

    def __post_init__(self) -> None:
        """Refuse a finding that shows nothing for what it says."""
        if not self.evidence:
            raise NoEvidence(f"The finding {self.id} has no evidence.")


def in_order(findings: list[Finding]) -> list[Finding]:
    """Return findings in the order of what to do first, each once, without those that another one says better."""
    covered = {(name, finding.subject) for finding in findings for name in finding.covers}
    left: list[Finding] = []
    for finding in findings:
        is_said = any(replace(finding, question=other.question) == other for other in left)
        if not is_said and (finding.id, finding.subject) not in covered:
            left.append(finding)
    return sorted(left, key=lambda finding: finding.turn)


def moment_text(moment: datetime | None) -> str:
    """Return a moment as evidence shows it."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S %Z") if moment else "–"


def when(label: Said, moment: datetime | None) -> Proof:
    """Return a moment as evidence; its age is shown with it."""
    return Proof(label, moment_text(moment), moment)


def age_text(at: datetime, now: datetime) -> str:
    """Say how long before (or after) `now` a moment lies, in its largest unit."""
    length = now - at
    is_coming = length < timedelta(0)
    seconds = int(abs(length).total_seconds())
    if seconds < 60:
        return _("in less than a minute") if is_coming else _("just now")
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if days:
        template = (
            ngettext("in %(count)s day", "in %(count)s days", days)
            if is_coming
            else ngettext("%(count)s day ago", "%(count)s days ago", days)
        )
        return template % {"count": f"{days:,}"}
    if hours:
        template = (
            ngettext("in %(count)s hour", "in %(count)s hours", hours)
            if is_coming
            else ngettext("%(count)s hour ago", "%(count)s hours ago", hours)
        )
        return template % {"count": hours}
    template = (
        ngettext("in %(count)s minute", "in %(count)s minutes", minutes)
        if is_coming
        else ngettext("%(count)s minute ago", "%(count)s minutes ago", minutes)
    )
    return template % {"count": minutes}
