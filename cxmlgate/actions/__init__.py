"""The verbs of the gate.

`receiving` takes a message, `replaying` has a refused one judged again, `settings` opens the gate, `keeping` ends the
keeping.
"""

from cxmlgate.actions.keeping import prune_messages
from cxmlgate.actions.receiving import receive_message, refuse_unread
from cxmlgate.actions.replaying import replay_message, why_not_replay
from cxmlgate.actions.settings import configure_gate, end_earlier_secret, generate_secret

__all__ = [
    "configure_gate",
    "end_earlier_secret",
    "generate_secret",
    "prune_messages",
    "receive_message",
    "refuse_unread",
    "replay_message",
    "why_not_replay",
]
