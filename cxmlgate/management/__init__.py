"""The gate's commands."""
