"""Texts turned into trees of dict, list, str, numbers, bool and None: JSON and XML, whole, cut off or broken.

A tree is at most DEEPEST levels deep and has at most MOST_NODES nodes, whatever was sent, so that whoever walks it may
call itself. XML becomes the same kind of tree: an element is a dict of its attributes and children (several of one
name: a list), or its text alone.
"""

import json
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any, Final
from uuid import UUID

from defusedxml.ElementTree import DefusedXMLParser, ParseError

Tree = Any  # dict[str, Tree] | list[Tree] | str | int | float | bool | None

DEEPEST: Final = 32
MOST_NODES: Final = 60_000
MOST_MEMBERS: Final = 2_000  # of one list or object: what is beside must not use up what is inside
MOST_TRIES: Final = 32  # places in a broken text at which JSON is looked for
LONGEST_BROKEN: Final = 64 * 1024  # characters of a broken text that are searched
TEXT: Final = "#text"  # the key of an element's own text where it has attributes or children as well
LARGEST_NUMBER: Final = 10**30

_PAIR: Final = re.compile(
    r'"([\w:.\- ]{1,60})"\s*:\s*(?:"(.*?)(?:(?<!\\)"(?=\s*[,}\]])|\Z)|(-?\d{1,30}|true|false|null))', re.DOTALL
)
_TOKEN: Final = re.compile(
    r"<!\[CDATA\[(?P<cdata>.*?)(?:\]\]>|\Z)"
    r"|<!--.*?(?:-->|\Z)"
    r"|<[!?][^>]*>?"
    r"|</(?P<end>[\w:.-]{1,100})[^<>]*>?"
    r"|<(?P<start>[\w:.-]{1,100})(?P<attributes>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)(?P<cut>>|\Z)"
    r"|(?P<text>[^<]+|<)",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"([\w:.-]{1,100})\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")


