"""What can go wrong in a verb, each with a sentence for the person who pressed.

Refusal
├── BadInput       the words typed are wrong; names the field            (HTTP 400)
├── NotAllowed     the person has no right here; says who has            (HTTP 403)
├── NotThere       no such thing, or none of this person's clients'      (HTTP 404)
└── Conflict       not from this step, or somebody was quicker           (HTTP 409)
"""

from collections.abc import Mapping

from django.utils.functional import Promise

Sentence = str | Promise


class Refusal(Exception):  # noqa: N818 (a refusal is an answer, not an accident)
    """A verb that changed nothing, and why."""

    def __init__(self, sentence: Sentence) -> None:
        """Take the sentence that the person reads."""
        self.sentence = sentence
        super().__init__(sentence)

    def __str__(self) -> str:
        return str(self.sentence)


class BadInput(Refusal):
    """What was typed cannot be used; one sentence for each field."""

    def __init__(self, fields: Mapping[str, Sentence]) -> None:
        """Take field name → sentence."""
        self.fields = dict(fields)
        super().__init__(" ".join(str(sentence) for sentence in self.fields.values()))


class NotAllowed(Refusal):
    """The person has no right to do this; the sentence says who has."""


class NotThere(Refusal):
    """No such thing, or not within this person's clients: from outside both look alike."""


class Conflict(Refusal):
    """The row is not in a state that allows this."""
