"""Where each system answers: fixed for each kind, never typed by a person, so that nobody can point us elsewhere."""

from django.conf import settings


def address_of(connector: str) -> str:
    """Return the base address of a kind of ERP; raises KeyError for one that is not known."""
    return {"sandbox": str(settings.SANDBOX_ERP_URL), "tryton": str(settings.TRYTON_URL)}[connector]
