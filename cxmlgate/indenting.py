"""XML as people read it: one element a line, and nothing of it resolved, fetched or changed but the blanks between."""

import re
from typing import Final

from cxmlgate.parsing import MAX_DEPTH

TOKEN: Final = re.compile(
    r"""<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|<(?:[^<>"']|"[^"]*"|'[^']*')*+>|[^<]+""", re.DOTALL
)
DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
READ: Final = re.compile(
    r"(us-)?ascii|utf-?8|iso-8859-\d{1,2}|latin-?\d{1,2}|windows-\d{3,4}|cp\d{3,4}|koi8-[ru]", re.I
)
BLANKS: Final = "  "


def decode(raw: bytes) -> str:
    """Return a document as text, in the encoding that it has or declares; what does not fit it is shown as �."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    if raw[1:2] == b"\0":
        return raw.decode("utf-16-le", errors="replace")
    if raw[:1] == b"\0":
        return raw.decode("utf-16-be", errors="replace")
    declared = DECLARED.match(raw)
    name = declared[1].decode() if declared else "utf-8"
    try:
        return raw.decode(name if READ.fullmatch(name) else "utf-8", errors="replace").removeprefix("\ufeff")
    except LookupError:
        return raw.decode(errors="replace")


def indent(text: str) -> str:
    """Return XML with an element a line; what is not properly nested is returned as it came."""
    lines: list[str] = []
    depth, leaf, held = 0, False, ""  # leaf: the last line is an opening tag; held: the blanks behind it
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None or depth > MAX_DEPTH:
            return text
        token, place = found[0], found.end()
        if token.startswith("</"):
            depth -= 1
            if depth < 0:
                return text
            if leaf:
                lines[-1] += held + token
            else:
                lines.append(BLANKS * depth + token)
            leaf, held = False, ""
        elif token.startswith("<![CDATA[") or not token.startswith("<"):
            if not token.strip():
                held = token
            elif leaf:
                lines[-1] += held + token
                held = ""
            else:
                lines.append(BLANKS * depth + token.strip())
        else:
            lines.append(BLANKS * depth + token)
            held = ""
            leaf = not token.startswith(("<!", "<?")) and not token.endswith("/>")
            depth += leaf
    return text if depth else "\n".join(lines)
