"""The verbs: whatever changes something in this room, each in one transaction with its line in the event log.

Five beats: check the person, lock the row, move, save the named fields, write one line of history.
"""
