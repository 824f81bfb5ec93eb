"""Notices that other rooms put on the front page, below what is stuck.

add_notice(refused_messages)        # in AppConfig.ready; refused_messages(request) -> Notice | None
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that somebody should look at: how many, what, what to do, and where."""

    count_text: str
    title: str
    hint: str
    url: str
    tone: str = "warn"  # wait | warn | bad


NoticeMaker = Callable[[HttpRequest], Notice | None]
_makers: Final[list[NoticeMaker]] = []


def add_notice(maker: NoticeMaker) -> None:
    """Have `maker(request)` asked for a notice on each front page; called when the process starts."""
    if maker not in _makers:
        _makers.append(maker)


def notices(request: HttpRequest) -> list[Notice]:
    """Return the notices for the person who is logged in, in the order in which the rooms registered."""
    return [notice for maker in _makers if (notice := maker(request)) is not None]
