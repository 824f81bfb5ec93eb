"""A person at the API: `as_(clerk).get("invoices/")`."""

import pytest
from django.test import Client as Browser

from tests.api.person import ApiPerson


@pytest.fixture(autouse=True)
def _api_urls(settings):
    settings.ROOT_URLCONF = "tests.api.urls"


@pytest.fixture
def as_():
    return ApiPerson


@pytest.fixture
def nobody():
    return ApiPerson(None)


@pytest.fixture
def browser():
    return Browser()
