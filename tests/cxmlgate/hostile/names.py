"""Numbers that are nearly an invoice's, types that are nearly one, payloadIDs and times of every kind."""

from tests.cxmlgate.conftest import MALFORMED, NOT_FOUND, PERMANENT
from tests.cxmlgate.hostile.making import GOOD, PAID, swap
from tests.cxmlgate.messages import message

NOBODYS = {
    "blank before": " INV-0001",
    "blank behind": "INV-0001 ",
    "tab behind": "INV-0001\t",
    "line break behind": "INV-0001\n",
    "line break by reference": "INV-0001&#10;",
    "carriage return by reference": "INV-0001&#13;",
    "no-break space behind": "INV-0001\u00a0",
    "zero-width space within": "INV-\u200b0001",
    "soft hyphen": "INV\u00ad-0001",
    "other hyphen": "INV‑0001",
    "full-width digits": "INV-０００１",
    "Arabic digits": "INV-٠٠٠١",
    "Cyrillic letter": "ІNV-0001",
    "letter O for a zero": "INV-O001",
    "small letters": "inv-0001",
    "Turkish i": "\u0131nv-0001",
    "zero less": "INV-001",
    "zero more": "INV-00001",
    "first half": "INV-000",
    "one more behind": "INV-00011",
    "SQL wildcard": "INV-%",
    "SQL single wildcard": "INV-000_",
    "shell wildcard": "INV-*",
    "regular expression": "^INV-.*$",
    "SQL that is always true": "' OR '1'='1",
    "SQL that deletes": "INV-0001'; DELETE FROM invoices_invoice; --",
    "SQL of a union": "x' UNION SELECT secret_hash FROM cxmlgate_gatesettings --",
    "SQL comment behind": "INV-0001'--",
    "HTML": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "end of the answer": "]]&gt;&lt;/Status&gt;&lt;Status code=&quot;200&quot;/&gt;",
    "format of Python": "%(number)s %s {0.__class__}",
    "template of Django": "{{ settings.SECRET_KEY }}{% debug %}",
    "path": "../../etc/passwd",
    "header": "INV-0001&#13;&#10;X-Evil: 1",
    "two numbers": "INV-0001,INV-0002",
    "two numbers with a blank": "INV-0001 INV-0002",
    "None": "None",
    "null": "null",
    "key of the row": "1",
    "blank alone": " ",
    "other client's number": "G-1",
    "emoji": "INV-😀",
    "accents in two ways": "INV-a\u0308",
    "right to left": "\u202e1000-VNI",
    "replacement character": "INV-\ufffd",
    "end of the plane": "INV-\U0010fffd",
    "10,000 characters": "INV-0001" * 1_250,
    "200,000 characters": "9" * 200_000,
}
NO_TYPE = {
    "empty type": "",
    "blank before the type": " paid",
    "blank behind the type": "paid ",
    "line break behind the type": "paid&#10;",
    "type with a capital": "Paid",
    "type in capitals": "PAID",
    "full-width type": "ｐａｉｄ",
    "Cyrillic letter in the type": "pаid",
    "two types": "paid,rejected",
    "two types with a blank": "paid rejected",
    "canceled": "canceled",
    "cancelled": "cancelled",
    "a status of ours": "ok_to_pay",
    "update of ours": "noted",
    "hyphen for an underscore": "processing-payment",
    "dunder": "__class__",
    "HTML as the type": "&lt;b&gt;",
    "format as the type": "%(known)s%n",
    "long type": "x" * 200_000,
}
PAYLOAD_IDS = {
    "empty": "",
    "blanks": "   ",
    "of one digit": "0",
    "null": "null",
    "None": "None",
    "undefined": "undefined",
    "line breaks": "a&#10;b&#13;c&#9;d",
    "100,000 characters": "p" * 100_000,
    "of the invoice": "INV-0001",
    "HTML": "&lt;script&gt;",
    "SQL": "' OR 1=1 --",
    "emoji": "😀" * 300,
    "right to left": "\u202eabc",
    "blanks around it": " p-1 ",
}
TIMES = (
    "", " ", "now", "2026-13-45T99:99:99+99:99", "9999-12-31T23:59:59-14:00", "0000-00-00T00:00:00Z",
    "2021-07-T07:36:31", "2019-08-015T16:34:28-07:00", "2021-10-11T14:59:02 +00:00", "2021-10-11T14:59:02-CST", "1e400",
    "-1", "1970-01-01", "２０２６-01-01T00:00:00Z", "NaN", "&#10;", "x" * 100_000,
)  # fmt: skip
STAMP = ' timestamp="2026-11-02T10:00:00+00:00"'

REFUSED = (
    {f"number: {name}": (message(number=number), NOT_FOUND) for name, number in NOBODYS.items()}
    | {f"type: {name}": (message(type_=type_), PERMANENT) for name, type_ in NO_TYPE.items()}
    | {
        "number: empty": (message(number=""), PERMANENT),
        "number: NUL by reference": (message(number="INV-0001&#0;"), MALFORMED),
        "number: noncharacter": (message(number="INV-0001&#xFFFF;"), MALFORMED),
        "number: quote": (message(number='INV-0001" payloadID="'), MALFORMED),
        "type: none": (swap(' type="paid"', ""), PERMANENT),
        "payloadID: none, and no number": (
            swap(' payloadID="p-1"', "", message(number=None)),
            PERMANENT,
        ),
    }
)

TAKEN = (
    {f"payloadID: {name}": (message(payload_id=name_), PAID) for name, name_ in PAYLOAD_IDS.items()}
    | {f"timestamp: {time!a:.30}": (message(timestamp=time), PAID) for time in TIMES}
    | {
        "payloadID: none": (swap(' payloadID="p-1"', ""), PAID),
        "timestamp: none": (swap(STAMP, ""), PAID),
        "payloadID and timestamp: none": (swap(' payloadID="p-1"', "", swap(STAMP, "")), PAID),
        "number: by references": (GOOD.replace(b"INV-0001", b"&#73;&#x4E;V&#45;0001"), PAID),
        "number: in single quotes": (swap('"INV-0001"', "'INV-0001'"), PAID),
        "number: beside one in other letters": (
            swap('payloadID="INV-0001"', 'payloadID="INV-0001" PayloadID="X"'),
            PAID,
        ),
    }
)
