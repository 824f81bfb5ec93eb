"""Trees that nobody thought of: cXML with parts doubled, lost, moved and changed, and bytes flipped (Hypothesis).

What the gate takes is read again by a reader of its own, plain xml.etree: it must say one thing, and that was done.
"""

import copy
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxmlgate.verdicts import ALL
from invoices.models import Invoice
from tests.cxmlgate.conftest import OK, TRANSIENT, everything, send
from tests.cxmlgate.messages import IDENTITY, SECRET, message, money

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
VERDICTS = {(verdict.code, verdict.text) for verdict in ALL}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1", "windows-1252", "us-ascii")
WORDS = (
    "",
    " ",
    "paid",
    "rejected",
    "processing",
    "INV-0001",
    "INV-0002",
    IDENTITY,
    SECRET,
    "4.99",
    "1e1",
    "ä",
    "x" * 300,
)
STATUSES = {"paid": "paid", "rejected": "denied", "processing": "ok_to_pay"}
# Once each, wherever in the document; what else there is counts in its own place alone, and once there.
ONCE = ("Header", "Sender", "Request", "StatusUpdateRequest", "InvoiceStatus")


def elements(root):
    """All elements but the root, each with its parent."""
    return [(parent, child) for parent in root.iter() for child in parent]


@st.composite
def trees(draw):
    """A message, and up to four changes to its tree."""
    partial = draw(st.sampled_from(("", money("4.99"), money("10.99"))))
    type_ = draw(st.sampled_from(tuple(STATUSES)))
    root = ElementTree.fromstring(message(type_=type_, partial=partial))
    for _ in range(draw(st.integers(0, 4))):
        change(draw, root)
    return root


def change(draw, root):
    places = elements(root)
    if not places:
        return
    parent, child = draw(st.sampled_from(places))
    what = draw(st.sampled_from(("double", "lose", "move", "rename", "text", "tail", "attribute", "drop attribute")))
    if what == "double":
        draw(st.sampled_from([root, *(one for _, one in places)])).append(copy.deepcopy(child))
    elif what == "lose":
        parent.remove(child)
    elif what == "move":
        inside = set(child.iter())
        goals = [one for one in root.iter() if one not in inside]
        parent.remove(child)
        draw(st.sampled_from(goals)).append(child)
    elif what == "rename":
        child.tag = draw(st.sampled_from([one.tag for _, one in places] + ["x", "{u}Request", "cXML"]))
    elif what == "text":
        child.text = draw(st.sampled_from(WORDS))
    elif what == "tail":
        child.tail = draw(st.sampled_from(WORDS))
    elif what == "attribute":
        names = ("type", "payloadID", "invoiceID", "currency", "deploymentMode", "code")
        child.set(draw(st.sampled_from(names)), draw(st.sampled_from(WORDS)))
    elif child.attrib:
        child.attrib.pop(draw(st.sampled_from(sorted(child.attrib))))


@st.composite
def bodies(draw):
    """The bytes of such a tree in some encoding, at times with some of them changed."""
    encoding = draw(st.sampled_from(ENCODINGS))
    text = ElementTree.tostring(draw(trees()), encoding="unicode")
    declared = "utf-16" if encoding.startswith("utf-16") else encoding.removesuffix("-sig")
    raw = bytearray(f'<?xml version="1.0" encoding="{declared}"?>{text}'.encode(encoding, "xmlcharrefreplace"))
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 3)))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw)


def said_of_it(raw):
    """What the message says beyond doubt: number, type, and amount or None; None where there is any doubt."""
    try:
        root = ElementTree.fromstring(raw)
    except (ElementTree.ParseError, ValueError, LookupError):
        return None
    tags = [one.tag for one in root.iter()]
    if root.tag != "cXML" or any(tags.count(tag) != 1 for tag in ONCE):
        return None
    if tags.count("PartialAmount") > 1 or len(root.findall(".//PartialAmount/Money")) > 1:
        return None
    update, status = root.find("Request/StatusUpdateRequest"), root.find("Request/StatusUpdateRequest/InvoiceStatus")
    credentials = root.findall("Header/Sender/Credential")
    if (IDENTITY, SECRET) not in [(text_of(one, "Identity"), text_of(one, "SharedSecret")) for one in credentials]:
        return None
    if update is None or status is None or root.find("Request").get("deploymentMode", "production") != "production":
        return None
    numbers = [one.get("payloadID") for one in update.findall("DocumentReference")]
    numbers += [one.get("invoiceID") for one in status.findall("InvoiceIDInfo")]
    amount = status.find("PartialAmount/Money")
    return numbers[0], status.get("type"), None if amount is None else (amount.text or "").strip()


def text_of(parent, tag):
    found = parent.findall(tag)
    return (
        "".join([found[0].text or "", *(child.tail or "" for child in found[0])]).strip() if len(found) == 1 else None
    )


def test_only_what_is_said_beyond_doubt_is_done(invoice):
    taken = []

    @settings(max_examples=250, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(bodies())
    def check(raw):
        before = everything()

        with transaction.atomic():
            reply = send(raw)
            after, now = everything(), Invoice.objects.get()
            transaction.set_rollback(True)

        assert reply.verdict in VERDICTS - {TRANSIENT}
        if after == before:
            return
        assert reply.verdict == OK
        said = said_of_it(raw)
        assert said is not None, raw
        number, type_, amount = said
        paid = Decimal(amount or "10.99") if type_ == "paid" else Decimal(0)
        status = "partially_paid" if 0 < paid < Decimal("10.99") else STATUSES[type_]
        assert (now.number, now.status, now.paid) == (number, status, paid)
        taken.append(type_)

    check()

    assert set(taken) == set(STATUSES)
