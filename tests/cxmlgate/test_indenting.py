"""XML as people read it."""

import time

import pytest

from cxmlgate.answers import compose_answer
from cxmlgate.indenting import decode, indent
from cxmlgate.verdicts import OK
from tests.cxmlgate.messages import SAMPLE


def test_each_element_has_its_line_and_short_texts_stay_in_theirs():
    text = (
        '<?xml version="1.0"?><!DOCTYPE a SYSTEM "x>y"><a><!-- <b> --><b c="1>2">t &amp; u</b><d/>'
        "<e><![CDATA[<f>]]></e><g></g><h>mixed <i>x</i> end</h>\n\n</a>"
    )

    assert indent(text).splitlines() == [
        '<?xml version="1.0"?>',
        '<!DOCTYPE a SYSTEM "x>y">',
        "<a>",
        "  <!-- <b> -->",
        '  <b c="1>2">t &amp; u</b>',
        "  <d/>",
        "  <e><![CDATA[<f>]]></e>",
        "  <g></g>",
        "  <h>mixed ",
        "    <i>x</i>",
        "    end",
        "  </h>",
        "</a>",
    ]


def test_indented_again_it_stays_as_it_is():
    once = indent(SAMPLE.decode())

    assert indent(once) == once
    assert "        <Identity>jack@supplierorg.com</Identity>" in once.splitlines()


def test_answer_of_the_gate_is_indented():
    assert '    <Status code="200" text="OK">Fine.</Status>' in indent(compose_answer(OK, "Fine.").xml.decode())


@pytest.mark.parametrize("text", ["", "no XML", "<a><b></a>", "<a>", "</a>", "</a><a>", "<a b='>", "<a", "< a >b"])
def test_what_is_no_xml_is_shown_as_it_came(text):
    assert indent(text).replace("\n", "") == text


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8", '<?xml version="1.0" encoding="utf-8"?>'),
        ("utf-8-sig", ""),
        ("utf-16", '<?xml version="1.0" encoding="UTF-16"?>'),
        ("utf-16-le", '<?xml version="1.0" encoding="UTF-16"?>'),
        ("utf-16-be", '<?xml version="1.0" encoding="UTF-16"?>'),
        ("iso-8859-1", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
        ("windows-1252", "<?xml version='1.0' encoding='windows-1252' standalone='no'?>"),
        ("koi8-r", '<?xml version="1.0" encoding="KOI8-R"?>'),
    ],
)
def test_declared_encoding_is_honoured(encoding, declared):
    text = declared + ("<a>Ж</a>" if encoding == "koi8-r" else "<a>Bürö</a>")

    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("name", ["zlib", "rot13", "idna", "unicode_escape", "cp9999", "x" * 40])
def test_encoding_that_is_none_is_read_as_utf_8(name):
    text = f'<?xml version="1.0" encoding="{name}"?><a>ü\\u0041</a>'

    assert decode(text.encode()) == text


@pytest.mark.parametrize(
    "text",
    ["<" * 262_144, '<a b="' * 40_000, "<!--" * 60_000, "<a/>" + "<!--" * 60_000, "<a>" * 80_000, "<a 'b\"" * 40_000],
)
def test_hostile_text_takes_no_time(text):
    began = time.process_time()

    indent(text)

    assert time.process_time() - began < 1
