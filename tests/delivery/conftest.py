"""A client whose invoices go to a real sandbox ERP, a company of its own for each test."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.delivery.desk import Desk
from tests.erp_server import ErpServer

COMPANIES = count(1)


@pytest.fixture(scope="session")
def erp_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpServer]:
    server = ErpServer(tmp_path_factory.mktemp("erp"))
    server.start()
    yield server
    if server.process is not None:
        server.stop()


@pytest.fixture
def erp(erp_process: ErpServer, settings) -> Iterator[ErpServer]:
    if erp_process.process is None:
        erp_process.start()
    settings.SANDBOX_ERP_URL = erp_process.url
    yield erp_process
    if erp_process.process is not None:
        erp_process.faults()


@pytest.fixture
def desk(db, erp, acme, clerk, clerk2, handler) -> Desk:
    """Return the desk of `acme`, whose supplier and customer the ERP knows."""
    return Desk.open(erp, acme, clerk, clerk2, handler, company=f"acme & sons/{next(COMPANIES)}")


@pytest.fixture
def forgetful(desk: Desk) -> Desk:
    """Return a desk whose ERP does not remember keys: the same key sent twice is booked twice."""
    desk.prefer(ignore_keys=True)
    return desk
