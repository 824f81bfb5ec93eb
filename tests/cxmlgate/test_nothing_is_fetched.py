"""No address that stands in a message is ever called."""

import socket

import pytest

from tests.cxmlgate.conftest import send
from tests.cxmlgate.messages import message

pytestmark = [pytest.mark.django_db, pytest.mark.urls("cxmlgate.urls")]
PLACES = {
    "system id": '<!DOCTYPE cXML SYSTEM "{}">',
    "public id": '<!DOCTYPE cXML PUBLIC "-//cXML//DTD" "{}">',
    "entity": '<!DOCTYPE cXML [<!ENTITY e SYSTEM "{}">]>',
    "parameter entity": '<!DOCTYPE cXML [<!ENTITY % e SYSTEM "{}"> %e;]>',
    "entity beside a system id": '<!DOCTYPE cXML SYSTEM "{0}" [<!ENTITY % e SYSTEM "{0}"> %e;]>',
    "stylesheet": '<?xml-stylesheet type="text/xsl" href="{}"?>',
}


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("place", PLACES)
def test_address_is_left_alone(invoice, listener, place):
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/cXML.dtd"
    reference = "&e;" if place == "entity" else ""

    reply = send(message(doctype=PLACES[place].format(address), comments=f"<Comments>{reference}</Comments>"))

    assert reply.code == (402 if "entity" in place else 200)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_include_and_schema_are_left_alone(invoice, listener):
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{address}"/>'
    schema = f'<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="{address}"/>'

    assert send(message(comments=f"<Comments>{include}{schema}</Comments>")).code == 200
    with pytest.raises(BlockingIOError):
        listener.accept()
