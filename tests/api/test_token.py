import pytest
from rest_framework.authtoken.models import Token

from invoices.api.views import TokenThrottle
from tests.api.person import ApiPerson


def test_is_given_for_name_and_password_and_opens_the_api(nobody, clerk):
    answer = nobody.post("token/", {"username": "clerk", "password": "demo"})

    token = answer.json()["token"]
    assert answer.json() == {"token": Token.objects.get(user=clerk).key}
    assert nobody.browser.get("/api/v1/invoices/", headers={"Authorization": f"Token {token}"}).status_code == 200


def test_stays_the_same(nobody, clerk):
    said = [nobody.post("token/", {"username": "clerk", "password": "demo"}).json() for _ in range(2)]

    assert said[0] == said[1]


@pytest.mark.parametrize(("name", "password"), [("clerk", "wrong"), ("nobody", "demo"), ("clerk", "")])
def test_wrong_names_and_wrong_passwords_look_alike(nobody, clerk, name, password):
    answer = nobody.post("token/", {"username": name, "password": password})

    assert answer.status_code == 401
    assert answer.json() == {"detail": "This name and password do not fit: check both, or ask your administrator."}
    assert not Token.objects.exists()


def test_is_refused_to_somebody_who_has_left(nobody, clerk):
    clerk.is_active = False
    clerk.save()

    assert nobody.post("token/", {"username": "clerk", "password": "demo"}).status_code == 401


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["password", "username"]),
        ({"username": "clerk", "password": "a\x00"}, ["password"]),
        ({"username": ["clerk"], "password": True}, ["password", "username"]),
        ({"username": "clerk", "password": "demo", "otp": "1"}, ["otp"]),
        ({"username": "clerk", "password": "x" * 5000}, ["password"]),
    ],
)
def test_a_bad_body_names_its_fields(nobody, clerk, body, fields):
    answer = nobody.post("token/", body)

    assert answer.status_code == 400
    assert sorted(answer.json()["fields"]) == fields


def test_too_many_wrong_passwords_lock_the_name_out(nobody, clerk, settings):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3

    codes = [nobody.post("token/", {"username": "clerk", "password": "wrong"}).status_code for _ in range(3)]
    right = nobody.post("token/", {"username": "clerk", "password": "demo"})

    assert codes == [401, 401, 429]
    assert right.status_code == 429
    assert right.json() == {"detail": "Too many wrong passwords: wait a quarter of an hour, then try again."}


def test_the_right_password_forgets_the_wrong_ones_before_it(nobody, clerk, settings):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3

    for _ in range(3):
        assert nobody.post("token/", {"username": "clerk", "password": "wrong"}).status_code == 401
        assert nobody.post("token/", {"username": "clerk", "password": "demo"}).status_code == 200


def test_is_throttled(nobody, clerk, monkeypatch):
    monkeypatch.setattr(TokenThrottle, "rate", "2/min")

    codes = [nobody.post("token/", {"username": "clerk", "password": "demo"}).status_code for _ in range(3)]

    assert codes == [200, 200, 429]


@pytest.mark.parametrize("header", ["Token nonsense", "Token", "Token a b", "Token \xff"])
def test_a_token_that_is_none_opens_nothing(db, header):
    answer = ApiPerson(None).browser.get("/api/v1/invoices/", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["detail"].endswith(".")


def test_a_person_who_has_left_is_refused_although_the_token_stands(as_, clerk):
    person = as_(clerk)
    clerk.is_active = False
    clerk.save()

    assert person.get("invoices/").status_code == 401
