"""What can be wrong with the catalogue, and with a finding.

CatalogueError     an entry that cannot be used; names the file, the entry, and the key that is wrong
NoEvidence         a finding that says something without showing why
"""


class CatalogueError(Exception):
    """A catalogue that cannot be used: `where` names the file and the entry, `field` the entry's key, if it is one."""

    def __init__(self, where: str, said: str, field: str = "") -> None:
        """Take where it is, what is wrong (without a full stop at the end where a colon leads to it), and the key."""
        self.where = where
        self.said = said
        self.field = field
        super().__init__(f"{where}{said}")


class NoEvidence(Exception):  # noqa: N818 (the finding has none; that is all there is to say)
    """A finding without evidence; the sentence names it. Our own mistake, never a person's."""
