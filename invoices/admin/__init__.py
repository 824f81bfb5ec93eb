"""The doors of this room in the admin: lists, the invoice's page, roles, clients. The event log's stands in `syncdiag`.

Access is by rights on clients, never by Django's model permissions. Whatever writes is a verb.
"""

from invoices.admin import clients, invoice, roles, users
from invoices.admin.panels import Panel, add_panel

__all__ = ["Panel", "add_panel", "clients", "invoice", "roles", "users"]
