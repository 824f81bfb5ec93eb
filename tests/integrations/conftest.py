"""The sandbox ERP and a connector to a company of its own for each test."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest

from integrations.erps.contract import Access, Document, DocumentLine, Party, Stage
from integrations.erps.registry import connect
from integrations.erps.sandbox import SandboxConnector
from tests.erp_server import ErpServer

SECRET = "open-sesame/4711+secret"
COMPANIES = count(1)


@pytest.fixture(scope="module")
def erp_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpServer]:
    server = ErpServer(tmp_path_factory.mktemp("erp"))
    server.start()
    yield server
    if server.process is not None:
        server.stop()


@pytest.fixture
def erp(erp_process: ErpServer) -> Iterator[ErpServer]:
    if erp_process.process is None:
        erp_process.start()
    yield erp_process
    if erp_process.process is not None:
        erp_process.faults()


@pytest.fixture
def company() -> str:
    return f"acme & sons/{next(COMPANIES)}"


@pytest.fixture
def access(erp: ErpServer, company: str) -> Access:
    return Access(erp.url, company, SECRET, timedelta(seconds=5))


@pytest.fixture
def connect_with() -> Iterator[Callable[[Access], SandboxConnector]]:
    """Return what connects with an access; all are closed at the end."""
    connectors: list[SandboxConnector] = []

    def make(access: Access) -> SandboxConnector:
        made = connect("sandbox", access, lanes=4)
        assert isinstance(made, SandboxConnector)
        connectors.append(made)
        return made

    yield make
    for made in connectors:
        made.close()


@pytest.fixture
def connector(access: Access, connect_with: Callable[[Access], SandboxConnector]) -> SandboxConnector:
    return connect_with(access)


@pytest.fixture
def company_path(company: str) -> str:
    return f"/companies/{quote(company, safe='')}"


@pytest.fixture
def make_document() -> Callable[..., Document]:
    """Return a maker of documents: a payable invoice of USD 10.99 unless said otherwise."""

    def make(**facts: Any) -> Document:
        total = facts.get("total", Decimal("10.99"))
        line = DocumentLine("Consulting", Decimal(1), total, total)
        usual: dict[str, Any] = {
            "direction": "payable",
            "kind": "invoice",
            "stage": Stage.PRELIMINARY,
            "number": "INV-0001",
            "party": Party("S/1 ü", "Supplier One"),
            "invoice_date": date(2026, 11, 2),
            "due_date": date(2026, 12, 2),
            "currency": "USD",
            "total": total,
            "lines": (line,),
        }
        return Document(**{**usual, **facts})

    return make


@pytest.fixture
def document(connector: SandboxConnector, make_document: Callable[..., Document]) -> Document:
    """Return a document whose supplier is known to the ERP."""
    made = make_document()
    connector.ensure_party(made)
    return made
