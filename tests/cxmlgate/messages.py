"""Writes the messages that ERPs send; a test says only what matters to it."""

SECRET = "abracadabra"
IDENTITY = "jill@buyerorg.com"
PATH = "/acme/cxmlgate/abc/status_update_request"

SAMPLE = b"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE cXML SYSTEM
"http://xml.cXML.org/schemas/cXML/1.2.035/cXML.dtd">
<cXML timestamp="2001-09-05T16:34:28-07:00" payloadID="999732868377--681956365911302107@10.11.128.161">
<Header>
<From>
<Credential domain="BuyerQuestId">
<Identity>jill@buyerorg.com</Identity>
</Credential>
</From>
<To>
<Credential domain="BuyerQuestNetworkUserId">
<Identity>jack@supplierorg.com</Identity></Credential>
</To>
<Sender>
<Credential domain="BuyerQuestNetworkUserId">
<Identity>jill@buyerorg.com</Identity>
<SharedSecret>abracadabra</SharedSecret>
</Credential>
<UserAgent>Procurement Application V1.0</UserAgent>
</Sender>
</Header>
<Request>
<StatusUpdateRequest>
<DocumentReference payloadID="INV-0001"/>
<Status code="200" text=""/>
<InvoiceStatus type="paid">
<PartialAmount>
<Money currency="USD">10.99</Money>
</PartialAmount>
</InvoiceStatus>
</StatusUpdateRequest>
</Request>
</cXML>"""


def credential(identity=IDENTITY, secret=SECRET):
    """A Credential; no secret where it is None."""
    shared = "" if secret is None else f"<SharedSecret>{secret}</SharedSecret>"
    return f'<Credential domain="D"><Identity>{identity}</Identity>{shared}</Credential>'


def money(amount, currency="USD"):
    """A PartialAmount."""
    return f'<PartialAmount><Money currency="{currency}">{amount}</Money></PartialAmount>'


def notice(type_="paid", *, number="INV-0001", partial="", invoice_id=None, comments=""):
    """A StatusUpdateRequest."""
    reference = "" if number is None else f'<DocumentReference payloadID="{number}"/>'
    info = "" if invoice_id is None else f'<InvoiceIDInfo invoiceID="{invoice_id}"/>'
    status = f'<InvoiceStatus type="{type_}">{info}{partial}{comments}</InvoiceStatus>'
    return f'<StatusUpdateRequest>{reference}<Status code="200" text=""/>{status}</StatusUpdateRequest>'


def message(
    *notices,
    payload_id="p-1",
    timestamp="2026-11-02T10:00:00+00:00",
    sender=None,
    mode=None,
    doctype="",
    declaration="",
    **said,
):
    """A whole document as bytes; without notices one of what is said besides."""
    body = "".join(notices) or notice(**said)
    deployment = "" if mode is None else f' deploymentMode="{mode}"'
    return (
        f'{declaration}{doctype}<cXML payloadID="{payload_id}" timestamp="{timestamp}"><Header><From>'
        f"{credential(secret=None)}</From><To>{credential('jack', None)}</To>"
        f"<Sender>{sender or credential()}<UserAgent>ERP</UserAgent></Sender></Header>"
        f"<Request{deployment}>{body}</Request></cXML>"
    ).encode()
