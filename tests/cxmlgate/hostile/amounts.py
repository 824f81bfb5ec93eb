"""Amounts that Decimal would take, or that look like one; the invoice is over USD 10.99."""

from tests.cxmlgate.conftest import MALFORMED, PERMANENT
from tests.cxmlgate.hostile.making import DENIED, PAID, PARTLY
from tests.cxmlgate.messages import message, money

NO_AMOUNT = (
    "", " ", "NaN", "-NaN", "sNaN", "nan", "Infinity", "-Infinity", "inf", "∞", "1e1", "1E+1", "1.099e1",
    "1e999999", "1_0", "0x10", "0b1", "010e0", "10,99", "10.99,00", "1.0.99", "10..99", "10.", ".99", "10 .99",
    "1 0", "10\n.99", "+ 10.99", "- 10.99", "--1", "+-1", "10.99-", "(10.99)", "1/2", "10.99%", "$10.99",
    "10.99 USD", "USD 10.99", "１０.９９", "١٠.٩٩", "१०.९९", "¹0", "Ⅹ", "10。99", "10．99", "10٫99", "−10.99",
    "10.99\u200b", "\u00a010.99", "\u202f10.99", "10\u2009.99", "10.99l", "10.99\u0300", "ten", "true", "null",
    "None", "&lt;b&gt;", "' OR 1", "1" * 12, "9" * 400, "9" * 200_000, "0." + "9" * 400, "10.99001",
)  # fmt: skip
NOT_TO_BE_PAID = (
    "0", "0.00", "-0", "+0.0000", "-10.99", "-0.01", "11.00", "10.991", "10.9901", "10.995", "0.001", "0.0001",
    "0.009", "99999999999", "99999999999.9999",
)  # fmt: skip
CURRENCIES = (
    "",
    " ",
    "EUR",
    "usd",
    "Usd",
    "USD ",
    " USD",
    "US",
    "USDX",
    "ＵＳＤ",
    "$",
    "XXX",
    "840",
    "U\u200bSD",
    "U" * 100_000,
)
FORMS = {
    "empty PartialAmount": "<PartialAmount/>",
    "text in the PartialAmount": "<PartialAmount>10.99</PartialAmount>",
    "Money without a currency": "<PartialAmount><Money>10.99</Money></PartialAmount>",
    "currency as an element": "<PartialAmount><Money><currency>USD</currency>10.99</Money></PartialAmount>",
    "currency in capitals": '<PartialAmount><Money CURRENCY="USD">10.99</Money></PartialAmount>',
    "money in small letters": '<PartialAmount><money currency="USD">10.99</money></PartialAmount>',
    "amount in an attribute": '<PartialAmount><Money currency="USD" amount="10.99"/></PartialAmount>',
    "amount as an instruction": '<PartialAmount><Money currency="USD"><?a 10.99?></Money></PartialAmount>',
    "amount as a comment": '<PartialAmount><Money currency="USD"><!--10.99--></Money></PartialAmount>',
    "amount in the alternative alone": '<PartialAmount><Money currency="USD" alternateAmount="10.99"/></PartialAmount>',
}

REFUSED = (
    {f"amount: {amount!a:.40}": (message(partial=money(amount)), PERMANENT) for amount in (*NO_AMOUNT, *NOT_TO_BE_PAID)}
    | {f"currency: {unit!a:.40}": (message(partial=money("10.99", unit)), PERMANENT) for unit in CURRENCIES}
    | {f"amount: {name}": (message(partial=partial), PERMANENT) for name, partial in FORMS.items()}
    | {
        "amount: NUL": (message(partial=money("10.99&#0;")), MALFORMED),
        "amount: entity": (message(partial=money("&amount;")), MALFORMED),
    }
)

TAKEN = {
    f"amount: {name}": (message(partial=partial), effect)
    for name, (partial, effect) in {
        "all": (money("10.99"), PAID),
        "four decimals": (money("10.9900"), PAID),
        "one decimal": (money("4.9900"), PARTLY),
        "plus": (money("+10.99"), PAID),
        "zeros before": (money("00000010.99"), PAID),
        "blanks around": (money("\n\t 10.99 \r\n"), PAID),
        "blank by reference behind": (money("10.99&#10;"), PAID),
        "comment within": (money("10<!-- 5 -->.99"), PAID),
        "instruction within": (money("10<?x 5?>.99"), PAID),
        "in CDATA": (money("<![CDATA[10.99]]>"), PAID),
        "by references": (money("&#49;&#48;.99"), PAID),
        "alternative beside it": (
            money("4.99").replace("<Money ", '<Money alternateAmount="x" alternateCurrency="" '),
            PARTLY,
        ),
        "text around the Money": (money("4.99").replace("<Money ", "5.00<Money "), PARTLY),
    }.items()
} | {
    f"amount that does not count: {amount!a:.30}": (message(type_="rejected", partial=money(amount, "")), DENIED)
    for amount in ("0.00", "", "NaN", "9" * 400, "-1", "x")
}
