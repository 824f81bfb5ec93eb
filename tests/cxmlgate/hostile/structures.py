"""Trees that are not what they look like: wrapped, renamed, doubled, moved; and what extra is let through."""

from tests.cxmlgate.conftest import MALFORMED, NOT_FOUND, PERMANENT
from tests.cxmlgate.hostile.making import DENIED, GOOD, PAID, UNCHANGED, beside, swap
from tests.cxmlgate.messages import credential, message, money, notice

XML = "http://www.w3.org/XML/1998/namespace"
REQUEST = GOOD[GOOD.index(b"<Request>") : GOOD.index(b"</cXML>")].decode()
HEADER = GOOD[GOOD.index(b"<Header>") : GOOD.index(b"<Request>")].decode()
STATUS = '<InvoiceStatus type="paid"></InvoiceStatus>'
OTHER_STATUS = '<InvoiceStatus type="rejected"/>'
REFERENCE = '<DocumentReference payloadID="INV-0001"/>'
END = "</StatusUpdateRequest>"

WRAPPED = {
    "SOAP": b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    + GOOD
    + b"</s:Body></s:Envelope>",
    "SOAP without a namespace": b"<Envelope><Body>" + GOOD + b"</Body></Envelope>",
    "payload of another system": b"<Combined><Payload>" + GOOD + b"</Payload></Combined>",
    "cXML within cXML": b"<cXML>" + GOOD + b"</cXML>",
    "cXML within a Request": beside("", "<Request>").replace(b"<Request>", b"<Request>" + GOOD, 1),
    "cXML in CDATA": b"<cXML><![CDATA[" + GOOD + b"]]></cXML>",
    "IDoc": b"<IDOC><EDI_DC40/></IDOC>",
    "default namespace": swap("<cXML ", '<cXML xmlns="http://www.cxml.org/cXML" '),
    "default namespace on the Request": swap("<Request>", '<Request xmlns="u">'),
    "default namespace on the InvoiceStatus": swap("<InvoiceStatus ", '<InvoiceStatus xmlns="u" '),
    "prefixed root": swap("<cXML ", '<x:cXML xmlns:x="u" ').replace(b"</cXML>", b"</x:cXML>"),
    "prefixed type": swap(' type="paid"', ' xmlns:x="u" x:type="paid"'),
    "prefixed number": swap(' payloadID="INV-0001"', ' xmlns:x="u" x:payloadID="INV-0001"'),
}
PREFIXES = {
    "xml prefix of another": swap("<cXML ", '<cXML xmlns:xml="u" '),
    "other prefix for xml": swap("<cXML ", f'<cXML xmlns:x="{XML}" '),
    "prefix xmlns": swap("<cXML ", '<cXML xmlns:xmlns="u" '),
    "empty prefix taken back": swap("<cXML ", '<cXML xmlns:x="" '),
    "separator in a namespace": swap("<cXML ", '<cXML xmlns="u}cXML" '),
    "two colons": swap("ERP", '<a:b:c xmlns:a="u"/>'),
    "same attribute under two prefixes": swap("<cXML ", '<cXML xmlns:x="u" xmlns:y="u" x:a="" y:a="" '),
}
TREES = {
    "other root": b"<html/>",
    "root in small letters": GOOD.replace(b"cXML", b"cxml"),
    "root in capitals": GOOD.replace(b"cXML", b"CXML"),
    "empty cXML": b"<cXML/>",
    "Header and Request alone": b"<cXML><Header/><Request/></cXML>",
    "no Request": swap(REQUEST, ""),
    "empty Request": swap(notice(), ""),
    "only text in the Request": swap(notice(), "paid"),
    "Message instead of Request": GOOD.replace(b"Request>", b"Message>").replace(
        b"StatusUpdateMessage", b"StatusUpdateRequest"
    ),
    "Response": GOOD.replace(b"<Request>", b"<Response>").replace(b"</Request>", b"</Response>"),
    "Response as we send it": b'<cXML payloadID="x" timestamp=""><Response><Status code="200"/></Response></cXML>',
    "Response beside the Header": swap(REQUEST, '<Response><Status code="200" text="OK"/></Response>'),
    "two Requests": swap("</cXML>", f"{REQUEST}</cXML>"),
    "two different Requests": swap("</cXML>", f"<Request>{notice('rejected')}</Request></cXML>"),
    "Request within a Request": swap(REQUEST, f"<Request>{REQUEST}</Request>"),
    "second Request within the first": swap("</Request>", f"{REQUEST}</Request>"),
    "Request within the Header": swap(REQUEST, "").replace(b"</Header>", f"{REQUEST}</Header>".encode()),
    "second Request within the Header": swap("</Header>", f"{REQUEST}</Header>"),
    "Header within the Request": swap(HEADER, "").replace(b"<Request>", f"<Request>{HEADER}".encode()),
    "two Headers": beside("<Header/>", "<Request>"),
    "second Header in the UserAgent": swap("ERP", "<Header/>"),
    "profile beside the notice": message(notice(), "<ProfileRequest/>"),
    "two profiles": message("<ProfileRequest/>", "<ProfileRequest/>"),
    "order": message("<OrderRequest/>"),
    "invoice": message("<InvoiceDetailRequest/>"),
    "unknown element beside the notice": message(notice(), "<a/>"),
    "StatusUpdateRequest in small letters": GOOD.replace(b"StatusUpdateRequest", b"statusupdaterequest"),
    "empty StatusUpdateRequest": message("<StatusUpdateRequest/>"),
    "StatusUpdateRequest within another": swap(END, f"{notice('rejected', number='INV-0002')}{END}"),
    "StatusUpdateRequest within an Extrinsic": swap(END, f'<Extrinsic name="a">{notice("rejected")}</Extrinsic>{END}'),
    "StatusUpdateRequest in the Header": swap("ERP", notice("rejected")),
    "StatusUpdateRequest in the cXML": swap("</cXML>", f"{notice()}</cXML>"),
    "no InvoiceStatus": swap(STATUS, ""),
    "two InvoiceStatus": swap(STATUS, STATUS + STATUS),
    "two different InvoiceStatus": swap(END, OTHER_STATUS + END),
    "InvoiceStatus within another": swap(STATUS, f'<InvoiceStatus type="paid">{OTHER_STATUS}</InvoiceStatus>'),
    "InvoiceStatus within the Status": swap('text=""/>', f'text="">{STATUS}</Status>').replace(
        f"</Status>{STATUS}".encode(), b"</Status>"
    ),
    "second InvoiceStatus within the Status": swap('text=""/>', f'text="">{OTHER_STATUS}</Status>'),
    "second InvoiceStatus in an Extrinsic": swap(END, f'<Extrinsic name="a">{OTHER_STATUS}</Extrinsic>{END}'),
    "InvoiceStatus in the Request": message(f"<StatusUpdateRequest>{REFERENCE}</StatusUpdateRequest>{STATUS}"),
    "InvoiceStatus in small letters": GOOD.replace(b"InvoiceStatus", b"invoicestatus"),
    "InvoiceStatus in capitals": GOOD.replace(b"InvoiceStatus", b"INVOICESTATUS"),
    "DocumentStatus instead": GOOD.replace(b"InvoiceStatus", b"DocumentStatus"),
    "PaymentStatus instead": GOOD.replace(b"InvoiceStatus", b"PaymentStatus"),
    "two Status": beside('<Status code="200" text=""/>', "<InvoiceStatus"),
    "two DocumentReferences": swap(REFERENCE, REFERENCE + REFERENCE),
    "two different DocumentReferences": swap(REFERENCE, f'{REFERENCE}<DocumentReference payloadID="INV-0002"/>'),
    "no DocumentReference": message(number=None),
    "DocumentReference within the InvoiceStatus": message(number=None, partial=REFERENCE),
    "DocumentReference in an Extrinsic": swap(END, f"<Extrinsic>{REFERENCE}</Extrinsic>{END}", message(number=None)),
    "number as text": swap(REFERENCE, "<DocumentReference>INV-0001</DocumentReference>"),
    "number in another attribute": swap('payloadID="INV-0001"', 'payloadId="INV-0001"'),
    "two InvoiceIDInfo": message(partial='<InvoiceIDInfo invoiceID="A"/><InvoiceIDInfo invoiceID="B"/>'),
    "InvoiceIDInfo beside the InvoiceStatus": swap(
        END, f'<InvoiceIDInfo invoiceID="INV-0001"/>{END}', message(number=None)
    ),
    "two references to two invoices": message(invoice_id="INV-0002"),
    "two PartialAmounts": message(partial=money("1.00") + money("2.00")),
    "second PartialAmount beside the InvoiceStatus": swap(END, f"{money('1.00')}{END}"),
    "second PartialAmount within the first": message(partial=money(f"1.00{money('2.00')}")),
    "second PartialAmount in the Comments": message(
        partial=money("4.99"), comments=f"<Comments>{money('1.00')}</Comments>"
    ),
    "two Money": message(partial=money("1.00").replace("</Money>", '</Money><Money currency="USD">2</Money>')),
    "Money around an element": message(partial=money("1<b/>0")),
    "Money in a wrapper": message(partial='<PartialAmount><a><Money currency="USD">1</Money></a></PartialAmount>'),
    "deploymentMode of another kind": message(mode="staging"),
    "deploymentMode in capitals": message(mode="PRODUCTION"),
    "deploymentMode with blanks": message(mode=" production "),
    "201 updates": message(*[notice("processing")] * 201),
    "2,000 updates": message(*['<StatusUpdateRequest><InvoiceStatus type="paid"/></StatusUpdateRequest>'] * 2_000),
    "one of three without a type": message(notice("processing"), notice("processing"), notice("")),
    "one of three too much": message(*[notice(partial=money("4.99"))] * 3),
}

