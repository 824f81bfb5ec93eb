"""What any system may say: a line for each entry, for a system with a catalogue of its own and for one without."""

import pytest

from syncdiag.catalogue import GENERAL, entries_of, explain

# code, text, the entry that wins, and the values taken out of the text
ROWS = [
    ("", "Line items At least 1 line item is required", "no-lines", {}),
    ("", "The invoice must contain at least one line.", "no-lines", {}),
    ("PREFLIGHT_NO_LINES", "Line items are required", "no-lines", {}),
    ("", "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired", "tls", {}),
    ("", "TLS handshake failure", "tls", {}),
    ("", "[Errno -2] Name or service not known", "dns", {}),
    ("", "getaddrinfo ENOTFOUND api.example.com", "dns", {}),
    ("", "Temporary failure in name resolution", "dns", {}),
    ("", "[Errno 111] Connection refused", "connection-refused", {}),
    ("", "connect ECONNREFUSED 10.0.0.9:443", "connection-refused", {}),
    ("", "Failed to establish a new connection", "connection-refused", {}),
    ("", "Connection reset by peer", "connection-lost", {}),
    ("", "Remote end closed connection without response", "connection-lost", {}),
    ("", "socket hang up", "connection-lost", {}),
    ("", "Read timed out. (read timeout=30)", "time-out", {}),
    ("HTTP 504", "504 Gateway Time-out", "time-out", {}),
    ("", "Gateway Timeout", "time-out", {}),
    ("", "Sorry, we are down for maintenance.", "maintenance", {}),
    ("HTTP 503", "<title>Maintenance mode</title>", "maintenance", {}),
    ("", "We'll be back soon!", "maintenance", {}),
    ("502", "502 Bad Gateway", "html-server-error", {}),
    ("", "<html><head><title>503 Service Temporarily Unavailable</title></head></html>", "html-server-error", {}),
    ("", "Internal Server Error", "html-server-error", {}),
    ("", "<!DOCTYPE html><html><body>Welcome</body></html>", "html-where-data", {}),
    ("", "Unexpected token '<', \"<!DOCTYPE\"... is not valid JSON", "html-where-data", {}),
    ("", "Expecting value: line 1 column 1 (char 0)", "not-readable", {}),
    ("", "The server sent an empty response", "not-readable", {}),
    ("", "not well-formed (invalid token): line 1, column 4", "not-readable", {}),
    ("HTTP 429", "Too Many Requests", "rate-limited", {}),
    ("", "API rate limit exceeded", "rate-limited", {}),
    ("", "Request throttled", "rate-limited", {}),
    ("", "Your subscription has expired.", "subscription", {}),
    ("HTTP 402", "Payment Required", "subscription", {}),
    ("HTTP 401", "Unauthorized", "unauthorized", {}),
    ("", "The access token has expired", "unauthorized", {}),
    ("", "invalid_grant", "unauthorized", {}),
    ("", "Invalid API key", "unauthorized", {}),
    ("HTTP 403", "Forbidden", "forbidden", {}),
    ("", "Permission denied", "forbidden", {}),
    ("", "You do not have permission to perform this action.", "forbidden", {}),
    ("", "insufficient_scope", "forbidden", {}),
    (
        "",
        "Product/Service assigned to this transaction has been deleted. Before you can modify "
        "this transaction, you must restore Lamp",
        "item-deleted",
        {"item": "Lamp"},
    ),
    ("", "The period 2026-05 is locked.", "period-closed", {}),
    ("", "Document date is before the lock date 2026-06-30", "period-closed", {"date": "2026-06-30"}),
    ("", "The books are closed", "period-closed", {}),
    ("", "Invoice number INV-1 already exists", "duplicate-number", {}),
    ("", "Duplicate invoice number", "duplicate-number", {}),
    ("", "A contact with this name already exists", "duplicate-name", {}),
    ("", "The name is already in use", "duplicate-name", {}),
    ("", "Duplicate name", "duplicate-name", {}),
    ("", "Customer 'ACME' does not exist", "customer-missing", {"customer": "ACME"}),
    ("", "Supplier not found", "customer-missing", {}),
    ("", "Could not find the vendor", "customer-missing", {}),
    ("", "The account 4000 is archived", "reference-inactive", {}),
    ("", "You cannot use an inactive item", "reference-inactive", {}),
    ("", "Department is required on line 2", "location-missing", {"dimension": "Department"}),
    ("", "Please select a cost center", "location-missing", {"dimension": "cost center"}),
    ("", "Item 'LAMP' does not exist", "reference-missing", {"value": "LAMP"}),
    ("", "Account not found", "reference-missing", {}),
    ("", "Unknown tax code", "reference-missing", {}),
    ("", "The invoice has already been paid", "already-paid", {}),
    ("", "A document with payments cannot be edited because payments have been applied", "already-paid", {}),
    ("", "The record has been modified by another user", "stale", {}),
    ("HTTP 409", "Version mismatch", "stale", {}),
    ("", "Value exceeds the maximum length of 21", "too-long", {"limit": "21"}),
    ("", "Description must be at most 4000 characters", "too-long", {"limit": "4000"}),
    ("", "The name is too long", "too-long", {}),
    ("", "The transaction does not balance", "amount", {}),
    ("", "The tax amount does not match the lines", "amount", {}),
    ("", "Payment amount exceeds the outstanding balance", "amount", {}),
    ("", "Currency mismatch", "amount", {}),
    ("HTTP 404", "404 Not Found", "not-found", {}),
    ("", "The invoice does not exist", "not-found", {}),
    ("", "Object not found", "not-found", {}),
    ("", "Missing required field 'Reference'", "required-field", {"field": "Reference"}),
    ("", "The field DueDate is required", "required-field", {"field": "DueDate"}),
    ("HTTP 400", "", "http-malformed", {}),
    ("HTTP 405", "", "http-malformed", {}),
    ("HTTP 406", "", "http-malformed", {}),
    ("HTTP 411", "", "http-malformed", {}),
    ("HTTP 413", "", "http-malformed", {}),
    ("HTTP 414", "", "http-malformed", {}),
    ("HTTP 415", "", "http-malformed", {}),
    ("HTTP 417", "", "http-malformed", {}),
    ("HTTP 422", "", "http-malformed", {}),
    ("HTTP 428", "", "http-malformed", {}),
    ("HTTP 401", "", "http-unauthorized", {}),
    ("HTTP 407", "", "http-unauthorized", {}),
    ("HTTP 402", "", "http-subscription", {}),
    ("HTTP 403", "", "http-forbidden", {}),
    ("HTTP 451", "", "http-forbidden", {}),
    ("HTTP 404", "", "http-not-found", {}),
    ("HTTP 410", "", "http-not-found", {}),
    ("HTTP 409", "", "http-conflict", {}),
    ("HTTP 412", "", "http-conflict", {}),
    ("HTTP 423", "", "http-conflict", {}),
    ("HTTP 429", "", "http-slow-down", {}),
    ("HTTP 408", "", "http-server-error", {}),
    ("HTTP 500", "", "http-server-error", {}),
    ("HTTP 501", "", "http-server-error", {}),
    ("HTTP 502", "", "http-server-error", {}),
    ("HTTP 503", "", "http-server-error", {}),
    ("HTTP 504", "", "http-server-error", {}),
    ("HTTP 507", "", "http-server-error", {}),
    ("HTTP 508", "", "http-server-error", {}),
    ("HTTP 509", "", "http-server-error", {}),
    ("HTTP 520", "", "http-server-error", {}),
    ("HTTP 521", "", "http-server-error", {}),
    ("HTTP 522", "", "http-server-error", {}),
    ("HTTP 523", "", "http-server-error", {}),
    ("HTTP 524", "", "http-server-error", {}),
    ("HTTP 525", "", "http-server-error", {}),
    ("HTTP 526", "", "http-server-error", {}),
    ("HTTP 527", "", "http-server-error", {}),
    ("HTTP 529", "", "http-server-error", {}),
    ("HTTP 530", "", "http-server-error", {}),
    ("", "The memo is longer than the 40 characters of its column", "wide-length", {}),
    ("", "The attachment is too large to be stored", "wide-length", {}),
    ("", "The posting date must be within the periods of this ledger", "wide-period", {}),
    ("", "The date is outside of the financial year", "wide-period", {}),
    ("", "Due date may not lie before the day of the bill", "wide-date", {}),
    ("", "Another bill carries the same external id", "wide-duplicate", {}),
    ("", "Your session has expired, please log in again", "wide-credentials", {}),
    ("", "The API key of this integration was revoked", "wide-credentials", {}),
    ("", "This role is not allowed to see bills", "wide-permission", {}),
    ("", "We allow a limit of 40 calls", "wide-rate", {}),
    ("", "The daily quota of requests is used up, the limit is 5000", "wide-rate", {}),
    ("", "Something went wrong, please try again later", "wide-unavailable", {}),
    ("", "The multi-currency module is not installed in this company", "wide-feature", {}),
    ("", "Vendor 12 has been put on hold", "wide-inactive", {}),
    ("", "This application may not be reopened after the month", "wide-closed-document", {}),
    ("", "The document has no detail lines", "wide-lines", {}),
    ("", "What is applied in discount is more than what is open", "wide-amount", {}),
    ("", "Debits and credits differ", "wide-amount", {}),
    ("", "The classification of line 2 is empty", "wide-dimension", {"dimension": "classification"}),
    ("", "Both must name the same subsidiary", "wide-dimension", {"dimension": "subsidiary"}),
    ("", "We know no payee under this key", "wide-party", {}),
    ("", "The payment terms of this bill are unknown to us", "wide-reference", {}),
    ("", "The payload was unexpected", "wide-required", {}),
    ("", "Merchant Name Length Error. Reduce the merchant name length.", "wide-length", {}),
    (
        "",
        "Cannot add a line to it. Another open AP Bill (000124) exists for the following line: Order Nbr# 77",
        "wide-duplicate",
        {},
    ),
    ("", "Another process is already running. Please wait until it is finished.", "wide-unavailable", {}),
    ("", "The figure must be greater than zero", "wide-amount", {}),
    ("", "Markup/Discount % must be between -999% and 999%", "wide-amount", {}),
    ("", "A prepayment request can be paid only in full.", "wide-amount", {}),
    ("", "It has different vendor or vendor location than the purchase order '77'.", "wide-party", {}),
    (
        "",
        "The vendor V1 cannot be specified as a pay-to vendor because it is configured as a Tax Agency",
        "wide-party",
        {},
    ),
    (
        "",
        "The project billing type is incompatible with the billing schedule on the transaction.",
        "wide-reference",
        {},
    ),
    ("", "Recipient internal id does not match an existing entity.", "wide-reference", {}),
    ("", "The Phone Number is invalid.", "wide-required", {}),
    ("", "The Branch parameter is not specified for the CHECK method", "wide-required", {}),
]
STATUSES = [
    400,
    401,
    402,
    403,
    404,
    405,
    406,
    407,
    408,
    409,
    410,
    411,
    412,
    413,
    414,
    415,
    417,
    422,
    423,
    428,
    429,
    451,
]


