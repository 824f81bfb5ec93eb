"""The gate's commands, one a file."""
