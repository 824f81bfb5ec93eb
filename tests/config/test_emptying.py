"""Between two tests with transactions of their own, nothing is left of the first."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from invoices.actions.flow import post_invoice
from invoices.models import Event
from tests.conftest import _empty_tables
from tests.factories import InvoiceFactory


@pytest.mark.django_db(transaction=True)
def test_every_table_is_empty_but_what_migrating_made(acme, clerk):
    post_invoice(InvoiceFactory(client=acme, created_by=clerk).pk, by=clerk)
    assert Event.objects.exists()
    made = set(Permission.objects.values_list("pk", flat=True))

    _empty_tables()

    full = {model for model in apps.get_models() if model._meta.managed and model.objects.exists()}
    assert full == {ContentType, Permission}
    assert set(Permission.objects.values_list("pk", flat=True)) == made
