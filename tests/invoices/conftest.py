import pytest

from tests.invoices.pictures import RoomPicture


@pytest.fixture(autouse=True)
def _cheap_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the real one takes half a second


@pytest.fixture
def picture(db):
    """Take a picture of all rows, and later ask whether anything has changed."""
    return RoomPicture
