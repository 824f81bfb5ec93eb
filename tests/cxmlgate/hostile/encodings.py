"""The same message in encodings that are not read, that lie, or that are odd and right."""

from tests.cxmlgate.conftest import MALFORMED
from tests.cxmlgate.hostile.making import GOOD, PAID, TEXT, declared, swap

UMLAUT = TEXT.replace("ERP", "Bürö")
DOCTYPE = '<!DOCTYPE cXML SYSTEM "x">'
# Named in the declaration, and no codec is asked to write them: the bytes are ASCII.
ONLY_DECLARED = (
    "klingon", "", " ", "utf-8\u00a0", "../../etc/passwd", "Shift_JIS", "GB2312", "GB18030", "Big5", "EUC-JP", "EUC-KR",
    "ISO-2022-JP", "HZ", "UTF-7", "UTF-32", "utf-8-sig", "idna", "punycode", "rot13", "zlib", "bz2", "hex", "base64",
    "uu", "quopri", "undefined", "mbcs", "cp037", "cp500", "cp1140", "unicode_escape",
    "raw_unicode_escape", "utf_8_sig", "latin-1\n", "x" * 10_000,
)  # fmt: skip
WRITTEN = {
    "UTF-7 in earnest": declared("UTF-7").encode("utf-7"),
    "UTF-7 with a mark": b"+/v8-" + TEXT.encode("utf-7"),
    "UTF-32 with a mark": declared("UTF-32").encode("utf-32"),
    "UTF-32 without a mark": declared("UTF-32").encode("utf-32-le"),
    "UTF-32 big-endian": declared("UTF-32").encode("utf-32-be"),
    "EBCDIC": declared("cp037").encode("cp037"),
    "EBCDIC of Europe": declared("cp500").encode("cp500"),
    "Shift_JIS in earnest": declared("Shift_JIS", TEXT.replace("ERP", "会計")).encode("shift_jis"),
    "GB2312 in earnest": declared("GB2312", TEXT.replace("ERP", "会计")).encode("gb2312"),
    "rot13 in earnest": TEXT.translate(str.maketrans("abcxyz", "nopklm")).encode()[1:],
    "UTF-16 said, UTF-8 sent": declared("UTF-16").encode(),
    "UTF-8 said, UTF-16 sent": declared("UTF-8").encode("utf-16"),
    "UTF-8 mark before UTF-16": b"\xef\xbb\xbf" + declared("UTF-16").encode("utf-16-le"),
    "UTF-16 mark before UTF-8": b"\xff\xfe" + GOOD,
    "two UTF-8 marks": b"\xef\xbb\xbf" * 2 + GOOD,
    "UTF-16 with half a character": declared("UTF-16").encode("utf-16")[:-1],
    "UTF-16 with a lone surrogate": declared("UTF-16", TEXT.replace("ERP", "\ud800")).encode("utf-16", "surrogatepass"),
    "UTF-16 from halfway on": GOOD[:200] + GOOD[200:].decode().encode("utf-16-le"),
    "undefined entity in UTF-16 beside a DOCTYPE": declared("UTF-16", DOCTYPE + TEXT.replace("0001", "0001&x;")).encode(
        "utf-16"
    ),
    "internal subset in UTF-16": declared("UTF-16", "<!DOCTYPE cXML []>" + TEXT).encode("utf-16"),
    "overlong UTF-8": swap("ERP", b"\xc0\xaf"),
    "overlong NUL": swap("ERP", b"\xc0\x80"),
    "overlong tag": swap("<Request>", b"\xc0\xbcRequest>"),
    "surrogate in UTF-8": swap("ERP", b"\xed\xa0\x80"),
    "pair of surrogates in UTF-8": swap("ERP", b"\xed\xa0\xbd\xed\xb8\x80"),
    "UTF-8 past Unicode": swap("ERP", b"\xf4\x90\x80\x80"),
    "five bytes of UTF-8": swap("ERP", b"\xf8\x88\x80\x80\x80"),
    "half a UTF-8 character": swap("ERP", b"\xe2\x82"),
    "noncharacter in UTF-8": swap("ERP", b"\xef\xbf\xbe"),
    "byte that is no UTF-8": swap("ERP", b"\xff"),
    "latin-1 without saying so": swap("ERP", b"\xe4"),
    "latin-1 said to be UTF-8": declared("UTF-8", UMLAUT).encode("latin-1"),
    "latin-1 said to be ASCII": declared("US-ASCII", UMLAUT).encode("latin-1"),
    "byte that windows-1252 lacks": swap("ERP", b"\x81", declared("windows-1252").encode()),
    "BOM of SCSU": b"\x0e\xfe\xff" + GOOD,
}

REFUSED = {f"{name!a:.30} declared": (declared(name).encode(), MALFORMED) for name in ONLY_DECLARED} | {
    name: (body, MALFORMED) for name, body in WRITTEN.items()
}

TAKEN = {
    name: (body, PAID)
    for name, body in {
        "UTF-8 with a mark": declared("utf-8").encode("utf-8-sig"),
        "UTF-16 with a mark": declared("UTF-16").encode("utf-16"),
        "UTF-16 big-endian with a mark": b"\xfe\xff" + declared("UTF-16").encode("utf-16-be"),
        "UTF-16 without a mark": declared("UTF-16").encode("utf-16-le"),
        "UTF-16 big-endian without a mark": declared("UTF-16").encode("utf-16-be"),
        "UTF-16 without a declaration": TEXT.encode("utf-16"),
        "UTF-16 with a DOCTYPE": declared("UTF-16", '<!DOCTYPE cXML SYSTEM "x.dtd">' + TEXT).encode("utf-16"),
        "ISO-8859-1": declared("ISO-8859-1", UMLAUT).encode("latin-1"),
        "ISO-8859-15": declared("ISO-8859-15", TEXT.replace("ERP", "€")).encode("iso8859-15"),
        "windows-1252": declared("windows-1252", TEXT.replace("ERP", "Bürö €")).encode("cp1252"),
        "KOI8-R": declared("KOI8-R", TEXT.replace("ERP", "ЕРП")).encode("koi8-r"),
        "US-ASCII": declared("US-ASCII").encode(),
        "UTF-8 said to be latin-1": declared("ISO-8859-1", UMLAUT).encode(),
        "emoji": swap("ERP", "😀 \u202e PRE"),
    }.items()
}
