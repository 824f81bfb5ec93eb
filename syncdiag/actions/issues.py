"""What a person does about an issue: take it on, and mute it. It ends by itself."""

from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from invoices.errors import BadInput, NotThere
from invoices.events import record_for_client
from invoices.permissions import NOT_THERE, may, person_name, require
from invoices.roles import Right
from syncdiag.models import Issue

LONGEST_REASON: Final = 500


@transaction.atomic
def assign_issue(issue_id: int, *, by: User | None, to: User | None) -> Issue:
    """Say who looks after an issue; `to` None: nobody any more.

    Raises NotThere, NotAllowed, and BadInput for somebody who does not see the client.
    """
    issue = _locked(issue_id)
    require(by, Right.HANDLE_QUEUE, issue.client)
    if to is not None and not may(to, Right.VIEW, issue.client):
        raise BadInput({"to": _("%(person)s has no part in this client.") % {"person": person_name(to)}})
    before = issue.assigned_to
    if before == to:
        return issue
    issue.assigned_to = to
    issue.save(update_fields=["assigned_to"])
    _record(issue, "assign_issue", by, before={"assigned": _name(before)}, after={"assigned": _name(to)})
    return issue


@transaction.atomic
def mute_issue(issue_id: int, *, by: User | None, reason: str) -> Issue:
    """Tell nobody of an issue any more: it is known; `reason` says why. Raises NotThere, NotAllowed and BadInput."""
    issue = _locked(issue_id)
    require(by, Right.HANDLE_QUEUE, issue.client)
    reason = reason.strip()
    if not reason:
        raise BadInput({"reason": _("Say why nobody needs to be told of it.")})
    if len(reason) > LONGEST_REASON:
        raise BadInput({"reason": _("Use at most 500 characters.")})
    if issue.is_muted:
        return issue
    issue.is_muted, issue.mute_reason = True, reason
    issue.save(update_fields=["is_muted", "mute_reason"])
    _record(issue, "mute_issue", by, reason=reason)
    return issue


@transaction.atomic
def unmute_issue(issue_id: int, *, by: User | None) -> Issue:
    """Tell people of an issue again. Raises NotThere and NotAllowed."""
    issue = _locked(issue_id)
    require(by, Right.HANDLE_QUEUE, issue.client)
    if not issue.is_muted:
        return issue
    issue.is_muted, issue.mute_reason = False, ""
    issue.save(update_fields=["is_muted", "mute_reason"])
    _record(issue, "unmute_issue", by)
    return issue


def _locked(issue_id: int) -> Issue:
    issue = Issue.objects.select_for_update(of=("self",)).select_related("client", "assigned_to").filter(pk=issue_id)
    found = issue.first()
    if found is None:
        raise NotThere(NOT_THERE)
    return found


def _name(person: User | None) -> str:
    return person.get_username() if person else ""


def _record(
    issue: Issue,
    action: str,
    by: User | None,
    *,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    about = {"issue": issue.pk, "title": issue.title}
    record_for_client(issue.client, action, by=by, reason=reason, before=before, after={**about, **(after or {})})
