"""Template tags of the room of invoices."""
