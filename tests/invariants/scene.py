"""What the checks look at: the ERP's audit list, the answers that clients got, and the rows of the database."""

import json
import urllib.request
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from integrations.models import Connection
from invoices.models import Event, IntegrationMessage, Invoice

OPEN = ("pending", "sending", "unknown")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client was told: `is_yes` None means that no answer came."""

    verb: str  # hand_in, gate, or a button's name
    client: str  # its slug
    number: str
    is_yes: bool | None
    text: str = ""  # the gate's words
    key: str = ""  # the payloadID


@dataclass(frozen=True)
class Scene:
    """Everything that the checks look at."""

    audit: Mapping[str, Any]
    database: str
    answers: Sequence[Answer]
    settled: bool
    secrets: Collection[str]
    texts: Mapping[str, str]
    ignored_numbers: Collection[str] = field(default=())

    @cached_property
    def invoices(self) -> dict[int, Invoice]:
        return {row.pk: row for row in Invoice.objects.using(self.database).select_related("client")}

    @cached_property
    def messages(self) -> list[IntegrationMessage]:
        return list(IntegrationMessage.objects.using(self.database).order_by("pk"))

    @cached_property
    def events(self) -> list[Event]:
        return list(Event.objects.using(self.database).order_by("pk"))

    @cached_property
    def events_of(self) -> dict[int, list[Event]]:
        found: defaultdict[int, list[Event]] = defaultdict(list)
        for event in self.events:
            if event.invoice_id is not None:
                found[event.invoice_id].append(event)
        return found

    @cached_property
    def company_of(self) -> dict[int, str]:
        """The company in the ERP of each client."""
        return dict(Connection.objects.using(self.database).values_list("client_id", "company"))

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """The documents of our companies that are not voided."""
        ours = set(self.company_of.values())
        return [
            document
            for document in self.audit["documents"]
            if document["company"] in ours
            and document["state"] != "voided"
            and document["number"] not in self.ignored_numbers
        ]

    def named(self, client: str, number: str) -> list[Invoice]:
        """Return the invoices of that number of a client."""
        return [row for row in self.invoices.values() if row.client.slug == client and row.number == number]


def read_audit(url: str) -> dict[str, Any]:
    """Return the audit list of the sandbox ERP at `url`."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url.rstrip("/") + "/audit/", timeout=20) as answer:
        audit: dict[str, Any] = json.load(answer)
    return audit
