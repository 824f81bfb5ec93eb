"""Counts the messages of strangers by client and source: after the first of a minute they cost no disk.

A stranger is who is not known by identity and secret: also who sent what could not be read so far.

All processes count in one row a client, source and minute, with one statement a message. Who is over the limit is
remembered by the process until the minute ends, and costs no statement at all. The answer is the same throughout, and
the right secret is never asked for here: it is served in the middle of a flood.
"""

import re
from collections import defaultdict
from datetime import datetime
from threading import Lock
from typing import Final

import structlog
from django.db import connection

from cxmlgate.models import LONGEST_SLUG
from cxmlgate.sources import Source, household

log = structlog.get_logger(__name__)

LIMIT: Final = 20  # a minute
# What a process counts apart in a minute; what comes on top counts together. A slug that names no client is treated as
# one that does: else a full count of the one would tell it from the other by the time that the answer takes.
MOST_SOURCES: Final = 100
MOST_SLUGS: Final = 5  # of one source
OTHERS: Final = ""
SLUG: Final = re.compile(rf"[-a-zA-Z0-9_]{{1,{LONGEST_SLUG}}}", re.ASCII)  # what may be a client's

Key = tuple[str, str]  # slug, source

COUNT: Final = """
    INSERT INTO cxmlgate_wrongsecrets (minute, client_slug, source, number) VALUES (%s, %s, %s, 1)
    ON CONFLICT (minute, client_slug, source) DO UPDATE SET number = cxmlgate_wrongsecrets.number + 1
    RETURNING number
"""


class Throttle:
    """What a process remembers of the present minute; it stays small whoever sends."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Forget everything, the flood that is going on too."""
        self._minute: datetime | None = None
        self._slugs: defaultdict[str, set[str]] = defaultdict(set)  # by source
        self._over: dict[Key, int] = {}  # how many came since the flood began
        self._over_before: dict[Key, int] = {}  # the same, of the minute before

    def is_over(self, slug: str, source: Source | None, at: datetime) -> bool:
        """Count a message of a stranger, and say whether too many came in this minute to keep it."""
        minute = at.replace(second=0, microsecond=0)
        with self._lock:
            self._turn_to(minute)
            key = self._key_of(slug, household(source))
            if key in self._over:
                self._over[key] += 1
                return True
        number = _count(key, minute)
        if number <= LIMIT:
            return False
        with self._lock:
            so_far = self._over_before.get(key, 0) + number
            if minute == self._minute:  # else it ended meanwhile
                self._over.setdefault(key, so_far)
        if number == LIMIT + 1:  # of all processes one comes here in a minute
            log.warning("gate_strangers", client=key[0], source=key[1], so_far=so_far)
        return True

    def _turn_to(self, minute: datetime) -> None:
        if minute != self._minute:
            self._minute = minute
            self._slugs.clear()
            self._over_before, self._over = self._over, {}

    def _key_of(self, slug: str, source: str) -> Key:
        if source not in self._slugs and len(self._slugs) >= MOST_SOURCES:
            return OTHERS, OTHERS
        slugs = self._slugs[source]
        if not SLUG.fullmatch(slug) or (slug not in slugs and len(slugs) >= MOST_SLUGS):
            return OTHERS, source
        slugs.add(slug)
        return slug, source


def _count(key: Key, minute: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [connection.ops.adapt_datetimefield_value(minute), *key])
        number: int = cursor.fetchone()[0]
    return number


throttle: Final = Throttle()
