"""Which connectors there are: the choices of a connection, and how its connector is made."""

from collections.abc import Callable
from dataclasses import dataclass

from integrations.erps.contract import Access, Capabilities, Connector
from integrations.erps.sandbox import SandboxConnector
from integrations.erps.tryton import TrytonConnector


@dataclass(frozen=True, slots=True)
class ConnectorKind:
    """One kind of ERP: its name on the page, its connector, and what that can do in every company."""

    label: str
    make: Callable[[Access, int], Connector]
    capabilities: Capabilities


CONNECTORS: dict[str, ConnectorKind] = {
    "sandbox": ConnectorKind("Sandbox ERP", SandboxConnector, SandboxConnector.capabilities),
    "tryton": ConnectorKind("Tryton", TrytonConnector, TrytonConnector.capabilities),
}


def connect(connector: str, access: Access, lanes: int) -> Connector:
    """Return a connector of the named kind, for as many calls at once as there are lanes; KeyError if unknown."""
    return CONNECTORS[connector].make(access, lanes)
