"""Makes rows for tests; a test says only what matters to it."""

from datetime import date
from decimal import Decimal

import factory
from django.contrib.auth.models import User
from factory.django import DjangoModelFactory

from invoices.models import Client, Counterparty, Invoice, InvoiceLine, RoleGrant
from invoices.workflow import Direction, Step


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        django_get_or_create = ("username",)
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    first_name = factory.LazyAttribute(lambda user: user.username.title())
    last_name = "Example"
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    is_staff = True
    password = factory.django.Password("demo")


class ClientFactory(DjangoModelFactory):
    class Meta:
        model = Client
        django_get_or_create = ("slug",)

    slug = factory.Sequence(lambda n: f"client{n}")
    name = factory.LazyAttribute(lambda client: client.slug.title())


class RoleGrantFactory(DjangoModelFactory):
    class Meta:
        model = RoleGrant

    user = factory.SubFactory(UserFactory)
    client = factory.SubFactory(ClientFactory)


class CounterpartyFactory(DjangoModelFactory):
    class Meta:
        model = Counterparty
        django_get_or_create = ("client", "direction", "code")

    client = factory.SubFactory(ClientFactory)
    direction = Direction.PAYABLE
    code = "SUP-1"
    name = "Paper & Sons"


class InvoiceFactory(DjangoModelFactory):
    """A draft of one line over 10.99; `step`, `status` and everything else may be said."""

    class Meta:
        model = Invoice
        skip_postgeneration_save = True

    client = factory.SubFactory(ClientFactory)
    direction = Direction.PAYABLE
    counterparty = factory.SubFactory(
        CounterpartyFactory,
        client=factory.SelfAttribute("..client"),
        direction=factory.SelfAttribute("..direction"),
    )
    number = factory.Sequence(lambda n: f"T-{n:05d}")
    invoice_date = date(2026, 11, 2)
    currency = "USD"
    total = Decimal("10.99")
    step = Step.DRAFT

    @factory.post_generation
    def lines(self, create, extracted, **kwargs):
        if create and extracted is None and self.total:
            InvoiceLine.objects.create(
                invoice=self, position=1, description="Paper", quantity=1, unit_price=self.total, amount=self.total
            )
