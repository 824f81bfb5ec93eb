"""The nouns: facts about one row and QuerySets about many; whatever changes something is a verb.

Money is `Decimal` with its currency beside it, time is aware UTC.
"""

from invoices.models.event import Event
from invoices.models.invoice import Invoice, InvoiceLine, InvoiceQuerySet, MoneyField
from invoices.models.message import Attempt, Evidence, HandIn, IntegrationMessage
from invoices.models.payment import Payment
from invoices.models.pdf import InvoicePdf
from invoices.models.people import Client, Counterparty, RoleGrant

__all__ = [
    "Attempt",
    "Client",
    "Counterparty",
    "Event",
    "Evidence",
    "HandIn",
    "IntegrationMessage",
    "Invoice",
    "InvoiceLine",
    "InvoicePdf",
    "InvoiceQuerySet",
    "MoneyField",
    "Payment",
    "RoleGrant",
]
