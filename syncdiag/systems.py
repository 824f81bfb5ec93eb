"""What accounting systems are called, those without a connector of ours included."""

from typing import Final

from django.utils.translation import gettext as _

from integrations.erps.registry import CONNECTORS
from syncdiag.catalogue import FOLDER, GENERAL

NAMES: Final = {
    "quickbooks_online": "QuickBooks Online",
    "quickbooks_desktop": "QuickBooks Desktop",
    "sage_intacct": "Sage Intacct",
    "xero": "Xero",
    "myob": "MYOB",
    "netsuite": "NetSuite",
    "tryton": "Tryton",
}


def name_of(system: str) -> str:
    """Return what people call a system; `general` is what any of them may say."""
    if system == GENERAL:
        return _("Any system")
    if system in CONNECTORS:
        return CONNECTORS[system].label
    return NAMES.get(system) or system.replace("_", " ").capitalize()


def all_systems() -> dict[str, str]:
    """Return every system that has a connector or a catalogue, by name; what any may say comes last."""
    found = ({path.stem for path in FOLDER.glob("*.toml")} | set(CONNECTORS)) - {GENERAL}
    return {system: name_of(system) for system in [*sorted(found, key=lambda each: name_of(each).lower()), GENERAL]}
