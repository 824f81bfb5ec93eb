"""Bodies of just under 256 KiB: as much as possible of one thing, for the limits of CPU and memory."""

from cxmlgate.parsing import MAX_BYTES, MOST_NOTICES, MOST_SECRETS
from cxmlgate.redaction import HIDDEN
from tests.cxmlgate.hostile.making import GOOD, TEXT, declared
from tests.cxmlgate.messages import credential, message, money, notice

MOST = MOST_SECRETS - 1  # beside the right one


def full(unit, *, body=GOOD, before="<UserAgent>"):
    """The message with as many of `unit` as there is room for; "#" in it becomes a number of five digits."""
    room = (MAX_BYTES - len(body)) // len(unit.replace("#", "00000").encode())
    units = "".join(unit.replace("#", f"{n:05}") for n in range(room)) if "#" in unit else unit * room
    place = before.encode()
    assert place in body
    return body.replace(place, units.encode() + place, 1)


def secrets(*texts, fill):
    """The message with these wrong secrets before the right one, and full of `fill`."""
    sender = "".join(credential("x", text) for text in texts) + credential()
    return full(fill, body=message(sender=sender), before="</UserAgent>")


PARTS_OF_HIDDEN = sorted({HIDDEN[i:j] for i in range(len(HIDDEN)) for j in range(i + 4, len(HIDDEN) + 1)})
UTF16 = declared("UTF-16", TEXT.replace("ERP", "E" * 120_000)).encode("utf-16")

LARGEST = {
    "open tags": b"<a>" * (MAX_BYTES // 3),
    "levels": b"<cXML>" + b"<a>" * 37_000 + b"</a>" * 37_000 + b"</cXML>",
    "elements": full("<a/>"),
    "elements, as many as are read": full("<a/>", body=message(sender=credential() + "<a>text of its own</a>" * 9_900)),
    "siblings with texts of their own": full("<a>text #</a>"),
    "attributes": b"<cXML " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>",
    "attributes with texts of their own": b"<cXML "
    + b" ".join(b'a%05d="text %05d"' % (n, n) for n in range(12_000))
    + b"/>",
    "namespaces": b"<cXML " + b" ".join(b'xmlns:a%d="u"' % n for n in range(15_000)) + b"/>",
    "attribute of references": full("&#65;", before='" timestamp'),
    "text of entities": full("&amp;", before="</UserAgent>"),
    "text of references": full("&#x1F4A5;", before="</UserAgent>"),
    "text of text": full("E", before="</UserAgent>"),
    "text of line breaks": full("\r\n"),
    "text of escaped escapes": full("&amp;amp;", before="</UserAgent>"),
    "comments": full("<!---->"),
    "one comment": full("-x", before="-->", body=GOOD.replace(b"ERP", b"<!---->")),
    "comment of dashes": b"<cXML><!--" + b"-" * 200_000 + b"--></cXML>",
    "instructions": full("<?a?>"),
    "CDATA": full("<![CDATA[]]>"),
    "CDATA that does not end": GOOD.replace(b"ERP", b"<![CDATA[" + b"]" * 250_000),
    "brackets": full("[" * 10),
    "name of a tag": b"<" + b"a" * 250_000 + b"/>",
    "name that does not end": b"<" + b"a" * 250_000,
    "attribute that does not end": b'<cXML a="' + b"a" * 250_000,
    "type": message(type_="x" * 250_000),
    "payloadID": full("p", before='" timestamp'),
    "number": full("9", before='"/><Status'),
    "DOCTYPE": b'<!DOCTYPE cXML SYSTEM "' + b"x" * 250_000 + b'">' + GOOD,
    "DOCTYPE of DOCTYPEs": b'<!DOCTYPE cXML SYSTEM "' + b"<!DOCTYPE" * 27_000 + b'">' + GOOD,
    "entities": b"<!DOCTYPE cXML [" + b"".join(b'<!ENTITY a%d "x">' % n for n in range(10_000)) + b"]>" + GOOD,
    "entity that grows": b'<!DOCTYPE cXML [<!ENTITY a "'
    + b"x" * 120_000
    + b'">]><cXML>'
    + b"&a;" * 40_000
    + b"</cXML>",
    "UTF-16": UTF16,
    "UTF-16 with half a character": UTF16[:-1],
    "windows-1252": declared("windows-1252").encode().replace(b"ERP", b"\x80" * 250_000),
    "Identity": message(sender=credential("x" * 250_000)),
    "secret": message(sender=credential(secret="x" * 250_000)),
    "secret of references": message(sender=credential(secret="&amp;" * 50_000)),
    "Credentials, all alike": full(credential("x", "y"), before="<UserAgent>"),
    "Credentials with secrets of their own": full(credential("x", "secret #")),
    "secrets of their own": full("<secret>a secret #</secret>"),
    "Credentials without a secret": full("<Credential/>"),
    "secrets within one secret": full("<a>secret #</a>", before="</SharedSecret>"),
    "as many secrets as are searched for": secrets(*(f"secret {n}" for n in range(MOST)), fill="secret "),
    "short secrets in a text of them": secrets("aaaa", "aaaaa", "aaaaaa", "aaaaaaa", fill="a"),
    "secrets that stand in what replaces them": secrets("a" * 10, *PARTS_OF_HIDDEN[:MOST], fill="a"),
    "updates of unknown invoices": message(*[notice(number=f"N-{n}") for n in range(1_300)]),
    "updates that say nothing": message(*["<StatusUpdateRequest/>"] * 9_900),
    "as many updates as are taken, with 1 KB of Comments each": message(
        *[notice("processing", comments=f"<Comments>{'x' * 1_000}</Comments>")] * MOST_NOTICES
    ),
    "as many payments as are taken, and one too much": message(
        *[notice(partial=money("0.05"))] * (MOST_NOTICES - 1), notice(partial=money("9.99"))
    ),
    "as many payments as are taken, with wrong secrets and a long payloadID": full(
        "p",
        before='" timestamp',
        body=message(
            *[notice(partial=money("0.05"))] * MOST_NOTICES,
            sender=credential() + "".join(credential("x", f"secret {n}") for n in range(MOST)),
        ),
    ),
}
