"""A DOCTYPE decides nothing: whichever way it is found, the document behind it is read the same."""

import pytest

from cxmlgate.errors import Malformed
from cxmlgate.parsing import USUAL_DOCTYPE, parse
from tests.cxmlgate.messages import SAMPLE, message

USUAL = [
    '<!DOCTYPE cXML SYSTEM "http://xml.cXML.org/schemas/cXML/1.2.035/cXML.dtd">',
    '<!DOCTYPE cXML SYSTEM\n"x.dtd" >',
    '\r\n\t<!DOCTYPE cXML SYSTEM "">',
]
OTHERS = [
    "<!DOCTYPE cXML SYSTEM 'x.dtd'>",
    '<!DOCTYPE cXML PUBLIC "-//x" "x.dtd">',
    '<!-- before --><!DOCTYPE cXML SYSTEM "x.dtd">',
    '<!DOCTYPE other SYSTEM "x.dtd">',
    '<!DOCTYPE cXML SYSTEM "a[b]>c">',
    "<!DOCTYPE cXML>",
]
NO_DOCTYPE = [
    '<!DOCTYPE cXML SYSTEM "x.dtd" [<!ENTITY a "b">]>',
    '<!DOCTYPE cXML SYSTEM "x\x01.dtd">',
    '<!DOCTYPE cXML SYSTEM "x.dtd">' * 2,
    '<!DOCTYPE cXML SYSTEM "x.dtd"><!DOCTYPE cXML>',
    '<!DOCTYPE cXML><!DOCTYPE cXML SYSTEM "x.dtd">',
]
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def is_usual(raw):
    return USUAL_DOCTYPE.match(raw) is not None


@pytest.mark.parametrize("declaration", ["", DECLARATION, DECLARATION + "\n"])
@pytest.mark.parametrize("doctype", USUAL + OTHERS)
def test_document_is_that_without_the_doctype(declaration, doctype):
    raw = message(declaration=declaration, doctype=doctype)

    assert is_usual(raw) == (doctype in USUAL)
    read, plain = parse(raw), parse(message(declaration=declaration))
    assert read.root == plain.root
    assert [raw[start:end] for start, end in read.secret_spans] == [b"<SharedSecret>abracadabra"]


@pytest.mark.parametrize("doctype", NO_DOCTYPE)
def test_more_than_a_name_and_an_address_is_refused(doctype):
    with pytest.raises(Malformed):
        parse(message(declaration=DECLARATION, doctype=doctype))


def test_documented_sample_has_the_usual_one():
    assert is_usual(SAMPLE)
