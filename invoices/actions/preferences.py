"""A client's own preferences: how patient its desk is, and what goes on by itself."""

from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from invoices.actions.numbers import forbid_duplicates
from invoices.errors import BadInput
from invoices.events import record_for_client
from invoices.models import Client
from invoices.permissions import require
from invoices.roles import Right

AT_MOST: Final = {"preliminary_patience": 43_200, "final_patience": 43_200, "payment_patience": 365}
PREFERENCES: Final = (
    *AT_MOST,
    "posts_again_by_itself",
    "submits_authorized_ach",
    "allows_duplicate_numbers",
)


@transaction.atomic
def change_preferences(client_id: int, *, by: User | None, reason: str = "", **wanted: Any) -> Client:
    """Change what an integration manager may of a client; `wanted` are names of PREFERENCES with their values.

    The patiences of the two integration steps are minutes, that of Processing Payment is days. What is the same already
    writes nothing. Raises NotAllowed or NotThere for a person without the right, BadInput for a patience out of range,
    and for duplicate numbers that are forbidden while there are some.
    """
    client = Client.objects.select_for_update(no_key=True).get(pk=client_id)
    require(by, Right.MANAGE_CONNECTION, client)
    wrong = {
        name: _("Type a whole number from 1 to %(most)s.") % {"most": f"{most:,}"}
        for name, most in AT_MOST.items()
        if name in wanted and not 1 <= wanted[name] <= most
    }
    if wrong:
        raise BadInput(wrong)
    changed = {name: wanted[name] for name in PREFERENCES if name in wanted and wanted[name] != getattr(client, name)}
    if not changed:
        return client
    if changed.get("allows_duplicate_numbers") is False:
        forbid_duplicates(client)
    before = {name: getattr(client, name) for name in changed}
    for name, value in changed.items():
        setattr(client, name, value)
    client.save(update_fields=list(changed))
    record_for_client(client, "change_preferences", by=by, reason=reason, before=before, after=changed)
    return client
