"""The doors of this room in the admin: lists, the invoice's page, roles, clients, the event log.

Access is by rights on clients, never by Django's model permissions. Whatever writes is a verb.
"""

from invoices.admin import clients, events, invoice, roles, users
from invoices.admin.panels import Panel, add_panel

__all__ = ["Panel", "add_panel", "clients", "events", "invoice", "roles", "users"]
