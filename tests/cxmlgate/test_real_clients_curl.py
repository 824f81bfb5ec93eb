"""A file sent by curl, as the README and the settings' page say; to a web server as it really runs."""

import shutil
import subprocess

import pytest

from cxmlgate.actions import configure_gate
from cxmlgate.models import GateMessage
from invoices.workflow import Status
from tests.cxmlgate.conftest import ALREADY, MALFORMED, OK, book, read_answer, status_of
from tests.cxmlgate.messages import PATH, SAMPLE
from tests.cxmlgate.producers import ENCODINGS, IDENTITY, NUMBER, SECRET, Said, libxml2, saxon

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("curl"), reason="There is no curl here: install it to see it send a message."),
]
HEADERS = {
    "curl's own": [],
    "a charset that is not the document's": ["-H", "Content-Type: text/xml; charset=us-ascii"],
    "chunks": ["-H", "Transfer-Encoding: chunked"],
    "expect": ["-H", "Expect: 100-continue"],
    "chunks and expect": ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"],
    "no content type": ["-H", "Content-Type:"],
    "HTTP/1.0": ["--http1.0"],
}


@pytest.fixture
def invoice(acme):
    configure_gate(acme, by=None, enabled=True, identity=IDENTITY, secret=SECRET)
    return book(acme, NUMBER)


@pytest.fixture
def curl(web_port, tmp_path):
    """Send the bytes as a file, and return what curl printed of the answer."""

    def run(body, *options):
        (tmp_path / "message.xml").write_bytes(body)
        command = ["curl", "--silent", "--show-error", "--max-time", "30", "--noproxy", "*", *options]
        command += ["--write-out", "\n%{http_code} %{content_type}", "--data-binary", f"@{tmp_path / 'message.xml'}"]
        printed = subprocess.run([*command, f"http://127.0.0.1:{web_port}{PATH}"], capture_output=True, check=True)
        answer, _, status = printed.stdout.rpartition(b"\n")
        assert status == b"200 text/xml; charset=utf-8"
        return read_answer(answer)

    return run


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("headers", HEADERS)
def test_message_from_a_file_pays_the_invoice(invoice, curl, headers, encoding):
    reply = curl(libxml2(Said(), encoding), *HEADERS[headers])

    assert (reply.verdict, reply.reason) == (OK, f"{NUMBER}: Paid.")
    assert status_of(invoice) == Status.PAID


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_message_of_a_mapping_denies_the_invoice(invoice, curl, encoding):
    reply = curl(saxon(Said(type="rejected"), encoding))

    assert reply.verdict == OK
    assert status_of(invoice) == Status.DENIED


def test_same_file_sent_in_another_way_is_already_received(invoice, curl):
    body = libxml2(Said(type="processing"), "UTF-8")

    replies = [curl(body, *options) for options in HEADERS.values()]

    assert [reply.verdict for reply in replies] == [OK] + [ALREADY] * 6
    assert GateMessage.objects.get().repeats == 6


def test_documented_message_is_taken(gate, curl):
    invoice = book(gate.client)

    assert curl(SAMPLE).verdict == OK
    assert status_of(invoice) == Status.PAID


def test_empty_file_is_malformed(invoice, curl):
    assert curl(b"").verdict == MALFORMED
    assert curl(b"", "-H", "Transfer-Encoding: chunked").verdict == MALFORMED
