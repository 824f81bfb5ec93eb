"""Messages as other people's serialisers write them: libxml2, Saxon and, where there is a JDK, its StAX.

They share no line with the gate's parser (expat), and each writes in its own habits: quotes, declarations, byte order
marks, references for what an encoding cannot hold.
"""

import codecs
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest
from lxml import etree
from saxonche import PySaxonProcessor

HERE = Path(__file__).parent
TYPES = ("paid", "processing_payment", "paying", "rejected", "validation_failed", "processing", "reconciled")
ENCODINGS = ("UTF-8", "UTF-16LE", "UTF-16BE", "ISO-8859-1")
MARKS = {"UTF-16LE": codecs.BOM_UTF16_LE, "UTF-16BE": codecs.BOM_UTF16_BE}
# Each word has a letter of ISO-8859-1; the secret and the comment have the euro too, which is a reference there.
IDENTITY = "jürgen@käufer.example"
SECRET = "Öffne-dich-€-schön"
NUMBER = "RÉ-Ø0001"
COMMENT = "Überwiesen: 10,99 €"


@dataclass(frozen=True)
class Said:
    """What a message is to say of one invoice."""

    type: str = "paid"
    number: str = NUMBER
    amount: str = "10.99"
    currency: str = "USD"
    comment: str = COMMENT
    payload_id: str = "1730541600.4711@erp.käufer.example"
    timestamp: str = "2026-11-02T10:00:00+01:00"


def libxml2(said, encoding):
    """Build a tree and let libxml2's C library write it: a declaration, a DOCTYPE, a DocumentReference."""
    root = etree.Element("cXML", payloadID=said.payload_id, timestamp=said.timestamp)
    header = etree.SubElement(root, "Header")
    for name, identity, secret in (("From", IDENTITY, None), ("To", "desk", None), ("Sender", IDENTITY, SECRET)):
        credential = etree.SubElement(etree.SubElement(header, name), "Credential", domain="NetworkId")
        etree.SubElement(credential, "Identity").text = identity
        if secret:
            etree.SubElement(credential, "SharedSecret").text = secret
    etree.SubElement(header.find("Sender"), "UserAgent").text = "libxml2"
    notice = etree.SubElement(etree.SubElement(root, "Request"), "StatusUpdateRequest")
    etree.SubElement(notice, "DocumentReference", payloadID=said.number)
    etree.SubElement(notice, "Status", code="200", text="")
    status = etree.SubElement(notice, "InvoiceStatus", type=said.type)
    partial = etree.SubElement(status, "PartialAmount")
    etree.SubElement(partial, "Money", currency=said.currency).text = said.amount
    etree.SubElement(status, "Comments").text = said.comment
    doctype = '<!DOCTYPE cXML SYSTEM "http://xml.cXML.org/schemas/cXML/1.2.035/cXML.dtd">'
    return MARKS.get(encoding, b"") + etree.tostring(root, encoding=encoding, xml_declaration=True, doctype=doctype)


def saxon(said, encoding):
    """Run an ERP's mapping through Saxon; `said` may be several, which make several updates of one request."""
    items = said if isinstance(said, tuple) else (said,)
    rows = "".join(
        f"<item type={quoteattr(item.type)} number={quoteattr(item.number)} amount={quoteattr(item.amount)}"
        f" currency={quoteattr(item.currency)} comment={quoteattr(item.comment)}/>"
        for item in items
    )
    run = (
        f"<run id={quoteattr(items[0].payload_id)} at={quoteattr(items[0].timestamp)} sender={quoteattr(IDENTITY)}"
        f" secret={quoteattr(SECRET)}>{rows}</run>"
    )
    with PySaxonProcessor(license=False) as processor, tempfile.NamedTemporaryFile(suffix=".xml") as out:
        mapping = processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(HERE / "erp_mapping.xsl"))
        mapping.set_property("!encoding", encoding)
        mapping.set_property("!byte-order-mark", "yes" if encoding in MARKS else "no")
        mapping.set_property("!omit-xml-declaration", "no" if encoding == "ISO-8859-1" else "yes")
        mapping.apply_templates_returning_file(xdm_value=processor.parse_xml(xml_text=run), output_file=out.name)
        return Path(out.name).read_bytes()


def stax(said, encoding):
    """Let the JDK write it; Java starts once, for all types and encodings."""
    if not shutil.which("javac"):
        pytest.skip("There is no JDK here: libxml2 and Saxon alone write the messages.")
    if not _written:
        wanted = [(Said(type=type_), name) for type_ in TYPES for name in ENCODINGS]
        with tempfile.TemporaryDirectory() as folder:
            paths = {key: Path(folder) / str(place) for place, key in enumerate(wanted)}
            lines = "".join("\t".join(_words(path, *key)) + "\n" for key, path in paths.items())
            program = ["java", str(HERE / "StatusUpdateWriter.java")]
            subprocess.run(program, input=lines.encode(), check=True, timeout=120)
            _written.update({key: path.read_bytes() for key, path in paths.items()})
    return _written[said, encoding]


def _words(path, said, encoding):
    """Return a line of what StatusUpdateWriter.java reads."""
    what = (said.type, said.number, said.amount, said.currency, said.comment)
    return (str(path), encoding, said.payload_id, said.timestamp, IDENTITY, SECRET, *what)


_written = {}
PRODUCERS = (libxml2, saxon, stax)
