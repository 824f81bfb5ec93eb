"""A person at the API: `as_(clerk).get("invoices/")`."""

import pytest
from django.test import Client as Browser

from tests.api.person import ApiPerson


@pytest.fixture(autouse=True)
def _api_urls(settings):
    settings.ROOT_URLCONF = "tests.api.urls"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one takes half a second
    settings.WHITENOISE_AUTOREFRESH = True  # else it warns where nothing was collected


@pytest.fixture
def as_():
    return ApiPerson


@pytest.fixture
def nobody():
    return ApiPerson(None)


@pytest.fixture
def browser():
    return Browser()
