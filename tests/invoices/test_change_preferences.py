"""A client's preferences: who may change them, within which limits, and what the log says."""

import pytest

from invoices.actions.preferences import change_preferences
from invoices.errors import BadInput, NotAllowed, NotThere
from invoices.models import Client, Event


def test_an_integration_manager_changes_them_and_the_log_says_what(acme, manager):
    change_preferences(acme.pk, by=manager, final_patience=30, preliminary_patience=15, posts_again_by_itself=True)

    acme.refresh_from_db()
    event = Event.objects.get()
    assert (acme.preliminary_patience, acme.final_patience, acme.posts_again_by_itself) == (15, 30, True)
    assert (event.action, event.actor) == ("change_preferences", manager)
    assert event.before == {"final_patience": 15, "posts_again_by_itself": False}
    assert event.after == {"final_patience": 30, "posts_again_by_itself": True}


def test_what_is_the_same_already_writes_nothing(acme, manager):
    change_preferences(acme.pk, by=manager, final_patience=15)

    assert not Event.objects.exists()


@pytest.mark.parametrize(("name", "most"), [("preliminary_patience", 43_200), ("payment_patience", 365)])
def test_a_patience_has_limits(acme, manager, name, most):
    change_preferences(acme.pk, by=manager, **{name: most})

    for value in (0, most + 1):
        with pytest.raises(BadInput) as refused:
            change_preferences(acme.pk, by=manager, posts_again_by_itself=True, **{name: value})
        assert f"from 1 to {most:,}" in str(refused.value)

    acme.refresh_from_db()
    assert (getattr(acme, name), acme.posts_again_by_itself) == (most, False)


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("clerk", NotAllowed), ("handler", NotAllowed), ("auditor", NotAllowed), ("stranger", NotThere)],
)
def test_nobody_else_may(acme, request, who, refusal):
    person = request.getfixturevalue(who)

    with pytest.raises(refusal):
        change_preferences(acme.pk, by=person, final_patience=30)

    assert Client.objects.get(pk=acme.pk).final_patience == 15
    assert not Event.objects.exists()
