import pytest

from tests.invoices.pictures import RoomPicture


@pytest.fixture
def picture(db):
    """Take a picture of all rows, and later ask whether anything has changed."""
    return RoomPicture
