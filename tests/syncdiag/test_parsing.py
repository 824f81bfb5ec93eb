"""Parsing: what an ERP answered becomes a list of errors; no error is lost, and no document is taken for one."""

import json

import pytest

from syncdiag.parsing import SaidError, read_errors

BATCH = {
    "BatchItemResponse": [
        {"bId": "1", "Invoice": {"Id": "7", "SyncToken": "1"}},
        {
            "bId": "2",
            "Fault": {"Error": [{"Message": "Stale Object Error", "Detail": "Somebody else", "code": "5010"}]},
        },
    ]
}
QBO_XML = """<IntuitResponse xmlns="http://schema.intuit.com/finance/v3"><Fault type="ValidationFault">
<Error code="6070" element="Line.Amount"><Message>Amount calculation incorrect.</Message>
<Detail>Supplied value:58</Detail></Error></Fault></IntuitResponse>"""
INTACCT = """<?xml version="1.0"?><response><control><status>{0}</status></control>{1}<operation><authentication>
<status>{2}</status></authentication>{3}<result><status>{4}</status><function>create_invoice</function>{5}</result>
</operation></response>"""
WRONG = (
    "<errormessage><error><errorno>BL01001973</errorno><description>Duplicate</description>"
    "<description2>Number &apos;5&apos; exists [Support ID: abc~1]</description2>"
    "<correction>Enter another.</correction></error></errormessage>"
)
INTACCT_SAYS = ("BL01001973", "Number '5' exists [Support ID: abc~1]", "Duplicate Enter another.", "", "abc~1")
INTACCT_REST = {
    "ia::result": {
        "ia::error": {
            "code": "operationFailed",
            "message": "POST request on objects/x object was unsuccessful",
            "errorId": "REST-7001",
            "supportId": "S1",
            "details": [
                {"errorId": "GL-0951", "code": "x", "message": "Could not create GLBatch record."},
                {
                    "errorId": "GL-1009",
                    "message": "Transactions do not balance",
                    "additionalInfo": {"messageId": "IA.X"},
                },
            ],
        }
    },
    "ia::meta": {"totalCount": 1, "totalError": 1},
}
QBXML = (
    '<?xml version="1.0" ?><QBXML><QBXMLMsgsRs>'
    '<CustomerAddRs statusCode="3100" statusSeverity="Error" statusMessage="The name &quot;Lamp&quot; is in use."/>'
    '<InvoiceAddRs requestID="7" statusCode="530" statusSeverity="Warn" statusMessage="A field was ignored">'
    "<InvoiceRet><TxnID>1</TxnID></InvoiceRet></InvoiceAddRs>"
    '<BillQueryRs statusCode="1" statusSeverity="Info" statusMessage="Nothing found"/></QBXMLMsgsRs></QBXML>'
)
XERO = {
    "ErrorNumber": 10,
    "Type": "ValidationException",
    "Message": "A validation exception occurred",
    "Elements": [
        {
            "InvoiceNumber": "INV-1",
            "Contact": {"Name": "Error Ltd", "ValidationErrors": [{"Message": "Email address must be valid"}]},
            "LineItems": [{"Description": "Message", "ValidationErrors": []}],
            "Warnings": [{"Message": "Only a warning"}],
            "ValidationErrors": [{"Message": "Invoice # must be unique."}],
        }
    ],
}
XERO_IN_200 = {
    "Id": "1",
    "Status": "OK",
    "Invoices": [
        {"InvoiceID": "a", "StatusAttributeString": "OK", "HasErrors": False, "ValidationErrors": []},
        {"InvoiceID": "b", "StatusAttributeString": "ERROR", "ValidationErrors": [{"Message": "No contact"}]},
    ],
}
NETSUITE_FAULT = """<e:Envelope xmlns:e="s"><e:Body><e:Fault><faultcode>e:Server.userException</faultcode>
<faultstring>Only one request at a time</faultstring><detail><f:exceededConcurrentRequestLimitFault xmlns:f="f">
<f:code>WS_CONCUR_SESSION_DISALLWD</f:code><f:message>Only one request at a time</f:message>
</f:exceededConcurrentRequestLimitFault><h:hostname xmlns:h="h">partners-java</h:hostname></detail></e:Fault></e:Body>
</e:Envelope>"""
FAILED_WRITE = """<writeResponse><status isSuccess="false"><statusDetail type="ERROR"><code>USER_ERROR</code>
<message>Please enter value(s) for: ItemId</message></statusDetail></status></writeResponse>"""
GOOD_WRITE = """<writeResponse><c:status xmlns:c="c" isSuccess="true"><c:statusDetail type="WARN"><c:code>W</c:code>
<c:message>Only a warning</c:message></c:statusDetail></c:status><baseRef internalId="1"/></writeResponse>"""
NETSUITE_LIST = f"<r>{GOOD_WRITE}{FAILED_WRITE}{FAILED_WRITE}</r>"
NETSUITE_REST = {
    "type": "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html",
    "title": "Bad Request",
    "status": 400,
    "o:errorDetails": [{"detail": "Invalid value.", "o:errorPath": "entity", "o:errorCode": "INVALID_CONTENT"}],
}
# What SuiteScript writes is no JSON: the text within is not escaped, or only once.
SUITESCRIPT = (
    '{"error" : {"code" : "USER_ERROR", "message" : "{"type":"error.SuiteScriptError","name":"USER_ERROR",'
    '"message":"Please enter value(s) for: Tax Code","stack":["a(N/b)"],"cause":{"code":"USER_ERROR","details":"x"}}"}}'
)
SUITESCRIPT_QUOTES = (
    '{"error" : {"code" : "REFERENCE_ERROR", "message" : "ReferenceError: "charge" is not defined. (a.js#46)."}}'
)
WEB_CONNECTOR = """<s:Envelope xmlns:s="s"><s:Body><receiveResponseXML><ticket>t</ticket><response>{0}</response>
<hresult>{1}</hresult><message>{2}</message></receiveResponseXML></s:Body></s:Envelope>"""


