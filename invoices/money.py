"""Money: ISO 4217 codes, their minor units, and rounding to them.

Own table, because the usual library is wrong for thirteen currencies (docs: DEPENDENCIES). Everything not listed
under another number of digits has two.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

_TWO: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW "
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR "
    "ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV "
    "MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD "
    "SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NONE: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE: Final = "BHD IQD JOD KWD LYD OMR TND"
_FOUR: Final = "CLF UYW"
MINOR_UNITS: Final[dict[str, int]] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_NONE.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
    **dict.fromkeys(_FOUR.split(), 4),
}
ZERO: Final = Decimal(0)
LARGEST: Final = Decimal("99999999999.9999")  # what the columns hold


def is_currency(code: str) -> bool:
    """Say whether `code` is an ISO 4217 code in use, in capitals."""
    return code in MINOR_UNITS


def rounded(amount: Decimal, currency: str) -> Decimal:
    """Return `amount` rounded half up to the minor unit of `currency`; raises KeyError for an unknown code."""
    return amount.quantize(Decimal(1).scaleb(-MINOR_UNITS[currency]), rounding=ROUND_HALF_UP)


def is_exact(amount: Decimal, currency: str) -> bool:
    """Say whether `amount` has no digits below the minor unit of `currency`."""
    return amount == rounded(amount, currency)


def shown(amount: Decimal, currency: str) -> str:
    """Return `amount` as text with the digits of its currency, e.g. 10.90 for USD; no thousands separator."""
    return f"{rounded(amount, currency):f}"
