"""Commands of this room: serve, prepare, demo."""
