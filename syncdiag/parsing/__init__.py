"""What an ERP answered, turned into a list of errors (issue: an error is never taken for a success, nor the reverse).

    read_errors(system, answer, status=…, content_type=…) -> (SaidError, …)

| file | what it is |
|---|---|
| `said.py` | one error, and how much of an answer is looked at |
| `decoding.py` | text to tree: JSON and XML, whole, cut off or broken |
| `walking.py` | tree to errors, by the shapes in which accounting systems say them |
| `texts.py` | plain texts, HTML pages and forms |
| `reading.py` | the door |

It raises nothing whatever is put in, never calls code of what it is given, and needs no database.
"""

from syncdiag.parsing.reading import read_errors
from syncdiag.parsing.said import SaidError

__all__ = ["SaidError", "read_errors"]
