"""A client with stuck invoices and a real sandbox ERP; a run is worked on by hand unless a test starts a worker."""

import pytest

from tests.bulk.stuck import Stuck
from tests.delivery.conftest import desk, erp, erp_process, forgetful

__all__ = ["desk", "erp", "erp_process", "forgetful"]


@pytest.fixture
def stuck(desk) -> Stuck:
    return Stuck(desk)