def text_of(raw: bytes) -> str:
    """Return bytes as text, by their byte order mark, as UTF-8, or as what Windows writes."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        # A character that was cut in two at the end does not make it another encoding.
        if exc.start >= len(raw) - 4:
            return raw[: exc.start].decode("utf-8-sig", "replace")
        return raw.decode("cp1252", "replace")


def bounded(value: object) -> Tree:
    """Return a copy of decoded JSON that is no deeper and no larger than a tree may be."""
    top: list[Tree] = [None]
    todo: list[tuple[Any, Any, object, int]] = [(top, 0, value, 0)]
    left = MOST_NODES
    while todo:
        place, key, value, depth = todo.pop()
        if isinstance(value, dict | list | tuple):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            size = min(len(value), MOST_MEMBERS, max(left, 0)) if depth < DEEPEST else 0
            left -= size
            copy: Any = {} if isinstance(value, dict) else [None] * size
            children: list[tuple[Any, Any, object, int]] = []
            for (name, child), _ in zip(items, range(size), strict=False):
                key_of_child = name if isinstance(copy, list) else str(_leaf(name))
                if isinstance(copy, dict):
                    copy[key_of_child] = None  # so that the order stays
                children.append((copy, key_of_child, child, depth + 1))
            todo += reversed(children)
            place[key] = copy
        else:
            place[key] = _leaf(value)
    return top[0]


def _leaf(value: object) -> Tree:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes | bytearray):
        return text_of(bytes(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if -LARGEST_NUMBER < value < LARGEST_NUMBER else "a very large number"
    if value is None or isinstance(value, bool | float):
        return value
    # What a caller may have decoded further. Anything else has no words that are worth calling its code for.
    return str(value) if isinstance(value, Decimal | date | UUID) else type(value).__name__


# JSON


def json_in(text: str) -> Tree:
    """Return the tree of a JSON text, also of one that escapes apostrophes; raises ValueError where it is none."""
    for attempt in (text, text.replace("\\'", "'")) if "\\'" in text else (text,):
        try:
            return bounded(json.loads(attempt))
        except (ValueError, RecursionError):
            continue
    raise ValueError("It is not JSON.")


def mended_json(text: str) -> Tree:
    """Return the tree of JSON whose end is missing, as far as it goes; raises ValueError for any other fault."""
    text = text.rstrip()
    ends, in_string, escaped, comma = _left_open(text)
    if not ends:
        raise ValueError("Its end is not missing.")
    begun = (text[:-1] if escaped else text) + ('"' if in_string else "")
    for attempt in (
        begun + ends,
        begun.rstrip(",") + ends,
        begun.rstrip(": ") + ": null" + ends,
        text[:comma] + _left_open(text[:comma])[0],
    ):
        try:
            return json_in(attempt)
        except ValueError:
            continue
    raise ValueError("What is there of it cannot be read.")


def _left_open(text: str) -> tuple[str, bool, bool, int]:
    """Return the brackets that a text lacks, whether it ends in a string or after a backslash, and the last comma."""
    closers: list[str] = []
    in_string = escaped = False
    comma = 0
    for position, character in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "{[":
            closers.append("}" if character == "{" else "]")
        elif character in "}]":
            if not closers or closers.pop() != character:
                raise ValueError("Its brackets do not fit.")
        elif character == ",":
            comma = position
    return "".join(reversed(closers)), in_string, escaped, comma


def pieces_of_json(text: str) -> list[Tree]:
    """Return the objects that stand whole somewhere in a text: after words, or in a text within a text."""
    decoder, found, position = json.JSONDecoder(), [], 0
    text = text[:LONGEST_BROKEN]
    for _ in range(MOST_TRIES):
        position = text.find("{", position)
        if position < 0:
            break
        try:
            piece, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
            continue
        if piece:
            found.append(bounded(piece))
    return found


def pairs_of_json(text: str) -> dict[str, Tree]:
    """Return the first value of each name in JSON that is broken beyond that; quotes within a text do not end it."""
    pairs: dict[str, Tree] = {}
    for name, words, other in _PAIR.findall(text[:LONGEST_BROKEN]):
        value = re.sub(r'\\(["\\/])', r"\1", words) if not other else None if other == "null" else other
        if value not in (None, "", "{"):
            pairs.setdefault(name, value)
    return pairs


# XML


class _Builder:
    """Take the events of an XML parser, and build the tree."""

    def __init__(self) -> None:
        self.top: dict[str, Tree] = {}
        self._open: list[tuple[str, dict[str, Tree], list[str]]] = []
        self._too_deep = 0
        self._left = MOST_NODES

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST or self._left <= 0:
            self._too_deep += 1
            return
        self._left -= 1 + len(attributes)
        self._open.append((local(name), {local(key): value for key, value in attributes.items()}, []))

    def data(self, text: str) -> None:
        if self._open and not self._too_deep:
            self._open[-1][2].append(text)

    def end(self, _name: str) -> None:
        if self._too_deep:
            self._too_deep -= 1
            return
        name, members, texts = self._open.pop()
        text = "".join(texts).strip()
        if members and text:
            members[TEXT] = text
        parent = self._open[-1][1] if self._open else self.top
        value: Tree = members or text
        if name not in parent:
            parent[name] = value
        elif isinstance(parent[name], list):
            parent[name].append(value)
        else:
            parent[name] = [parent[name], value]

    def end_as_named(self, name: str) -> None:
        """End an element of broken XML and what was left open in it; one that was never begun is passed over."""
        if self._too_deep:
            self.end(name)
        elif local(name) in {open_name for open_name, _, _ in self._open}:
            while self._open and self._open[-1][0] != local(name):
                self.end("")
            self.end("")

    def close(self) -> dict[str, Tree]:
        self._too_deep = 0
        while self._open:
            self.end("")
        return self.top


def xml_in(text: str) -> Tree:
    """Return the tree of an XML text; raises ValueError where it is none, or has entities of its own."""
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=False, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(text)
        return parser.close()
    except (ParseError, ValueError, LookupError) as exc:
        raise ValueError("It is not XML.") from exc


def mended_xml(text: str) -> Tree:
    """Return the tree of XML that is cut off, or whose ends do not fit; empty where there is no element at all."""
    builder = _Builder()
    for token in _tokens(text[:LONGEST_BROKEN]):
        if token["start"]:
            attributes = {key: unescape(one or other) for key, one, other in _ATTRIBUTE.findall(token["attributes"])}
            builder.start(token["start"], attributes)
            if token["attributes"].endswith("/"):
                builder.end_as_named(token["start"])
        elif token["end"]:
            builder.end_as_named(token["end"])
        elif token["text"] or token["cdata"]:
            builder.data(token["cdata"] or unescape(token["text"]))
    return builder.close()


def _tokens(text: str) -> Iterable[re.Match[str]]:
    return _TOKEN.finditer(text)


def local(name: str) -> str:
    """Return an element's name without its namespace."""
    return name.rpartition("}")[2].rpartition(":")[2]
