"""Trees searched for errors by the shapes in which accounting systems say them, whichever system it was.

A tree is a document unless something in it says otherwise: an error has a place that is called so (`Fault.Error`,
`ValidationErrors`, `errormessage`, `statusDetail` …), or names of its own that only errors have (`errorno`,
`faultstring`, `statusSeverity="Error"`, a status of 400 with a title …). A document with a warning is a document.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from typing import Final

from syncdiag.parsing.decoding import TEXT, Tree, json_in, local, pieces_of_json, xml_in
from syncdiag.parsing.said import SaidError

DEEPEST_NESTING: Final = 2  # JSON in a text in JSON: SuiteScript does it, and nobody does it three times

# Names are compared without case, namespace, "_" and "-". Of each list the first that has a value is taken.
CODES: Final = ("errorno", "errorid", "errorcode", "code", "errornumber", "statuscode", "hresult", "faultcode")
MESSAGES: Final = (
    "description2",
    "longdescription",
    "message",
    "errormessage",
    "statusmessage",
    "faultstring",
    "oauthproblem",
    "title",
    "errordescription",
    "reason",
    "error",
    "msg",
    "detail",
    "details",
    "description",
    "name",
)
DETAILS: Final = (
    "detail",
    "details",
    "additionaldetails",
    "oauthproblemadvice",
    "errordescription",
    "description",
    "correction",
)
FIELDS: Final = ("element", "field", "errorpath", "fieldname", "property", "propertyname", "param")
TRACES: Final = ("supportid", "requestid", "traceid", "correlationid", "intuittid", "instance")
# Beside these a lone message is an error that somebody wrote down, and not a document.
BESIDE_A_MESSAGE: Final = frozenset({*CODES, *MESSAGES, *DETAILS, *FIELDS, *TRACES, "type", "severity", "status"})

CONTAINERS: Final = ("error", "errors", "fault", "faults", "exception", "faultinfo", "errormessage", "errordetails")
MORE_CONTAINERS: Final = frozenset({"statusdetail", "modelstate", "exceptions"})
PASSED_THROUGH: Final = frozenset({"detail", "details", "payload", "innererror", "text", "value", "reason", "item"})
NEVER_ERRORS: Final = frozenset({"additionalinfo", "stack", "stacktrace", "cause", "errortrace", "learnmore"})
# Texts that may hold a whole answer: how a system packs its own, and how people keep one.
PACKED: Final = frozenset(
    {
        "message",
        "error",
        "xml",
        "rawtext",
        "text",
        "html",
        "form",
        "response",
        "body",
        "payload",
        "result",
        "content",
        "detail",
    }
)

# What says nothing beside the errors inside it.
EMPTY_WORDS: Final = frozenset(
    {
        "a validation exception occurred",
        "bad request",
        "invalid request",
        "validation error",
        "error",
        "unprocessable entity",
    }
)
FAILED: Final = frozenset({"failure", "failed", "error", "aborted", "fail"})
GOOD: Final = frozenset(
    {"", "ok", "okay", "success", "successful", "succeeded", "done", "true", "status ok", "created"}
)
NOT_A_CODE: Final = frozenset({"", "0", "null", "none", "false"})
ENVELOPES: Final = frozenset({"", "control", "authentication", "result", "response", "operation", "function"})
IDENTITIES: Final = frozenset(
    {"id", "key", "uid", "invoiceid", "internalid", "recordno", "txnid", "remoteid", "voucher"}
)

_NOISE: Final = re.compile(r"[\W_]+")
_EXCEPTION: Final = re.compile(r"\w*(?:Error|Warning|Exception|Fault)")
_IDENTIFIER: Final = re.compile(r"\w{1,80}")
_KIND_OF_ERROR: Final = re.compile(r"(?:^|[._])(?:error|exception|fault)|(?:error|exception|fault)$")


class Says(Enum):
    """What the place in the tree says of what is in it."""

    NOTHING = "nothing"
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the tree a node stands."""

    says: Says = Says.NOTHING
    name: str = ""
    code: str = ""  # of the error around it
    trace: str = ""
    is_top: bool = False
    nesting: int = 0


