"""A finding has evidence, evidence has an age, and findings stand in the order of what to do first."""

from datetime import UTC, datetime, timedelta

import pytest

from syncdiag.errors import NoEvidence
from syncdiag.findings import Finding, Proof, Turn, age_text, in_order

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROOF = (Proof("step", "Draft"),)


def finding(name, **facts):
    return Finding(name, name, PROOF, "Do it.", **facts)


def test_one_without_evidence_is_refused_by_its_name():
    with pytest.raises(NoEvidence, match=r"The finding lonely has no evidence\."):
        Finding("lonely", "It is wrong.", (), "Do it.")


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=12, seconds=40), "12 minutes ago"),
        (timedelta(minutes=60), "1 hour ago"),
        (timedelta(hours=23, minutes=59), "23 hours ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=4000), "4,000 days ago"),
        (-timedelta(seconds=30), "in less than a minute"),
        (-timedelta(minutes=3), "in 3 minutes"),
        (-timedelta(hours=1), "in 1 hour"),
        (-timedelta(days=2), "in 2 days"),
    ],
)
def test_the_age_is_told_in_its_largest_unit(before, expected):
    assert age_text(NOW - before, NOW) == expected


def test_what_to_do_first_comes_first_and_equals_keep_their_order():
    given = [
        finding("know", turn=Turn.KNOW),
        finding("wait", turn=Turn.WAIT),
        finding("one"),
        finding("first", turn=Turn.FIRST),
        finding("two"),
    ]

    assert [each.id for each in in_order(given)] == ["first", "one", "two", "wait", "know"]


def test_the_same_answer_to_two_questions_is_said_once():
    found = in_order([finding("same", question="stuck"), finding("same", question="not-synced")])

    assert [(each.id, each.question) for each in found] == [("same", "stuck")]


def test_one_covers_another_on_its_own_subject_only():
    covering = finding("better", subject="payment 1", covers=("worse",))
    given = [finding("worse", subject="payment 1"), finding("worse", subject="payment 2"), covering]

    assert [(each.id, each.subject) for each in in_order(given)] == [("worse", "payment 2"), ("better", "payment 1")]