@pytest.mark.parametrize(
    ("system", "answer", "said"),
    [
        (
            "quickbooks_online",
            {"Fault": {"Error": [{"Message": "M", "Detail": "D", "code": 6210, "element": "TxnDate"}], "type": "x"}},
            [("6210", "M", "D", "TxnDate", "")],
        ),
        (
            "qbo",
            {"fault": {"error": [{"message": "M", "detail": "D", "code": "6240"}]}, "batchItemResponse": []},
            [("6240", "M", "D", "", "")],
        ),
        ("qbo", BATCH, [("5010", "Stale Object Error", "Somebody else", "", "")]),
        (
            "qbo",
            {"CDCResponse": [{"QueryResponse": [{"fault": {"error": [{"message": "M", "code": "10"}]}}]}]},
            [("10", "M", "", "", "")],
        ),
        ("qbo", QBO_XML, [("6070", "Amount calculation incorrect.", "Supplied value:58", "Line.Amount", "")]),
        ("qbo", {"error": "invalid_grant"}, [("invalid_grant", "invalid_grant", "", "", "")]),
        (
            "qbo",
            {"error": "invalid_grant", "error_description": "The token is old"},
            [("invalid_grant", "The token is old", "", "", "")],
        ),
        ("quickbooks_desktop", QBXML, [("3100", 'The name "Lamp" is in use.', "", "", "")]),
        (
            "qbd",
            WEB_CONNECTOR.format(QBXML.replace("&", "&amp;").replace("<", "&lt;"), "", ""),
            [("3100", 'The name "Lamp" is in use.', "", "", "")],
        ),
        (
            "qbd",
            WEB_CONNECTOR.format("", "0x80040400", "QuickBooks found an error."),
            [("0x80040400", "QuickBooks found an error.", "", "", "")],
        ),
        ("sage_intacct", INTACCT.format("failure", WRONG, "", "", "", ""), [INTACCT_SAYS]),
        ("sage_intacct", INTACCT.format("success", "", "failure", WRONG, "", ""), [INTACCT_SAYS]),
        ("intacct", INTACCT.format("success", "", "success", "", "aborted", WRONG), [INTACCT_SAYS]),
        (
            "intacct",
            INTACCT_REST,
            [
                ("GL-0951", "Could not create GLBatch record.", "", "", "S1"),
                ("GL-1009", "Transactions do not balance", "", "", "S1"),
                ("REST-7001", "POST request on objects/x object was unsuccessful", "", "", "S1"),
            ],
        ),
        (
            "xero",
            XERO,
            [
                ("10", "Email address must be valid", "", "", ""),
                ("10", "Invoice # must be unique.", "", "", ""),
            ],
        ),
        ("xero", XERO_IN_200, [("", "No contact", "", "", "")]),
        (
            "xero",
            {"Elements": [{"ValidationErrors": [{"Message": ["The document date is locked"]}]}]},
            [("", "The document date is locked", "", "", "")],
        ),
        (
            "xero",
            {"Type": None, "Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired", "Instance": "51e9"},
            [("HTTP 401", "Unauthorized", "TokenExpired", "", "51e9")],
        ),
        (
            "xero",
            "oauth_problem=rate%20limit%20exceeded&oauth_problem_advice=please%20wait",
            [("rate limit exceeded", "rate limit exceeded", "please wait", "", "")],
        ),
        (
            "myob",
            {
                "Errors": [
                    {"Name": "Old", "Message": "Careful", "ErrorCode": 7, "Severity": "Warning"},
                    {"Name": "Required", "Message": "Number", "AdditionalDetails": "It is empty", "ErrorCode": 100},
                ]
            },
            [("100", "Number", "It is empty", "", "")],
        ),
        ("myob", {"Errors": [{"Name": "RateLimitError"}]}, [("RateLimitError", "RateLimitError", "", "", "")]),
        ("netsuite", NETSUITE_FAULT, [("WS_CONCUR_SESSION_DISALLWD", "Only one request at a time", "", "", "")]),
        ("netsuite", NETSUITE_LIST, [("USER_ERROR", "Please enter value(s) for: ItemId", "", "", "")]),
        ("netsuite", NETSUITE_REST, [("INVALID_CONTENT", "Invalid value.", "", "entity", "")]),
        ("netsuite", SUITESCRIPT, [("USER_ERROR", "Please enter value(s) for: Tax Code", "", "", "")]),
        (
            "netsuite",
            SUITESCRIPT_QUOTES,
            [("REFERENCE_ERROR", 'ReferenceError: "charge" is not defined. (a.js#46).', "", "", "")],
        ),
        (
            "netsuite",
            {"type": "action_script_runtime_error", "payload": {"message": "submitFields: Missing"}},
            [("", "submitFields: Missing", "", "", "")],
        ),
        (
            "tryton",
            {"status": 400, "message": "You must reopen it.", "description": "Then again."},
            [("", "You must reopen it.", "Then again.", "", "")],
        ),
        (
            "tryton",
            {"id": 29, "error": ["UserError", ["You must reopen it.", "", None]]},
            [("UserError", "You must reopen it.", "", "", "")],
        ),
        (
            "tryton",
            {"id": 29, "error": ["UserWarning", ["b97.invoice_similar", "It is similar.", ""]]},
            [("UserWarning", "It is similar.", "", "", "")],
        ),
        ("tryton", {"error": ["'nosuch'", ""]}, [("", "'nosuch'", "", "", "")]),
        (
            "sandbox",
            {"errors": [{"code": "PERIOD_CLOSED", "message": "It is closed.", "field": "date"}]},
            [("PERIOD_CLOSED", "It is closed.", "", "date", "")],
        ),
        (
            "other",
            {"errors": {"number": ["Too long.", "Taken."]}},
            [("", "Too long.", "", "number", ""), ("", "Taken.", "", "number", "")],
        ),
    ],
)
@pytest.mark.parametrize("form", ["decoded", "text", "bytes"])
def test_every_shape_is_read(system, answer, said, form):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    given = {"decoded": answer, "text": text, "bytes": text.encode()}[form]

    errors = read_errors(system, given)

    assert [(each.code, each.message, each.detail, each.field, each.trace_id) for each in errors] == said
    assert {each.original for each in errors} == {text}


