"""What can be wrong with the catalogue.

CatalogueError     an entry that cannot be used; names the file and the entry
"""


class CatalogueError(Exception):
    """A catalogue file that cannot be used; the sentence names the file and the entry."""