@dataclass(slots=True)
class Findings:
    """What was found in one tree."""

    errors: list[SaidError] = field(default_factory=list)
    warnings: list[SaidError] = field(default_factory=list)
    says_it_failed: bool = False


def errors_in(tree: Tree, status: int | None) -> Findings:
    """Return the errors and warnings of a tree, in its order; what encloses others comes after them."""
    findings = Findings()
    _Walk(findings, refused=status is not None and status >= 400, good=status is not None and status < 400).visit(
        tree, Place(is_top=True)
    )
    return findings


class Named(dict[str, str]):
    """What an object says under which name; `names` has those of its lists and objects as well."""

    __slots__ = ("names",)

    def __init__(self, node: Mapping[str, Tree]) -> None:
        """Take an object; of several names that compare alike the first counts."""
        super().__init__()
        names = []
        for key, value in node.items():
            name = plain_name(key)
            names.append(name)
            if name not in self and (text := scalar(value)):
                self[name] = text
        self.names = frozenset(names)


class _Walk:
    def __init__(self, findings: Findings, *, refused: bool, good: bool) -> None:
        self.findings, self.refused, self.good = findings, refused, good

    def visit(self, node: Tree, place: Place) -> int:
        """Take a node; return how many errors it held."""
        if isinstance(node, dict):
            return self.visit_object(node, place)
        if isinstance(node, list):
            return self.visit_list(node, place)
        if isinstance(node, str) and place.says is not Says.NOTHING:
            return self.unpack(node, place) or self.say(SaidError(message=node, trace_id=place.trace), place)
        return 0

    def visit_list(self, node: list[Tree], place: Place) -> int:
        said = self.exception_of(node) if place.says is Says.ERROR or place.is_top else None
        if said is not None:
            return self.say(said, replace(place, says=Says.ERROR))
        if place.is_top and not self.good and node and all(isinstance(each, str) for each in node):
            place = replace(place, says=Says.ERROR)
        return sum(self.visit(child, place) for child in node)

    def exception_of(self, node: list[Tree]) -> SaidError | None:
        """Return the error of Tryton's `["UserError", ["message", "detail", …]]`; a warning there stops it too."""
        if not node or len(node) > 3 or not isinstance(node[0], str) or not _EXCEPTION.fullmatch(node[0]):
            return None
        said = node[1] if len(node) > 1 else ""
        words = [each for each in (said if isinstance(said, list) else [said]) if isinstance(each, str)]
        if node[0].endswith("Warning") and len(words) > 1:
            words = words[1:]  # the first is the key under which the warning may be skipped
        message, detail, *_ = [*words, "", ""]
        return SaidError(node[0], message or node[0], detail)

    def visit_object(self, node: dict[str, Tree], place: Place) -> int:
        """Take an object: the errors inside it, and after those its own."""
        named = Named(node)
        if named.get("issuccess", "").lower() == "true":
            return 0
        self.note_failure(named, place)
        if (
            place.is_top
            and self.refused
            and _is_by_field(node)
            and all(isinstance(each, list) for each in node.values())
        ):
            return self.by_field(node, replace(place, says=Says.ERROR))
        says = self.says_of(named, place)
        own = _read_error(named, place) if says is not Says.NOTHING else None
        before = len(self.findings.errors)
        inside = self.visit_members(node, own, replace(place, says=says))
        if own is None or (inside and own.message.lower().strip(" .:") in EMPTY_WORDS):
            return inside
        packed = self.unpack(own.message, replace(place, says=says, code=own.code, trace=own.trace_id))
        if packed or (inside and own.text in {error.text for error in self.findings.errors[before:]}):
            return inside + packed
        return inside + self.say(own, replace(place, says=says))

    def visit_members(self, node: dict[str, Tree], own: SaidError | None, place: Place) -> int:
        """Take what is in an object, whose own error is `own`."""
        found = 0
        for key, value in node.items():
            name = plain_name(key)
            if name in NEVER_ERRORS or not isinstance(value, str | dict | list):
                continue
            inner = Place(
                says=_says_within(name, place),
                name=name,
                code=own.code if own else place.code,
                trace=own.trace_id if own else place.trace,
                nesting=place.nesting,
            )
            if not isinstance(value, str):
                by_field = inner.says is Says.ERROR and name in {"errors", "modelstate"} and _is_by_field(value)
                found += self.by_field(dict(value), inner) if by_field else self.visit(value, inner)
            elif own is None and name in CONTAINERS and scalar(value).lower() not in NOT_A_CODE | GOOD:
                found += self.visit(value, inner)
            elif own is None and name in PACKED:
                found += self.unpack(value, inner)
        return found

    def says_of(self, named: Named, place: Place) -> Says:
        """Say whether an object is an error, a warning, or a document."""
        severity = (named.get("statusseverity") or named.get("severity", "")).lower()
        if "statusseverity" in named or ("statuscode" in named and "statusmessage" in named):
            if severity == "warn":
                return Says.WARNING
            is_good = severity == "info" or (not severity and named.get("statuscode", "") in {"0", "1"})
            return Says.NOTHING if is_good else Says.ERROR
        if place.says is Says.WARNING or severity in {"warn", "warning"}:
            return Says.WARNING
        if place.says is Says.ERROR:
            kind = named.get("type", "").lower()
            return Says.WARNING if kind in {"warn", "warning"} else Says.NOTHING if kind == "info" else Says.ERROR
        if _is_error_by_itself(named) or (place.is_top and self.is_lone_message(named)):
            return Says.ERROR
        return Says.NOTHING

    def is_lone_message(self, named: Named) -> bool:
        """Say whether the whole answer is a message and what belongs to one."""
        words = next((words for name in MESSAGES if (words := named.get(name, ""))), "")
        if self.refused or not words:
            return bool(words)
        if self.good or words.lower().strip(" .!") in GOOD or named.get("status", "").lower() in GOOD - {""}:
            return False
        return named.get("code", "") not in {"0", "200", "201"} and named.names <= BESIDE_A_MESSAGE

    def note_failure(self, named: Named, place: Place) -> None:
        """Remember that the answer calls itself a failure, for the case that no reason is found."""
        says_no = any(named.get(name, "").lower() == "false" for name in ("issuccess", "success"))
        has_errors = any(named.get(name, "").lower() == "true" for name in ("haserrors", "hasvalidationerrors"))
        is_envelope = (place.is_top or place.name in ENVELOPES) and not named.names & IDENTITIES
        if (
            says_no
            or has_errors
            or named.get("statusattributestring", "").upper() == "ERROR"
            or (is_envelope and named.get("status", "").lower() in FAILED)
        ):
            self.findings.says_it_failed = True

    def by_field(self, node: dict[str, Tree], place: Place) -> int:
        """Take `{"number": ["It is too long."]}`."""
        return sum(
            self.say(SaidError(message=words, field=name, trace_id=place.trace), place)
            for name, each in node.items()
            for words in (each if isinstance(each, list) else [each])
        )

    def unpack(self, text: str, place: Place) -> int:
        """Take an answer that is packed in a text; return 0 where there is none."""
        begun = text.lstrip()[:1]
        if begun not in {"{", "[", "<"} or len(text) < 8 or place.nesting >= DEEPEST_NESTING:
            return 0
        place = replace(place, nesting=place.nesting + 1, is_top=place.says is not Says.NOTHING or place.is_top)
        try:
            return self.visit(xml_in(text) if begun == "<" else json_in(text), place)
        except ValueError:
            return 0 if begun == "<" else sum(self.visit(piece, place) for piece in pieces_of_json(text))

    def say(self, error: SaidError, place: Place) -> int:
        """Keep an error; return how many that are."""
        if not error.message.strip():
            return 0
        if not error.code:
            error = replace(error, code=place.code)
        if place.says is Says.WARNING:
            self.findings.warnings.append(error)
            return 0
        self.findings.errors.append(error)
        return 1


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Return a name as names are compared."""
    return _NOISE.sub("", local(name)).lower()


def scalar(value: Tree) -> str:
    """Return a value as text: of an element with attributes its own text; empty for what is more than a value."""
    for _ in range(3):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # XML that a program turned into JSON has a list around each element
        if not isinstance(value, dict):
            break
        value = next((value[name] for name in (TEXT, "Value", "value", "Text") if name in value), None)
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float | bool) else ""


def _says_within(name: str, place: Place) -> Says:
    """Return what the name of a member says of what is in it."""
    if "warning" in name:
        return Says.WARNING
    if name.endswith(CONTAINERS) or name in MORE_CONTAINERS:
        return Says.WARNING if place.says is Says.WARNING else Says.ERROR
    return place.says if name in PASSED_THROUGH else Says.NOTHING


def _is_error_by_itself(named: Named) -> bool:
    """Say whether an object has what only errors have, wherever it stands."""
    if any(named.get(name, "") for name in ("errorno", "description2", "faultstring", "oauthproblem")):
        return True
    words = any(named.get(name, "") for name in ("message", "errormessage", "detail", "title", "error"))
    if words and {named.get(name, "").lower() for name in ("errorid", "errorcode", "errornumber")} - NOT_A_CODE:
        return True
    if named.get("hresult", "").lower().startswith("0x8") or (
        named.get("error", "") and named.get("errordescription", "")
    ):
        return bool(words)
    if words and not named.names & IDENTITIES:
        status = named.get("status", "")
        says_no = any(named.get(name, "").lower() == "false" for name in ("success", "issuccess"))
        if says_no or status.lower() in FAILED or _is_refusal(status):
            return True
    is_kind_of_error = _KIND_OF_ERROR.search(named.get("type", "").lower())
    return bool(is_kind_of_error) and not named.names.isdisjoint({"message", "payload"})


def _is_refusal(status: str) -> bool:
    return len(status) == 3 and status.isascii() and status.isdigit() and status[0] in "45"


def _read_error(named: Named, place: Place) -> SaidError | None:
    """Return what an object says of itself; None where it has no words of its own."""
    words = {name: text for name in (*MESSAGES, *DETAILS) if (text := named.get(name, ""))}
    chosen = next((name for name in MESSAGES if name in words), "")
    if not chosen or (chosen == "name" and not _IDENTIFIER.fullmatch(words["name"])):
        return None
    message = words.pop(chosen)
    details = [words[name] for name in DETAILS if name in words and words[name].lower() not in EMPTY_WORDS]
    return SaidError(
        code=_code_of(named),
        message=message,
        detail=" ".join(dict.fromkeys(each for each in details if each != message)),
        field=_first(named, FIELDS),
        trace_id=_first(named, TRACES) or place.trace,
    )


def _code_of(named: Named) -> str:
    """Return an object's code: one of its own, or the name of its kind, or the status of the call."""
    status = named.get("status", "")
    may_be_codes = [named.get(name, "") for name in CODES]
    may_be_codes += [word for name in ("error", "name") if _IDENTIFIER.fullmatch(word := named.get(name, ""))]
    if _is_refusal(status) and status not in {"400", "422"}:  # those two say no more than that there is an error
        may_be_codes.append(f"HTTP {status}")
    return next((code for code in may_be_codes if code.lower() not in NOT_A_CODE), "")


def _first(named: Named, names: tuple[str, ...]) -> str:
    return next((found for name in names if (found := named.get(name, ""))), "")


def _is_by_field(value: Tree) -> bool:
    """Say whether an object names fields, each with its complaints."""
    return (
        isinstance(value, dict)
        and bool(value)
        and not {plain_name(key) for key in value} & {*CODES, *MESSAGES}
        and all(
            isinstance(each, str) or (isinstance(each, list) and all(isinstance(words, str) for words in each))
            for each in value.values()
        )
    )
