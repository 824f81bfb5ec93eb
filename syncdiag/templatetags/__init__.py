"""Template tags of the room of diagnosis."""
