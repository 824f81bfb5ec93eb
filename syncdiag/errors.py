"""What can be wrong with the catalogue, and with a finding.

CatalogueError     an entry that cannot be used; names the file and the entry
NoEvidence         a finding that says something without showing why
"""


class CatalogueError(Exception):
    """A catalogue file that cannot be used; the sentence names the file and the entry."""


class NoEvidence(Exception):  # noqa: N818 (the finding has none; that is all there is to say)
    """A finding without evidence; the sentence names it. Our own mistake, never a person's."""
