"""What Sage Intacct says, entry by entry: a line for each, and pairs that are easily mixed up."""

import pytest

from syncdiag.catalogue import entries_of, explain

SYSTEM = "sage_intacct"
# code, text, the entry that wins, and the values taken out of the text
ROWS = [
    (
        "",
        "Empty location is invalid; A valid Multi-Entity location must be specified",
        "location-empty-multi-entity",
        {},
    ),
    (
        "BL01001973",
        "Use of empty Location is invalid. A valid Multi-Entity Location must be specified. "
        "[Support ID: aB3xEB035~Zx9]",
        "location-empty-multi-entity",
        {},
    ),
    ("INT028", "Use of an Empty Location is Invalid", "location-empty-multi-entity", {}),
    ("", "Item ID: is not found", "item-not-found", {"item": ""}),
    ("BL01001973", "Item ID: 'LAMP-7' is not found [Support ID: x]", "item-not-found", {"item": "LAMP-7"}),
    ("", "Invalid Item '10-00 A' specified.", "item-not-found", {"item": "10-00 A"}),
    ("", "Item 'CONS' specified is not valid.", "item-not-found", {"item": "CONS"}),
    ("", "Can't find the item WID-9", "item-not-found", {"item": "WID-9"}),
    (
        "",
        "Invalid Reference Id: Invalid Reference Id : Product/Service assigned to this "
        "transaction has been deleted. Before you can modify this transaction, you must restore "
        "Blue Lamp (Item Name)",
        "item-deleted-restore",
        {"item": "Blue Lamp"},
    ),
    ("BL01001973", "Item 'BOLT-9' is inactive.", "item-inactive", {"item": "BOLT-9"}),
    ("", "Activate the item BOLT-9, then try again.", "item-inactive", {"item": "BOLT-9"}),
    ("", "Activate the vendor VM, then try again.", "vendor-inactive", {"vendor": "VM"}),
    ("BL01001973", "The vendor 'V-100' is inactive.", "vendor-inactive", {"vendor": "V-100"}),
    ("", "You cannot post to an inactive vendor", "vendor-inactive", {}),
    ("", "Customer 'C-17' is inactive", "customer-inactive", {"customer": "C-17"}),
    ("", "Activate the customer ACME, then try again.", "customer-inactive", {"customer": "ACME"}),
    ("", "Customer is on hold", "party-on-hold", {}),
    ("INT446", "Vendor on hold", "party-on-hold", {}),
    ("", "The vendor 'V-9' has been put on hold.", "party-on-hold", {}),
    ("", "Limit exceeded", "credit-limit", {}),
    ("", "This transaction exceeds the credit limit for customer C-1", "credit-limit", {}),
    ("", "Credit limit has been exceeded", "credit-limit", {}),
    ("INT664", "Vendor email mismatch", "vendor-email-mismatch", {}),
    ("BL01001973", "Invalid Vendor 'Ashwin' specified. [Support ID: tK1]", "vendor-unknown", {"vendor": "Ashwin"}),
    ("", "The specified vendor 'Ashwin & Co' is not valid.", "vendor-unknown", {"vendor": "Ashwin & Co"}),
    ("", "Vendor V-8 is not valid", "vendor-unknown", {"vendor": "V-8"}),
    ("", "Required field Vendor ID is missing", "vendor-unknown", {}),
    ("", "Select a vendor, and then try again", "vendor-unknown", {}),
    ("BL01001973", "Cannot find customer with key '1812' to delete.", "customer-key-gone", {"customer": "1812"}),
    ("BL01001973", "Invalid Customer 'C-0099' specified.", "customer-unknown", {"customer": "C-0099"}),
    ("", "Customer 'Globex Corp' specified is not valid.", "customer-unknown", {"customer": "Globex Corp"}),
    ("", "The customer 10007 does not exist", "customer-unknown", {"customer": "10007"}),
    ("", "Customer not found", "customer-unknown", {}),
    (
        "",
        "Bill to Contact is configured as non-editable in Transaction Definition. You cannot "
        "change the Bill to Contact.",
        "contact-not-editable",
        {},
    ),
    ("", "Project '10064' is inactive.", "project-closed", {"project": "10064"}),
    ("", "The project P-1 is closed", "project-closed", {"project": "P-1"}),
    ("", "GL account '4000' is inactive.", "account-inactive", {"account": "4000"}),
    ("", "The class '40' is inactive", "dimension-inactive", {"dimension": "class", "value": "40"}),
    ("", "Fund 'X9' is inactive", "dimension-inactive", {"value": "X9"}),
    ("", "The contact 'Bob' is inactive.", "dimension-inactive", {"value": "Bob"}),
    (
        "",
        "Activate the location 100, then try again.",
        "dimension-inactive",
        {"dimension": "location", "value": "100"},
    ),
    ("", "Invalid Contact 'Jane (C1)' specified.", "contact-unknown", {"contact": "Jane (C1)"}),
    ("", "The employee isn’t a resource of the project '10064'.", "employee-not-resource", {"project": "10064"}),
    ("", "The employee '1005' is invalid.", "employee-unknown", {"employee": "1005"}),
    ("", "Invalid Employee '77' specified.", "employee-unknown", {"employee": "77"}),
    (
        "",
        "Location ID is required for the multi-entity shared warehouse with ID: 4471",
        "warehouse-location",
        {"warehouse": "4471"},
    ),
    (
        "",
        "This transaction is missing the Cost Code dimension for the Account 16200.",
        "dimension-missing",
        {"dimension": "Cost Code", "account": "16200"},
    ),
    (
        "",
        "This transaction is missing 'Department' dimension for the Account 16200",
        "dimension-missing",
        {"dimension": "Department", "account": "16200"},
    ),
    (
        "BL01001973",
        "The account number '16200' requires a Location.",
        "dimension-missing",
        {"account": "16200", "dimension": "Location"},
    ),
    ("", "The account number '4000-10' requires a", "dimension-missing", {"account": "4000-10"}),
    (
        "",
        "Department must be 300. This value is auto-filled",
        "dimension-auto-filled",
        {"dimension": "Department", "value": "300"},
    ),
    (
        "",
        "Location must be 600. This value is auto-filled from Project",
        "dimension-auto-filled",
        {"dimension": "Location", "value": "600"},
    ),
    (
        "",
        "The specified GL account '16200' : '16200' is not valid. GL account is restricted by Department",
        "account-restricted",
        {"account": "16200"},
    ),
    (
        "",
        "GL account '16200': 'Sales' specified is not valid. GL account is restricted by",
        "account-restricted",
        {"account": "16200"},
    ),
    ("INT860", "GL account restricted", "account-restricted", {}),
    (
        "",
        "Department '300': '300' specified is not valid. Department is restricted by GL account.",
        "dimension-restricted",
        {"dimension": "Department", "value": "300"},
    ),
    (
        "",
        "Invalid contract CN-12. Contract is restricted by Region.",
        "dimension-restricted",
        {"dimension": "contract", "value": "CN-12"},
    ),
    (
        "",
        "The project dimension you selected --10-ACME-- is not related to your header-level Customer ID value.",
        "project-other-customer",
        {},
    ),
    ("", "Project P-9 does not belong to customer C-2", "project-other-customer", {}),
    ("", "Invalid Department 300 selected ", "department-unknown", {"department": "300"}),
    ("", "The department '300' is invalid.", "department-unknown", {"department": "300"}),
    ("", "Department 300 is not valid", "department-unknown", {"department": "300"}),
    ("", "The location '600' is invalid.", "location-unknown", {"location": "600"}),
    ("", "Location '600' is not valid", "location-unknown", {"location": "600"}),
    ("", "Invalid Location '600' specified.", "location-unknown", {"location": "600"}),
    ("BL03000018", "Missing location", "location-required", {}),
    ("", "Location is required for line 2", "location-required", {}),
    ("", "The required field 'From Location' is missing", "location-required", {}),
    ("", "Select a location, and try again", "location-required", {}),
    (
        "BL03002073",
        "Your configuration limits credits to the entity owners. You cannot apply negative line "
        "items in transactions with line items for multiple entities.",
        "negative-lines-entities",
        {},
    ),
    ("", "You can't create this transaction at the top level.", "entity-mismatch", {}),
    ("", "Inter-entity transactions aren't configured between entity 100 and 200", "entity-mismatch", {}),
    ("", "All lines must belong to the same entity", "entity-mismatch", {}),
    (
        "",
        "You cannot update a root level vendor from an entity/restricted user with one entity",
        "root-vendor-restricted-user",
        {},
    ),
    ("", "Invalid Class 'East' specified.", "class-unknown", {"class_name": "East"}),
    (
        "BL01001973",
        "Invalid Project '10064' specified. [Support ID: nHh88EB032~Y1J]",
        "project-unknown",
        {"project": "10064"},
    ),
    ("", "Job '10064' specified is not valid.", "project-unknown", {"project": "10064"}),
    ("", "Project 'Fyle: Team' specified is not valid.", "project-unknown", {"project": "Fyle: Team"}),
    (
        "INT402",
        "Sage Intacct couldn't return values for dimension [Region]",
        "dimension-values-unavailable",
        {"dimension": "Region"},
    ),
    ("", "The account number 2100 is associated to the Credit Card AMEX", "account-of-card", {"account": "2100"}),
    (
        "",
        "The account number 1010 is associated to the Bank account CHK1 Enter an account number "
        "on line item 1 in transaction 'x', that's not associated with any bank account, and "
        "try again",
        "account-of-bank",
        {"account": "1010"},
    ),
    ("", "The account number 16200 is associated to the", "account-of-bank", {"account": "16200"}),
    ("GL-0493", "The account number '5000.11' already exists", "account-duplicate", {"number": "5000.11"}),
    (
        "BL01001973",
        "Duplicate account number: The account number '77' already exists",
        "account-duplicate",
        {"number": "77"},
    ),
    ("", "Invalid Account Label 'Travel' specified.", "account-label-unknown", {}),
    ("", "Expense type 'Meals' is not valid", "account-label-unknown", {"label": "Meals"}),
    ("", "Account 16200-1 is not valid", "account-unknown", {"account": "16200-1"}),
    ("BL01001973", "Invalid GL Account '99' specified.", "account-unknown", {"account": "99"}),
    ("", "The account number '4711' does not exist", "account-unknown", {"account": "4711"}),
    ("", "Enter a valid account number", "account-unknown", {}),
    ("", "The term name NET 37 is invalid", "term-unknown", {"term": "NET 37"}),
    ("", "Invalid Term 'N30' specified.", "term-unknown", {"term": "N30"}),
    ("", "You haven't yet set up credit cards in Sage Intacct", "card-unknown", {}),
    ("", "Invalid Bank Account ID 'CHK9' specified.", "card-unknown", {}),
    ("BL03000018", "Missing unit", "unit-missing", {}),
    ("", "Invalid unit of measure for line 1", "unit-missing", {}),
    ("", "Invalid Journal 'GJX' specified.", "journal-unknown", {"journal": "GJX"}),
    ("", "Invalid transaction type 'Sales Invoce'", "transaction-definition", {}),
    ("BL34000061", "Another Bill with the document number 'B-12' already exists", "duplicate-document", {}),
    ("", "The invoice number INV-77 already exists.", "duplicate-document", {"number": "INV-77"}),
    ("BL01001973", "A transaction with that number already exists", "duplicate-document", {}),
    ("BL03002185", "Duplicate document (BL03002185)", "duplicate-document", {}),
    ("", "The controlid attribute of function has already been processed", "controlid-used", {}),
    ("409", "Conflict: a request with the same idempotency key is in progress", "controlid-used", {}),
    ("BL34000061", "", "controlid-used-by-code", {}),
    ("PL05000104", "[Support ID: z]", "controlid-used-by-code", {}),
    ("PL01000127", "", "controlid-used-by-code", {}),
    ("PL01000127", "Document Number is missing", "number-missing", {}),
    ("BL03002128", "Enter a Bill number, and try again. [Support ID: BHF%401EB034%7E]", "number-missing", {}),
    ("", "The customer ID C-1 already exists", "record-exists", {}),
    ("", "Another Contact with the given value(s) 'Jane' for Contact name already exists", "record-exists", {}),
    ("", "Vendor name must be unique", "record-exists", {}),
    ("BL01001973", "Duplicate record", "record-exists", {}),
    (
        "",
        "Periods are closed. Your transaction date (03/04/2026) is within a period that's been closed.",
        "period-closed",
        {"date": "03/04/2026"},
    ),
    ("INT771", "Reporting period closed", "period-closed", {}),
    ("BL01001973", "The date 2026-01-05 is in a closed accounting period", "period-closed", {}),
    ("", "Date must be on or after books closing date 12/31/2025", "books-closed", {"date": "12/31/2025"}),
    ("", "The books for entity 100 are closed through 06/30/2026", "books-closed", {"date": "06/30/2026"}),
    ("INT088", "Cash Management subledger closed", "subledger-closed", {"ledger": "Cash Management"}),
    ("", "The AP subledger is closed for 06/2026", "subledger-closed", {"ledger": "AP"}),
    ("", "You cannot post: the sub-ledger isn't open for this period", "subledger-closed", {}),
    ("", "The date 01/01/2031 is not within a valid reporting period", "period-undefined", {}),
    ("", "Reporting period for this date is not defined", "period-undefined", {}),
    ("", "Due date must be on or after the invoice date", "due-before-invoice", {}),
    ("", "Description 2: Required field Date Due is missing", "due-date-missing", {}),
    ("", "The record requires the field Due Date", "due-date-missing", {}),
    ("", "Invalid date 2026/31/12 specified", "date-invalid", {"date": "2026/31/12"}),
    ("", "'0000' is not a valid date", "date-invalid", {}),
    ("", "The transaction must have at least 1 line item", "no-lines", {}),
    ("", "Required field APBILLITEMS is missing", "no-lines", {}),
    ("", "Line items At least 1 line item is required", "no-lines", {}),
    ("", "You can't post a bill without line items", "no-lines", {}),
    (
        "BL03002101",
        "Remove the extra line item in the request, then reclassify the bill. [Support ID: 0EwG]",
        "extra-line",
        {},
    ),
    ("GL-1009", "Transactions do not balance for Place ,", "not-balanced", {"dimension": "Place"}),
    ("BL01001973", "Debits do not equal credits", "not-balanced", {}),
    ("", "Transaction is out of balance", "not-balanced", {}),
    ("GL-1009", "", "not-balanced-by-code", {}),
    ("", "The total amount of the bill cannot be negative", "negative-amount", {}),
    ("", "Quantity must be greater than zero", "negative-amount", {}),
    ("XL03000027", "The payment amount exceeds the amount due on the invoice", "overpaid", {}),
    ("", "The record would be overpaid", "overpaid", {}),
    ("", "Invalid currency EUR specified", "currency", {"currency": "EUR"}),
    ("", "The transaction currency does not match the currency of the bank account", "currency", {}),
    ("", "Base currency is required", "currency", {}),
    ("", "Exchange rate not found for EUR to USD on 06/30/2026", "exchange-rate", {}),
    ("", "Invalid Exchange Rate Type 'Daily' specified.", "exchange-rate", {}),
    (
        "",
        "Tax detail Capital Goods Imported cannot be used in this transaction because it does "
        "not belong to tax solution Australia - GST. [Support ID: R8n~YzQ2]",
        "tax-solution",
        {"tax": "Capital Goods Imported", "solution": "Australia - GST"},
    ),
    ("", "Invalid Tax Detail 'UK Std' specified.", "tax-detail-unknown", {"tax": "UK Std"}),
    ("", "Tax detail is required for line 1", "tax-wrong", {}),
    ("", "The tax amount does not match the calculated tax", "tax-wrong", {}),
    ("", "Avalara AvaTax: address not resolved", "tax-wrong", {}),
    ("", "The sum of the line items does not match the total", "amount-mismatch", {}),
    ("", "Invalid amount '12,5' on line 2", "amount-mismatch", {}),
    ("", "Required: amount is missing", "amount-mismatch", {}),
    ("", "Transaction is partially/fully paid for", "amount-mismatch", {}),
    ("", "The allocation percentages must total 100", "allocation", {}),
    ("", "Invalid allocation: Allocation 'A1' is not valid", "allocation", {}),
    ("", "There is no due on the bill B-991", "nothing-due", {"document": "B-991"}),
    ("", "This invoice has already been paid", "nothing-due", {}),
    ("", "The amount cannot be updated on the Bill because of the current approval mode set", "approval-mode", {}),
    ("", "You cannot edit a bill that is submitted for approval", "approval-mode", {}),
    ("", "You cannot update a posted invoice", "posted-not-editable", {}),
    ("", "Paid bills can't be deleted.", "posted-not-editable", {}),
    ("", "The transaction has already been reversed", "posted-not-editable", {}),
    ("", "Payments have already been applied to this invoice", "posted-not-editable", {}),
    ("", "The bill is in an invalid state for this operation", "posted-not-editable", {}),
    ("", "The purchase order PO-8 is fully converted", "converted", {}),
    ("", "The converted quantity exceeds the remaining quantity", "converted", {}),
    ("", "Insufficient quantity on hand for item BOLT-9", "stock", {"item": "BOLT-9"}),
    ("", "The record was modified by another user", "stale", {}),
    ("BL01001973", "Another process is updating this customer. Try again.", "stale", {}),
    ("", "deadlock detected", "stale", {}),
    ("BL01001973", "Could not find the invoice with key 1812", "document-gone", {"document": "1812"}),
    ("", "ARINVOICE not found", "document-gone", {}),
    ("", "The bill does not exist or has been deleted", "document-gone", {}),
    ("", "No records found", "document-gone", {}),
    ("PL04000055", "This company is a demo company and has expired.", "company-expired", {}),
    ("", "You are not subscribed to Order Entry", "company-expired", {}),
    ("XL03000006", "Incorrect Intacct XML Partner ID or password.", "sender-not-authorised", {}),
    (
        "XL03000006",
        "Sender ID 'acme' is not authorized to make Web Services requests to company 'globex'",
        "sender-not-authorised",
        {},
    ),
    ("XL03000006", "test is not a valid transport policy.", "sender-not-authorised", {}),
    ("XL03000006", "Sign-in information is incorrect", "sign-in-wrong", {}),
    ("", "Intacct user authentication failure", "sign-in-wrong", {}),
    ("INT907", "Connection configuration invalid", "sign-in-wrong", {}),
    ("", "Your password has expired. Sign in to change it.", "sign-in-wrong", {}),
    ("XL03000006", "Your session has expired. Sign in again.", "session-ended", {}),
    ("invalid_grant", "The refresh token is invalid", "session-ended", {}),
    ("", "Invalid session: session key timed out", "session-ended", {}),
    ("Query Failed", "Object definition BADOBJECT not found", "fields-not-queryable", {"object": "BADOBJECT"}),
    ("XL03000006", "The following fields cannot be queried: INVOICENO", "fields-not-queryable", {}),
    (
        "PL04000005",
        "API operation CREATE cannot be performed on objects of type gldetail",
        "fields-not-queryable",
        {},
    ),
    ("INT043", "Not Authorized to Execute This Function", "permission", {"operation": "Execute This Function"}),
    ("", "You do not have permission for API operation CREATE on objects of type ARINVOICE", "permission", {}),
    ("", "You don't have sufficient permissions to add bills", "permission", {}),
    ("PL04000055", "", "company-expired-by-code", {}),
    ("PL03000014", "", "permission-by-code", {}),
    ("XL03000006", "", "signin-by-code", {}),
    ("invalid_client", "", "signin-by-code", {}),
    ("GW-0010", "Rate limit exceeded (gateway)", "rate-limit", {}),
    ("", "Too many concurrent requests for this company", "rate-limit", {}),
    ("429", "Concurrency limit reached", "rate-limit", {}),
    ("GW-0010", "", "rate-limit-by-code", {}),
    (
        "",
        "Invalid entity data poNumber Maximum length cannot be greater than 100 characters",
        "too-large",
        {"field": "poNumber", "limit": "100"},
    ),
    ("", "Description exceeds the maximum length of 1000", "too-large", {"limit": "1000"}),
    ("", "The document number cannot be longer than 45 characters", "too-large", {"limit": "45"}),
    (
        "XL03000003",
        "XML Parse schema error: Fatal Error 76: Opening and ending tag mismatch: PROJECTID "
        "line 18 and PROJECT. Line: 18, column: 62.",
        "xml-broken",
        {},
    ),
    ("", "Element 'TERMS': This element is not expected.", "xml-broken", {"field": "TERMS"}),
    ("BL01001973", "Required field 'REGION' is missing", "required-field", {"field": "REGION"}),
    ("", "Missing required property: billToContact", "required-field", {"field": "billToContact"}),
    ("", "Enter a reason code, and try again", "required-field", {"field": "reason code"}),
    ("", "Smart Rule error: PO number must be given", "smart-rule", {}),
    ("", "Invalid Grant 'G-1' specified.", "invalid-reference-generic", {"object": "Grant", "value": "G-1"}),
    (
        "",
        "The specified cost type 'LAB' is not valid.",
        "invalid-reference-generic",
        {"object": "cost type", "value": "LAB"},
    ),
    ("GW-0011", "Invalid Request", "gateway-invalid-request", {}),
    ("invalidRequest", "Invalid Request", "gateway-invalid-request", {}),
    ("DL02000001", "Error There was an error processing the request.", "gateway-invalid-request", {}),
    ("GW-0011", "", "gateway-invalid-request-by-code", {}),
    ("", "An internal error occurred. Contact Sage Intacct support.", "server-error", {}),
    ("", "The service is temporarily unavailable", "server-error", {}),
    ("GW-0001", "Gateway timeout: the request timed out", "server-error", {}),
    ("GW-0001", "Unable to process request", "server-error-by-code", {}),
    (
        "BL01001973",
        "Currently, we can't create the transaction Check the transaction for errors or "
        "inconsistencies, then try again.",
        "wrapper-transaction-not-created",
        {},
    ),
    (
        "",
        "Currently, we can't create the transaction 'Corporate Credit Card expense - C/2022/09/R/22 - 28/09/2022'.",
        "wrapper-transaction-not-created",
        {},
    ),
    ("BL01001973", "Could not create cctransaction record!", "wrapper-record-not-created", {}),
    ("GL-0951", "Could not create GLBatch record.", "wrapper-record-not-created", {}),
    (
        "XL03000009",
        "The entire transaction in this operation has been rolled back due to an error.",
        "wrapper-rolled-back",
        {},
    ),
    (
        "REST-7001",
        "POST request on objects/general-ledger/journal-entry object was unsuccessful",
        "wrapper-rest-failed",
        {},
    ),
    ("operationFailed", "The request was unsuccessful", "wrapper-rest-failed", {}),
    ("BL01001973", "Lorem ipsum", "wrapper-by-code", {}),
    ("XL03000009", "", "wrapper-by-code", {}),
    ("REST-7001", "", "wrapper-by-code", {}),
    ("BL03000018", "", "dimension-code", {}),
    ("BL03002101", "", "line-code", {}),
    ("BL03002128", "", "number-code", {}),
    ("BL03002028", "", "no-data-code", {}),
]


