"""Atheris on what the gate reads: `make fuzz`."""
