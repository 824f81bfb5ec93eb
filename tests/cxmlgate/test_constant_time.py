"""The time of a comparison tells nothing about what was compared."""

import sys

import pytest

from cxmlgate.actions import configure_gate
from cxmlgate.credentials import NO_KEYS, Credential, Keys, find_sender, hash_secret, is_secret_of
from tests.cxmlgate.conftest import OK, PERMANENT, book, send
from tests.cxmlgate.messages import credential, message

SECRET, IDENTITY = "äbrücädäbrä-ß", "jäck@buyerorg.com"


def keys(*secrets):
    return Keys(1, IDENTITY, tuple(hash_secret(secret, 1) for secret in secrets))


def comparisons(act):
    """Return how many comparisons take the same time whatever is compared."""
    found = []

    def notice(frame, event, argument):
        if event == "c_call" and argument.__name__ == "compare_digest":
            found.append(argument)

    sys.setprofile(notice)
    try:
        act()
    finally:
        sys.setprofile(None)
    return len(found)


@pytest.mark.parametrize(
    ("identity", "secret"),
    [
        (IDENTITY, SECRET),
        (IDENTITY, SECRET[:-1]),
        (IDENTITY, "x" + SECRET[1:]),
        (IDENTITY, ""),
        (IDENTITY, None),
        ("jack@buyerorg.com", SECRET),
        ("", ""),
        ("x" * 100_000, "x" * 100_000),
    ],
)
def test_identity_and_secret_are_both_compared_whatever_is_wrong(identity, secret):
    sent = [Credential(identity, secret)]

    assert comparisons(lambda: find_sender(sent, keys(SECRET))) == 2
    assert comparisons(lambda: find_sender(sent, NO_KEYS)) == 2
    assert comparisons(lambda: find_sender(sent, keys("another secret", SECRET))) == 3


def test_all_credentials_are_compared_even_after_one_that_matches():
    sent = [Credential(IDENTITY, SECRET), Credential("b", "c"), Credential("d", None)]

    assert find_sender(sent, keys(SECRET)) == IDENTITY
    assert comparisons(lambda: find_sender(sent, keys(SECRET))) == 6


def test_words_elsewhere_are_compared_so_too():
    assert comparisons(lambda: is_secret_of("äbrücädäbrä", keys(SECRET))) == 1


@pytest.mark.django_db
@pytest.mark.urls("cxmlgate.urls")
@pytest.mark.parametrize(
    ("identity", "secret", "verdict"),
    [
        (IDENTITY, SECRET, OK),
        (IDENTITY, "äbrücädäbrä-s", PERMANENT),
        (IDENTITY, "a\u0308bru\u0308ca\u0308da\u0308bra\u0308-ß", PERMANENT),  # looks the same
        ("ja\u0308ck@buyerorg.com", SECRET, PERMANENT),
        ("jack@buyerorg.com", "abrucadabra-ss", PERMANENT),
        ("\U0001f600", "\U0001f600" * 10, PERMANENT),
    ],
)
def test_letters_beyond_ascii_are_compared_byte_by_byte(acme, identity, secret, verdict):
    configure_gate(acme, by=None, enabled=True, identity=IDENTITY, secret=SECRET)
    book(acme)

    assert send(message(sender=credential(identity, secret))).verdict == verdict
