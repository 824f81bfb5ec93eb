"""The newest series of Tryton, beside the long-term one."""

import pytest

from tests.tryton.cases import EverySeriesAndDatabase


@pytest.fixture(scope="module")
def series() -> str:
    return "8.2"


class TestNewestSeries(EverySeriesAndDatabase):
    pass
