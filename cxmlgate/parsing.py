"""XML in, frozen dataclasses out: no database, nothing fetched, no recursion over what a stranger sent.

Reading is in three parts, so that each is judged at its time: the XML (`parse`, 402), who speaks (`read_envelope`),
and, once the sender is known, what they say (`read_request`).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from xml.parsers.expat import errors as expat_errors

from defusedxml.ElementTree import DefusedXMLParser, ParseError
from django.utils.translation import gettext as _

from cxmlgate.credentials import Credential
from cxmlgate.errors import Malformed, Unacceptable

MAX_BYTES: Final = 256 * 1024
MAX_ELEMENTS: Final = 10_000
MAX_DEPTH: Final = 64
MOST_SECRETS: Final = 50  # elements at a secret's place: each costs a search of the whole message
MOST_NOTICES: Final = 200  # each costs a few statements while the invoices are locked
# Python's codecs would read more, "unicode_escape" and the Japanese ones too, and not all of it as it is meant.
ENCODINGS: Final = re.compile(
    r"(us-)?ascii|utf-?(8|16(-?[bl]e)?)|(iso[-_]?8859|windows|cp|ibm|koi8|mac|latin)[-_]?\w{1,10}",
    re.ASCII | re.IGNORECASE,
)
BLANKED: Final = bytes(code if code in b"\r\n" else ord(" ") for code in range(256))
XML_BLANKS: Final = " \t\r\n"
# As nearly all send it. It could be nothing else there, so that the parser need not be asked where it ends.
USUAL_DOCTYPE: Final = re.compile(
    rb"(?:<\?xml[ \t\r\n][^<>]*\?>)?[ \t\r\n]*"
    rb"""(<!DOCTYPE cXML SYSTEM[ \t\r\n]+"[^"<>\[\]\0-\x1f\x7f-\xff]*" *>)"""
)
STATUS_UPDATE: Final = "StatusUpdateRequest"
PROFILE: Final = "ProfileRequest"
LONGEST_REMEMBERED: Final = 60  # of the tags that were looked at before: strangers send them too
SECRET_ELEMENT: Final = re.compile("secret|password|credentialmac|digitalsignature", re.IGNORECASE)
# Where the elements that decide stand; one that stands elsewhere as well would leave open which of them counts.
PLACES: Final = {
    "Header": "cXML",
    "Sender": "Header",
    "Request": "cXML",
    STATUS_UPDATE: "Request",
    "InvoiceStatus": STATUS_UPDATE,
    "PartialAmount": "InvoiceStatus",
}


