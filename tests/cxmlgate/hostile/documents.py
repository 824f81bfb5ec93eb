"""What is no XML, is broken XML, or wants more than to be read: entities, DTDs, includes, instructions."""

import bz2
import gzip
import zlib

from tests.cxmlgate.conftest import MALFORMED, PERMANENT
from tests.cxmlgate.hostile.making import GOOD, PAID, TEXT, beside, swap, with_doctype
from tests.cxmlgate.messages import SAMPLE, message

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
HTTP = "http://127.0.0.1:1/"
FILE = "file:///etc/passwd"
INCLUDE = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'

NO_XML = {
    "nothing": b"",
    "blanks": b" \r\n",
    "word": b"hello",
    "json": b'{"status": "paid"}',
    "form": b"xml=%3CcXML%2F%3E&csrfmiddlewaretoken=x",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="xml"\r\n\r\n' + GOOD + b"\r\n--x--\r\n",
    "percent-encoded": TEXT.replace("<", "%3C").replace(">", "%3E").encode(),
    "html escaped": TEXT.replace("<", "&lt;").encode(),
    "html": b"<!DOCTYPE html><html><body><p>x<br></body></html>",
    "NUL bytes": b"\0" * 100,
    "all bytes": bytes(range(256)),
    "gzip": gzip.compress(GOOD),
    "deflate": zlib.compress(GOOD),
    "bare deflate": zlib.compress(GOOD, wbits=-15),
    "bzip2": bz2.compress(GOOD),
    "zip": b"PK\x03\x04" + GOOD,
    "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "only a declaration": b'<?xml version="1.0"?>',
    "only a DOCTYPE": b"<!DOCTYPE cXML>",
    "only a comment": b"<!-- cXML -->",
    "only an instruction": b"<?cXML paid?>",
}
BROKEN = {
    "cut off": GOOD[:-10],
    "cut off in the secret": GOOD[: GOOD.index(b"cadabra")],
    "cut off in a tag": GOOD[: GOOD.index(b"Status code")],
    "two roots": GOOD + GOOD,
    "text after the root": GOOD + b"x",
    "NUL after the root": GOOD + b"\0",
    "text before the declaration": b"x" + SAMPLE,
    "blank before the declaration": b"\n" + SAMPLE,
    "two declarations": b'<?xml version="1.0"?><?xml version="1.0"?>' + GOOD,
    "declaration without a version": b'<?xml encoding="utf-8"?>' + GOOD,
    "crossed tags": swap("</Header>", "</Sender>"),
    "same attribute twice": swap('payloadID="p-1"', 'payloadID="a" payloadID="b"'),
    "attribute without quotes": swap('type="paid"', "type=paid"),
    "attribute without a value": swap('type="paid"', "type"),
    "tag in an attribute": swap('"INV-0001"', '"INV-<b/>0001"'),
    "bare ampersand": swap("ERP", "A&B"),
    "CDATA that does not end": swap("ERP", "<![CDATA["),
    "end of CDATA in text": swap("ERP", "]]>"),
    "two dashes in a comment": swap("ERP", "<!-- a -- b -->"),
    "comment that does not end": beside("<!--", "<Request>"),
    "undefined entity": swap("ERP", "&nbsp;"),
    "undefined entity with a DOCTYPE": with_doctype('<!DOCTYPE cXML SYSTEM "x.dtd">', "&inv;"),
    "undefined entity in an attribute": swap("INV-0001", "INV-0001&x;"),
    "undefined entity in an attribute beside a DOCTYPE": swap("INV-0001", "INV-0001&x;", SAMPLE),
    "undefined entity in the payloadID beside a DOCTYPE": swap("999732868377", "&x;999732868377", SAMPLE),
    "control character": swap("ERP", "\x01"),
    "NUL in the text": swap("ERP", "\0"),
    "NUL in the number": swap("INV-0001", "INV-0001\0"),
    "reference to NUL": swap("ERP", "&#0;"),
    "reference to a control character": swap("INV-0001", "INV-0001&#8;"),
    "reference to a surrogate": swap("ERP", "&#xD800;"),
    "reference to a pair of surrogates": swap("ERP", "&#xD83D;&#xDE00;"),
    "reference to a noncharacter": swap("ERP", "&#xFFFE;"),
    "reference past Unicode": swap("ERP", "&#x110000;"),
    "reference with 400 digits": swap("ERP", f"&#{'9' * 400};"),
    "reference with full-width digits": swap("ERP", "&#６５;"),
    "unbound prefix": swap("<cXML ", "<x:cXML ").replace(b"</cXML>", b"</x:cXML>"),
}
DTDS = {
    "billion laughs": with_doctype(f'<!DOCTYPE cXML [<!ENTITY l0 "lol">{LAUGHS}]>', "&l9;"),
    "billion laughs in an attribute default": with_doctype(
        f'<!DOCTYPE cXML [<!ENTITY l0 "lol">{LAUGHS}<!ATTLIST cXML x CDATA "&l9;">]>'
    ),
    "quadratic blow-up": with_doctype(f'<!DOCTYPE cXML [<!ENTITY a "{"A" * 50_000}">]>', "&a;" * 1000),
    "entity of itself": with_doctype('<!DOCTYPE cXML [<!ENTITY a "&a;">]>', "&a;"),
    "harmless entity": with_doctype('<!DOCTYPE cXML [<!ENTITY inv "INV-0001">]>', "&inv;"),
    "entity nobody uses": with_doctype('<!DOCTYPE cXML [<!ENTITY inv "INV-0001">]>'),
    "predefined entity defined anew": with_doctype('<!DOCTYPE cXML [<!ENTITY lt "&#38;#60;">]>'),
    "file by entity": with_doctype(f'<!DOCTYPE cXML [<!ENTITY f SYSTEM "{FILE}">]>', "&f;"),
    "file by public entity": with_doctype(f'<!DOCTYPE cXML [<!ENTITY f PUBLIC "-//x" "{FILE}">]>', "&f;"),
    "address by entity": with_doctype(f'<!DOCTYPE cXML [<!ENTITY h SYSTEM "{HTTP}">]>', "&h;"),
    "file by entity in the text": swap("ERP", "&f;", with_doctype(f'<!DOCTYPE cXML [<!ENTITY f SYSTEM "{FILE}">]>')),
    "parameter entity": with_doctype(f'<!DOCTYPE cXML [<!ENTITY % p SYSTEM "{HTTP}"> %p;]>'),
    "parameter entities one in another": with_doctype(
        "<!DOCTYPE cXML [<!ENTITY % a \"<!ENTITY &#37; b SYSTEM 'http://127.0.0.1:1/'>\"> %a; %b;]>"
    ),
    "entity not to be parsed": with_doctype(
        f'<!DOCTYPE cXML [<!NOTATION n SYSTEM "n"><!ENTITY u SYSTEM "{FILE}" NDATA n>]>'
    ),
    "attribute default": swap(
        ' type="paid"', "", with_doctype('<!DOCTYPE cXML [<!ATTLIST InvoiceStatus type CDATA "paid">]>')
    ),
    "fixed attribute": swap(
        ' type="paid"', "", with_doctype('<!DOCTYPE cXML [<!ATTLIST InvoiceStatus type CDATA #FIXED "paid">]>')
    ),
    "attribute default beside what was sent": with_doctype(
        '<!DOCTYPE cXML [<!ATTLIST Request deploymentMode CDATA "production">]>'
    ),
    "attribute type that eats blanks": with_doctype(
        "<!DOCTYPE cXML [<!ATTLIST DocumentReference payloadID NMTOKEN #REQUIRED>]>", " INV-0001 "
    ),
    "default namespace by DTD": with_doctype('<!DOCTYPE cXML [<!ATTLIST cXML xmlns CDATA "urn:x">]>'),
    "element declaration": with_doctype("<!DOCTYPE cXML [<!ELEMENT cXML ANY>]>"),
    "notation": with_doctype('<!DOCTYPE cXML [<!NOTATION n SYSTEM "x">]>'),
    "comment in the subset": with_doctype("<!DOCTYPE cXML [<!-- x -->]>"),
    "instruction in the subset": with_doctype("<!DOCTYPE cXML [<?x y?>]>"),
    "conditional section": with_doctype("<!DOCTYPE cXML [<![INCLUDE[<!ELEMENT a ANY>]]>]>"),
    "empty internal subset": with_doctype("<!DOCTYPE cXML []>"),
    "internal subset beside an external id": with_doctype('<!DOCTYPE cXML SYSTEM "x.dtd" [ ]>'),
    "subset that does not end": with_doctype("<!DOCTYPE cXML ["),
    "two DOCTYPEs": with_doctype('<!DOCTYPE cXML SYSTEM "x"><!DOCTYPE cXML SYSTEM "x">'),
    "DOCTYPE within a DOCTYPE": with_doctype('<!DOCTYPE cXML SYSTEM "<!DOCTYPE">'),
    "DOCTYPE after the root": GOOD + b'<!DOCTYPE cXML SYSTEM "x">',
    "DOCTYPE in the root": beside('<!DOCTYPE cXML SYSTEM "x">', "<Request>"),
    "doctype in small letters": with_doctype("<!doctype cXML>"),
}
DEPTHS = {
    "64 levels too many": beside("<a>" * 65 + "</a>" * 65, "<Request>"),
    "5000 levels": b"<cXML>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</cXML>",
    "80,000 tags that stay open": b"<a>" * 80_000,
    "10,001 elements": beside("<a/>" * 10_001, "<Request>"),
    "50,000 elements": beside("<a/>" * 50_000, "<Request>"),
}
WISHES = {
    "include beside the notice": message(INCLUDE),
    "include instead of the request": swap("<Request>", INCLUDE).replace(b"</Request>", b""),
    "include as the root": INCLUDE.encode(),
    "stylesheet as the root": b'<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"/>',
    "schema as the root": b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>',
    "svg with a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "xml-rpc": b"<methodCall><methodName>system.listMethods</methodName></methodCall>",
}

