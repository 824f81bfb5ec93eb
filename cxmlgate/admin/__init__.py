"""The gate in the admin: its settings, changed by the verbs, and its messages, to read and to replay."""

import cxmlgate.admin.messages
import cxmlgate.admin.settings  # noqa: F401 (both register their pages)