@pytest.mark.parametrize(
    "document",
    [
        {
            "Invoice": {
                "Id": "145",
                "DocNumber": "1",
                "CustomerMemo": {"value": "error"},
                "Line": [{"Description": "Error"}],
            }
        },
        {"QueryResponse": {}},
        {"CDCResponse": [{"QueryResponse": [{"Invoice": [{"status": "Deleted", "Id": "1"}]}]}]},
        {
            "Id": "1",
            "Status": "OK",
            "Invoices": [{"InvoiceID": "a", "Warnings": [{"Message": "Careful"}], "HasErrors": False}],
        },
        {"UID": "u", "Number": "1", "Errors": [{"Message": "Careful", "ErrorCode": 1, "Severity": "Warning"}]},
        {"ia::result": {"key": "1", "id": "1"}, "ia::meta": {"totalCount": 1, "totalError": 0}},
        {"id": 1, "number": None, "state": "draft", "description": "error", "message": "hello"},
        {"payments": [{"id": "1", "status": "failed", "message": "card declined"}]},
        {"id": 3, "result": [3, "start", "end"]},
        {"status": "success", "message": "The invoice was created."},
        {"code": 0, "message": "The invoice was created."},
        {"errors": [], "error": None, "Fault": None},
        [],
        None,
        INTACCT.format(
            "success",
            "",
            "success",
            "",
            "success",
            "<key>88</key><warnings><warning><errorno>W</errorno>"
            "<description2>Careful</description2></warning></warnings>",
        ),
        '<QBXML><InvoiceAddRs statusCode="0" statusSeverity="Info" statusMessage="Status OK"/></QBXML>',
        "OK",
        "",
    ],
)
@pytest.mark.parametrize("status", [None, 200])
def test_a_document_is_no_error(document, status):
    assert read_errors("xero", document, status=status) == ()


