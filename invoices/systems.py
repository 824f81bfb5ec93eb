"""What a client's ERP is called, for sentences that send a person there.

name_with(name_of_system)        # in AppConfig.ready of the room that knows; name_of_system(client_id) -> str
"""

from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext as _

Namer = Callable[[int], str]
_namers: Final[list[Namer]] = []


def name_with(namer: Namer) -> None:
    """Have `namer(client_id)` asked for a system's name; called when the process starts."""
    if namer not in _namers:
        _namers.append(namer)


def system_name(client_id: int) -> str:
    """Return the name of a client's ERP, or what any is called."""
    return next(filter(None, (namer(client_id) for namer in _namers)), _("the ERP"))
