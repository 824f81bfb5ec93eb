"""What can be wrong with the catalogue.

CatalogueError     an entry that cannot be used; names the file, the entry, and the key that is wrong
"""


class CatalogueError(Exception):
    """A catalogue that cannot be used: `where` names the file and the entry, `field` the entry's key, if it is one."""

    def __init__(self, where: str, said: str, field: str = "") -> None:
        """Take where it is, what is wrong (without a full stop at the end where a colon leads to it), and the key."""
        self.where = where
        self.said = said
        self.field = field
        super().__init__(f"{where}{said}")
