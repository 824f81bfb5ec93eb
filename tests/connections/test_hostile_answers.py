"""What an ERP says that cannot be kept, or should not be: nothing of it breaks delivery."""

from decimal import Decimal

import pytest

from integrations.erps.contract import Booking, ErpError, ErrorKind, Stage

GOOD = {
    "remote_id": "1",
    "voucher": "P-1",
    "posting_date": None,
    "stage": Stage.FINAL,
    "number": "INV-1",
    "party_code": "SUP-1",
    "currency": "USD",
    "total": Decimal("10.99"),
    "balance": Decimal("10.99"),
}


@pytest.mark.parametrize(
    "odd",
    [
        {"voucher": "V" * 61},
        {"voucher": "V\x00"},
        {"voucher": "V\ud800"},
        {"remote_id": "1" * 101},
        {"party_code": "S" * 41},
        {"currency": "DOLLAR"},
        {"url": "h" * 501},
        {"total": Decimal("NaN")},
        {"balance": Decimal("1e400")},
    ],
)
def test_a_booking_that_cannot_be_kept_is_uncertain(odd):
    with pytest.raises(ErpError) as error:
        Booking(**{**GOOD, **odd})

    assert error.value.kind is ErrorKind.UNCERTAIN


def test_a_booking_as_it_should_be_is_taken():
    assert Booking(**GOOD).voucher == "P-1"