@pytest.mark.parametrize(
    ("answer", "status", "content_type", "code", "message"),
    [
        (b"", 503, "", "HTTP 503", "The answer is empty (HTTP 503 Service Unavailable)."),
        ("null", 500, "", "HTTP 500", "The answer gives no reason (HTTP 500 Internal Server Error)."),
        ({"Invoice": {"Id": "1"}}, 599, "", "HTTP 599", "The answer gives no reason (HTTP 599)."),
        ("<html><title>Sign in</title></html>", 200, "", "HTTP 200", "An HTML page came instead of data: Sign in"),
        ("<h1>502 Bad Gateway</h1>", None, "", "HTTP 502", "An HTML page came instead of data: 502 Bad Gateway"),
        ("<b>Gone</b>", 503, "text/html", "HTTP 503", "An HTML page came instead of data."),
        (
            {"body": "<html><h1>Busy</h1></html>", "status": 503},
            None,
            "",
            "HTTP 503",
            "An HTML page came instead of data: Busy",
        ),
        ({"message": "Forbidden"}, 403, "", "HTTP 403", "Forbidden"),
        ("Down for maintenance", 503, "", "HTTP 503", "Down for maintenance"),
        ('{"Invoice":{"Id":"12","DocNu', 200, "", "UNREADABLE", "The answer is JSON that is cut off or broken."),
        ("<response><key>12</k", 200, "", "UNREADABLE", "The answer is XML that is cut off or broken."),
        (
            "<response><control><status>failure</status></control></response>",
            200,
            "",
            "",
            "The answer says that it failed, and gives no reason.",
        ),
        ({"success": False}, 200, "", "", "The answer says that it failed, and gives no reason."),
        ({"Errors": [{"Message": "Careful", "ErrorCode": 1, "Severity": "Warning"}]}, 400, "", "1", "Careful"),
    ],
)
def test_what_is_no_success_says_so(answer, status, content_type, code, message):
    (error,) = read_errors("myob", answer, status=status, content_type=content_type)

    assert (error.code, error.message) == (code, message)


def test_a_page_keeps_what_it_says_and_not_its_scripts():
    page = "<html><title>500 Internal Server Error</title><script>var a = 1</script><p>&#39;no.such.model&#39;</p>"

    (error,) = read_errors("tryton", page, status=500)

    assert error.code == "HTTP 500"
    assert "'no.such.model'" in error.detail
    assert "var a" not in error.text


@pytest.mark.parametrize(
    ("cut_off", "said"),
    [
        (
            '{"Fault":{"Error":[{"Message":"A","Detail":"B","code":"6140"},{"Message":"C","Det',
            [("6140", "A"), ("", "C")],
        ),
        ('{"Fault":{"Error":[{"code":"6140","Message":"The number \\"1\\', [("6140", 'The number "1')]),
        ('{"errors":[{"code":"A","message":"B"},', [("A", "B")]),
        ('{"errors":[{"code":"A","message":"B","field":', [("A", "B")]),
        ("<r><errormessage><error><errorno>A1</errorno><description2>B &amp; C", [("A1", "B & C")]),
        ("<r><errors><error><code>A</code><message>B</wrong></error></errors></r>", [("A", "B")]),
        ('<QBXML><InvoiceAddRs statusCode="3140" statusSeverity="Error" statusMessage="Bad"><x>', [("3140", "Bad")]),
        ('400 Bad Request: {"errors":[{"code":"A","message":"B"}]} (try 1)', [("A", "B")]),
        ("Exception: <r><error><code>A</code><message>B</message></error></r>", [("A", "B")]),
    ],
)
def test_what_is_cut_off_or_broken_is_read_as_far_as_it_goes(cut_off, said):
    assert [(error.code, error.message) for error in read_errors("", cut_off)] == said


@pytest.mark.parametrize(
    ("message", "detail", "text"),
    [
        ("A", "", "A"),
        ("", "B", "B"),
        ("A", "B", "A: B"),
        ("Invalid Reference Id", "Invalid Reference Id : it is gone", "Invalid Reference Id : it is gone"),
        ("A: B", "B", "A: B"),
        ("A:", "B", "A: B"),
    ],
)
def test_the_text_says_nothing_twice(message, detail, text):
    assert SaidError(message=message, detail=detail).text == text


def test_the_same_error_under_another_support_id_is_one():
    same = [{"errorno": "A", "description2": f"Wrong. [Support ID: {number}~X]"} for number in range(3)]

    errors = read_errors("intacct", {"error": [*same, {"errorno": "A", "description2": "Also wrong."}]})

    assert [(each.message, each.trace_id) for each in errors] == [
        ("Wrong. [Support ID: 0~X]", "0~X"),
        ("Also wrong.", ""),
    ]
