"""The log is whole, says what the rows say, and nobody stands in it who had no right."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User

from invoices.events import broken_line, facts, plain
from invoices.models import Client, RoleGrant
from tests.invariants.scene import Scene

FINANCE, HANDLER, MANAGER = "finance_staff", "queue_handler", "integration_manager"
ROLE_OF_ACTION = {
    "hand_in": FINANCE,
    "import": FINANCE,
    "edit": FINANCE,
    "post": FINANCE,
    "approve": FINANCE,
    "archive": FINANCE,
    "restore": FINANCE,
    "abort": HANDLER,
    "skip": HANDLER,
    "post_again": HANDLER,
    "invalidate": HANDLER,
    "note_voucher": HANDLER,
    "record_payment": FINANCE,
    "settle_payment": FINANCE,
    "fail_payment": FINANCE,
    "void_payment": FINANCE,
    "apply_payments": FINANCE,
    "take_remote_payments": FINANCE,
    "set_status": MANAGER,
    "status_paid": MANAGER,
    "status_processing_payment": MANAGER,
    "status_denied": MANAGER,
    "status_failed_erp_validation": MANAGER,
    "status_noted": MANAGER,
    "grant_role": MANAGER,
    "revoke_role": MANAGER,
    "connect": MANAGER,
    "configure_gate": MANAGER,
    "replay_message": HANDLER,
    "add_client": MANAGER,
    "edit_client": MANAGER,
    "change_preferences": MANAGER,
    "disconnect": MANAGER,
    "sync_now": FINANCE,
}
SLACK = timedelta(seconds=5)  # a right may end between the look at it and the end of the transaction


def replaying_the_log_gives_the_row(scene: Scene) -> Iterator[str]:
    """One line a change: before and after of all lines, one upon the other, are what the row says."""
    for invoice in scene.invoices.values():
        state: dict[str, Any] = {}
        for event in scene.events_of[invoice.pk]:
            for name, value in event.before.items():
                if state.get(name) != value:
                    yield f"{invoice}: line {event.sequence} says {name} was {value!r}, it was {state.get(name)!r}."
            state.update(event.after)
        for name, value in facts(invoice).items():
            if state.get(name) != plain(value):
                yield f"{invoice}: {name} is {value!r}, the log says {state.get(name)!r}."


def the_log_is_whole(scene: Scene) -> Iterator[str]:
    """No line is missing, added or changed."""
    for invoice in scene.invoices.values():
        lines = sorted(scene.events_of[invoice.pk], key=lambda event: event.sequence)
        broken = broken_line(lines)
        if broken is not None:
            yield f"{invoice}: line {broken} of the log was tampered with, or stands where another should."
        if invoice.event_count != len(lines) or invoice.event_head != (lines[-1].hash if lines else ""):
            yield f"{invoice}: the log does not end with the line that the invoice knows as its last."


def nobody_moved_without_the_right(scene: Scene) -> Iterator[str]:
    """Whoever did something held the role that may, on that client or above it, at that time; and four eyes approve."""
    grants: defaultdict[tuple[int, str], list[RoleGrant]] = defaultdict(list)
    for grant in RoleGrant.objects.using(scene.database):
        grants[grant.user_id, grant.role].append(grant)
    people = {user.pk: user for user in User.objects.using(scene.database)}
    parents = dict(Client.objects.using(scene.database).values_list("pk", "parent_id"))
    for event in scene.events:
        if event.actor_id is None:
            continue
        what = f"{event.actor_name} did {event.action} ({event.invoice_id and scene.invoices[event.invoice_id]})"
        if event.action == "ask_handler":  # whoever sees it may ask
            continue
        role = HANDLER if event.evidence.get("replayed_message") else ROLE_OF_ACTION.get(event.action)
        if role is None:
            yield f"{what}, and no role is known that may."
            continue
        if event.action == "approve" and scene.invoices[event.invoice_id].created_by_id == event.actor_id:
            yield f"{what}, who handed it in."
        lineage = _lineage(event.client_id, parents)
        held = any(
            grant.client_id in lineage
            and grant.granted_at <= event.at
            and (grant.until is None or grant.until > event.at - SLACK)
            for grant in grants[event.actor_id, role]
        )
        if not held and not people[event.actor_id].is_superuser:
            yield f"{what}, and was not {role} there."


def _lineage(client: int | None, parents: Mapping[int, int | None]) -> set[int]:
    found: set[int] = set()
    while client is not None and client not in found:
        found.add(client)
        client = parents[client]
    return found
