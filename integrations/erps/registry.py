"""Which connectors there are: the choices of a connection, and how its connector is made."""

from collections.abc import Callable
from dataclasses import dataclass

from integrations.erps.contract import Access, Connector
from integrations.erps.sandbox import SandboxConnector


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """One kind of ERP: its name on the page, and its connector."""

    label: str
    make: Callable[[Access, int], Connector]


CONNECTORS: dict[str, ConnectorKind] = {
    "sandbox": ConnectorKind("Sandbox ERP", SandboxConnector),
}


def connect(connector: str, access: Access, lanes: int) -> Connector:
    """Return a connector of the named kind, for as many calls at once as there are lanes; KeyError if unknown."""
    return CONNECTORS[connector].make(access, lanes)