@dataclass(slots=True)
class Node:
    """One element; `text` is its own text, without that of its children.

    `holds_secret` says whether it is one in which a secret stands, or could by a slip of the pen.
    """

    tag: str
    attributes: dict[str, str]
    depth: int
    holds_secret: bool
    children: list["Node"]
    pieces: list[str]

    @property
    def text(self) -> str:
        """The element's own text without blanks around it."""
        return "".join(self.pieces).strip(XML_BLANKS)

    def walk(self) -> Iterator["Node"]:
        """Yield the element and all below it, in the document's order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@lru_cache(maxsize=500)
def _names_secret(tag: str) -> bool:
    return SECRET_ELEMENT.search(tag, tag.rfind("}") + 1) is not None


@dataclass(frozen=True, slots=True)
class Document:
    """XML that was read; `secret_spans` are the bytes from a secret's opening tag up to its closing one.

    `secret_nodes` are these elements, `stray` is the first that decides and stands elsewhere, with its parent's tag.
    `asides` are what comments and processing instructions say: it counts for nothing, and is kept with the rest.
    """

    root: Node
    secret_spans: tuple[tuple[int, int], ...]
    secret_nodes: tuple[Node, ...]
    stray: tuple[str, str] | None
    asides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who speaks, and what they call the message; `timestamp` is kept as it came and decides nothing."""

    payload_id: str
    timestamp: str
    credentials: tuple[Credential, ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """PartialAmount as it was written."""

    text: str
    currency: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One StatusUpdateRequest; the numeric Status inside decides nothing and stays in the raw message."""

    type: str
    document_id: str
    invoice_id: str
    amount: Amount | None
    comment: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the sender wants: a profile, or notices that count together."""

    kind: str
    notices: tuple[Notice, ...]
    is_test: bool

    @property
    def types(self) -> str:
        """The types of the notices, as a list for people."""
        return ", ".join(notice.type for notice in self.notices) or self.kind


class _Builder:
    """Takes the parser's events, keeps within the limits, and notes where secrets stand."""

    def __init__(self) -> None:
        self.expat: Any = None
        self.root: Node | None = None
        self.open: list[Node] = []
        self.count = 0
        self.spans: list[tuple[int, int]] = []
        self.secret_start: int | None = None
        self.secret_depth = 0
        self.secret_count = 0
        self.secret_nodes: list[Node] = []
        self.stray: tuple[str, str] | None = None
        self.asides: list[str] = []

    def declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        """Refuse an encoding that is none for documents, before a codec is asked."""
        if encoding is not None and not ENCODINGS.fullmatch(encoding):
            raise Malformed(_("The XML uses an encoding that is not read here: send it as UTF-8."))

    def doctype(self, _name: str, _system: str | None, _public: str | None, has_subset: int) -> None:
        """Refuse an internal subset, and have the rest read without its DOCTYPE; called at its closing bracket."""
        if has_subset:
            raise Malformed(_("The DOCTYPE has an internal subset: send it with an external id, or without a DOCTYPE."))
        raise _DoctypeSeen(self.expat.CurrentByteIndex)

    def opening(self, name: str, attributes: dict[str, str]) -> None:
        """Take an element; a name in a namespace is made what ElementTree makes of it."""
        self.count += 1
        depth = len(self.open)
        if self.count > MAX_ELEMENTS or depth >= MAX_DEPTH:
            raise Malformed(_("The XML has too many or too deeply nested elements: send a cXML StatusUpdateRequest."))
        tag = "{" + name if "}" in name else name
        if "}" in "".join(attributes):
            attributes = {"{" + key if "}" in key else key: said for key, said in attributes.items()}
        names_secret = _names_secret if len(tag) <= LONGEST_REMEMBERED else _names_secret.__wrapped__
        node = Node(tag, attributes, depth, names_secret(tag), [], [])
        if depth:
            parent = self.open[-1]
            parent.children.append(node)
            if tag in PLACES and PLACES[tag] != parent.tag and self.stray is None:
                self.stray = tag, parent.tag
        else:
            self.root = node
        self.open.append(node)
        if self.secret_start is None and node.holds_secret:
            self.secret_start, self.secret_depth = self.expat.CurrentByteIndex, depth
            self.secret_nodes.append(node)
        if self.secret_start is not None:
            self.secret_count += 1
            if self.secret_count > MOST_SECRETS:
                raise Unacceptable(_("The message has too many shared secrets: send one."))

    def closing(self, _name: str) -> None:
        """Note where a secret ends."""
        node = self.open.pop()
        if self.secret_start is not None and node.depth == self.secret_depth:
            self.spans.append((self.secret_start, self.expat.CurrentByteIndex))
            self.secret_start = None

    def data(self, text: str) -> None:
        if self.open:
            self.open[-1].pieces.append(text)

    def comment(self, text: str) -> None:
        self.asides.append(text)

    def pi(self, _target: str, text: str) -> None:
        self.asides.append(text)

    def close(self) -> None:
        """Be done; what was built stands in `root`."""


class _DoctypeSeen(Exception):  # noqa: N818 (stops the parser, is no error)
    """Stops the first reading; `end` is the byte of the DOCTYPE's closing bracket."""

    def __init__(self, end: int) -> None:
        self.end = end
        super().__init__(end)


def width_of(raw: bytes) -> str:
    """Return an encoding that writes ASCII as the document does, in one or two bytes."""
    if raw[:2] == b"\xff\xfe" or raw[1:2] == b"\0":
        return "utf-16-le"
    if raw[:2] == b"\xfe\xff" or raw[:1] == b"\0":
        return "utf-16-be"
    return "ascii"


def parse(raw: bytes) -> Document:
    """Return the XML that was sent; raises Malformed, and Unacceptable for more secrets than can be searched for.

    The bytes go to the parser as they came.

    A DOCTYPE is blanked before the document is read: beside one, expat silently drops unknown entities from
    attributes, so that payloadID="INV-1&x;" would name INV-1.
    """
    usual = USUAL_DOCTYPE.match(raw)
    try:
        blanked = _blank(raw, *usual.span(1)) if usual else raw
        return _read(blanked)
    except _DoctypeSeen as seen:
        if usual is None:
            with suppress(_DoctypeSeen):
                return _read(_without_doctype(raw, seen.end))
        raise Malformed(_("There is more than one DOCTYPE: send one, or none.")) from None


def _without_doctype(raw: bytes, end: int) -> bytes:
    """Return the bytes with blanks for the DOCTYPE, so that all places stay the same."""
    width = width_of(raw)
    start = raw.rfind("<!DOCTYPE".encode(width), 0, end)
    if start < 0:
        raise Malformed(_("The XML uses an encoding that is not read here: send it as UTF-8."))
    end += len(">".encode(width))
    if width == "ascii":
        return _blank(raw, start, end)
    return raw[:start] + " ".encode(width) * ((end - start) // 2) + raw[end:]


def _blank(raw: bytes, start: int, end: int) -> bytes:
    return raw[:start] + raw[start:end].translate(BLANKED) + raw[end:]


def _read(raw: bytes) -> Document:
    builder = _Builder()
    parser = DefusedXMLParser(target=builder, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    builder.expat = expat = parser.parser
    expat.XmlDeclHandler = builder.declaration
    expat.StartDoctypeDeclHandler = builder.doctype
    # Straight from the parser: ElementTree's own handlers in between cost as much as all the rest of reading.
    expat.ordered_attributes = False
    expat.StartElementHandler = builder.opening
    expat.EndElementHandler = builder.closing
    try:
        parser.feed(raw)
        parser.close()
    except ParseError as exc:
        # Only the parser's own words and the place: its text may quote what was sent, a secret too.
        words = expat_errors.messages.get(getattr(exc, "code", 0), "not well-formed")
        line, column = getattr(exc, "position", (0, 0))
        raise Malformed(
            _("The XML is not properly formed (%(words)s, line %(line)s, column %(column)s): correct it.")
            % {"words": words, "line": line, "column": column}
        ) from None
    except (ValueError, LookupError, RecursionError):
        raise Malformed(
            _("The XML uses an encoding or entities that are not read here: send it as UTF-8 without entities.")
        ) from None
    finally:
        builder.expat = None  # a circle, which would keep what was read until the next collection
    if builder.root is None or builder.open:
        raise Malformed(_("The message is empty: send a cXML StatusUpdateRequest."))
    return Document(
        builder.root,
        tuple(builder.spans),
        tuple(builder.secret_nodes),
        builder.stray,
        tuple(filter(None, builder.asides)),
    )


def read_envelope(document: Document) -> Envelope:
    """Return who speaks; raises Unacceptable for a document that is no cXML with one Sender."""
    root = document.root
    if root.tag != "cXML":
        raise Unacceptable(_("The root element is not cXML: send a cXML document."))
    for tag in ("From", "To"):
        _only(_the(root, "Header"), tag)
    sender = _the(_the(root, "Header"), "Sender")
    return Envelope(
        payload_id=root.attributes.get("payloadID", ""),
        timestamp=root.attributes.get("timestamp", ""),
        credentials=tuple(_credential(node) for node in sender.children if node.tag == "Credential"),
    )


def read_request(document: Document) -> Request:
    """Return what the sender wants; raises Unacceptable for what is not, or not clearly, something we take."""
    request = _the(document.root, "Request")
    if document.stray:
        tag, parent = document.stray
        raise Unacceptable(
            _("%(tag)s stands in %(parent)s, where it does not belong: send a complete cXML document.")
            % {"tag": tag, "parent": parent[:60]}
        )
    mode = request.attributes.get("deploymentMode", "production")
    if mode not in ("production", "test"):
        raise Unacceptable(_("The deploymentMode is neither production nor test: correct it and send it again."))
    wanted = request.children
    if len(wanted) == 1 and wanted[0].tag == PROFILE:
        return Request(PROFILE, (), is_test=mode == "test")
    if not wanted or any(node.tag != STATUS_UPDATE for node in wanted):
        raise Unacceptable(_("Only StatusUpdateRequest and ProfileRequest are taken here: send one of these."))
    if len(wanted) > MOST_NOTICES:
        raise Unacceptable(
            _("The message has more than %(most)s status updates: send fewer at a time.") % {"most": MOST_NOTICES}
        )
    return Request(STATUS_UPDATE, tuple(_notice(node) for node in wanted), is_test=mode == "test")


def presented_secrets(document: Document) -> tuple[str, ...]:
    """Return every text that stands where a secret stands, right or wrong, the longest first."""
    texts = {text for outer in document.secret_nodes for text in (node.text for node in outer.walk()) if text}
    return tuple(sorted(texts, key=len, reverse=True))


def open_texts(document: Document) -> Iterator[str]:
    """Yield all texts, attribute values and asides that do not stand where a secret stands."""
    yield from document.asides
    hidden_depth: int | None = None
    for node in document.root.walk():
        if hidden_depth is not None and node.depth > hidden_depth:
            continue
        hidden_depth = node.depth if node.holds_secret else None
        if hidden_depth is None:
            yield node.text
            yield from node.attributes.values()


def request_digest(document: Document, *names: str) -> str:
    """Return a SHA-256 over `names` and what the Request says, whatever the order of attributes and the blanks.

    The Header, and with it the secret, is not part of it: a message is the same under the next secret.
    """
    said: list[Any] = list(names)
    for child in document.root.children:
        if child.tag == "Request":
            said.extend([node.depth, node.tag, sorted(node.attributes.items()), node.text] for node in child.walk())
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _credential(node: Node) -> Credential:
    identity, secret = _only(node, "Identity"), _only(node, "SharedSecret")
    return Credential(
        identity=identity.text if identity else "",
        secret=secret.text if secret and not secret.children else None,
    )


def _notice(node: Node) -> Notice:
    status = _only(node, "InvoiceStatus")
    if status is None:
        raise Unacceptable(_("A StatusUpdateRequest has no InvoiceStatus: say which status the invoice has."))
    _only(node, "Status")
    document, invoice = _only(node, "DocumentReference"), _only(status, "InvoiceIDInfo")
    partial = _only(status, "PartialAmount")
    money = _only(partial, "Money") if partial else None
    return Notice(
        type=status.attributes.get("type", ""),
        document_id=document.attributes.get("payloadID", "") if document else "",
        invoice_id=invoice.attributes.get("invoiceID", "") if invoice else "",
        amount=_amount(money) if partial else None,
        comment="\n".join(child.text for child in status.children if child.tag == "Comments" and child.text),
    )


def _amount(money: Node | None) -> Amount:
    """Return what PartialAmount says; without a plain Money it says nothing that could count."""
    if money is None or money.children:
        return Amount("", "")
    return Amount(money.text, money.attributes.get("currency", ""))


def _only(parent: Node, tag: str) -> Node | None:
    found = [child for child in parent.children if child.tag == tag]
    if len(found) > 1:
        raise Unacceptable(
            _("There is more than one %(tag)s in %(parent)s: send one, so that it is clear which counts.")
            % {"tag": tag, "parent": parent.tag}
        )
    return found[0] if found else None


def _the(parent: Node, tag: str) -> Node:
    found = _only(parent, tag)
    if found is None:
        raise Unacceptable(
            _("There is no %(tag)s in %(parent)s: send a complete cXML document.") % {"tag": tag, "parent": parent.tag}
        )
    return found
