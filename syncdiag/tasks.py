"""Background work: each task is a line long, and may run twice."""

from syncdiag.actions import digests, grouping, watching, webhooks


def group_failures() -> None:
    """Count new failures in their issues, and resolve those that are over."""
    grouping.group_failures()


def watch() -> None:
    """Look what goes on that people should know of."""
    watching.watch()


def send_digests() -> int:
    """Mail people what is new for them; return how many mails went out."""
    return digests.send_digests()


def deliver_webhooks() -> int:
    """Tell the webhooks what is due; return how many were told."""
    return webhooks.deliver_webhooks()
