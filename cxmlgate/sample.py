"""A message to try a client's gate with, as a command to paste: it never changes an invoice."""

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from cxmlgate.models import GateSettings
from invoices.models import Invoice
from invoices.workflow import Status, Step

SECRET_GOES_HERE: Final = "PUT-THE-SHARED-SECRET-HERE"  # noqa: S105 (it says where)
LOOKED_THROUGH: Final = 500
ANY_NUMBER: Final = "INV-0001"
COMMAND: Final = """cat > message.xml <<'END-OF-MESSAGE'
{message}
END-OF-MESSAGE
curl --data-binary @message.xml -H 'Content-Type: text/xml' '{url}'"""
MESSAGE: Final = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE cXML SYSTEM "http://xml.cxml.org/schemas/cXML/1.2.069/cXML.dtd">
<cXML payloadID={payload_id} timestamp="2026-01-01T12:00:00+00:00">
  <Header>
    <From><Credential domain="NetworkId"><Identity>{identity}</Identity></Credential></From>
    <To><Credential domain="NetworkId"><Identity>Unstuck</Identity></Credential></To>
    <Sender>
      <Credential domain="NetworkId">
        <Identity>{identity}</Identity>
        <SharedSecret>{secret}</SharedSecret>
      </Credential>
      <UserAgent>curl</UserAgent>
    </Sender>
  </Header>
  <Request deploymentMode="{mode}">
    <StatusUpdateRequest>
      <DocumentReference payloadID={number}/>
      <Status code="200" text="OK"/>
      <InvoiceStatus type="{type}"/>
    </StatusUpdateRequest>
  </Request>
</cXML>"""


def number_to_try(gate: GateSettings) -> str:
    """Return the number of an invoice of the client that is Ok to Pay, or of one that was booked; empty without any."""
    booked = Invoice.objects.filter(client_id=gate.client_id, step=Step.BOOKED).order_by("-step_since")
    found = list(booked.values_list("number", "status")[:LOOKED_THROUGH])
    to_pay = [number for number, status in found if status == Status.OK_TO_PAY]
    return next(iter([*to_pay, *(number for number, _status in found)]), "")


def curl_command(gate: GateSettings, url: str, number: str) -> str:
    """Return the command: a test message, or where none is taken one that is noted and moves nothing."""
    message = MESSAGE.format(
        payload_id=quoteattr(f"try-{number or ANY_NUMBER}@{gate.client.slug}"),
        identity=escape(gate.sender_identity or "the Senders Identity", {"\n": "&#10;", "\r": "&#13;"}),
        secret=SECRET_GOES_HERE,
        mode="test" if gate.takes_test_messages else "production",
        number=quoteattr(number or ANY_NUMBER),
        type="paid" if gate.takes_test_messages else "reconciled",
    )
    return COMMAND.format(message=message, url=url)