@pytest.mark.parametrize(
    ("code", "text", "winner", "values"), ROWS, ids=[f"{row[2]}-{n}" for n, row in enumerate(ROWS)]
)
def test_a_text_leads_to_its_entry_whoever_says_it(code, text, winner, values):
    found = explain("a-system-without-catalogue", code, text)

    assert found.entry.system == GENERAL
    assert found.entry.id == winner
    assert {name: found.values[name] for name in values} == values


def test_every_entry_of_the_file_wins_at_least_once():
    assert {entry.id for entry in entries_of(GENERAL)} == {row[2] for row in ROWS}


@pytest.mark.parametrize("status", [*STATUSES, *range(500, 505)])
def test_every_status_of_a_refusal_is_known_without_words(status):
    assert explain("sandbox", f"HTTP {status}", "").entry.system == GENERAL


def test_a_systems_own_words_come_before_the_general_ones():
    assert explain("sandbox", "PERIOD_CLOSED", "The period 2026-08 is closed").entry.system == "sandbox"
    assert explain("sandbox", "", "The period of May is closed").entry.system == GENERAL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The invoice was booked.",
        "Thank you for your patience",
        "INV-1",
        "Reference 12345",
        "The item was sent to the location.",
        "Please contact your administrator",
        "Line 7",
        "Something went wrong",
    ],
)
def test_what_says_nothing_is_not_given_a_meaning(text):
    assert explain("a-system-without-catalogue", "", text) is None


@pytest.mark.parametrize("system", ["sage_intacct", "netsuite", "myob", "sandbox", "quickbooks_online"])
def test_an_invoice_without_lines_is_known_everywhere(system):
    found = explain(system, "", "Line items At least 1 line item is required")

    assert found.entry.kind == "no_lines"
    assert found.entry.field == "lines"
