"""All clients with their parents, read at once: what is true of a parent's people and webhooks holds below it."""

from collections.abc import Iterator

from invoices.models import Client


class Family:
    """The clients as they were when it was made."""

    def __init__(self) -> None:
        self._rows = {pk: (parent, slug) for pk, parent, slug in Client.objects.values_list("pk", "parent_id", "slug")}

    def lineage(self, client_id: int) -> Iterator[int]:
        """Return the ids of a client and all its parents, itself first."""
        seen: set[int] = set()
        each: int | None = client_id
        while each is not None and each in self._rows and each not in seen:
            seen.add(each)
            yield each
            each = self._rows[each][0]

    def slug(self, client_id: int) -> str:
        """Return how a client is called in addresses."""
        return self._rows[client_id][1]
