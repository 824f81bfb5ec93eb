"""What an ERP answered turned into errors, whatever it is: the one door of this package."""

import json
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from syncdiag.catalogue import stem_of
from syncdiag.parsing import texts
from syncdiag.parsing.decoding import (
    Tree,
    bounded,
    json_in,
    mended_json,
    mended_xml,
    pairs_of_json,
    pieces_of_json,
    text_of,
    xml_in,
)
from syncdiag.parsing.said import LONGEST_ANSWER, LONGEST_ORIGINAL, LONGEST_TEXT, SaidError, each_once, storable
from syncdiag.parsing.walking import errors_in, plain_name, scalar

UNREADABLE: Final = "UNREADABLE"
# Names under which a whole answer is kept as a text, beside its status or alone.
KEPT_AS: Final = frozenset({"body", "content", "form", "html", "raw", "rawtext", "response", "text", "xml"})


def read_errors(
    system: str, answer: object, *, status: int | None = None, content_type: str = ""
) -> tuple[SaidError, ...]:
    """Return the errors in what a system answered, in its order; none for a document, or for nothing without a refusal.

    `answer` is text, bytes or decoded JSON, whole or cut off. `status` is the HTTP status, None where it is not known
    (a text that somebody pasted). What cannot be read is an error, because it is no success.
    """
    if isinstance(answer, bytes | bytearray | memoryview):
        answer = text_of(bytes(answer[: LONGEST_ANSWER * 4]))
    if isinstance(answer, str):
        answer = answer[:LONGEST_ANSWER]
        errors, original = _of_text(stem_of(system), answer, status, content_type), answer
    else:
        tree = bounded(answer)
        errors, original = _of_tree(stem_of(system), tree, status), json.dumps(tree, ensure_ascii=False)
    return each_once(errors, storable(original[:LONGEST_ORIGINAL]))


def _of_text(stem: str, text: str, status: int | None, content_type: str) -> list[SaidError]:
    """Read a text by what it begins with; what stands before or after an answer is passed over."""
    text = text.strip("\ufeff\0 \t\r\n")
    if not text:
        return [_refusal(status, "The answer is empty")] if _is_refused(status) else []
    if texts.is_html(text, content_type):
        return [texts.read_page(text, status)]
    if text[0] in '{["':
        return _of_json(stem, text, status)
    if text[0] == "<":
        return _of_xml(stem, text, status)
    return _of_words(stem, text, status)


def _of_json(stem: str, text: str, status: int | None) -> list[SaidError]:
    try:
        return _of_tree(stem, json_in(text), status)
    except ValueError:
        pass
    try:
        errors = _of_tree(stem, mended_json(text), status)
    except ValueError:
        errors = []
    errors = errors or [error for piece in pieces_of_json(text) for error in errors_in(piece, status).errors]
    errors = errors or errors_in(pairs_of_json(text), status).errors
    if errors:
        return errors
    if text[0] == "{" or text[:2] in {"[{", '["'}:
        return [SaidError(UNREADABLE, "The answer is JSON that is cut off or broken.", text[:LONGEST_TEXT])]
    return _of_words(stem, text, status)


def _of_xml(stem: str, text: str, status: int | None) -> list[SaidError]:
    try:
        return _of_tree(stem, xml_in(text), status)
    except ValueError:
        pass
    tree = mended_xml(text)
    errors = errors_in(tree, status).errors
    if errors:
        return errors
    if tree:
        return [SaidError(UNREADABLE, "The answer is XML that is cut off or broken.", text[:LONGEST_TEXT])]
    return _of_words(stem, text, status)


def _of_words(stem: str, text: str, status: int | None) -> list[SaidError]:
    """Read a plain text: an answer that stands in it after some words, or the words."""
    if texts.says_nothing_wrong(text):
        return [_refusal(status, "The answer gives no reason", text)] if _is_refused(status) else []
    packed = _packed_in(text, status)
    if packed:
        return packed
    errors = texts.read_text(stem, text)
    if _is_refused(status):
        errors = [error if error.code else replace(error, code=f"HTTP {status}") for error in errors]
    return errors


def _packed_in(text: str, status: int | None) -> list[SaidError]:
    """Return the errors of JSON or XML that follows words, as in a log or an exception."""
    for piece in pieces_of_json(text):
        if errors := errors_in(piece, status).errors:
            return errors
    begun = text.find("<")
    if begun > 0 and text.find("</", begun) > 0:
        return errors_in(mended_xml(text[begun:]), status).errors
    return []


def _of_tree(stem: str, tree: Tree, status: int | None) -> list[SaidError]:
    if isinstance(tree, str):
        return _of_text(stem, tree, status, "")
    found = errors_in(tree, status)
    if found.errors:
        return [_with_status(error, status) for error in found.errors]
    kept = _kept_text(tree)
    if kept is not None:
        return _of_text(stem, kept[0], kept[1] or status, "")
    if _is_refused(status) or found.says_it_failed:
        if found.warnings:
            return found.warnings
        shown = json.dumps(tree, ensure_ascii=False)[:LONGEST_TEXT] if tree else ""
        if _is_refused(status):
            return [_refusal(status, "The answer gives no reason", shown)]
        return [SaidError(message="The answer says that it failed, and gives no reason.", detail=shown)]
    return []


def _with_status(error: SaidError, status: int | None) -> SaidError:
    """Return an error with the status as its code, where it has none and the status says more than "error"."""
    says_more = _is_refused(status) and status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
    return replace(error, code=f"HTTP {status}") if says_more and not error.code else error


def _kept_text(tree: Tree) -> tuple[str, int | None] | None:
    """Return the text, and the status beside it, where an answer was kept as `{"status": 502, "body": "<html>…"}`."""
    if not isinstance(tree, dict) or len(tree) > 4:
        return None
    named = {plain_name(name): value for name, value in tree.items()}
    for name in KEPT_AS & named.keys():
        if isinstance(named[name], str) and named[name].strip():
            number = scalar(named.get("status")) or scalar(named.get("statuscode")) or scalar(named.get("httpstatus"))
            return named[name], int(number) if len(number) == 3 and number.isascii() and number.isdigit() else None
    return None


def _is_refused(status: int | None) -> bool:
    return status is not None and status >= HTTPStatus.BAD_REQUEST


def _refusal(status: int | None, words: str, detail: str = "") -> SaidError:
    """Return the error that is a status alone."""
    try:
        phrase = f"HTTP {status} {HTTPStatus(status or 0).phrase}"
    except ValueError:
        phrase = f"HTTP {status}"
    return SaidError(f"HTTP {status}", f"{words} ({phrase}).", detail)
