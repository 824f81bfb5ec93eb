"""The verbs of the gate: `receiving` takes a message, `settings` opens the gate, `keeping` ends the keeping."""

from cxmlgate.actions.keeping import prune_messages
from cxmlgate.actions.receiving import receive_message, refuse_unread
from cxmlgate.actions.settings import configure_gate

__all__ = ["configure_gate", "prune_messages", "receive_message", "refuse_unread"]