REFUSED = (
    {name: (body, PERMANENT) for table in (WRAPPED, TREES) for name, body in table.items()}
    | {name: (body, MALFORMED) for name, body in PREFIXES.items()}
    | {"one of two unknown": (message(notice(), notice(number="nowhere")), NOT_FOUND)}
)

TAKEN = {
    "no Status": (swap('<Status code="200" text=""/>', ""), PAID),
    "Status that says no": (swap('code="200" text=""', 'code="500 " text="no"'), PAID),
    "Request before the Header": (swap(REQUEST, "").replace(b"<Header>", f"{REQUEST}<Header>".encode(), 1), PAID),
    "text between all tags": (GOOD.replace(b"><", b"> paid <"), PAID),
    "unknown attributes": (swap("<InvoiceStatus ", '<InvoiceStatus Type="rejected" TYPE="rejected" '), PAID),
    "attribute under a prefix": (swap("<InvoiceStatus ", '<InvoiceStatus xmlns:x="u" x:type="rejected" '), PAID),
    "element under a prefix": (beside('<x:InvoiceStatus xmlns:x="u" type="rejected"/>', "<InvoiceStatus"), PAID),
    "xml prefix declared": (swap("<cXML ", f'<cXML xmlns:xml="{XML}" xml:lang="DE" '), PAID),
    "no default namespace declared": (swap("<cXML ", '<cXML xmlns="" '), PAID),
    "garbage in Extrinsics": (
        swap(END, f'<Extrinsic/><Extrinsic name="a"><b>&lt;c</b>\U0001f4a5</Extrinsic>{END}'),
        PAID,
    ),
    "Comments with everything": (
        message(type_="rejected", comments="<Comments>' OR 1=1; --<Attachment/></Comments><Comments/>" * 3),
        DENIED,
    ),
    "5 KB of Comments": (message(comments=f"<Comments>{'x' * 5000}</Comments>"), PAID),
    "both references to one invoice": (message(invoice_id="INV-0001"), PAID),
    "other name in one reference": (message(number="AF75RjQl.1@network", invoice_id="INV-0001"), PAID),
    "200 updates": (message(*[notice("processing")] * 200), UNCHANGED),
    "three updates that fit": (
        message(*[notice(partial=money(amount)) for amount in ("4.99", "5.00", "1.00")]),
        PAID,
    ),
    "two secrets fewer than too many": (
        swap("<UserAgent>", f"{credential('x', 'some other secret') * 47}<UserAgent>"),
        PAID,
    ),
}
