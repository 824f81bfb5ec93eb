"""A browser for each person, and the addresses of the admin."""

import pytest
from django.test import Client
from django.urls import reverse


@pytest.fixture
def browser():
    """`browser(person)` is logged in as that person."""

    def log_in(person, **options):
        client = Client(**options)
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def at():
    """`at("change", invoice)` is the address of a page of an invoice."""

    def address(name, invoice=None, *more):
        args = [invoice.pk, *more] if invoice else []
        return reverse(f"admin:invoices_invoice_{name}", args=args)

    return address
