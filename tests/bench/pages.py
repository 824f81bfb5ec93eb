"""Pages over a large and a small database that take turns behind one process and one session."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from django.db import connections

from tests.bench.measure import Figure, differs_from_itself

ASKED = 6  # times a slice


@contextmanager
def beside_small():
    """Make a copy of the database, and yield the links to both: the one to be filled up, and the copy that stays small.

    PostgreSQL only. Who fills or asks one of them makes it `connections["default"]` first.
    """
    large = connections["default"]
    small = large.copy(alias="default")
    small.settings_dict["NAME"] = f"{large.settings_dict['NAME']}_small"
    large.close()
    _on_server(f'CREATE DATABASE "{small.settings_dict["NAME"]}" TEMPLATE "{large.settings_dict["NAME"]}"')
    try:
        yield large, small
    finally:
        connections["default"] = large
        small.close()
        _on_server(f'DROP DATABASE "{small.settings_dict["NAME"]}" WITH (FORCE)')


def measure_page(name, address, browser, links, rounds, *, limit_ms) -> Iterator[Figure]:
    """Measure one page on both; the first round warms up and does not count."""
    large, small = links
    taken = ([], [], [])
    for round_ in range(rounds + 1):
        turns = [(0, large), (1, small), (2, small)]
        for place, link in turns if round_ % 2 else turns[::-1]:
            spent = _ask(browser, address, link)
            if round_:
                taken[place].append(spent)
    void = differs_from_itself(taken[2], taken[1])
    more = {"unit": "ms, p50 of a round", "limit_ms": limit_ms, "below_limit": median(taken[0]) < limit_ms}
    yield Figure(name, taken[0], taken[1], target=1.3, target_is_most=True, void=void, more=more)
    yield Figure(f"A/A: {name.rpartition(', beside')[0]}, the small one beside itself", taken[2], taken[1], void=void)


def _ask(browser, address, link):
    """Return the p50 in milliseconds of one slice."""
    connections["default"] = link
    spent = []
    for _time in range(ASKED):
        began = time.perf_counter()
        answer = browser.get(address)
        spent.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.status_code
    return median(spent)


def _on_server(statement):
    """Run a statement that must stand outside of these databases."""
    nowhere = connections["default"].copy(alias="default")
    nowhere.settings_dict["NAME"] = "postgres"
    with nowhere.cursor() as cursor:
        cursor.execute(statement)
    nowhere.close()
