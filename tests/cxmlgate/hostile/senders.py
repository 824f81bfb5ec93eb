"""Those who would like to be somebody else: credentials that are wrong, split, doubled or in the wrong place."""

from tests.cxmlgate.conftest import MALFORMED, PERMANENT
from tests.cxmlgate.hostile.making import GOOD, PAID, beside, swap
from tests.cxmlgate.messages import IDENTITY, SECRET, credential, message

MAC = '<CredentialMac type="FromSenderCredentials" algorithm="HMAC-SHA1-96">cR6Jpz58nriXERDN</CredentialMac>'
SHARED = f"<SharedSecret>{SECRET}</SharedSecret>"
NAMED = f"<Identity>{IDENTITY}</Identity>"


def of(inner):
    """A Credential with this in it."""
    return f'<Credential domain="D">{inner}</Credential>'


WRONG = {
    "no credential": "<!-- -->",
    "empty credential": of(""),
    "no secret": credential(secret=None),
    "empty secret": credential(secret=""),
    "blank secret": credential(secret="  "),
    "secret cut by one": credential(secret=SECRET[:-1]),
    "secret one longer": credential(secret=SECRET + "a"),
    "secret in capitals": credential(secret=SECRET.upper()),
    "blank within the secret": credential(secret="abra cadabra"),
    "no-break spaces around the secret": credential(secret=f"\u00a0{SECRET}\u00a0"),
    "zero-width space in the secret": credential(secret="abra\u200bcadabra"),
    "soft hyphen in the secret": credential(secret="abra\u00adcadabra"),
    "full-width secret": credential(secret="ａｂｒａｃａｄａｂｒａ"),
    "Cyrillic letters in the secret": credential(secret="аbrаcаdаbrа"),
    "accents on the secret": credential(secret="äbrücädäbrä"),
    "emoji as the secret": credential(secret="😀" * 8),
    "secret escaped twice": credential(secret="&amp;#97;bracadabra"),
    "secret as JSON": credential(secret='{"$ne": ""}'),
    "SQL in the secret": credential(secret="' OR '1'='1"),
    "wildcard as the secret": credential(secret="%"),
    "what replaces a secret": credential(secret="(removed)"),
    "hash that nobody knows": credential(secret="0" * 64),
    "secret of 200,000 characters": credential(secret="x" * 200_000),
    "secret in a child": credential(secret=f"<b>{SECRET}</b>"),
    "secret around a child": credential(secret="abra<b/>cadabra"),
    "secret in an attribute": of(f'{NAMED}<SharedSecret value="{SECRET}"/>'),
    "secret as an attribute of the Credential": f'<Credential SharedSecret="{SECRET}">{NAMED}</Credential>',
    "secret as an instruction": of(f"{NAMED}<?SharedSecret {SECRET}?>"),
    "secret as a comment": of(f"{NAMED}<SharedSecret><!-- {SECRET} --></SharedSecret>"),
    "SharedSecret in small letters": of(f"{NAMED}<sharedsecret>{SECRET}</sharedsecret>"),
    "Password instead": of(f"{NAMED}<Password>{SECRET}</Password>"),
    "SharedSecret in a namespace": of(f'{NAMED}<x:SharedSecret xmlns:x="u">{SECRET}</x:SharedSecret>'),
    "SharedSecret in a wrapper": of(f"{NAMED}<a>{SHARED}</a>"),
    "SharedSecret beside the Credential": credential(secret=None) + SHARED,
    "SharedSecret within the Identity": of(f"<Identity>{IDENTITY}{SHARED}</Identity>"),
    "Identity beside the Credential": NAMED + of(SHARED),
    "CredentialMac": of(NAMED + MAC),
    "CredentialMac of nothing": of(f"{NAMED}<CredentialMac/>"),
    "DigitalSignature": of(f'{NAMED}<DigitalSignature type="PK7 self-contained">x</DigitalSignature>'),
    "DigitalSignature that is the secret": of(f"{NAMED}<DigitalSignature>{SECRET}</DigitalSignature>"),
    "no Identity": of(SHARED),
    "empty Identity": credential(identity=""),
    "another Identity": credential(identity="jack"),
    "Identity in capitals": credential(identity=IDENTITY.upper()),
    "Identity with one capital": credential(identity="Jill@buyerorg.com"),
    "Identity with a Cyrillic letter": credential(identity="jіll@buyerorg.com"),
    "full-width Identity": credential(identity="ｊｉｌｌ@buyerorg.com"),
    "Identity with a dot more": credential(identity=f"{IDENTITY}."),
    "Identity with a zero-width space": credential(identity=f"{IDENTITY}\u200b"),
    "Identity with an address tag": credential(identity="jill+x@buyerorg.com"),
    "Identity with a wildcard": credential(identity="jill%"),
    "star as the Identity": credential(identity="*"),
    "SQL in the Identity": credential(identity="x' OR 1=1 --"),
    "Identity in a child": credential(identity=f"<IdReference>{IDENTITY}</IdReference>"),
    "Identity in an attribute": credential(identity=f'<IdReference identifier="{IDENTITY}"/>'),
    "Identity of 200,000 characters": credential(identity="x" * 200_000),
    "two Identities": of(NAMED + NAMED + SHARED),
    "two Identities, one wrong": of(f"<Identity>x</Identity>{NAMED}{SHARED}"),
    "two secrets": of(f"{NAMED}{SHARED}<SharedSecret>x</SharedSecret>"),
    "the same secret twice": of(NAMED + SHARED + SHARED),
    "Identity and secret swapped": credential(identity=SECRET, secret=IDENTITY),
    "Identity of one and secret of another": credential(secret="wrong one") + credential(identity="jack"),
    "Identity of one without a secret, secret of another": credential(secret=None) + credential(identity="jack"),
    "Credential within a Credential": of(credential()),
    "Credential in a wrapper": f"<Credentials>{credential()}</Credentials>",
    "Credential in small letters": f"<credential>{NAMED}{SHARED}</credential>",
    "Credential in a namespace": f'<x:Credential xmlns:x="u">{NAMED}{SHARED}</x:Credential>',
    "right one behind twenty others": credential("x") * 20 + credential(),
    "right one behind 500 others": credential("x") * 500 + credential(),
    "right one beside a doubled one": credential() + of(NAMED + NAMED),
}
PLACES = {
    "two Senders": swap("</Header>", f"<Sender>{credential()}</Sender></Header>"),
    "two Senders, the second right": swap(
        "</Header>", f"<Sender>{credential()}</Sender></Header>", message(sender=credential(secret="wrong one"))
    ),
    "Sender in a second Header": swap(
        "<Request>", f"<Header><Sender>{credential()}</Sender></Header><Request>", message(sender="<!-- -->")
    ),
    "secret in From": swap(credential(secret=None), credential(), message(sender=credential(secret="wrong one"))),
    "secret in To": swap(credential("jack", None), credential(), message(sender=credential(secret="wrong one"))),
    "Sender in From": swap(
        credential(secret=None), f"<Sender>{credential()}</Sender>", message(sender=credential(secret="wrong one"))
    ),
    "Credential in the Request": swap("<Request>", f"<Request>{credential()}", message(sender="<!-- -->")),
    "Credential in the UserAgent": swap("ERP", credential(), message(sender="<!-- -->")),
    "Sender in small letters": GOOD.replace(b"Sender>", b"sender>"),
    "no Sender": GOOD[: GOOD.index(b"<Sender>")] + GOOD[GOOD.index(b"</Sender>") + 9 :],
    "no Header": GOOD[: GOOD.index(b"<Header>")] + GOOD[GOOD.index(b"<Request>") :],
    "two Froms": beside(f"<From>{credential()}</From>", "<To>"),
    "two Tos": beside(f"<To>{credential()}</To>", "<Sender>"),
}

