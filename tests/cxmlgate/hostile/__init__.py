"""The catalogue of hostile bodies: what each tries, its bytes, and the one answer that it gets.

REFUSED holds (body, verdict), and none of it changes anything; TAKEN holds what looks odd and is right all the same,
with the status and the payment that follow; LARGEST holds what fills 256 KiB.
"""

from tests.cxmlgate.hostile import amounts, documents, encodings, names, senders, structures
from tests.cxmlgate.hostile.largest import LARGEST

MODULES = (documents, encodings, senders, structures, names, amounts)


def merged(tables):
    """One table of several; a name that stands in two would hide a body."""
    every = [item for table in tables for item in table.items()]
    assert len(dict(every)) == len(every), sorted(name for name, _ in every)
    return dict(every)


REFUSED = merged(module.REFUSED for module in MODULES)
TAKEN = merged(module.TAKEN for module in MODULES)

__all__ = ["LARGEST", "REFUSED", "TAKEN"]
