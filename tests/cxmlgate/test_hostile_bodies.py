"""Bodies that somebody made to hurt: each has its answer, and none changes anything."""

import encodings.aliases
import gzip
import time
import zlib

import pytest

from cxmlgate.errors import GateRefusal, Malformed
from cxmlgate.parsing import MAX_BYTES, Document, parse
from tests.cxmlgate.conftest import MALFORMED, OK, PERMANENT, everything, send
from tests.cxmlgate.messages import SAMPLE, credential, message, money, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]

GOOD = message()
TEXT = GOOD.decode()


def with_doctype(doctype, inner="INV-0001"):
    return (doctype + TEXT.replace("INV-0001", inner)).encode()


def declared(encoding, body=TEXT):
    return f'<?xml version="1.0" encoding="{encoding}"?>{body}'


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
BODIES = {
    # not XML
    "nothing": (b"", MALFORMED),
    "blanks": (b" \r\n", MALFORMED),
    "word": (b"hello", MALFORMED),
    "json": (b'{"status": "paid"}', MALFORMED),
    "form": (b"xml=%3CcXML%2F%3E&csrfmiddlewaretoken=x", MALFORMED),
    "nul bytes": (b"\0" * 100, MALFORMED),
    "random bytes": (bytes(range(256)), MALFORMED),
    "gzip": (gzip.compress(GOOD), MALFORMED),
    "deflate": (zlib.compress(GOOD), MALFORMED),
    "html": (b"<!DOCTYPE html><html><body><p>x<br></body></html>", MALFORMED),
    "only a declaration": (b'<?xml version="1.0"?>', MALFORMED),
    "only a doctype": (b"<!DOCTYPE cXML>", MALFORMED),
    # broken XML
    "cut off": (GOOD[:-10], MALFORMED),
    "cut off in the secret": (GOOD[: GOOD.index(b"cadabra")], MALFORMED),
    "two roots": (GOOD + GOOD, MALFORMED),
    "text after the root": (GOOD + b"x", MALFORMED),
    "text before the declaration": (b"x" + SAMPLE, MALFORMED),
    "blank before the declaration": (b"\n" + SAMPLE, MALFORMED),
    "crossed tags": (GOOD.replace(b"</Header>", b"</Sender>"), MALFORMED),
    "same attribute twice": (GOOD.replace(b'<cXML payloadID="p-1"', b'<cXML payloadID="a" payloadID="b"'), MALFORMED),
    "bare ampersand": (GOOD.replace(b"ERP", b"A&B"), MALFORMED),
    "undefined entity": (GOOD.replace(b"ERP", b"&nbsp;"), MALFORMED),
    "undefined entity with a doctype": (with_doctype('<!DOCTYPE cXML SYSTEM "x.dtd">', "&inv;"), MALFORMED),
    "NUL in the text": (GOOD.replace(b"ERP", b"\0"), MALFORMED),
    "control character": (GOOD.replace(b"ERP", b"\x01"), MALFORMED),
    "reference to NUL": (GOOD.replace(b"ERP", b"&#0;"), MALFORMED),
    "reference to a surrogate": (GOOD.replace(b"ERP", b"&#xD800;"), MALFORMED),
    "overlong UTF-8": (GOOD.replace(b"ERP", b"\xc0\xaf"), MALFORMED),
    "surrogate in UTF-8": (GOOD.replace(b"ERP", b"\xed\xa0\x80"), MALFORMED),
    "latin-1 without saying so": (GOOD.replace(b"ERP", b"\xe4"), MALFORMED),
    "undefined entity in an attribute": (GOOD.replace(b"INV-0001", b"INV-0001&x;"), MALFORMED),
    "undefined entity in an attribute beside a DOCTYPE": (SAMPLE.replace(b"INV-0001", b"INV-0001&x;"), MALFORMED),
    "undefined entity in an attribute beside a UTF-16 DOCTYPE": (
        declared("UTF-16", '<!DOCTYPE cXML SYSTEM "x">' + TEXT.replace("INV-0001", "INV-0001&x;")).encode("utf-16"),
        MALFORMED,
    ),
    "two DOCTYPEs": (b'<!DOCTYPE cXML SYSTEM "x"><!DOCTYPE cXML SYSTEM "x">' + GOOD, MALFORMED),
    "DOCTYPE within a DOCTYPE": (b'<!DOCTYPE cXML SYSTEM "<!DOCTYPE">' + GOOD, MALFORMED),
    "unbound prefix": (GOOD.replace(b"cXML", b"x:cXML"), MALFORMED),
    # entities and DTDs
    "billion laughs": (
        with_doctype(f'<!DOCTYPE cXML [<!ENTITY l0 "lol">{LAUGHS}]>', "&l9;"),
        MALFORMED,
    ),
    "quadratic blow-up": (with_doctype(f'<!DOCTYPE cXML [<!ENTITY a "{"A" * 50_000}">]>', "&a;" * 1000), MALFORMED),
    "file by entity": (with_doctype('<!DOCTYPE cXML [<!ENTITY f SYSTEM "file:///etc/passwd">]>', "&f;"), MALFORMED),
    "address by entity": (with_doctype('<!DOCTYPE cXML [<!ENTITY h SYSTEM "http://127.0.0.1:1/">]>', "&h;"), MALFORMED),
    "parameter entity": (with_doctype('<!DOCTYPE cXML [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]>'), MALFORMED),
    "attribute default": (
        with_doctype('<!DOCTYPE cXML [<!ATTLIST InvoiceStatus type CDATA "paid">]>').replace(b' type="paid"', b""),
        MALFORMED,
    ),
    "empty internal subset": (with_doctype("<!DOCTYPE cXML []>"), MALFORMED),
    "internal subset beside an external id": (with_doctype('<!DOCTYPE cXML SYSTEM "x.dtd" [ ]>'), MALFORMED),
    "notation": (with_doctype('<!DOCTYPE cXML [<!NOTATION n SYSTEM "x">]>'), MALFORMED),
    # encodings
    "unknown encoding": (declared("klingon").encode(), MALFORMED),
    "Shift_JIS": (declared("Shift_JIS").encode(), MALFORMED),
    "GB2312": (declared("GB2312").encode(), MALFORMED),
    "EUC-JP": (declared("EUC-JP").encode(), MALFORMED),
    "UTF-7": (declared("UTF-7").encode(), MALFORMED),
    "UTF-32": (declared("UTF-32").encode("utf-32"), MALFORMED),
    "idna": (declared("idna").encode(), MALFORMED),
    "rot13": (declared("rot13").encode(), MALFORMED),
    "zlib": (declared("zlib").encode(), MALFORMED),
    "UTF-16 said, UTF-8 sent": (declared("UTF-16").encode(), MALFORMED),
    "UTF-8 said, UTF-16 sent": (declared("UTF-8").encode("utf-16"), MALFORMED),
    # size
    "5000 levels": (b"<cXML>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</cXML>", MALFORMED),
    "65 levels": (GOOD.replace(b"<Request>", b"<Request>" + b"<a>" * 65 + b"</a>" * 65), MALFORMED),
    "50,000 elements": (GOOD.replace(b"<Request>", b"<Request>" + b"<a/>" * 50_000), MALFORMED),
    "more than 256 KiB": (GOOD.replace(b"ERP", b"E" * MAX_BYTES), PERMANENT),
    "a megabyte of open tags": (b"<a>" * 500_000, PERMANENT),
    # well-formed, and not what we take
    "other root": (b"<html/>", PERMANENT),
    "wrapped in SOAP": (b'<s:Envelope xmlns:s="urn:s"><s:Body>' + GOOD + b"</s:Body></s:Envelope>", PERMANENT),
    "wrapped in a payload": (b"<Combined><Payload>" + GOOD + b"</Payload></Combined>", PERMANENT),
    "in a namespace": (GOOD.replace(b"<cXML ", b'<cXML xmlns="urn:x" '), PERMANENT),
    "empty cXML": (b"<cXML/>", PERMANENT),
    "no Header": (b"<cXML><Request/></cXML>", PERMANENT),
    "no Sender": (b"<cXML><Header/><Request/></cXML>", PERMANENT),
    "no Request": (GOOD[: GOOD.index(b"<Request>")] + b"</cXML>", PERMANENT),
    "empty Request": (GOOD.replace(notice().encode(), b""), PERMANENT),
    "Response": (GOOD.replace(b"Request>", b"Response>"), PERMANENT),
    "two Requests": (GOOD.replace(b"</cXML>", f"<Request>{notice('rejected')}</Request></cXML>".encode()), PERMANENT),
    "two Headers": (GOOD.replace(b"<Request>", b"<Header/><Request>"), PERMANENT),
    "two Senders": (
        GOOD.replace(b"</Header>", f"<Sender>{credential()}</Sender></Header>".encode()),
        PERMANENT,
    ),
    "two SharedSecrets": (
        GOOD.replace(b"</SharedSecret>", b"</SharedSecret><SharedSecret>x</SharedSecret>"),
        PERMANENT,
    ),
    "two Identities": (
        GOOD.replace(b"<SharedSecret>", b"<Identity>jill@buyerorg.com</Identity><SharedSecret>"),
        PERMANENT,
    ),
    "two InvoiceStatus": (
        GOOD.replace(b"</StatusUpdateRequest>", b'<InvoiceStatus type="rejected"/></StatusUpdateRequest>'),
        PERMANENT,
    ),
    "two DocumentReferences": (
        GOOD.replace(b"<StatusUpdateRequest>", b'<StatusUpdateRequest><DocumentReference payloadID="X"/>'),
        PERMANENT,
    ),
    "two Status": (GOOD.replace(b"<InvoiceStatus", b'<Status code="200" text=""/><InvoiceStatus'), PERMANENT),
    "two PartialAmounts": (message(partial=money("1.00") + money("2.00")), PERMANENT),
    "two Money": (
        message(partial=money("1.00").replace("</Money>", '</Money><Money currency="USD">2</Money>')),
        PERMANENT,
    ),
    "two InvoiceIDInfo": (
        message(partial='<InvoiceIDInfo invoiceID="A"/><InvoiceIDInfo invoiceID="B"/>'),
        PERMANENT,
    ),
    "Money around an element": (message(partial=money("1<b/>0")), PERMANENT),
    "no InvoiceStatus": (
        GOOD.replace(b'<InvoiceStatus type="paid"></InvoiceStatus>', b""),
        PERMANENT,
    ),
    "no type": (GOOD.replace(b' type="paid"', b""), PERMANENT),
    "type in capitals as an element": (GOOD.replace(b"InvoiceStatus", b"INVOICESTATUS"), PERMANENT),
    "notice beside another request": (message(notice(), "<ProfileRequest/>"), PERMANENT),
    "include": (
        message('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'),
        PERMANENT,
    ),
    "very long type": (message(type_="x" * 100_000), PERMANENT),
    "100,000 characters of currency": (message(partial=money("1.00", "U" * 100_000)), PERMANENT),
    "many credentials, the right one far behind": (message(sender=credential("x") * 500 + credential()), PERMANENT),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_has_its_answer_and_changes_nothing(invoice, name):
    body, verdict = BODIES[name]
    before = everything()

    reply = send(body)

    assert reply.verdict == verdict
    assert everything() == before
    assert b"root:" not in reply.body


ODD_BUT_RIGHT = {
    "UTF-8 with a mark": declared("utf-8").encode("utf-8-sig"),
    "UTF-16 with a mark": declared("UTF-16").encode("utf-16"),
    "UTF-16 big-endian with a mark": b"\xfe\xff" + declared("UTF-16").encode("utf-16-be"),
    "ISO-8859-1": declared("ISO-8859-1", TEXT.replace("ERP", "Bürö")).encode("latin-1"),
    "windows-1252": declared("windows-1252", TEXT.replace("ERP", "Bürö €")).encode("cp1252"),
    "US-ASCII": declared("US-ASCII").encode(),
    "single quotes and standalone": f"<?xml version='1.0' encoding='UTF-8' standalone='no'?>{TEXT}".encode(),
    "DOCTYPE with an address": with_doctype('<!DOCTYPE cXML SYSTEM "http://127.0.0.1:1/cXML.dtd">'),
    "DOCTYPE with a public id": with_doctype('<!DOCTYPE cXML PUBLIC "-//x" "file:///etc/passwd">'),
    "DOCTYPE without an id": with_doctype("<!DOCTYPE cXML>"),
    "processing instruction": GOOD.replace(b"<Header>", b'<?php system("x") ?><Header>'),
    "stylesheet": b'<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>' + GOOD,
    "XML 1.1": b'<?xml version="1.1"?>' + GOOD,
    "UTF-16 with a DOCTYPE": declared("UTF-16", '<!DOCTYPE cXML SYSTEM "x.dtd">' + TEXT).encode("utf-16"),
    "DOCTYPE after a comment about one": b"<!-- <!DOCTYPE html> -->\n<!DOCTYPE\ncXML SYSTEM 'x'\n>" + GOOD,
    "trailing blanks": GOOD + b"\t\t\n",
    "CDATA": GOOD.replace(b"ERP", b"<![CDATA[<&>]]>"),
    "no timestamp": GOOD.replace(b' timestamp="2026-11-02T10:00:00+00:00"', b""),
    "impossible timestamp": GOOD.replace(b"2026-11-02T10:00:00+00:00", b"9999-12-31T23:59:59-14:00"),
    "no day in the timestamp": GOOD.replace(b"2026-11-02T10:00:00+00:00", b"2021-07-T07:36:31"),
    "no payloadID": GOOD.replace(b' payloadID="p-1"', b""),
    "line breaks in the payloadID": GOOD.replace(b"p-1", b"a&#10;b"),
    "5 KB of comments": message(comments=f"<Comments>{'x' * 5000}<Attachment/></Comments>"),
    "extrinsics": GOOD.replace(
        b"</StatusUpdateRequest>", b'<Extrinsic name="a"/><Extrinsic name="a"/></StatusUpdateRequest>'
    ),
    "identity with an element": message(sender=credential("x<IdReference/>") + credential()),
}


@pytest.mark.parametrize("name", ODD_BUT_RIGHT)
def test_odd_but_right_body_is_taken(invoice, name):
    assert send(ODD_BUT_RIGHT[name]).verdict == OK


@pytest.mark.parametrize("encoding", sorted(set(encodings.aliases.aliases.values())))
def test_every_encoding_that_python_knows_is_read_or_malformed(encoding):
    raw = declared(encoding).encode()

    try:
        outcome = parse(raw)
    except GateRefusal as refusal:
        outcome = refusal

    assert isinstance(outcome, Document | Malformed)


@pytest.mark.parametrize(
    "body",
    [
        b"<cXML " + b" ".join(b'a%d="1"' % n for n in range(20_000)) + b"/>",
        b"<cXML>" + b"&amp;" * 50_000 + b"</cXML>",
        b"<" + b"a" * 250_000 + b"/>",
        b"<cXML><!--" + b"-" * 200_000 + b"--></cXML>",
        message(*[notice(number=f"N-{n}") for n in range(900)]),
    ],
    ids=["attributes", "references", "long name", "dashes", "900 updates"],
)
def test_largest_body_is_answered_in_time(invoice, body):
    assert len(body) < MAX_BYTES
    started = time.monotonic()

    reply = send(body)

    assert reply.code in (400, 402, 403)
    assert time.monotonic() - started < 5