REFUSED = (
    {name: (message(sender=sender), PERMANENT) for name, sender in WRONG.items()}
    | {name: (body, PERMANENT) for name, body in PLACES.items()}
    | {
        "NUL in the secret": (message(sender=credential(secret=f"{SECRET}&#0;")), MALFORMED),
        "secret by an entity": (message(sender=credential(secret="&secret;")), MALFORMED),
        "secret as a tag": (message(sender=credential(secret=f"<{SECRET}>")), MALFORMED),
    }
)

TAKEN = {
    name: (message(sender=sender), PAID)
    for name, sender in {
        "blanks around the secret": credential(secret=f"\n\t {SECRET} \r\n"),
        "secret in CDATA": credential(secret=f"<![CDATA[{SECRET}]]>"),
        "half of the secret in CDATA": credential(secret="abra<![CDATA[cadabra]]>"),
        "comment within the secret": credential(secret="abra<!-- x -->cadabra"),
        "instruction within the secret": credential(secret="abra<?x y?>cadabra"),
        "secret by references": credential(secret="".join(f"&#{ord(letter)};" for letter in SECRET)),
        "blanks around the Identity": credential(identity=f"\n {IDENTITY}\n"),
        "Identity in CDATA": credential(identity=f"<![CDATA[{IDENTITY}]]>"),
        "Identity with a reference behind it": credential(identity=f'{IDENTITY}<IdReference domain="d"/>'),
        "wrong one before": credential(secret="wrong one") + credential(),
        "wrong one behind": credential() + credential(secret="wrong one"),
        "one with a child before": credential("x<IdReference/>") + credential(),
        "nineteen others before": credential("x") * 19 + credential(),
        "same one twice": credential() * 2,
        "CredentialMac beside the secret": of(NAMED + SHARED + MAC),
        "other domain and type": credential().replace('"D"', '"NetworkId" type="marketplace"'),
        "no domain": credential().replace(' domain="D"', ""),
    }.items()
}
