"""Roles, clients and people in the admin."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from invoices.models import Client, Event, RoleGrant
from invoices.roles import Role
from tests.factories import ClientFactory, RoleGrantFactory, UserFactory

ROLES = "admin:invoices_rolegrant_changelist"
GRANT = "admin:invoices_rolegrant_add"


def revoke_address(grant):
    return reverse("admin:invoices_rolegrant_revoke", args=[grant.pk])


def test_a_manager_grants_a_role(browser, acme, manager):
    newcomer = UserFactory(username="newcomer")
    until = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")

    answer = browser(manager).post(
        reverse(GRANT),
        {"client": acme.pk, "username": "newcomer", "role": "auditor", "until": until, "reason": "audit"},
    )

    grant = RoleGrant.objects.get(user=newcomer)
    assert answer.status_code == 302
    assert (grant.client, grant.role, grant.granted_by) == (acme, Role.AUDITOR, manager)
    assert Event.objects.get(action="grant_role").reason == "audit"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"username": "nobody-here", "role": "auditor"}, "username"),
        ({"username": "clerk", "role": "emperor"}, "role"),
        ({"username": "clerk", "role": "auditor", "until": "2020-01-01T00:00"}, "until"),
        ({"username": "clerk", "role": "finance_staff"}, "__all__"),
        ({"username": "manager", "role": "queue_handler"}, "__all__"),
    ],
)
def test_what_cannot_be_granted_is_said_at_its_field(browser, acme, clerk, manager, data, field):
    before = RoleGrant.objects.count()

    answer = browser(manager).post(reverse(GRANT), {"client": acme.pk, **data})

    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert RoleGrant.objects.count() == before


def test_nobody_grants_for_a_client_they_do_not_manage(browser, acme, globex, manager, clerk, stranger):
    answers = [
        browser(manager).post(reverse(GRANT), {"client": globex.pk, "username": "clerk", "role": "auditor"}),
        browser(clerk).post(reverse(GRANT), {"client": acme.pk, "username": "stranger", "role": "auditor"}),
        browser(clerk).get(reverse(GRANT)),
    ]

    assert [answer.status_code for answer in answers] == [400, 403, 403]
    assert not RoleGrant.objects.filter(role=Role.AUDITOR).exists()


def test_a_role_is_revoked_after_a_question(browser, acme, clerk, manager):
    grant = clerk.role_grants.get()

    asked = browser(manager).get(revoke_address(grant))
    still = RoleGrant.objects.get(pk=grant.pk).is_in_force
    done = browser(manager).post(revoke_address(grant), {"reason": "left"})

    assert asked.status_code == 200
    assert still
    assert done.status_code == 302
    assert not RoleGrant.objects.get(pk=grant.pk).is_in_force


def test_nobody_without_the_right_revokes(browser, acme, clerk, clerk2, manager, stranger):
    grant = clerk2.role_grants.get()

    answers = [browser(clerk).post(revoke_address(grant)), browser(stranger).post(revoke_address(grant))]
    own = browser(manager).post(revoke_address(manager.role_grants.get()))

    assert [answer.status_code for answer in answers] == [403, 404]
    assert own.status_code == 403
    assert RoleGrant.objects.get(pk=grant.pk).is_in_force
    assert manager.role_grants.get().is_in_force


def test_others_read_who_has_what(browser, acme, clerk, manager):
    text = browser(clerk).get(reverse(ROLES)).text

    assert "Manager Example" in text
    assert "Revoke" not in text
    assert reverse(GRANT) not in text


PATIENCE = {
    "submits_authorized_ach": "on",
    "preliminary_patience": "15",
    "final_patience": "15",
    "payment_patience": "14",
}


def test_only_superusers_change_clients_and_the_log_has_it(browser, acme, manager, clerk, root):
    address = reverse("admin:invoices_client_change", args=[acme.pk])
    data = {"name": "Acme & Co", "slug": "acme", "parent": "", "creates_counterparties": "", **PATIENCE}

    refused = browser(clerk).post(address, data)
    browser(manager).post(address, data)
    name_then = Client.objects.get(pk=acme.pk).name
    browser(root).post(address, data)

    event = Event.objects.get()
    assert refused.status_code == 403
    assert name_then == "Acme"
    assert (event.action, event.before["name"], event.after["name"]) == ("edit_client", "Acme", "Acme & Co")


def test_an_integration_manager_sets_the_preferences_of_their_own_client(browser, acme, globex, manager):
    data = {**PATIENCE, "final_patience": "45", "posts_again_by_itself": "on"}

    answer = browser(manager).post(reverse("admin:invoices_client_change", args=[acme.pk]), data)
    browser(manager).post(reverse("admin:invoices_client_change", args=[globex.pk]), data)

    acme.refresh_from_db()
    assert answer.status_code == 302
    assert (acme.final_patience, acme.posts_again_by_itself) == (45, True)
    assert Event.objects.get().action == "change_preferences"


def test_a_patience_that_makes_no_sense_changes_nothing(browser, acme, manager):
    data = {**PATIENCE, "final_patience": "45", "payment_patience": "0"}

    answer = browser(manager).post(reverse("admin:invoices_client_change", args=[acme.pk]), data)

    assert "greater than or equal to 1" in answer.text
    assert Client.objects.get(pk=acme.pk).final_patience == 15


def test_a_new_client_is_in_the_log(browser, root, manager):
    data = {"name": "Initech", "slug": "initech", "parent": "", **PATIENCE}

    refused = browser(manager).post(reverse("admin:invoices_client_add"), data)
    browser(root).post(reverse("admin:invoices_client_add"), data)

    assert refused.status_code == 403
    assert Event.objects.get().action == "add_client"
    assert Client.objects.filter(slug="initech").count() == 1


def test_clients_form_no_circle(browser, acme, root):
    below = ClientFactory(slug="below", parent=acme)

    answer = browser(root).post(
        reverse("admin:invoices_client_change", args=[acme.pk]), {"name": "Acme", "slug": "acme", "parent": below.pk}
    )

    assert "parent" in answer.context["adminform"].form.errors
    assert Client.objects.get(pk=acme.pk).parent is None


@pytest.mark.parametrize("address", ["auth_user_changelist", "auth_user_add"])
def test_model_permissions_open_no_page_of_people(browser, clerk, address):
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="auth"))

    answer = browser(User.objects.get(pk=clerk.pk)).get(reverse(f"admin:{address}"))

    assert answer.status_code == 403


def test_nobody_makes_themselves_a_superuser(browser, clerk):
    clerk.user_permissions.set(Permission.objects.all())
    address = reverse("admin:auth_user_change", args=[clerk.pk])

    answer = browser(clerk).post(address, {"username": "clerk", "is_superuser": "on", "is_staff": "on"})

    assert answer.status_code == 403
    assert not User.objects.get(pk=clerk.pk).is_superuser


def test_model_permissions_open_nothing_of_this_room(browser, acme):
    person = UserFactory(username="permitted")
    person.user_permissions.set(Permission.objects.filter(content_type__app_label="invoices"))
    RoleGrantFactory(user=person, client=acme, role=Role.AUDITOR, until=timezone.now())

    answers = [
        browser(person).get(reverse(f"admin:invoices_{name}_changelist")) for name in ("invoice", "event", "client")
    ]

    assert [answer.status_code for answer in answers] == [403] * 3


@pytest.mark.parametrize(
    ("model", "field", "status"),
    [("invoice", "client", 200), ("invoice", "counterparty", 200), ("rolegrant", "user", 403), ("event", "actor", 403)],
)
def test_the_stock_autocomplete_tells_nothing_of_others(browser, acme, stranger, model, field, status):
    query = {"app_label": "invoices", "model_name": model, "field_name": field, "term": ""}

    answer = browser(stranger).get(reverse("admin:autocomplete"), query)

    assert answer.status_code == status
    assert "Acme" not in answer.text
