"""The API, version 1 (DESIGN §9): doors that turn JSON into one verb, and its answer into JSON."""