REFUSED = {name: (body, MALFORMED) for table in (NO_XML, BROKEN, DTDS, DEPTHS) for name, body in table.items()} | {
    name: (body, PERMANENT) for name, body in WISHES.items()
}

TAKEN = {
    name: (body, PAID)
    for name, body in {
        "DOCTYPE with an address": with_doctype(f'<!DOCTYPE cXML SYSTEM "{HTTP}cXML.dtd">'),
        "DOCTYPE with a file": with_doctype(f'<!DOCTYPE cXML SYSTEM "{FILE}">'),
        "DOCTYPE with a public id": with_doctype(f'<!DOCTYPE cXML PUBLIC "-//x" "{FILE}">'),
        "DOCTYPE without an id": with_doctype("<!DOCTYPE cXML>"),
        "DOCTYPE of another root": with_doctype('<!DOCTYPE html SYSTEM "about:legacy-compat">'),
        "DOCTYPE with a bracket in its address": with_doctype('<!DOCTYPE cXML SYSTEM "x]>[<y>">'),
        "DOCTYPE after a comment about one": b"<!-- <!DOCTYPE html> -->\n<!DOCTYPE\ncXML SYSTEM 'x'\n>" + GOOD,
        "instruction": beside('<?php system("x") ?>', "<Header>"),
        "instruction in the root's name": beside("<?cXML paid?>", "<Request>"),
        "stylesheet": b'<?xml-stylesheet href="http://127.0.0.1:1/x.xsl"?>' + GOOD,
        "model by instruction": b'<?xml-model href="http://127.0.0.1:1/x.rng"?>' + GOOD,
        "schema by attribute": swap(
            "<cXML ",
            '<cXML xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="u http://127.0.0.1:1/" ',
        ),
        "base by attribute": swap("<cXML ", '<cXML xml:base="file:///etc/" '),
        "include in the UserAgent": swap("ERP", INCLUDE),
        "XML 1.1": b'<?xml version="1.1"?>' + GOOD,
        "standalone": b"<?xml version='1.0' encoding='UTF-8' standalone='no'?>" + GOOD,
        "comment everywhere": GOOD.replace(b"><", b"><!-- <Request/> --><"),
        "CDATA": swap("ERP", "<![CDATA[<&></cXML>]]>"),
        "trailing blanks": GOOD + b"\t\t\n",
        "comment after the root": GOOD + b"<!-- " + b"x" * 1000 + b" -->",
        "63 levels": swap("ERP", "<a>" * 59 + "</a>" * 59),
        "9,000 elements": swap("ERP", "<a/>" * 9_000),
        "10,000 attributes": swap("<UserAgent>", "<UserAgent " + " ".join(f'a{n}=""' for n in range(10_000)) + ">"),
        "long text": swap("ERP", "E" * 200_000),
        "long attribute": swap("<UserAgent>", f'<UserAgent a="{"E" * 200_000}">'),
        "long tag": swap("ERP", f"<{'E' * 200_000}/>"),
        "long attribute name": swap("<UserAgent>", f'<UserAgent {"E" * 200_000}="">'),
    }.items()
}
