"""One wording, many objects: rows of Sage Intacct, NetSuite, MYOB and of all systems, each with its entry.

The rows stand in catalogue_rows; what every entry of a file needs is held in the tests of that file.
"""

import pytest

from syncdiag.catalogue import GENERAL, explain
from tests.syncdiag.catalogue_rows import rows_of

SYSTEMS = ["sage_intacct", "netsuite", "myob", GENERAL]
ROWS = [(system, *row) for system in SYSTEMS for row in rows_of(system)]


@pytest.mark.parametrize(
    ("system", "code", "text", "entry", "values"), ROWS, ids=[f"{row[0]}-{row[3]}-{n}" for n, row in enumerate(ROWS)]
)
def test_a_text_of_a_family_leads_to_its_entry(system, code, text, entry, values):
    found = explain("a-system-without-catalogue" if system == GENERAL else system, code, text)

    assert (found.entry.system, found.entry.id) == (system, entry)
    assert {name: found.values[name] for name in values} == values
