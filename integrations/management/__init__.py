"""Commands of the room `integrations`."""
