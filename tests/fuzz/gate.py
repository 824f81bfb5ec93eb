"""Bytes of every kind through all of the gate that needs no database; only a GateRefusal may come out of it.

    python -m tests.fuzz.gate -max_total_time=120 FOLDER

The folder is filled with messages of our own to begin with; libFuzzer keeps there what it finds, and takes its options.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from xml.parsers import expat

import atheris

os.environ.setdefault("UNSTUCK_MODE", "test")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

with atheris.instrument_imports(include=["cxmlgate", "defusedxml", "xml.etree"]):
    import django

    django.setup()
    from cxmlgate.answers import compose_answer
    from cxmlgate.credentials import Keys, find_sender, hash_secret, is_secret_of
    from cxmlgate.errors import GateRefusal, NotKnown
    from cxmlgate.judging import judge_notice
    from cxmlgate.parsing import MAX_BYTES, parse, read_envelope, read_request, request_digest
    from cxmlgate.redaction import MOST_KEPT, conceal, misplaced_secrets, remove_secrets, searched_secrets
    from cxmlgate.verdicts import OK

from tests.cxmlgate.messages import IDENTITY, SAMPLE, SECRET, credential, message, money, notice

KEYS = Keys(1, IDENTITY, (hash_secret(SECRET, 1),))
TEXT = message().decode()
SEEDS = (
    SAMPLE,
    message(partial=money("4.99"), invoice_id="INV-0002", comments="<Comments>x</Comments>"),
    message(notice("rejected"), notice("processing", number="N-2"), mode="test"),
    message("<ProfileRequest/>", declaration='<?xml version="1.0" encoding="windows-1252"?>'),
    message(sender=credential("x", "y") + credential(secret=f"<![CDATA[{SECRET}]]>") + "<!-- x --><?y z?>"),
    f'<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE cXML SYSTEM "x">{TEXT}'.encode("utf-16"),
    b'<!DOCTYPE cXML [<!ENTITY a "INV-0001"><!ATTLIST InvoiceStatus type CDATA "paid">]><cXML>&a;</cXML>',
    TEXT.replace("<cXML", '<x:cXML xmlns:x="u"').encode("utf-8-sig"),
)


def read(raw: bytes) -> None:
    """Do with `raw` what the gate does, and look at what would be answered and kept."""
    document, secrets, verdict, reason = None, (), OK, "taken"
    try:
        document = parse(raw[:MAX_BYTES])
        secrets = searched_secrets(document)
        envelope = read_envelope(document)
        request_digest(document, envelope.payload_id, envelope.timestamp)
        if find_sender(envelope.credentials, KEYS) is None:
            secrets = (*secrets, *misplaced_secrets(document, lambda text: is_secret_of(text, KEYS)))
            with suppress(GateRefusal):
                read_request(document)
            raise NotKnown
        for update in read_request(document).notices:
            judge_notice(update, denies_canceled=True)
    except GateRefusal as refusal:
        verdict, reason = refusal.verdict, str(refusal.reason)
    expat.ParserCreate().Parse(compose_answer(verdict, conceal(reason, secrets)).xml, True)
    kept = remove_secrets(raw[:MAX_BYTES], document, secrets)
    assert len(kept.raw) <= MOST_KEPT
    assert not any(secret.encode() in kept.raw for secret in secrets)


def main() -> None:
    """Write the seeds into the folder that is named last, and begin."""
    folder = Path(sys.argv[-1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (folder / f"seed-{number}").write_bytes(seed)
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
