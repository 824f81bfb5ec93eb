"""What the sandbox ERP shows to people: a document as PDF, and as a small page."""

from html import escape
from typing import Any


def printed_lines(document: dict[str, Any]) -> list[str]:
    """Return the document as lines of text."""
    title = {"invoice": "Invoice", "credit_memo": "Credit memo"}[document["kind"]]
    printed = [
        f"{title} {document['number']}",
        f"Company: {document['company']}",
        f"{'Supplier' if document['direction'] == 'payable' else 'Customer'}: {document['party']['code']}"
        f" {document['party']['name']}",
        f"Date: {document['invoice_date']}   Due: {document['due_date'] or '-'}",
        f"State: {document['state']}",
        "",
    ]
    printed += [
        f"{line['quantity']} x {line['unit_price']} = {line['amount']}   {line['description']}"
        for line in document["lines"]
    ]
    printed += [
        "",
        f"Total: {document['total']} {document['currency']}   Open: {document['balance']} {document['currency']}",
    ]
    printed += [
        f"Booked {booking['stage']}: voucher {booking['voucher']}, {booking['posting_date']}"
        for booking in document["bookings"]
    ]
    return printed


def write_pdf(document: dict[str, Any]) -> bytes:
    """Return a PDF of one page, written by hand: five objects, a table of their places, a trailer."""
    shown = b"".join(pdf_text(line) + b" Tj T*\n" for line in printed_lines(document)[:60])
    content = b"BT /F1 10 Tf 14 TL 50 790 Td\n" + shown + b"ET\n"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%sendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    pdf = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(pdf))
        pdf += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(pdf))
    return pdf + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


def pdf_text(line: str) -> bytes:
    """Return one line as a PDF string; what Helvetica cannot print becomes a question mark."""
    printable = line.encode("cp1252", "replace")
    return b"(" + printable.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)") + b")"


def write_page(document: dict[str, Any]) -> str:
    """Return the page that "open in the ERP" leads to."""
    title, *rest = (escape(line) for line in printed_lines(document))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} – Sandbox ERP</title>'
        f"<h1>{title}</h1><pre>{chr(10).join(rest)}</pre><p>Sandbox ERP: nothing here is real.</p></html>"
    )
