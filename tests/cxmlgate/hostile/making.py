"""What the bodies are made of: a message that would be taken, and one thing in it changed."""

from tests.cxmlgate.messages import message

GOOD = message()
TEXT = GOOD.decode()
PAID = ("paid", "10.99")
PARTLY = ("partially_paid", "4.99")
DENIED = ("denied", "0")
UNCHANGED = ("ok_to_pay", "0")


def swap(old, new, body=GOOD):
    """The message with `new` for the first `old`; it must be there, or the body would try nothing."""
    old, new = (text.encode() if isinstance(text, str) else text for text in (old, new))
    assert old in body, old
    return body.replace(old, new, 1)


def beside(text, what):
    """The message with `text` before the element `what`."""
    return swap(what, f"{text}{what}")


def declared(encoding, text=TEXT):
    """The message with an XML declaration, as text."""
    return f'<?xml version="1.0" encoding="{encoding}"?>{text}'


def with_doctype(doctype, number="INV-0001"):
    """The message behind a DOCTYPE."""
    return doctype.encode() + GOOD.replace(b"INV-0001", number.encode())
