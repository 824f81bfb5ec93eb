"""Panels that other rooms put on an invoice's page.

add_panel(why_panel)        # in AppConfig.ready; why_panel(invoice, user) -> Panel | None
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils.functional import Promise

from invoices.models import Invoice


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its title, and the template that is rendered with `context` (as `panel.context`) below it."""

    title: str | Promise
    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    tone: str = "plain"  # plain | info | good | warning | error
    is_first: bool = False  # above the drawing instead of below it


PanelMaker = Callable[[Invoice, User], Panel | None]
_makers: Final[list[PanelMaker]] = []


def add_panel(maker: PanelMaker) -> None:
    """Have `maker(invoice, user)` asked for a panel on each invoice page; called when the process starts."""
    if maker not in _makers:
        _makers.append(maker)


def panels(invoice: Invoice, user: User) -> list[Panel]:
    """Return the panels of an invoice's page, in the order in which the rooms registered."""
    return [panel for maker in _makers if (panel := maker(invoice, user)) is not None]
