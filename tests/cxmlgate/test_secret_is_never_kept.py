"""The shared secret stands in no column of any table, whatever was sent and in whatever spelling."""

import pytest
from django.apps import apps

from cxmlgate.models import GateMessage
from cxmlgate.parsing import parse
from tests.cxmlgate.conftest import send
from tests.cxmlgate.messages import IDENTITY, SAMPLE, SECRET, credential, message, notice

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
TEXT = message().decode()

BODIES = {
    "the sample": SAMPLE,
    "wrong identity": message(sender=credential(identity="jack")),
    "blank in the tag": message().replace(b"<SharedSecret>", b"<SharedSecret >"),
    "attribute in the tag": message().replace(b"<SharedSecret>", b'<SharedSecret x="abracadabra">'),
    "only an attribute": message(sender='<Credential domain="D"><SharedSecret x="abracadabra"/></Credential>'),
    "CDATA": message(sender=credential(secret=f"<![CDATA[{SECRET}]]>")),
    "references": message(sender=credential(secret="".join(f"&#{ord(letter)};" for letter in SECRET))),
    "comment inside": message(sender=credential(secret="abra<!-- abracadabra -->cadabra")),
    "element inside": message(sender=credential(secret="<b>abracadabra</b>")),
    "UTF-16": f'<?xml version="1.0" encoding="UTF-16"?>{TEXT}'.encode("utf-16"),
    "UTF-16 without a mark, big-endian": f'<?xml version="1.0" encoding="UTF-16"?>{TEXT}'.encode("utf-16-be"),
    "latin-1": f'<?xml version="1.0" encoding="ISO-8859-1"?>{TEXT}'.encode("latin-1"),
    "in From as well": message().replace(credential(secret=None).encode(), credential().encode()),
    "with a prefix": message().replace(b"SharedSecret", b"x:SharedSecret").replace(b"<cXML", b'<cXML xmlns:x="u"'),
    "in lower case": message().replace(b"SharedSecret", b"sharedsecret"),
    "in a password element": message().replace(b"SharedSecret", b"Password"),
    "in the UserAgent as well": message().replace(b"ERP", b"ERP/abracadabra"),
    "in the UserAgent by references as well": message().replace(b"ERP", b"&#97;bracadabra"),
    "in a comment as well": message().replace(b"<Header>", b"<!-- abracadabra --><Header>"),
    "in the payloadID as well": message(payload_id="x-abracadabra-1"),
    "in the invoice's number as well": message(number="abracadabra"),
    "in the type as well": message(type_="abracadabra"),
    "in the Comments as well": message(type_="rejected", comments="<Comments>abracadabra</Comments>"),
    "as the Identity": message(sender=credential(identity=SECRET, secret=None)),
    "as an attribute": message(sender=credential(secret=None)).replace(b'domain="D"', b'domain="abracadabra"'),
    "cut off": message()[:-5],
    "cut off in the secret": message()[: message().index(b"cadabra") + 7],
    "as an entity": message(sender=credential(secret="&abracadabra;")),
    "as a tag that is not closed": message(sender=credential(secret="<abracadabra>")),
    "bare": SECRET.encode(),
    "too large": message().replace(b"ERP", b"E" * 300_000),
    "unknown encoding": f'<?xml version="1.0" encoding="abracadabra"?>{TEXT}'.encode(),
    "test": message(mode="test"),
    "profile": message("<ProfileRequest/>"),
    "several": message(notice(), notice("abracadabra")),
    "two Senders": message().replace(b"</Header>", f"<Sender>{credential()}</Sender></Header>".encode()),
}


def spellings():
    return [SECRET.encode(), SECRET.encode("utf-16-le"), SECRET.encode("utf-16-be"), SECRET[:6].encode()]


def all_that_is_stored():
    for model in apps.get_models():
        for row in model._base_manager.values():
            for value in row.values():
                yield model, bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


@pytest.mark.parametrize("name", BODIES)
def test_message_leaves_no_trace_of_it(invoice, name, caplog):
    reply = send(BODIES[name])

    assert GateMessage.objects.count() == 1
    for model, value in all_that_is_stored():
        for spelling in spellings():
            assert spelling not in value, model
    assert SECRET.encode() not in reply.body
    assert SECRET not in caplog.text


def test_kept_bytes_are_the_senders_but_for_the_secret(invoice):
    body = message().replace(b"ERP", "Bürö".encode())

    send(body)

    assert bytes(GateMessage.objects.get().raw) == body.replace(SECRET.encode(), b"(removed)")


def test_wrong_secret_is_taken_out_too(invoice):
    send(message(sender=credential(secret="abracadabrA")))

    kept = GateMessage.objects.get()
    assert b"abracadabrA" not in bytes(kept.raw)
    assert IDENTITY.encode() in bytes(kept.raw)


def test_unreadable_message_leaves_a_note(invoice):
    send(message()[:-5])

    kept = GateMessage.objects.get()
    assert bytes(kept.raw) == b""
    assert kept.raw_note.startswith(f"The {len(message()) - 5} bytes are not kept, because it could not be read")


def test_large_message_of_a_stranger_leaves_a_note(invoice):
    send(message(sender=credential(secret="wrong secret")).replace(b"ERP", b"E" * 20_000))

    assert bytes(GateMessage.objects.get().raw) == b""


@pytest.mark.parametrize(
    "element",
    [
        "<SharedSecret/>",
        '<SharedSecret x="/>"/>',
        "<SharedSecret>a/></SharedSecret>",
        "<SharedSecret><b/></SharedSecret>",
        '<CredentialMac type="x">abcd</CredentialMac>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_is_kept_is_still_xml(invoice, element, encoding):
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'
    other = f'<Credential domain="E"><Identity>x</Identity>{element}</Credential>'
    text = message(sender=other + credential(), declaration=declaration).decode()

    send(text.encode(encoding))

    kept = bytes(GateMessage.objects.get().raw)
    assert len(list(parse(kept).root.walk())) > 10
    assert "abcd" not in kept.decode(encoding)
