"""What clients were told must have happened."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.invariants.scene import Answer, Scene

BUTTONS = {"post", "approve", "abort", "skip", "post_again", "invalidate", "archive", "restore", "set_status"}


def acknowledged_hand_ins_are_there(scene: Scene) -> Iterator[str]:
    """An invoice that was acknowledged is there, once, and its log begins with the hand-in."""
    for client, number in {(one.client, one.number) for one in scene.answers if one.verb == "hand_in" and one.is_yes}:
        found = scene.named(client, number)
        if len(found) != 1:
            yield f"Hand-in of {number} ({client}) was acknowledged, and {len(found)} invoices have that number."
        for row in found:
            first = scene.events_of[row.pk][:1]
            if not first or first[0].action != "hand_in":
                yield f"The log of {number} ({client}) does not begin with its hand-in."


def acknowledged_buttons_have_acted(scene: Scene) -> Iterator[str]:
    """Each yes to a button is a line in the log."""
    said = Counter((one.client, one.number, one.verb.replace("-", "_")) for one in scene.answers if one.is_yes is True)
    for (client, number, action), count in said.items():
        if action not in BUTTONS:
            continue
        lines = [
            event for row in scene.named(client, number) for event in scene.events_of[row.pk] if event.action == action
        ]
        if len(lines) < count:
            yield f"{action} of {number} ({client}) was answered yes {count} times, the log has {len(lines)}."


def accepted_gate_messages_have_one_effect(scene: Scene) -> Iterator[str]:
    """Each gate message that was answered OK acted once; one whose answer was lost at most once."""
    groups: defaultdict[tuple[str, str, str], list[Answer]] = defaultdict(list)
    for one in scene.answers:
        if one.verb == "gate":
            groups[one.client, one.number, one.key].append(one)
    for (client, number, key), told in groups.items():
        accepted = sum(one.is_yes is True and one.text == "OK" for one in told)
        lost = sum(one.is_yes is None for one in told)
        effects = [
            event
            for row in scene.named(client, number)
            for event in scene.events_of[row.pk]
            if event.action.startswith("status_")
            and event.evidence.get("reference") == key
            and "replayed_message" not in event.evidence
        ]
        if not accepted <= len(effects) <= accepted + lost:
            yield (
                f"The gate message {key!r} for {number} ({client}) was accepted {accepted} times "
                f"(and {lost} answers were lost), and acted {len(effects)} times."
            )
