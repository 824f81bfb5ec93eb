"""Figures of speed, each beside its baseline in the same run (DESIGN §10): `python -m tests.bench [name …]`."""
