from datetime import timedelta

import pytest
from django.utils import timezone

from invoices.actions.roles import grant_role, revoke_role
from invoices.errors import BadInput, Conflict, NotAllowed, NotThere
from invoices.models import Client, Event, Invoice, RoleGrant
from invoices.permissions import may, require, who_may, who_may_sentence
from invoices.roles import RANK, RIGHTS_OF, Right, Role
from tests.factories import ClientFactory, InvoiceFactory, RoleGrantFactory, UserFactory
from tests.invoices.pictures import RoomPicture

# DESIGN §4 and §9, written down by hand.
MAY = {
    Role.AUDITOR: {"view"},
    Role.FINANCE_STAFF: {"view", "hand_in", "post", "approve", "archive", "record_payment", "sync", "look_up"},
    Role.QUEUE_HANDLER: {"view", "look_up", "handle_queue"},
    Role.INTEGRATION_MANAGER: {"view", "look_up", "set_status", "manage_connection", "grant_roles"},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("right", Right)
def test_a_role_carries_its_rights_and_no_other(acme, role, right):
    user = UserFactory()
    RoleGrantFactory(user=user, client=acme, role=role)
    expected = right.value.removeprefix("invoices.") in MAY[role]

    assert may(user, right, acme) == expected
    assert user.has_perm(right.value, acme) == expected
    assert user.has_perm(right.value, InvoiceFactory(client=acme)) == expected
    assert user.has_perm(right.value) == expected
    assert (user in who_may(right, acme)) == expected
    assert (acme in Client.objects.where(user, right)) == expected


def test_django_is_asked_for_the_rest(acme, clerk):
    assert not clerk.has_perm("auth.add_user")
    assert not clerk.has_perm("invoices.nonsense", acme)
    assert not clerk.has_perm("invoices.view", object())


def test_a_role_counts_on_all_clients_below_and_on_none_beside_or_above(acme):
    top = ClientFactory(slug="top")
    middle = ClientFactory(slug="middle", parent=top)
    below = ClientFactory(slug="below", parent=middle)
    beside = ClientFactory(slug="beside", parent=top)
    user = UserFactory()
    RoleGrantFactory(user=user, client=middle, role=Role.FINANCE_STAFF)
    for client in (top, middle, below, beside):
        InvoiceFactory(client=client, number=client.slug)

    assert [may(user, Right.POST, client) for client in (top, middle, below, beside)] == [False, True, True, False]
    assert set(Client.objects.where(user, Right.POST)) == {middle, below}
    assert {invoice.number for invoice in Invoice.objects.visible_to(user)} == {"middle", "below"}


def test_all_rights_at_once_are_what_each_is_alone(acme, globex, django_assert_max_num_queries):
    below = ClientFactory(slug="below", parent=acme)
    user = UserFactory()
    RoleGrantFactory(user=user, client=acme, role=Role.QUEUE_HANDLER)
    RoleGrantFactory(user=user, client=below, role=Role.INTEGRATION_MANAGER)
    RoleGrantFactory(user=user, client=globex, role=Role.AUDITOR, until=timezone.now() - timedelta(seconds=1))
    others = (UserFactory(), UserFactory(is_superuser=True), UserFactory(is_superuser=True, is_active=False))

    with django_assert_max_num_queries(3):
        held = Client.objects.by_right(user)

    assert held[Right.HANDLE_QUEUE] == {acme.pk: acme.name, below.pk: below.name}
    assert held[Right.SET_STATUS] == {below.pk: below.name}
    for person, right in [(person, right) for person in (user, *others) for right in Right]:
        alone = dict(Client.objects.where(person, right).values_list("pk", "name"))
        assert Client.objects.by_right(person)[right] == alone


def test_a_circle_of_parents_does_not_hang(acme, globex):
    Client.objects.filter(pk=acme.pk).update(parent=globex)
    Client.objects.filter(pk=globex.pk).update(parent=acme)
    acme.refresh_from_db()
    user = UserFactory()
    RoleGrantFactory(user=user, client=globex, role=Role.AUDITOR)

    assert may(user, Right.VIEW, acme)
    assert set(Client.objects.where(user, Right.VIEW)) == {acme, globex}


@pytest.mark.parametrize(("seconds", "counts"), [(-1, False), (3600, True)])
def test_a_role_ends_with_its_date(acme, seconds, counts):
    user = UserFactory()
    RoleGrantFactory(user=user, client=acme, role=Role.FINANCE_STAFF, until=timezone.now() + timedelta(seconds=seconds))

    assert may(user, Right.POST, acme) == counts
    assert user.has_perm(Right.POST.value, acme) == counts
    assert Client.objects.where(user, Right.POST).exists() == counts
    assert (user in who_may(Right.POST, acme)) == counts


def test_a_role_revoked_a_moment_ago_is_gone(acme, clerk, manager):
    assert may(clerk, Right.POST, acme)

    revoke_role(RoleGrant.objects.get(user=clerk).pk, by=manager, reason="left")

    assert not may(clerk, Right.POST, acme)
    with pytest.raises(NotThere):
        require(clerk, Right.VIEW, acme)


def test_somebody_who_has_left_may_nothing(acme, clerk, root):
    for user in (clerk, root):
        user.is_active = False
        user.save()

        assert not may(user, Right.VIEW, acme)
        assert not user.has_perm(Right.VIEW.value, acme)
        assert not Client.objects.where(user, Right.VIEW).exists()


def test_the_sentence_names_roles_and_people(acme, clerk, clerk2):
    assert who_may_sentence(Right.POST, acme) == (
        "Only Finance staff of Acme may do this. Ask Clerk Example, Clerk2 Example."
    )


def test_the_sentence_names_people_of_parents_and_leaves_out_who_has_left(acme, clerk, clerk2):
    clerk2.is_active = False
    clerk2.save()
    below = ClientFactory(slug="below", name="Below", parent=acme)

    assert who_may_sentence(Right.POST, below) == "Only Finance staff of Below may do this. Ask Clerk Example."


def test_the_sentence_says_what_to_do_when_nobody_may(acme):
    assert who_may_sentence(Right.HANDLE_QUEUE, acme) == (
        "Only Integration queue handler of Acme may do this, and nobody is yet: "
        "ask an Integration manager to grant the role."
    )


# granting -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("person", ["manager", "root"])
def test_a_manager_grants_every_role(acme, person, role, request):
    by = request.getfixturevalue(person)
    user = UserFactory(username="new")

    grant = grant_role(acme, user, role, by=by, reason="joined")

    assert (grant.user, grant.client, grant.role, grant.granted_by, grant.until) == (user, acme, role, by, None)
    line = Event.objects.get()
    assert (line.action, line.actor, line.client, line.reason) == ("grant_role", by, acme, "joined")
    assert line.after == {"person": "new", "role": role.value, "until": None}


@pytest.mark.parametrize("person", ["clerk", "handler", "auditor"])
def test_nobody_else_grants(acme, manager, person, request):
    by = request.getfixturevalue(person)
    user = UserFactory()
    before = RoomPicture()

    with pytest.raises(NotAllowed, match=r"Only Integration manager of Acme may do this\. Ask Manager Example\."):
        grant_role(acme, user, Role.AUDITOR, by=by)

    assert before.is_unchanged()


def test_a_manager_elsewhere_learns_nothing(acme, globex, manager):
    with pytest.raises(NotThere):
        grant_role(globex, UserFactory(), Role.AUDITOR, by=manager)


@pytest.mark.parametrize("role", Role)
def test_nobody_grants_to_themselves(acme, manager, root, role):
    before = RoomPicture()

    for by in (manager, root):
        with pytest.raises(NotAllowed, match="Nobody grants or revokes their own roles"):
            grant_role(acme, by, role, by=by)

    assert before.is_unchanged()


def test_nobody_revokes_their_own(acme, manager):
    before = RoomPicture()

    with pytest.raises(NotAllowed, match="Nobody grants or revokes their own roles"):
        revoke_role(RoleGrant.objects.get(user=manager).pk, by=manager)

    assert before.is_unchanged()


def test_who_may_grant_stands_above_all_so_that_nobody_grants_above_their_own():
    grantors = [role for role in Role if Right.GRANT_ROLES in RIGHTS_OF[role]]

    assert grantors == [max(Role, key=RANK.__getitem__)]


def test_a_manager_of_the_parent_grants_below(acme, manager):
    below = ClientFactory(slug="below", parent=acme)
    user = UserFactory()

    grant_role(below, user, Role.QUEUE_HANDLER, by=manager)

    assert may(user, Right.HANDLE_QUEUE, below)
    assert not may(user, Right.HANDLE_QUEUE, acme)


@pytest.mark.parametrize(
    ("values", "refusal", "sentence"),
    [
        ({"role": "boss"}, BadInput, "Choose one of the roles."),
        (
            {"role": "auditor", "until": timezone.now() - timedelta(seconds=1)},
            BadInput,
            "This time has passed: choose a later one, or none.",
        ),
        ({"role": "finance_staff"}, Conflict, "Clerk Example is Finance staff of Acme already."),
    ],
)
def test_what_cannot_be_granted_is_refused(acme, clerk, manager, values, refusal, sentence):
    before = RoomPicture()

    with pytest.raises(refusal) as said:
        grant_role(acme, clerk, by=manager, **values)

    assert str(said.value) == sentence
    assert before.is_unchanged()


def test_revoking_keeps_the_row_with_its_end(acme, clerk, manager):
    grant = revoke_role(RoleGrant.objects.get(user=clerk).pk, by=manager, reason="left")

    assert RoleGrant.objects.get(user=clerk).until == grant.until
    line = Event.objects.get()
    assert (line.action, line.reason, line.before["until"]) == ("revoke_role", "left", None)
    assert line.after == {"person": "clerk", "role": "finance_staff", "until": grant.until.isoformat()}


def test_revoking_twice_and_revoking_nothing_are_refused(acme, clerk, manager):
    grant = RoleGrant.objects.get(user=clerk)
    revoke_role(grant.pk, by=manager)
    before = RoomPicture()

    with pytest.raises(Conflict, match="This role has ended already"):
        revoke_role(grant.pk, by=manager)
    with pytest.raises(NotThere):
        revoke_role(999_999, by=manager)

    assert before.is_unchanged()


def test_a_role_may_be_granted_again_after_its_end(acme, clerk, manager):
    revoke_role(RoleGrant.objects.get(user=clerk).pk, by=manager)

    grant_role(acme, clerk, Role.FINANCE_STAFF, by=manager)

    assert may(clerk, Right.POST, acme)