@pytest.mark.parametrize(
    ("code", "text", "winner", "values"), ROWS, ids=[f"{row[2]}-{n}" for n, row in enumerate(ROWS)]
)
def test_a_text_leads_to_its_entry(code, text, winner, values):
    found = explain(SYSTEM, code, text)

    assert found.entry.system == SYSTEM
    assert found.entry.id == winner
    assert {name: found.values[name] for name in values} == values


def test_every_entry_of_the_file_wins_at_least_once():
    assert {entry.id for entry in entries_of(SYSTEM)} == {row[2] for row in ROWS}


@pytest.mark.parametrize(
    ("one", "other", "kinds"),
    [
        (("BL01001973", "Missing location"), ("BL01001973", "Missing unit"), ("location_missing", "reference_missing")),
        (("PL01000127", "Document Number is missing"), ("PL01000127", ""), ("malformed", "duplicate_number")),
        (
            ("XL03000006", "Sign-in information is incorrect"),
            ("XL03000006", "The following fields cannot be queried: INVOICENO"),
            ("credentials", "malformed"),
        ),
        (
            ("", "Invalid Department '300' specified."),
            ("", "This transaction is missing the Department dimension for the Account 300"),
            ("reference_missing", "location_missing"),
        ),
        (
            ("", "Invalid Vendor '300' specified."),
            ("", "Activate the vendor 300, then try again."),
            ("customer_missing", "reference_inactive"),
        ),
        (
            ("", "Invalid Grant 'G-1' specified."),
            ("", "invalid_grant"),
            ("reference_missing", "credentials"),
        ),
        (
            ("", "Cannot find customer with key '7' to delete."),
            ("", "Cannot find invoice with key '7' to delete."),
            ("customer_missing", "not_found"),
        ),
        (("", "Bill 7 has already been paid"), ("", "Bill 7 already exists"), ("already_paid", "duplicate_number")),
        (("", "The company has expired"), ("", "Your session has expired"), ("subscription", "credentials")),
        (
            ("", "Your password has expired"),
            ("", "You do not have permission to change the password"),
            ("credentials", "permission"),
        ),
    ],
)
def test_what_looks_alike_is_told_apart(one, other, kinds):
    assert (explain(SYSTEM, *one).entry.kind, explain(SYSTEM, *other).entry.kind) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "Invalid Project '10064' specified. [Support ID: nHh88EB032~Y1JFVP0J5xA-qTZWkbX7zwAAAAY]",
        "Invalid Project 'A & B / 2026' specified. [Support ID: zz%7E000]",
        "Invalid project “7” specified.",
        "BL01001973 Invalid Project '7' specified. Could not create cctransaction record!",
        "Invalid Project '7' specified. Currently, we can't create the transaction "
        "Check the transaction for errors or inconsistencies, then try again.",
        "Invalid Project '7' specified. The entire transaction in this operation has been rolled back due to an error.",
    ],
)
def test_ids_numbers_and_what_stands_around_the_cause_do_not_matter(text):
    assert explain(SYSTEM, "BL01001973", text).entry.id == "project-unknown"


def test_what_only_wraps_a_cause_stands_last_and_says_so():
    kinds = [entry.kind for entry in entries_of(SYSTEM) if entry.id.startswith("wrapper-")]
    behind = [entry for entry in entries_of(SYSTEM) if entry.patterns][-4:]

    assert set(kinds) == {"other"}
    assert all(entry.id.startswith("wrapper-") for entry in behind)


def test_a_value_that_the_text_leaves_out_is_shown_as_left_out():
    found = explain(SYSTEM, "", "Item ID: is not found")

    assert found.cause.startswith("A line names the item …, and Sage Intacct has no active item with this ID")


def test_the_values_stand_in_the_steps():
    found = explain(SYSTEM, "", "This transaction is missing the Cost Code dimension for the Account 16200.")

    assert found.cause == ("The account 16200 may only be used together with a Cost Code, and a line on it has none.")
